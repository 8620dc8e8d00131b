//! Removing rows whose time is over, in short transactions.
//!
//! First the index is asked whether anything is due: mostly nothing is, and that costs one round trip. A few rows are
//! then removed in the order of the index. If they are many, that would touch every page of the table again and again
//! in random order, since keys are hashes: the table is instead walked once in the order of the keys.

use super::connection::Connection;
use super::driver::prelude::Queryable;
use super::driver::{Row as DriverRow, Value};
use super::load::pad;
use super::pool::{Pool, Trouble};
use super::rows::{self, time};
use holdall_engine::{Fault, Key, Swept, Time};
use holdall_layout::native::{STATE_ALIAS, STATE_DEAD, STATE_LIVE};
use holdall_layout::native_mysql::Sql;

/// Walking beats the order of the index when more than one row is due for this many pages of the table.
const PAGES_PER_DUE_ROW: u64 = 4;
/// Bytes of a page of `InnoDB`.
const PAGE: u64 = 16 << 10;
/// A range of the walk has this many times the limit in rows.
const RANGE_FACTOR: u32 = 2;
/// A call gives up after this many ranges without anything due, so that it stays short.
const EMPTY_RANGES: u32 = 16;

/// A walk through the table, kept between calls: the key at which it goes on.
#[derive(Debug)]
pub(super) struct Walk(RowKey);

/// A key of the table.
type RowKey = Vec<u8>;

/// One call.
pub(super) struct Sweep<'a> {
    pub sql: &'a Sql,
    pub table: &'a str,
    pub application: &'a str,
    pub before: Time,
    pub now: Time,
    pub limit: u32,
    /// Whether the server knows `DELETE ... RETURNING`.
    pub returning: bool,
}

