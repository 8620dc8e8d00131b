//! The tables of Lucee and Rails, read in the order of their keys.

use super::source::{Item, Page, Session, Source};
use crate::db::{Database, Flavour, Row, Value};
use crate::problem::Result;
use crate::shape;
use crate::target::Target;
use holdall_engine::{Block, Record, Rules, Stamp, Time};
use holdall_layout::foreign::{Decoded, ForeignData};
use holdall_layout::lucee::LuceeData;
use holdall_layout::native::NativeRules;
use holdall_layout::rails::{RailsData, times};

/// What is wrong with a row whose expiry isn't as Lucee writes it.
pub const BAD_EXPIRES: &str = "the expiry is not a number of 13 digits";

/// A session of a table without stamps.
pub fn session(application: &str, id: &[u8], block: Block, times: Times) -> Item {
    let record = Record {
        stamp: Stamp::default(),
        created: times.created,
        accessed: times.accessed,
        idle_ms: times.idle_ms,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block,
    };
    let key = NativeRules { application: application.to_owned() }.key(id);
    Item::Session(Box::new(Session { application: application.to_owned(), key, record }))
}

/// When a session began, when it was last used, and how long it may lie unused.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When it began.
    pub created: Time,
    /// When it was last used.
    pub accessed: Time,
    /// How long it may lie unused, in milliseconds.
    pub idle_ms: u64,
}

impl Times {
    /// Of a session of which only the end is known: it then lives as long as it would have.
    pub fn ending(expires: u64, created: Option<Time>, idle_ms: u64, now: u64) -> Self {
        let accessed = Time(expires.saturating_sub(idle_ms).min(now));
        Self { created: created.unwrap_or(accessed).min(accessed), accessed, idle_ms }
    }
}

/// How many rows a table has.
pub fn count(database: &mut Database, target: &Target) -> Result<u64> {
    shape::read(database, &target.table, &target.shown())?;
    Ok(database.count(&format!("SELECT COUNT(*) FROM {}", database.quoted(&target.table)), &[])?)
}

/// The condition and values for the rows before a place in the order of cfid and name; cfid alone can use the index.
fn before_pair(place: Option<&[Vec<u8>]>) -> (String, Vec<Value>) {
    match place {
        Some([cfid, name]) => {
            let (cfid, name) = (Value::Bytes(cfid.clone()), Value::Bytes(name.clone()));
            ("cfid <= ? AND (cfid < ? OR name < ?)".to_owned(), vec![cfid.clone(), cfid, name])
        }
        _ => ("1 = 1".to_owned(), Vec::new()),
    }
}

fn bytes(row: &Row, column: usize) -> Vec<u8> {
    row.bytes(column).unwrap_or_default().into_owned()
}

fn decode(layout: &dyn ForeignData, data: &[u8]) -> std::result::Result<Decoded, Item> {
    layout.decode(data).map_err(|why| Item::Unreadable(why.to_string()))
}

/// `cf_session_data` or `cf_client_data`.
#[derive(Debug)]
pub struct Lucee {
    database: Database,
    target: Target,
    only: Option<String>,
    idle_ms: u64,
    /// Names the index that has this order, so that no page is sorted anew.
    force: String,
    order: &'static str,
}

impl Lucee {
    /// Connects. Rows are read backwards, so that of several rows of one session the one that lives longest comes first,
    /// in the order of the index that stock Lucee makes, or of the primary key that should be there.
    pub fn open(target: &Target, only: Option<String>, idle_ms: u64) -> Result<Self> {
        let mut database = Database::open(target, false)?;
        let shape = shape::read(&mut database, &target.table, &target.shown())?;
        let order =
            if shape.is_unique(target.layout.key()) { "cfid DESC, name DESC" } else { "cfid DESC, name DESC, expires DESC" };
        let columns = order.replace(" DESC", "");
        let index = shape.indexes.iter().find(|index| !index.partial && index.columns.join(", ").eq_ignore_ascii_case(&columns));
        let force = index.filter(|_| database.flavour() != Flavour::Sqlite);
        let force = force.map_or_else(String::new, |index| format!(" FORCE INDEX ({})", database.quoted(&index.name)));
        Ok(Self { database, target: target.clone(), only, idle_ms, force, order })
    }

