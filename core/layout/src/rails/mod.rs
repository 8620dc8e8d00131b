//! The `sessions` table of Rails (the gem activerecord-session_store), shared with Rails applications that go on using it.
//!
//! A row's fields are the members of the session's hash. A row in Marshal form keeps, at a save, the bytes of every
//! value that the request didn't change, in the row's own order; new fields come at the end. What Ruby value becomes
//! what field:
//!
//! | in the row | the field |
//! |---|---|
//! | `nil`, booleans, integers, floats, UTF-8 and US-ASCII strings, arrays and hashes with string keys of those | JSON |
//! | a string without an encoding | bytes |
//! | everything else (symbols, times, objects, hashes with other keys, ...) | foreign, its kind `ruby:` and the class, its bytes a Marshal stream of its own |
//!
//! The name of a field is the key's text, whether the key is a string or a symbol: Rails makes strings of the keys when
//! it loads a session. Of two keys with one text the later counts, there as here. Other keys are kept, and not shown.
//!
//! Nothing in a row is ever run or made into an object: a row is parsed as a structure, bounded in depth and size.

mod ids;
mod json_row;
mod json_tree;
mod marshal_json;
mod marshal_number;
mod marshal_parse;
mod marshal_row;
mod marshal_write;
pub mod sql;
pub mod times;

use crate::foreign::{Decoded, ForeignData, Saving, Unreadable, Unwritable};
use crate::json::same_value;
use holdall_engine::{Block, Key, Rules, ValueRef};

pub use ids::{is_public_id, private_id};

/// The longest `data` that is read, in bytes as it stands in the row. Rails itself stops at 65,535 on MySQL.
pub const DATA_LIMIT: usize = 16 << 20;

/// How the application serialises sessions: its `ActiveRecord::SessionStore::Session.serializer`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Serializer {
    /// `:marshal`, and no setting at all: base64 of a Marshal stream.
    #[default]
    Marshal,
    /// `:json`: `{"value":{...}}`.
    Json,
    /// `:hybrid`: reads both, new rows are JSON. Rails turns a Marshal row into JSON at its next save, and objects in it
    /// into strings; holdall keeps such a row in the form that it has, so that nothing in it is lost.
    Hybrid,
    /// `:null`: the members themselves, in a JSON column.
    Null,
}

impl Serializer {
    /// The serialiser that a text names: `marshal`, `json`, `hybrid` or `null`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "marshal" => Some(Self::Marshal),
            "json" => Some(Self::Json),
            "hybrid" => Some(Self::Hybrid),
            "null" => Some(Self::Null),
            _ => None,
        }
    }
}

/// Reads and writes the `data` column as Rails does.
#[derive(Clone, Copy, Debug, Default)]
pub struct RailsData {
    /// How the application serialises sessions.
    pub serializer: Serializer,
}

/// The form of one row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Marshal,
    /// JSON, and whether the fields are the members of its member `value`.
    Json {
        wrapped: bool,
    },
}

impl RailsData {
    fn form_of(self, data: &[u8]) -> Form {
        match self.serializer {
            Serializer::Hybrid if data.starts_with(b"BA") => Form::Marshal,
            _ => self.new_form(),
        }
    }

    fn new_form(self) -> Form {
        match self.serializer {
            Serializer::Marshal => Form::Marshal,
            Serializer::Json | Serializer::Hybrid => Form::Json { wrapped: true },
            Serializer::Null => Form::Json { wrapped: false },
        }
    }
}

impl ForeignData for RailsData {
    fn decode(&self, data: &[u8]) -> Result<Decoded, Unreadable> {
        let block = match self.form_of(data) {
            // Rails takes a row without data for an empty session.
            _ if data.is_empty() => Block::empty(),
            _ if data.len() > DATA_LIMIT => return Err(Unreadable(format!("the data is longer than {DATA_LIMIT} bytes").into())),
            Form::Marshal => marshal_row::decode(data)?,
            Form::Json { wrapped } => json_row::decode(data, wrapped)?,
        };
        Ok(Decoded { block, created: None, accessed: None })
    }

    fn encode(&self, saving: Saving<'_>) -> Result<Vec<u8>, Unwritable> {
        let block = &saving.record.block;
        match self.new_form() {
            Form::Marshal => marshal_row::encode(block),
            Form::Json { wrapped } => json_row::encode(block, wrapped),
        }
    }

    fn patch(&self, data: &[u8], changed: &[Box<str>], saving: Saving<'_>) -> Result<Vec<u8>, Unwritable> {
        let block = &saving.record.block;
        match self.form_of(data) {
            _ if data.is_empty() => self.encode(saving),
            Form::Marshal => marshal_row::patch(data, changed, block),
            Form::Json { wrapped } => json_row::patch(data, changed, block, wrapped),
        }
    }

    fn view(&self, kind: &str, raw: &[u8]) -> Option<Box<str>> {
        kind.starts_with(marshal_row::KIND_PREFIX).then(|| marshal_row::view(raw))?
    }
}

/// The rules of the Rails layout. A session is held under its public id, the one in the cookie; the table holds its
/// [`private_id`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RailsRules;

impl Rules for RailsRules {
    fn key(&self, id: &[u8]) -> Key {
        Key::new(id)
    }

    fn same(&self, a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
        same_value(a, b)
    }
}
