//! holdall's own table, pruned through the store's sweep, as every bag does by itself.

use super::{Pruner, check_index, safe_now};
use crate::db::{Database, SqlError};
use crate::keyed::Step;
use crate::problem::{Kind, Result};
use crate::stores;
use crate::target::Target;
use holdall_engine::{Fault, Time};
use holdall_store::Store;
use std::sync::Arc;

/// How long a row is left to lie beyond its expiry, in seconds: twice what a bag with the usual options may have on its
/// way, and then some.
const MARGIN: u32 = 600;

/// The sessions of one application, or of all.
pub struct Sweeps {
    stores: Vec<Arc<dyn Store>>,
    due: u64,
    before: Time,
    now: Time,
}

impl Sweeps {
    /// Connects, and fixes the time by which rows are judged.
    pub fn open(target: &Target, margin: Option<u32>) -> Result<Self> {
        let mut database = Database::open(target, false)?;
        check_index(&mut database, target)?;
        let now = safe_now(&mut database)?;
        let before = now.saturating_sub(u64::from(margin.unwrap_or(MARGIN)) * 1000);
        let applications = match &target.application {
            Some(application) => vec![application.clone()],
            None => stores::applications(&mut database, target)?,
        };
        let mut due = 0;
        for application in &applications {
            due += count(&mut database, target, application, before, now)?;
        }
        // A process must not hold a SQLite file twice.
        drop(database);
        let stores = applications.iter().map(|application| stores::native(target, application)).collect::<Result<_>>()?;
        Ok(Self { stores, due, before: Time(before), now: Time(now) })
    }
}

fn count(database: &mut Database, target: &Target, application: &str, before: u64, now: u64) -> Result<u64> {
    let table = database.quoted(&target.table);
    let due = "((state = 0 AND expires <= ?) OR (state <> 0 AND expires <= ?))";
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE application = ? AND {due}");
    Ok(database.count(&sql, &[application.into(), before.into(), now.into()])?)
}

impl Pruner for Sweeps {
    fn count(&mut self) -> Result<u64> {
        Ok(self.due)
    }

    fn step(&mut self, rows: u32) -> std::result::Result<Step, SqlError> {
        let Some(store) = self.stores.last() else { return Ok(Step { removed: 0, more: false }) };
        let failed = |fault: Fault| SqlError { number: 0, kind: Kind::Failed, text: fault.message.to_string() };
        let swept = store.sweep(self.before, self.now, rows).map_err(failed)?;
        if !swept.more {
            self.stores.pop();
        }
        let removed = u64::from(swept.expired) + u64::from(swept.dead);
        Ok(Step { removed, more: !self.stores.is_empty() })
    }
}
