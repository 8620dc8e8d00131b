//! The tables of Lucee and Rails, pruned with plain SQL.

use super::{Pruner, Step, check_index, safe_now};
use crate::clock::readable_time;
use crate::db::{Database, Flavour, SqlError, Value};
use crate::layout::Layout;
use crate::problem::Result;
use crate::target::Target;

const DAY_MS: u64 = 86_400_000;
/// What a Lucee row is left to lie beyond its expiry, in seconds: uses may be on their way from a server whose clock is
/// a little behind.
const MARGIN: u32 = 5;

/// The rows of a table whose time is over.
#[derive(Debug)]
pub struct Due {
    database: Database,
    count: String,
    delete: String,
    /// The time by which rows are judged, and the application. The time stands still: what expires meanwhile is for the
    /// next time.
    values: Vec<Value>,
}

impl Due {
    /// Connects, and fixes the time by which rows are judged.
    pub fn open(target: &Target, days: Option<u32>, margin: Option<u32>) -> Result<Self> {
        let mut database = Database::open(target, false)?;
        check_index(&mut database, target)?;
        let now = safe_now(&mut database)?;
        let (condition, until) = if target.layout == Layout::Rails {
            ("updated_at < ?", readable_time(now.saturating_sub(u64::from(days.unwrap_or(u32::MAX)) * DAY_MS)))
        } else {
            // Compared as text, as Lucee does.
            ("expires <= ?", now.saturating_sub(u64::from(margin.unwrap_or(MARGIN)) * 1000).to_string())
        };
        let mut values = vec![Value::from(until)];
        let mut condition = condition.to_owned();
        if let (Layout::Lucee, Some(application)) = (target.layout, &target.application) {
            condition.push_str(" AND name = ?");
            values.push(application.as_str().into());
        }
        Ok(Self::with(database, target, &condition, values))
    }

    fn with(database: Database, target: &Target, condition: &str, values: Vec<Value>) -> Self {
        let table = database.quoted(&target.table);
        let column = target.layout.expiry();
        // One statement finds and removes, so that a row which is used meanwhile is looked at again under its lock.
        let delete = if database.flavour() == Flavour::Sqlite {
            let oldest = format!("SELECT rowid FROM {table} WHERE {condition} ORDER BY {column} LIMIT ");
            format!("DELETE FROM {table} WHERE rowid IN ({oldest}%)")
        } else {
            format!("DELETE FROM {table} WHERE {condition} ORDER BY {column} LIMIT %")
        };
        Self { count: format!("SELECT COUNT(*) FROM {table} WHERE {condition}"), delete, database, values }
    }
}

impl Pruner for Due {
    fn count(&mut self) -> Result<u64> {
        Ok(self.database.count(&self.count, &self.values)?)
    }

    fn step(&mut self, rows: u32) -> std::result::Result<Step, SqlError> {
        let delete = self.delete.replace('%', &rows.to_string());
        let removed = self.database.execute(&delete, &self.values)?;
        Ok(Step { removed, more: removed >= u64::from(rows) })
    }
}
