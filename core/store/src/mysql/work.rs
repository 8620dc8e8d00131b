//! A commit: many writes in one transaction, with a verdict for each.
//!
//! Three ways lead to the same result, the cheapest that serves is taken:
//!
//! * A single new or changed session is one statement without a transaction, which says in its condition what it is
//!   based on.
//! * Many of them, on MariaDB, are one packet: each row's change holds only if the row carries its base; if one
//!   doesn't, everything is rolled back and goes the third way.
//! * The rows are locked in the order of their keys, read, decided about by the rules that all stores share, and
//!   changed by one statement per kind of change.

use super::classify::{Class, Flavour};
use super::connection::{Connection, Facts};
use super::driver::prelude::Queryable;
use super::driver::{Error, Value};
use super::plan::carry_out;
use super::pool::{Failed, Pool, Trouble};
use super::rows;
use super::send::{check_warnings, packets};
use holdall_engine::{Fault, FaultKind, Key, Record, Stamp, Time, Verdict, Write, WriteKind};
use holdall_layout::native::encode;
use holdall_layout::native_mysql::Sql;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a batch is tried again because a row came in between.
const RACES: usize = 3;
/// Bytes of a statement besides `data`, at most.
const STATEMENT_OVERHEAD: usize = 16 << 10;

/// Writes of a batch, by their places in the order of keys.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
}

/// The parameters of one row.
type Parameters = Vec<Value>;

/// What a commit works with.
pub(super) struct Work<'a> {
    pub sql: &'a Sql,
    pub application: &'a str,
    pub data_limit: usize,
    pub now: Time,
    /// Whether the bulk protocol has been found not to reach the server.
    pub no_bulk: &'a AtomicBool,
}

