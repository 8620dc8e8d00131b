//! Examining a table's rows.

use super::ForeignStore;
use super::run::{Driver, Run};
use crate::store::Checked;
use holdall_engine::Fault;
use std::sync::Arc;

/// Rows that are read at a time.
const PAGE: u32 = 500;

impl<D: Driver> ForeignStore<D> {
    pub(super) fn check_rows(&self) -> Result<Checked, Fault> {
        let mut checked = Checked::default();
        let (mut unreadable, mut odd, mut full) = (0_u64, 0_u64, 0_u64);
        let mut first: Option<Arc<str>> = None;
        let mut after = String::new();
        loop {
            let (sql, values) = self.table.page(&after, PAGE);
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let rows = self.driver.read("checking sessions", |run| run.query(&sql, &values))?;
            let is_last = rows.len() < PAGE as usize;
            let id_of = |row: &Vec<super::run::Cell>| row.first().cloned().flatten().and_then(|id| String::from_utf8(id).ok());
            let last = rows.last().and_then(id_of);
            for found in rows.into_iter().filter_map(|row| self.table.found(row)) {
                checked.rows += 1;
                odd += u64::from(found.is_odd);
                full += u64::from(self.table.capacity == Some(found.data.len()));
                if let Err(why) = self.data.decode(&found.data) {
                    unreadable += 1;
                    first.get_or_insert(why.0);
                }
            }
            match last.filter(|last| !is_last && *last > after) {
                Some(last) => after = last,
                None => break,
            }
        }
        let twice = self.duplicates()?;
        let mut tell = |count: u64, what: &str| {
            if count > 0 {
                checked.problems.push(format!("{count} {what}").into());
            }
        };
        tell(twice, "sessions have more than one row; the newest counts, and a save makes them one (holdall doctor)");
        tell(odd, "rows have an expires that is no time in milliseconds");
        tell(full, "rows fill the data column to its last byte, and were probably cut");
        tell(unreadable, &format!("rows can't be read; the first: {}", first.as_deref().unwrap_or_default()));
        Ok(checked)
    }

    fn duplicates(&self) -> Result<u64, Fault> {
        if self.table.is_unique {
            return Ok(0);
        }
        let (sql, values) = self.table.duplicates();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let rows = self.driver.read("looking for duplicates", |run| run.query(&sql, &values))?;
        let count = rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten();
        Ok(count.and_then(|count| core::str::from_utf8(&count).ok()?.parse().ok()).unwrap_or(0))
    }
}
