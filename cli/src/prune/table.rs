//! The tables of Lucee and Rails, pruned with plain SQL.

use super::{Pruner, check_index, safe_now};
use crate::clock::readable_time;
use crate::db::{Database, SqlError, Value};
use crate::keyed::{Keyed, Step};
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
    /// The time by which rows are judged, and the application. The time stands still: what expires meanwhile is for the
    /// next time.
    values: Vec<Value>,
    rows: Keyed,
}

impl Due {
    /// Connects, and fixes the time by which rows are judged.
    pub fn open(target: &Target, days: Option<u32>, margin: Option<u32>) -> Result<Self> {
        let mut database = Database::open(target, false)?;
        let shape = check_index(&mut database, target)?;
        let now = safe_now(&mut database)?;
        let (mut condition, until) = if target.layout == Layout::Rails {
            let cutoff = now.saturating_sub(u64::from(days.unwrap_or(u32::MAX)) * DAY_MS);
            ("updated_at < ?".to_owned(), readable_time(cutoff))
        } else {
            // Compared as text, as Lucee does.
            ("expires <= ?".to_owned(), now.saturating_sub(u64::from(margin.unwrap_or(MARGIN)) * 1000).to_string())
        };
        let mut values = vec![Value::from(until)];
        if let (Layout::Lucee, Some(application)) = (target.layout, &target.application) {
            condition.push_str(" AND name = ?");
            values.push(application.as_str().into());
        }
        let count = format!("SELECT COUNT(*) FROM {} WHERE {condition}", database.quoted(&target.table));
        let order = Some(target.layout.expiry());
        let rows = Keyed::new(&database, &shape, target.layout, &condition, values.clone(), order);
        Ok(Self { database, count, values, rows })
    }
}

impl Pruner for Due {
    fn count(&mut self) -> Result<u64> {
        Ok(self.database.count(&self.count, &self.values)?)
    }

    fn step(&mut self, rows: u32) -> std::result::Result<Step, SqlError> {
        self.rows.step(&mut self.database, rows)
    }
}
