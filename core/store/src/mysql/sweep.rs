//! Removing rows whose time is over, in short transactions.
//!
//! First the index is asked whether anything is due: mostly nothing is, and that costs one round trip. A few rows are
//! then removed in the order of the index. If they are many, that would touch every page of the table again and again
//! in random order, since keys are hashes: the table is instead walked once in the order of the keys.

use super::connection::Connection;
use super::driver::prelude::Queryable;
use super::driver::{Error, Row as DriverRow, Value};
use super::load::pad;
use super::pool::{Pool, Trouble};
use super::rows::{self, Reader, time};
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
pub(super) struct Walk(Vec<u8>);

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
}

impl Sweep<'_> {
    /// Removes up to `limit` rows.
    pub(super) fn run(&self, pool: &Pool, walk: &mut Option<Walk>) -> Result<Swept, Fault> {
        if self.limit == 0 || !pool.run("looking for expired sessions", |connection| self.is_anything_due(connection))? {
            return Ok(Swept::default());
        }
        if walk.is_none() && pool.run("counting expired sessions", |connection| self.is_worth_a_walk(connection))? {
            *walk = Some(Walk(Vec::new()));
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
        let mut keys: Vec<Vec<u8>> = pool.run("looking for expired sessions", |connection| {
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
    fn walk_on(&self, pool: &Pool, at: &[u8]) -> Result<(Swept, Option<Vec<u8>>), Fault> {
        let mut at = at.to_vec();
        for _ in 0..EMPTY_RANGES {
            let (keys, end) = pool.run("looking for expired sessions", |connection| Ok(self.range(connection, &at)?))?;
            let is_full = keys.len() >= self.limit as usize;
            let next = if is_full { keys.last().map(|last| after(last)) } else { end };
            if !keys.is_empty() {
                return Ok((self.remove(pool, &keys)?, next));
            }
            match next {
                Some(next) => at = next,
                None => return Ok((Swept::default(), None)),
            }
        }
        Ok((Swept::default(), Some(at)))
    }

    /// The keys that are due in the next range, and where it ends.
    fn range(&self, connection: &mut Connection, at: &[u8]) -> Result<(Vec<RowKey>, Option<RowKey>), Error> {
        let rows = self.limit.saturating_mul(RANGE_FACTOR);
        let conn = connection.conn()?;
        let end: Option<Vec<u8>> = conn.exec_first(self.sql.key_after(), (at, rows))?;
        let mut parameters = vec![Value::Bytes(at.to_vec())];
        parameters.extend(end.clone().map(Value::Bytes));
        parameters.extend([self.application(), time(self.before), time(self.now), Value::UInt(u64::from(self.limit))]);
        let sql = if end.is_some() { self.sql.sweep_range() } else { self.sql.sweep_from() };
        Ok((conn.exec(sql, parameters)?, end))
    }

    /// Removes those of the rows that are still due: what was touched meanwhile stays.
    fn remove(&self, pool: &Pool, keys: &[Vec<u8>]) -> Result<Swept, Fault> {
        if keys.is_empty() {
            return Ok(Swept::default());
        }
        let removed: Vec<DriverRow> = pool.run("removing expired sessions", |connection| {
            connection.transaction(|connection| {
                let mut parameters = vec![self.application(), time(self.before), time(self.now)];
                let before = parameters.len();
                parameters.extend(keys.iter().map(|key| Value::Bytes(key.clone())));
                let length = pad(&mut parameters, before);
                let conn = connection.conn()?;
                let due: Vec<DriverRow> = conn.exec(self.sql.sweep_lock(length), parameters.clone())?;
                conn.exec_drop(self.sql.sweep_delete(length), parameters)?;
                Ok::<_, Trouble>(due)
            })
        })?;
        let mut swept = Swept::default();
        for row in removed {
            count(&mut swept, row);
        }
        Ok(swept)
    }
}

/// The first key after `key`.
fn after(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}

fn count(swept: &mut Swept, row: DriverRow) {
    let mut reader = Reader::new(row);
    let (Value::Bytes(key), state) = (reader.next(), reader.next()) else { return };
    if rows::number(&state) == Some(u64::from(STATE_LIVE)) {
        swept.expired += 1;
        swept.keys.push(Key::new(&key));
    } else {
        swept.dead += 1;
    }
}