impl Work<'_> {
    /// Whether the bulk protocol may be used. Not on a Galera cluster: there acknowledged saves were lost while a node came
    /// back, and a transaction that another node cuts off inside a packet was one way that it looked like. It happened
    /// without such packets too, so this is caution, not a cure.
    pub(super) fn is_bulk(&self, facts: &Facts) -> bool {
        let knows = facts.flavour == Flavour::MariaDb && facts.version >= (10, 2, 7);
        knows && !facts.is_galera && !self.no_bulk.load(Ordering::Relaxed)
    }

    /// The longest `data` that can be sent.
    pub(super) fn limit(&self, facts: &Facts) -> usize {
        self.data_limit.min(facts.max_allowed_packet.saturating_sub(STATEMENT_OVERHEAD))
    }

    /// Carries out all writes.
    pub(super) fn run(&self, pool: &Pool, writes: &[Write]) -> Result<Vec<Verdict>, Fault> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let mut order: Vec<usize> = (0..writes.len()).collect();
        order.sort_by_key(|place| &writes[*place].key);
        let sorted: Vec<&Write> = order.iter().map(|place| &writes[*place]).collect();
        let mut verdicts = vec![Verdict::NotDone; writes.len()];
        let mut parts = vec![Part { start: 0, end: sorted.len() }];
        while let Some(part) = parts.pop() {
            let places = &order[part.start..part.end];
            let done = self.part(pool, &sorted[part.start..part.end]);
            match done {
                Ok(done) => {
                    for (place, verdict) in places.iter().zip(done) {
                        verdicts[*place] = verdict;
                    }
                }
                Err(failed) if places.len() > 1 && matches!(failed.class(), Some(Class::Row | Class::Split)) => {
                    let middle = part.start + places.len() / 2;
                    parts.extend([Part { start: middle, ..part }, Part { end: middle, ..part }]);
                }
                Err(failed) => match alone(&failed) {
                    Some(verdict) => places.iter().for_each(|place| verdicts[*place] = verdict.clone()),
                    None => return Err(failed.fault),
                },
            }
        }
        Ok(verdicts)
    }

    /// Carries out writes in one transaction. Rows that come in between make it start again.
    fn part(&self, pool: &Pool, writes: &[&Write]) -> Result<Vec<Verdict>, Failed> {
        let mut tries = 0;
        loop {
            tries += 1;
            let done = pool.run("saving sessions", |connection| self.attempt(connection, writes));
            match done {
                Err(failed) if tries < RACES && matches!(failed.class(), Some(Class::Exists | Class::Stale)) => {}
                done => return done,
            }
        }
    }

    fn attempt(&self, connection: &mut Connection, writes: &[&Write]) -> Result<Vec<Verdict>, Trouble> {
        match self.cheapest(connection, writes) {
            Err(Trouble::Database(Error::MySqlError(error))) if error.code == NO_BULK => {
                self.no_bulk.store(true, Ordering::Relaxed);
                self.cheapest(connection, writes)
            }
            done => done,
        }
    }

    fn cheapest(&self, connection: &mut Connection, writes: &[&Write]) -> Result<Vec<Verdict>, Trouble> {
        if let [write] = writes {
            if let Some(verdict) = self.single(connection, write)? {
                return Ok(vec![verdict]);
            }
        } else if self.is_bulk(connection.facts())
            && let Some(verdicts) = self.together(connection, writes)?
        {
            return Ok(verdicts);
        }
        connection.transaction(|connection| carry_out(connection, self, writes))
    }

    /// A new or changed session in one statement. None if it has to be looked at more closely.
    fn single(&self, connection: &mut Connection, write: &Write) -> Result<Option<Verdict>, Trouble> {
        let (sql, base, record) = match &write.kind {
            WriteKind::Create { record } => (self.sql.insert(1), None, record),
            WriteKind::Update { base, record, .. } => (self.sql.update_if(), Some(*base), record),
            _ => return Ok(None),
        };
        let data = encode(&record.block);
        let limit = self.limit(connection.facts());
        if data.len() > limit {
            return Ok(None);
        }
        let mut values = rows::live(&write.key, self.application, record, record.accessed, data);
        if let Some(base) = base {
            values = condition(&write.key, base, record, values);
        }
        let found = connection.at_once(|connection| {
            connection.conn()?.exec_drop(&sql, values)?;
            let found = connection.conn()?.affected_rows();
            check_warnings(connection)?;
            Ok::<_, Trouble>(found)
        });
        match found {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(Verdict::DONE)),
            Err(Trouble::Database(error)) if connection.classify(&error).class == Class::Exists => {
                connection.reset_phase();
                Ok(None)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Many writes, most of them new or changed sessions, in one packet for each kind. None if a row is not what it
    /// was taken to be; nothing is applied then.
    fn together(&self, connection: &mut Connection, writes: &[&Write]) -> Result<Option<Vec<Verdict>>, Trouble> {
        let is_plain = |write: &&&Write| matches!(write.kind, WriteKind::Create { .. } | WriteKind::Update { .. });
        let plain: Vec<&Write> = writes.iter().filter(is_plain).copied().collect();
        let mut keys = BTreeSet::new();
        let is_twice = writes.iter().any(|write| match &write.kind {
            WriteKind::Rename { to, .. } => !keys.insert(&write.key) || !keys.insert(to),
            _ => !keys.insert(&write.key),
        });
        let Some((created, changed)) = self.parameters(connection.facts(), &plain).filter(|_| plain.len() > 1 && !is_twice)
        else {
            return Ok(None);
        };
        let rest: Vec<&Write> = writes.iter().filter(|write| !is_plain(write)).copied().collect();
        let done = connection.transaction(|connection| {
            let mut rest = carry_out_any(connection, self, &rest)?.into_iter();
            self.change(connection, changed)?;
            self.create(connection, created)?;
            let verdict = |write| if is_plain(&write) { Some(Verdict::DONE) } else { rest.next() };
            Ok(writes.iter().filter_map(verdict).collect())
        });
        match done {
            Ok(verdicts) => Ok(Some(verdicts)),
            Err(Together::Differs) => Ok(None),
            Err(Together::Trouble(trouble)) => Err(trouble),
        }
    }

    /// The parameters of all of `plain`: new rows, changed rows. None if one is too large.
    fn parameters(&self, facts: &Facts, plain: &[&Write]) -> Option<(Vec<Parameters>, Vec<Parameters>)> {
        let (mut created, mut changed) = (Vec::new(), Vec::new());
        for write in plain {
            let record = write.record()?;
            let data = encode(&record.block);
            if data.len() > self.limit(facts) {
                return None;
            }
            let mut values = rows::live(&write.key, self.application, record, record.accessed, data);
            if let WriteKind::Update { base, .. } = &write.kind {
                values.extend([Value::UInt(base.revision), Value::Bytes(base.writer.to_bytes().to_vec())]);
                changed.push(values);
            } else {
                created.push(values);
            }
        }
        Some((created, changed))
    }

    fn change(&self, connection: &mut Connection, rows: Vec<Vec<Value>>) -> Result<(), Together> {
        for part in packets(rows, connection.facts().max_allowed_packet) {
            let count = part.len() as u64;
            let sent = connection.conn()?.exec_batch(self.sql.replace_if(), part);
            match sent {
                Err(Error::MySqlError(error)) if error.code == NOT_NULL => return Err(Together::Differs),
                sent => sent?,
            }
            let found = connection.conn()?.affected_rows();
            check_warnings(connection)?;
            if found != 2 * count {
                // A driver that can't use the bulk protocol sends the rows one by one and counts the last.
                if count > 1 && found <= 2 {
                    self.no_bulk.store(true, Ordering::Relaxed);
                }
                return Err(Together::Differs);
            }
        }
        Ok(())
    }

    fn create(&self, connection: &mut Connection, rows: Vec<Vec<Value>>) -> Result<(), Together> {
        for part in packets(rows, connection.facts().max_allowed_packet) {
            let sent = connection.conn()?.exec_batch(self.sql.insert(1), part);
            match sent {
                Err(error) if connection.classify(&error).class == Class::Exists => return Err(Together::Differs),
                sent => sent?,
            }
            check_warnings(connection)?;
        }
        Ok(())
    }
}

/// `ER_BAD_NULL_ERROR`, by which [`Sql::replace_if`] says that a row doesn't carry its base.
const NOT_NULL: u16 = 1048;

/// `ER_UNSUPPORTED_PS`: the server was not told that the driver knows the bulk protocol. So it is on encrypted
/// connections, where the driver leaves that out.
const NO_BULK: u16 = 1295;

/// Why the rows of [`Work::together`] were not written.
enum Together {
    /// A row is not what it was taken to be.
    Differs,
    Trouble(Trouble),
}

impl From<Error> for Together {
    fn from(error: Error) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<Trouble> for Together {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

fn carry_out_any(connection: &mut Connection, work: &Work<'_>, writes: &[&Write]) -> Result<Vec<Verdict>, Trouble> {
    if writes.is_empty() { Ok(Vec::new()) } else { carry_out(connection, work, writes) }
}

/// The parameters of [`Sql::update_if`], made of those of an insert.
fn condition(key: &Key, base: Stamp, record: &Record, insert: Vec<Value>) -> Vec<Value> {
    // Key and application come first there, and the format before revision and writer.
    let mut rest = insert.into_iter().skip(2);
    let format = rest.next();
    let mut values: Vec<Value> = rest.by_ref().take(2).collect();
    values.extend(format);
    values.extend(rest);
    values.extend([rows::key(key), Value::UInt(base.revision), Value::Bytes(base.writer.to_bytes().to_vec())]);
    values.push(rows::time(record.accessed));
    values
}

/// What a failure means for writes that can't be divided further. None if the whole call fails.
fn alone(failed: &Failed) -> Option<Verdict> {
    let Some(reaction) = failed.reaction else {
        // No connection was free: nothing was sent.
        return (failed.fault.kind == FaultKind::Transient).then_some(Verdict::NotDone);
    };
    match reaction.class {
        Class::Row => Some(Verdict::Rejected(failed.fault.message.clone())),
        Class::Split => Some(Verdict::Rejected(format!("the session is too large for the server: {}", reaction.what).into())),
        Class::Exists | Class::Stale => Some(Verdict::NotDone),
        Class::Again if reaction.kind == FaultKind::Transient => Some(Verdict::NotDone),
        _ => None,
    }
}