impl Sweep<'_> {
    /// Removes up to `limit` rows.
    pub(super) fn run(&self, pool: &Pool, walk: &mut Option<Walk>) -> Result<Swept, Fault> {
        if self.limit == 0 {
            return Ok(Swept::default());
        }
        if walk.is_none() {
            if !pool.run("looking for expired sessions", |connection| self.is_anything_due(connection))? {
                return Ok(Swept::default());
            }
            if pool.run("counting expired sessions", |connection| self.is_worth_a_walk(connection))? {
                *walk = Some(Walk(Vec::new()));
            }
        }
        match walk {
            None => self.in_index_order(pool),
            Some(Walk(at)) => {
                let (swept, next) = self.walk_on(pool, at)?;
                *walk = next.map(Walk);
                Ok(Swept { more: walk.is_some(), ..swept })
            }
        }
    }

    /// States, and until when their rows are due.
    fn states(&self) -> [(u8, Time); 3] {
        [(STATE_LIVE, self.before), (STATE_DEAD, self.now), (STATE_ALIAS, self.now)]
    }

    fn application(&self) -> Value {
        Value::Bytes(self.application.as_bytes().to_vec())
    }

    fn state_parameters(&self, state: u8, until: Time) -> [Value; 3] {
        [self.application(), Value::UInt(u64::from(state)), time(until)]
    }

    fn is_anything_due(&self, connection: &mut Connection) -> Result<bool, Trouble> {
        let parameters: Vec<Value> =
            self.states().into_iter().flat_map(|(state, until)| self.state_parameters(state, until)).collect();
        let due: Option<(u8, u8, u8)> = connection.conn()?.exec_first(self.sql.sweep_probe(), parameters)?;
        Ok(due.is_some_and(|(live, dead, alias)| live + dead + alias > 0))
    }

    fn is_worth_a_walk(&self, connection: &mut Connection) -> Result<bool, Trouble> {
        let size: Option<u64> = connection.conn()?.exec_first(
            "SELECT CAST(DATA_LENGTH AS UNSIGNED) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
            (self.table,),
        )?;
        let enough = size.unwrap_or(u64::MAX) / PAGE / PAGES_PER_DUE_ROW + u64::from(self.limit);
        let mut due = 0;
        for (state, until) in self.states() {
            let mut parameters = self.state_parameters(state, until).to_vec();
            parameters.push(Value::UInt(enough - due));
            due += connection.conn()?.exec_first::<u64, _, _>(self.sql.sweep_count(), parameters)?.unwrap_or(0);
            if due >= enough {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn in_index_order(&self, pool: &Pool) -> Result<Swept, Fault> {
        let mut keys: Vec<RowKey> = pool.run("looking for expired sessions", |connection| {
            let mut keys = Vec::new();
            for (state, until) in self.states() {
                let mut parameters = self.state_parameters(state, until).to_vec();
                parameters.push(Value::UInt(u64::from(self.limit) - keys.len() as u64));
                keys.extend(connection.conn()?.exec::<Vec<u8>, _, _>(self.sql.sweep_oldest(), parameters)?);
                if keys.len() >= self.limit as usize {
                    break;
                }
            }
            Ok(keys)
        })?;
        keys.sort_unstable();
        let more = keys.len() >= self.limit as usize;
        let swept = self.remove(pool, &keys)?;
        Ok(Swept { more, ..swept })
    }

    /// Goes on until a range had something due, or the end. Answers where the next call goes on.
    fn walk_on(&self, pool: &Pool, at: &[u8]) -> Result<(Swept, Option<RowKey>), Fault> {
        let mut at = at.to_vec();
        for _ in 0..EMPTY_RANGES {
            let (swept, next) = self.range(pool, &at)?;
            match next {
                Some(next) if swept.expired + swept.dead == 0 => at = next,
                next => return Ok((swept, next)),
            }
        }
        Ok((Swept::default(), Some(at)))
    }

    /// Removes what is due in the next range, and answers where the one after it begins.
    fn range(&self, pool: &Pool, at: &[u8]) -> Result<(Swept, Option<RowKey>), Fault> {
        let rows = self.limit.saturating_mul(RANGE_FACTOR);
        let end: Option<RowKey> = pool.run("looking for expired sessions", |connection| {
            Ok(connection.conn()?.exec_first(self.sql.key_after(), (at, rows))?)
        })?;
        let mut parameters = vec![Value::Bytes(at.to_vec())];
        parameters.extend(end.clone().map(Value::Bytes));
        parameters.extend([self.application(), time(self.before), time(self.now), Value::UInt(u64::from(self.limit))]);
        if self.returning {
            let sql = self.sql.sweep_take_range(end.is_some());
            let taken: Vec<DriverRow> = take(pool, &sql, &parameters)?;
            let last = taken.last().and_then(|row| row.get::<RowKey, _>(0));
            return Ok((swept(&taken), self.next(taken.len(), last, end)));
        }
        let sql = if end.is_some() { self.sql.sweep_range() } else { self.sql.sweep_from() };
        let keys: Vec<RowKey> =
            pool.run("looking for expired sessions", |connection| Ok(connection.conn()?.exec(&sql, &parameters)?))?;
        let next = self.next(keys.len(), keys.last().cloned(), end);
        Ok((self.remove(pool, &keys)?, next))
    }

    /// A range that has more than may go in one call ends after the last that goes.
    fn next(&self, count: usize, last: Option<RowKey>, end: Option<RowKey>) -> Option<RowKey> {
        if count < self.limit as usize { end } else { last.map(after) }
    }

    /// Removes those of the rows that are still due: what was touched meanwhile stays.
    fn remove(&self, pool: &Pool, keys: &[RowKey]) -> Result<Swept, Fault> {
        if keys.is_empty() {
            return Ok(Swept::default());
        }
        let mut parameters = vec![self.application(), time(self.before), time(self.now)];
        let before = parameters.len();
        parameters.extend(keys.iter().map(|key| Value::Bytes(key.clone())));
        let length = pad(&mut parameters, before);
        if self.returning {
            return Ok(swept(&take(pool, &self.sql.sweep_take(length), &parameters)?));
        }
        let removed: Vec<DriverRow> = pool.run("removing expired sessions", |connection| {
            connection.transaction(|connection| {
                let conn = connection.conn()?;
                let due: Vec<DriverRow> = conn.exec(self.sql.sweep_lock(length), &parameters)?;
                conn.exec_drop(self.sql.sweep_delete(length), &parameters)?;
                Ok::<_, Trouble>(due)
            })
        })?;
        Ok(swept(&removed))
    }
}

/// A delete that tells what it removed.
fn take(pool: &Pool, sql: &str, parameters: &[Value]) -> Result<Vec<DriverRow>, Fault> {
    let taken = pool.run("removing expired sessions", |connection| {
        connection.at_once(|connection| Ok::<_, Trouble>(connection.conn()?.exec(sql, parameters.to_vec())?))
    });
    Ok(taken?)
}

/// The first key after `key`.
fn after(mut key: RowKey) -> RowKey {
    key.push(0);
    key
}

/// What rows of key and state add up to.
fn swept(rows: &[DriverRow]) -> Swept {
    let mut swept = Swept::default();
    for row in rows {
        let (Some(Value::Bytes(key)), Some(state)) = (row.as_ref(0), row.as_ref(1)) else { continue };
        if rows::number(state) == Some(u64::from(STATE_LIVE)) {
            swept.expired += 1;
            swept.keys.push(Key::new(key));
        } else {
            swept.dead += 1;
        }
    }
    swept
}
