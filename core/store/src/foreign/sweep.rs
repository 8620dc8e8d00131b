//! Removing rows whose time is over.

use super::ForeignStore;
use super::run::{Driver, Failed, Run, Stop};
use super::table::{Found, Kind, Statement};
use holdall_engine::{Fault, FaultKind, Key, Swept, Time};
use std::collections::BTreeSet;

/// Rows that one statement removes.
const ROWS: usize = 256;

fn query<R: Run>(run: &mut R, (sql, values): &Statement) -> Result<Vec<Vec<super::run::Cell>>, R::Error> {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    run.query(sql, &values)
}

impl<D: Driver> ForeignStore<D> {
    /// The probe takes no lock: a sweep that has nothing to do disturbs nobody.
    fn overdue(&self, before: Time, limit: u32) -> Result<Vec<Found>, Fault> {
        let Some(statement) = self.table.overdue(before, limit, false) else {
            // Nothing is ever overdue here, but a closed store says that it is closed.
            return self.driver.read("looking for expired sessions", |_| Ok(Vec::new()));
        };
        let rows = self.driver.read("looking for expired sessions", |run| query(run, &statement))?;
        Ok(rows.into_iter().filter_map(|row| self.table.found(row)).collect())
    }

    pub(super) fn due_keys(&self, before: Time, limit: u32) -> Result<Vec<Key>, Fault> {
        if matches!(self.table.kind, Kind::Rails { .. }) {
            return Err(Fault::new(FaultKind::Unsupported, "the ids in Rails' table tell nobody the ids in the cookies"));
        }
        Ok(self.overdue(before, limit)?.into_iter().map(|found| Key::new(found.id.as_bytes())).collect())
    }

    pub(super) fn sweep_rows(&self, before: Time, limit: u32) -> Result<Swept, Fault> {
        if limit == 0 || self.overdue(before, 1)?.is_empty() {
            return Ok(Swept::default());
        }
        let swept = self.driver.write("removing expired sessions", |run| self.sweep_part(run, before, limit));
        swept.map_err(|Failed { fault, .. }| fault)
    }

    fn sweep_part(&self, run: &mut D::Run<'_>, before: Time, limit: u32) -> Result<Swept, D::Error> {
        let Some(statement) = self.table.overdue(before, limit, true) else { return Ok(Swept::default()) };
        let rows = query(run, &statement)?;
        let more = rows.len() >= limit as usize;
        let ids: BTreeSet<String> = rows.into_iter().filter_map(|row| self.table.found(row)).map(|found| found.id).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut swept = Swept { more, ..Swept::default() };
        for part in ids.chunks(ROWS) {
            let (sql, values) = self.table.sweep(part, before);
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            match run.execute(&sql, &values) {
                Ok(_) => {}
                Err(Stop::Batch(error)) => return Err(error),
                // A trigger of the table's own keeps rows from being removed: they stay, and nothing loops over them.
                Err(Stop::Row(_) | Stop::Exists) => return Ok(Swept { more: false, ..swept }),
            }
            let is_sure = self.table.is_unique && self.driver.dialect().holds_free();
            let left = if is_sure { BTreeSet::new() } else { self.left(run, part)? };
            let gone = part.iter().filter(|id| !left.contains(**id));
            swept.keys.extend(gone.map(|id| Key::new(id.as_bytes())));
        }
        swept.expired = u32::try_from(swept.keys.len()).unwrap_or(u32::MAX);
        Ok(swept)
    }

    /// The ids that still have a row: of a session with two rows only the older may have been overdue, and one that isn't
    /// held may have been used meanwhile.
    fn left(&self, run: &mut D::Run<'_>, ids: &[&str]) -> Result<BTreeSet<String>, D::Error> {
        let rows = query(run, &self.table.select(ids, false))?;
        Ok(rows.into_iter().filter_map(|row| self.table.found(row)).map(|found| found.id).collect())
    }
}
