//! Removing rows whose time is over, in short transactions.
//!
//! First the index is asked whether anything is due: mostly nothing is, and that costs three look-ups. A few rows are
//! then removed in the order of the index. If they are many, that would touch every page of the file again and again
//! in random order: the table is instead walked once from end to end, a range of rows per transaction.

use super::Failure;
use super::batch::transaction;
use super::open::query_one;
use super::rows::time;
use holdall_engine::{Key, Swept, Time};
use holdall_layout::native::{STATE_ALIAS, STATE_DEAD, STATE_LIVE};
use holdall_layout::native_sqlite as sql;
use rusqlite::{Connection, OptionalExtension, params};

/// Walking beats the order of the index when more than one row is due for this many pages of the file: a page holds
/// a few rows, and the walk reads each page once.
const PAGES_PER_DUE_ROW: i64 = 8;
/// A range of the walk has this many times the limit in rows.
const RANGE_FACTOR: u32 = 2;
/// A call gives up after this many ranges without anything due, so that it stays short.
const EMPTY_RANGES: u32 = 16;

/// A walk through the table, kept between calls.
pub(super) struct Walk {
    next: i64,
    last: i64,
}

/// One call.
pub(super) struct Sweep<'a> {
    pub application: &'a str,
    pub before: Time,
    pub now: Time,
    pub limit: u32,
}

impl Sweep<'_> {
    /// States, and until when their rows are due.
    fn states(&self) -> [(u8, Time); 3] {
        [(STATE_LIVE, self.before), (STATE_DEAD, self.now), (STATE_ALIAS, self.now)]
    }

    /// Looks into the index.
    pub(super) fn is_anything_due(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached(sql::SWEEP_PROBE)?;
        for (state, until) in self.states() {
            if statement.exists(params![self.application, state, time(until)])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes up to `limit` rows.
    pub(super) fn run(&self, connection: &Connection, walk: &mut Option<Walk>) -> Result<Swept, Failure> {
        let started = |error| Failure { error, undone: true };
        if walk.is_none() && self.is_worth_a_walk(connection).map_err(started)? {
            let last: Option<i64> = query_one(connection, sql::LAST_ROW).map_err(started)?;
            *walk = last.map(|last| Walk { next: i64::MIN, last });
        }
        match walk {
            None => transaction(connection, |connection| self.in_index_order(connection)),
            Some(at) => {
                let swept = self.walk_on(connection, at)?;
                if at.next > at.last {
                    *walk = None;
                }
                Ok(swept)
            }
        }
    }

    fn is_worth_a_walk(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let pages: i64 = query_one(connection, "PRAGMA page_count")?;
        let free: i64 = query_one(connection, "PRAGMA freelist_count")?;
        let enough = (pages - free) / PAGES_PER_DUE_ROW + i64::from(self.limit);
        let mut due = 0;
        let mut statement = connection.prepare_cached(sql::SWEEP_COUNT)?;
        for (state, until) in self.states() {
            let counted: i64 =
                statement.query_row(params![self.application, state, time(until), enough - due], |row| row.get(0))?;
            due += counted;
        }
        Ok(due >= enough)
    }

    fn in_index_order(&self, connection: &Connection) -> rusqlite::Result<Swept> {
        let mut swept = Swept::default();
        let mut left = self.limit;
        for (state, until) in self.states() {
            let mut statement = connection.prepare_cached(sql::SWEEP_OLDEST)?;
            let rows = statement.query_map(params![self.application, state, time(until), left], |row| {
                Ok((row.get::<_, i64>(0)?, Key::new(row.get_ref(1)?.as_blob()?)))
            })?;
            let mut rows: Vec<(i64, Key)> = rows.collect::<rusqlite::Result<_>>()?;
            rows.sort_unstable_by_key(|(row, _)| *row);
            let mut delete = connection.prepare_cached(sql::SWEEP_ONE)?;
            for (row, key) in rows {
                if delete.execute(params![row, state, time(until)])? > 0 {
                    left -= 1;
                    count(&mut swept, state, key);
                }
            }
        }
        swept.more = left == 0;
        Ok(swept)
    }

    /// Goes on until a range had something due, or the end.
    fn walk_on(&self, connection: &Connection, walk: &mut Walk) -> Result<Swept, Failure> {
        let mut swept = Swept::default();
        for _ in 0..EMPTY_RANGES {
            if walk.next > walk.last {
                break;
            }
            let next = transaction(connection, |connection| self.range(connection, walk, &mut swept))?;
            walk.next = next;
            if swept.expired + swept.dead > 0 {
                break;
            }
        }
        swept.more = walk.next <= walk.last;
        Ok(swept)
    }

    /// Removes what is due in the next range, and answers where the one after it begins.
    fn range(&self, connection: &Connection, walk: &Walk, swept: &mut Swept) -> rusqlite::Result<i64> {
        let rows = self.limit.saturating_mul(RANGE_FACTOR).max(1);
        let mut after = connection.prepare_cached(sql::ROW_AFTER)?;
        let end: Option<i64> = after.query_row(params![walk.next, rows], |row| row.get(0)).optional()?;
        let mut end = end.unwrap_or(i64::MAX);
        let (application, before, now) = (self.application, time(self.before), time(self.now));
        let mut select = connection.prepare_cached(sql::SWEEP_RANGE)?;
        let due = select.query_map(params![walk.next, end, application, before, now, self.limit], |row| {
            Ok((row.get::<_, i64>(0)?, Key::new(row.get_ref(1)?.as_blob()?), row.get::<_, u8>(2)?))
        })?;
        let due: Vec<(i64, Key, u8)> = due.collect::<rusqlite::Result<_>>()?;
        if due.is_empty() {
            return Ok(end);
        }
        if due.len() >= self.limit as usize {
            // The range has more than may go in one call: it ends after the last that goes.
            end = due.last().map_or(end, |(row, ..)| row.saturating_add(1));
        }
        let mut delete = connection.prepare_cached(sql::SWEEP_RANGE_DELETE)?;
        delete.execute(params![walk.next, end, application, before, now])?;
        for (_, key, state) in due {
            count(swept, state, key);
        }
        Ok(end)
    }
}

fn count(swept: &mut Swept, state: u8, key: Key) {
    if state == STATE_LIVE {
        swept.expired += 1;
        swept.keys.push(key);
    } else {
        swept.dead += 1;
    }
}
