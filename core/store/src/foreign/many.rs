//! Rows that are written together: a statement for each would cost a round trip each.
//!
//! If a statement for many rows is refused, or finds another number of rows, each is written by itself, and it shows which
//! one it was.

use super::commit::{Batch, Note, verdict_of};
use super::run::{Driver, Run as _, Stop};
use super::table::{Change, Found, Statement};
use holdall_engine::{Key, Stamp, Verdict};
use std::collections::BTreeSet;

/// Rows of one statement, at most; a power of two, as all counts of rows are, so that few statements are prepared.
const ROWS: usize = 64;

/// A write that waits.
pub(super) struct Waiter {
    /// Which of the batch's writes it is.
    pub place: usize,
    pub key: Key,
    pub stamp: Stamp,
    /// The row as it was.
    pub old: Option<Found>,
}

/// What is written at the end of a batch.
#[derive(Default)]
pub(super) struct Waiting {
    keys: BTreeSet<Key>,
    changes: Vec<(Waiter, Change)>,
    inserts: Vec<(Waiter, Statement)>,
}

impl Waiting {
    pub fn has(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }

    pub fn change(&mut self, waiter: Waiter, change: Change) {
        self.keys.insert(waiter.key.clone());
        self.changes.push((waiter, change));
    }

    pub fn insert(&mut self, waiter: Waiter, statement: Statement) {
        self.keys.insert(waiter.key.clone());
        self.inserts.push((waiter, statement));
    }
}

/// How many of so many rows go into the next statement.
fn part_of(rows: usize) -> usize {
    ROWS.min(1 << rows.max(1).ilog2())
}

/// One statement that inserts what several insert, which differ in their values only.
fn insert_many(statements: &[&Statement]) -> Statement {
    let Some((first, _)) = statements.first() else { return Statement::default() };
    let row = first.rsplit_once("VALUES ").map_or("", |(_, row)| row);
    let more = format!(", {row}").repeat(statements.len() - 1);
    (format!("{first}{more}"), statements.iter().flat_map(|(_, values)| values.iter().cloned()).collect())
}

impl<D: Driver> Batch<'_, '_, D> {
    /// Writes what waits.
    pub(super) fn flush(&mut self) -> Result<(), D::Error> {
        let Waiting { mut changes, mut inserts, .. } = std::mem::take(&mut self.waiting);
        if changes.len() > 1 && self.update_each(&changes)? {
            self.note(std::mem::take(&mut changes).into_iter().map(|(waiter, _)| waiter));
        }
        while !changes.is_empty() {
            let part: Vec<(Waiter, Change)> = changes.drain(..part_of(changes.len())).collect();
            let statement = self.store.table.update_many(&part.iter().map(|(_, change)| change).collect::<Vec<_>>());
            if part.len() > 1 && self.is_done(statement, part.len())? {
                self.note(part.into_iter().map(|(waiter, _)| waiter));
                continue;
            }
            for (waiter, change) in part {
                let statement = self.store.table.update(change);
                self.one(waiter, statement)?;
            }
        }
        while !inserts.is_empty() {
            let part: Vec<(Waiter, Statement)> = inserts.drain(..part_of(inserts.len())).collect();
            let statement = insert_many(&part.iter().map(|(_, statement)| statement).collect::<Vec<_>>());
            if part.len() > 1 && self.is_done(statement, part.len())? {
                self.note(part.into_iter().map(|(waiter, _)| waiter));
                continue;
            }
            for (waiter, statement) in part {
                self.one(waiter, statement)?;
            }
        }
        Ok(())
    }

    /// Sends all changes together, if the database can, and answers whether each has found its row. If not, nothing is lost by
    /// doing it again.
    fn update_each(&mut self, changes: &[(Waiter, Change)]) -> Result<bool, D::Error> {
        let statements: Vec<Statement> = changes.iter().map(|(_, change)| self.store.table.update(change.clone())).collect();
        let Some((sql, _)) = statements.first().cloned() else { return Ok(false) };
        if statements.iter().any(|(other, _)| *other != sql) {
            return Ok(false);
        }
        let lists: Vec<Vec<String>> = statements.into_iter().map(|(_, values)| values).collect();
        match self.run.execute_each(&sql, &lists) {
            Some(Ok(count)) => Ok(count == changes.len() as u64),
            Some(Err(Stop::Batch(error))) => Err(error),
            Some(Err(Stop::Row(_) | Stop::Exists)) | None => Ok(false),
        }
    }

    /// Whether a statement has written exactly so many rows.
    fn is_done(&mut self, statement: Statement, rows: usize) -> Result<bool, D::Error> {
        match self.execute(statement) {
            Ok(count) => Ok(count == rows as u64),
            Err(Stop::Batch(error)) => Err(error),
            Err(Stop::Row(_) | Stop::Exists) => Ok(false),
        }
    }

    fn note(&mut self, waiters: impl Iterator<Item = Waiter>) {
        self.notes.extend(waiters.map(|waiter| Note::Written(waiter.key, waiter.stamp)));
    }

    fn one(&mut self, waiter: Waiter, statement: Statement) -> Result<(), D::Error> {
        let verdict = match self.execute(statement) {
            Ok(0) => Verdict::Gone,
            Ok(_) => {
                self.notes.push(Note::Written(waiter.key, waiter.stamp));
                return Ok(());
            }
            Err(stop) => verdict_of(stop)?,
        };
        match waiter.old {
            Some(old) => drop(self.rows.insert(waiter.key, vec![old])),
            None => drop(self.rows.remove(&waiter.key)),
        }
        self.verdicts[waiter.place] = verdict;
        Ok(())
    }
}