    fn item(&self, row: &Row, before: Option<&Row>, now: u64) -> Item {
        // Of several rows of one session the one that lives longest comes first.
        if before.is_some_and(|before| before.value(0) == row.value(0) && before.value(1) == row.value(1)) {
            return Item::Duplicate;
        }
        let expires = row.text(2).filter(|text| text.len() == 13).and_then(|text| text.parse::<u64>().ok());
        let Some(expires) = expires else { return Item::Unreadable(BAD_EXPIRES.into()) };
        if expires <= now {
            return Item::Expired;
        }
        let name = row.text(1).unwrap_or_default();
        let decoded = match decode(&LuceeData::new(&name), &row.bytes(3).unwrap_or_default()) {
            Ok(decoded) => decoded,
            Err(unreadable) => return unreadable,
        };
        let times = Times::ending(expires, decoded.created, self.idle_ms, now);
        session(&name, &bytes(row, 0), decoded.block, times)
    }
}

impl Source for Lucee {
    fn count(&mut self) -> Result<u64> {
        let all = count(&mut self.database, &self.target)?;
        let Some(only) = &self.only else { return Ok(all) };
        let sql = format!("SELECT COUNT(*) FROM {} WHERE name = ?", self.database.quoted(&self.target.table));
        Ok(self.database.count(&sql, &[only.as_str().into()])?)
    }

    fn page(&mut self, after: Option<&[Vec<u8>]>, rows: u32, now_ms: u64) -> Result<Page> {
        let table = self.database.quoted(&self.target.table);
        let (mut condition, mut values) = before_pair(after);
        if let Some(only) = &self.only {
            condition.push_str(" AND name = ?");
            values.push(only.as_str().into());
        }
        let sql = format!(
            "SELECT cfid, name, expires, data FROM {table}{} WHERE {condition} ORDER BY {} LIMIT {rows}",
            self.force, self.order
        );
        let found = self.database.query(&sql, &values)?;
        let before = |place: usize| place.checked_sub(1).and_then(|place| found.get(place));
        let items = found.iter().enumerate().map(|(place, row)| self.item(row, before(place), now_ms)).collect();
        let last = found.last().map(|row| vec![bytes(row, 0), bytes(row, 1)]);
        Ok(Page { items, last, rows: found.len() as u64 })
    }
}

/// The `sessions` table.
#[derive(Debug)]
pub struct Rails {
    database: Database,
    target: Target,
    application: String,
    idle_ms: u64,
    has_times: bool,
}

impl Rails {
    /// Connects.
    pub fn open(target: &Target, application: String, idle_ms: u64) -> Result<Self> {
        let mut database = Database::open(target, false)?;
        let shape = shape::read(&mut database, &target.table, &target.shown())?;
        let has_times = shape.column("updated_at").is_some() && shape.column("created_at").is_some();
        Ok(Self { database, target: target.clone(), application, idle_ms, has_times })
    }

    fn item(&self, row: &Row, now: u64) -> Item {
        let time = |column| row.text(column).and_then(|text| times::from_text(&text));
        let accessed = time(3).unwrap_or(Time(now)).min(Time(now));
        if self.has_times && accessed + self.idle_ms <= Time(now) {
            return Item::Expired;
        }
        let decoded = match decode(&RailsData { serializer: self.target.serializer }, &row.bytes(4).unwrap_or_default()) {
            Ok(decoded) => decoded,
            Err(unreadable) => return unreadable,
        };
        let created = time(2).unwrap_or(accessed).min(accessed);
        let times = Times { created, accessed, idle_ms: self.idle_ms };
        session(&self.application, &bytes(row, 1), decoded.block, times)
    }
}

impl Source for Rails {
    fn count(&mut self) -> Result<u64> {
        count(&mut self.database, &self.target)
    }

    fn page(&mut self, after: Option<&[Vec<u8>]>, rows: u32, now_ms: u64) -> Result<Page> {
        let table = self.database.quoted(&self.target.table);
        let times = if self.has_times { "created_at, updated_at" } else { "NULL, NULL" };
        let after = after.and_then(<[Vec<u8>]>::first).and_then(|id| String::from_utf8_lossy(id).parse().ok());
        let sql = format!("SELECT id, session_id, {times}, data FROM {table} WHERE id > ? ORDER BY id LIMIT {rows}");
        let found = self.database.query(&sql, &[Value::Int(after.unwrap_or(i64::MIN))])?;
        let items = found.iter().map(|row| self.item(row, now_ms)).collect();
        let last = found.last().map(|row| vec![bytes(row, 0)]);
        Ok(Page { items, last, rows: found.len() as u64 })
    }
}
