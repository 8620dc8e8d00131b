//! holdall's own table as a source: keys, times and stamps stay as they are.

use super::source::{Item, Page, Session, Source};
use super::tables::count;
use crate::db::{Database, Row, Value};
use crate::problem::Result;
use crate::target::Target;
use holdall_engine::{Key, Record, Stamp, Time, Writer};
use holdall_layout::native::{STATE_LIVE, decode_format};

/// `holdall_sessions`.
#[derive(Debug)]
pub struct Table {
    database: Database,
    target: Target,
    only: Option<String>,
}

impl Table {
    /// Connects.
    pub fn open(target: &Target, only: Option<String>) -> Result<Self> {
        Ok(Self { database: Database::open(target, false)?, target: target.clone(), only })
    }
}

impl Source for Table {
    fn count(&mut self) -> Result<u64> {
        count(&mut self.database, &self.target)
    }

    fn page(&mut self, after: Option<&[Vec<u8>]>, rows: u32, now_ms: u64) -> Result<Page> {
        let (key, table) = (self.database.quoted("key"), self.database.quoted(&self.target.table));
        let after = Value::Blob(after.and_then(<[Vec<u8>]>::first).cloned().unwrap_or_default());
        let sql = format!(
            "SELECT {key}, application, state, format, revision, writer, created, accessed, idle, deadline, principal, meta, \
             data FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT {rows}"
        );
        let found = self.database.query(&sql, &[after])?;
        let mut items = Vec::new();
        for row in &found {
            let is_wanted = self.only.is_none() || row.text(1) == self.only;
            if is_wanted && row.count(2) == u64::from(STATE_LIVE) {
                items.push(item(row, Time(now_ms)));
            }
        }
        let last = found.last().map(|row| vec![row.bytes(0).unwrap_or_default().into_owned()]);
        Ok(Page { items, last, rows: found.len() as u64 })
    }
}

fn item(row: &Row, now: Time) -> Item {
    let format = u32::try_from(row.count(3)).unwrap_or(u32::MAX);
    let block = match decode_format(format, &row.bytes(12).unwrap_or_default()) {
        Ok(block) => block,
        Err(why) => return Item::Unreadable(why.to_string()),
    };
    let writer: Option<[u8; 16]> = row.bytes(5).and_then(|bytes| bytes.as_ref().try_into().ok());
    let Some(writer) = writer else {
        return Item::Unreadable("the row's column writer holds something else than it should".into());
    };
    let record = Record {
        stamp: Stamp { revision: row.count(4), writer: Writer::from_bytes(writer) },
        created: Time(row.count(6)),
        accessed: Time(row.count(7)),
        idle_ms: row.count(8),
        deadline: Time(row.count(9)),
        principal: row.text(10).map(Into::into),
        meta: row.text(11).map(Into::into),
        block,
    };
    if record.expires() <= now {
        return Item::Expired;
    }
    let key = Key::new(&row.bytes(0).unwrap_or_default());
    Item::Session(Box::new(Session { application: row.text(1).unwrap_or_default(), key, record }))
}
