//! The tables of Lucee, `cf_session_data` and `cf_client_data`: what stands in their `data` column.
//!
//! Lucee writes the fields of a session as a Java object stream in base64, and wrote them as a CFML literal up to 5.0.
//! Both are read, of every version; what is written is what [`Target`] and [`Form`] say. Nothing that is read is ever
//! evaluated or made into an object of a class: a row is data, whatever it says.
//!
//! * A string, number, boolean, null, array or struct is JSON; an array of bytes is bytes; anything else (a date, a
//!   query, a component, an object of Java) is a foreign value, which stands by itself and can be put into any row.
//!   Numbers keep their class unless the field is set: then they are doubles, as in CFML, or longs or decimals where a
//!   double would lose digits. A struct that is set anew doesn't keep its order.
//! * CFML has no case in names. Fields are held in lower case; a row keeps the spelling that it has.
//! * `cfid`, `cftoken`, `urltoken` and `sessionid` say the session's id, and Lucee sets them before each request. They are
//!   kept in the row, right for its id, and are not shown; setting them does nothing.
//! * `timecreated` and `lastvisit` are fields like others, as foreign values. A new row gets them if the session has none.
//! * Fields with names longer than 255 bytes stay in the row and are not shown.
#![allow(clippy::format_push_string)] // Strings can't fail to be written to; `write!` would have to pretend that they can.

mod build;
mod classes;
mod date;
mod graph;
mod jtext;
mod literal;
mod literal_row;
mod literal_values;
mod number;
mod read;
mod row;
mod save;
mod shape;
mod show;
mod stream_read;
mod stream_write;

use crate::foreign::{Decoded, ForeignData, Saving, Unreadable, Unwritable};
use crate::json::same_value;
use holdall_engine::{Key, Rules, ValueRef};
use std::borrow::Cow;

/// The SQL that makes both tables on MySQL and MariaDB.
pub const MYSQL_SCHEMA: &str = include_str!("../../sql/lucee-mysql.sql");
/// The SQL that makes both tables on SQLite.
pub const SQLITE_SCHEMA: &str = include_str!("../../sql/lucee-sqlite.sql");

/// The Lucee that new rows are written for. Versions differ in the descriptor of arrays; a row that has arrays keeps its
/// own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Target {
    /// Lucee 5.4.
    Lucee54,
    /// Lucee 6.
    #[default]
    Lucee62,
    /// Lucee 7.0 and later.
    Lucee70,
}

impl Target {
    /// The target of a version's name: `5.4`, `6.2`, `7.0`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "5.4" => Some(Self::Lucee54),
            "6.2" => Some(Self::Lucee62),
            "7.0" => Some(Self::Lucee70),
            _ => None,
        }
    }
}

/// How new rows are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// The Java object stream, which Lucee 5.3 and later write. A literal becomes one when it is written, if all that it
    /// has can be: Lucee 7.0 loses the first change that it makes to a literal.
    #[default]
    Java,
    /// The CFML literal, which every Lucee reads. A row in the Java form stays one.
    Literal,
}

/// Which of Lucee's scopes a table holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scope {
    /// `cf_session_data`.
    #[default]
    Session,
    /// `cf_client_data`.
    Client,
}

/// The data of one application's rows.
#[derive(Clone, Debug)]
pub struct LuceeData {
    /// The application's name, as `this.name` in Application.cfc says it; the column `name`.
    pub application: String,
    /// The Lucee that new rows are for.
    pub target: Target,
    /// How new rows are written.
    pub form: Form,
    /// Which scope it is.
    pub scope: Scope,
}

impl LuceeData {
    /// Sessions of the application, in the Java form, for the default target.
    pub fn new(application: &str) -> Self {
        let (target, form, scope) = (Target::default(), Form::default(), Scope::default());
        Self { application: application.to_owned(), target, form, scope }
    }
}

impl ForeignData for LuceeData {
    fn decode(&self, data: &[u8]) -> Result<Decoded, Unreadable> {
        let decoded = if literal::is_literal(data) { literal_row::decode(data) } else { read::decode(data) };
        decoded.map_err(|problem| Unreadable(problem.into()))
    }

    fn encode(&self, saving: Saving<'_>) -> Result<Vec<u8>, Unwritable> {
        let encoded = match self.form {
            Form::Java => save::encode(self, saving),
            Form::Literal => literal_row::encode(self, saving),
        };
        encoded.map_err(|problem| Unwritable(problem.into()))
    }

    fn patch(&self, data: &[u8], changed: &[Box<str>], saving: Saving<'_>) -> Result<Vec<u8>, Unwritable> {
        let patched = if literal::is_literal(data) {
            literal_row::patch(self, data, changed, saving)
        } else {
            save::patch(self, data, changed, saving)
        };
        patched.map_err(|problem| Unwritable(problem.into()))
    }

    fn view(&self, _kind: &str, raw: &[u8]) -> Option<Box<str>> {
        read::view(raw).map(String::into_boxed_str)
    }

    fn fold<'a>(&self, name: &'a str) -> Cow<'a, str> {
        folded(name)
    }
}

/// The rules of Lucee's tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct LuceeRules;

impl Rules for LuceeRules {
    /// The id is the cfid, and the key.
    fn key(&self, id: &[u8]) -> Key {
        Key::new(id)
    }

    fn same(&self, a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
        same_value(a, b)
    }

    /// Lucee sets `lastvisit` at the end of each request.
    fn is_touch(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(LAST_VISIT)
    }
}

const LAST_VISIT: &str = "lastvisit";
const TIME_CREATED: &str = "timecreated";

/// The fields that say the id; the value of each for an id.
const ID_FIELDS: [&str; 4] = ["cfid", "cftoken", "urltoken", "sessionid"];

/// The value of one of [`ID_FIELDS`].
fn id_value(field: &str, application: &str, cfid: &str) -> String {
    match field {
        "cfid" => cfid.to_owned(),
        "urltoken" => format!("CFID={cfid}&CFTOKEN=0"),
        "sessionid" => format!("{application}_{cfid}_0"),
        _ => "0".to_owned(),
    }
}

/// The id as text.
fn cfid(key: &Key) -> Result<&str, String> {
    core::str::from_utf8(key.as_bytes()).map_err(|_| "the session's id is no text".to_owned())
}

/// A field's name as it is held.
fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        Cow::Owned(name.to_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
