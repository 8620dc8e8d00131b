//! A batch in memory: the rows' heads, read and locked at once, and what is to be done to them, sent at once.

use super::connection::Connection;
use super::driver::prelude::Queryable;
use super::driver::{Error, Row as DriverRow, Value};
use super::load::pad;
use super::pool::Trouble;
use super::rows::{self, Defect, Reader};
use super::send::{Verb, send};
use super::work::Work;
use crate::apply::{EndKind, Ending, Head, Rows, State, apply};
use holdall_engine::{Key, Record, Time, Verdict, Write, WriteKind};
use holdall_layout::native::{coarse, encode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Keys locked in one statement.
const KEYS: usize = 512;

/// Why a write or a batch stops.
pub(super) enum Stop {
    /// Only this write is refused, and will be again.
    Write(Arc<str>),
    /// The whole transaction.
    Batch(Trouble),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Batch(error.into())
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Batch(trouble)
    }
}

/// Locks the rows of `writes`, decides, and changes them: within a transaction. The verdicts come in the order of
/// `writes`.
pub(super) fn carry_out(connection: &mut Connection, work: &Work<'_>, writes: &[&Write]) -> Result<Vec<Verdict>, Trouble> {
    let mut plan =
        Plan { connection, work, heads: BTreeMap::new(), ready: Vec::new(), changed: BTreeSet::new(), fresh: Fresh::default() };
    let keys: BTreeSet<Key> = writes.iter().flat_map(|write| keys_of(write)).collect();
    plan.lock(&keys)?;
    let mut verdicts = Vec::with_capacity(writes.len());
    for write in writes {
        verdicts.push(plan.write(write)?);
    }
    plan.flush()?;
    Ok(verdicts)
}

fn keys_of(write: &Write) -> impl Iterator<Item = Key> {
    let to = match &write.kind {
        WriteKind::Rename { to, .. } => Some(to.clone()),
        _ => None,
    };
    std::iter::once(write.key.clone()).chain(to)
}

/// The head of a row, none if there is no row, or why it can't be read.
type Locked = Result<Option<Head>, Defect>;

struct Plan<'c> {
    connection: &'c mut Connection,
    work: &'c Work<'c>,
    /// Rows that are locked, as they will be.
    heads: BTreeMap<Key, Locked>,
    /// What will be sent.
    ready: Vec<(Verb, Vec<Value>)>,
    /// The keys of `ready`.
    changed: BTreeSet<Key>,
    fresh: Fresh,
}

/// What the write in hand has done so far.
#[derive(Default)]
struct Fresh {
    steps: Vec<(Verb, Vec<Value>)>,
    before: Vec<(Key, Locked)>,
}

impl Plan<'_> {
    fn lock(&mut self, keys: &BTreeSet<Key>) -> Result<(), Trouble> {
        let keys: Vec<&Key> = keys.iter().collect();
        for chunk in keys.chunks(KEYS) {
            let mut parameters: Vec<Value> = chunk.iter().map(|key| rows::key(key)).collect();
            let length = pad(&mut parameters, 0);
            let found: Vec<DriverRow> = self.connection.conn()?.exec(self.work.sql.heads(length), parameters)?;
            self.heads.extend(chunk.iter().map(|key| ((*key).clone(), Ok(None))));
            for row in found {
                let mut reader = Reader::new(row);
                if let Ok(Some(key)) = reader.key() {
                    self.heads.insert(key, rows::head(&mut reader).map(Some));
                }
            }
        }
        Ok(())
    }

    /// Carries out one write wholly or not at all.
    fn write(&mut self, write: &Write) -> Result<Verdict, Trouble> {
        let done = apply(self, write);
        let fresh = std::mem::take(&mut self.fresh);
        match done {
            Ok(verdict) => {
                if fresh.before.iter().any(|(key, _)| self.changed.contains(key)) {
                    self.flush()?;
                }
                self.changed.extend(fresh.before.into_iter().map(|(key, _)| key));
                self.ready.extend(fresh.steps);
                Ok(verdict)
            }
            Err(Stop::Write(why)) => {
                self.heads.extend(fresh.before.into_iter().rev());
                Ok(Verdict::Rejected(why))
            }
            Err(Stop::Batch(trouble)) => Err(trouble),
        }
    }

    /// Sends what is ready. No key is in it twice, so the order doesn't matter.
    fn flush(&mut self) -> Result<(), Trouble> {
        self.changed.clear();
        let ready = std::mem::take(&mut self.ready);
        send(self.connection, self.work, ready)
    }

    fn step(&mut self, key: &Key, verb: Verb, parameters: Vec<Value>, head: Option<Head>) {
        let before = self.heads.insert(key.clone(), Ok(head)).unwrap_or(Ok(None));
        self.fresh.before.push((key.clone(), before));
        self.fresh.steps.push((verb, parameters));
    }

    fn encoded(&self, record: &Record) -> Result<Vec<u8>, Stop> {
        let data = encode(&record.block);
        let limit = self.work.limit(self.connection.facts());
        if data.len() > limit {
            return Err(Stop::Write(too_large(data.len(), limit)));
        }
        Ok(data)
    }
}

pub(super) fn too_large(size: usize, limit: usize) -> Arc<str> {
    format!("the session takes {size} bytes, more than the limit of {limit}; the server's max_allowed_packet may set it").into()
}

fn live(record: &Record, accessed: Time) -> Head {
    let expires = holdall_engine::expires(accessed, record.idle_ms, record.deadline);
    Head {
        state: State::Live,
        successor: None,
        stamp: record.stamp,
        accessed,
        idle_ms: record.idle_ms,
        deadline: record.deadline,
        expires: coarse(expires, record.idle_ms),
    }
}

fn ended(ending: &Ending, revision: u64) -> Head {
    let (state, deadline) = match ending.kind {
        EndKind::Dead(reason) => (State::Dead(reason), Time::NEVER),
        EndKind::Alias(until) => (State::Alias, until),
    };
    let stamp = holdall_engine::Stamp { revision, writer: ending.writer };
    Head { state, successor: ending.successor.clone(), stamp, accessed: Time::ZERO, idle_ms: 0, deadline, expires: ending.until }
}

impl Rows for Plan<'_> {
    type Error = Stop;

    fn head(&mut self, key: &Key) -> Result<Option<Head>, Stop> {
        if !self.heads.contains_key(key) {
            self.lock(&BTreeSet::from([key.clone()]))?;
        }
        match self.heads.get(key) {
            // A row that can't be read is left as it is.
            Some(Err(why)) => Err(Stop::Write(why.clone())),
            Some(Ok(head)) => Ok(head.clone()),
            None => Ok(None),
        }
    }

    fn insert(&mut self, key: &Key, record: &Record) -> Result<(), Stop> {
        let data = self.encoded(record)?;
        let parameters = rows::live(key, self.work.application, record, record.accessed, data);
        self.step(key, Verb::Insert, parameters, Some(live(record, record.accessed)));
        Ok(())
    }

    fn replace(&mut self, key: &Key, _: &Head, record: &Record, accessed: Time) -> Result<(), Stop> {
        let data = self.encoded(record)?;
        let parameters = rows::live(key, self.work.application, record, accessed, data);
        self.step(key, Verb::Replace, parameters, Some(live(record, accessed)));
        Ok(())
    }

    fn touch(&mut self, key: &Key, head: &Head, accessed: Time) -> Result<(), Stop> {
        let parameters = rows::touched(key, head, accessed);
        self.step(key, Verb::Touch, parameters, Some(Head { accessed, ..head.clone() }));
        Ok(())
    }

    fn end(&mut self, key: &Key, ending: &Ending) -> Result<(), Stop> {
        let revision = self.head(key)?.map_or(0, |head| head.stamp.revision);
        self.step(key, Verb::End, rows::end(key, ending), Some(ended(ending, revision)));
        Ok(())
    }

    fn plant(&mut self, key: &Key, ending: &Ending) -> Result<(), Stop> {
        let parameters = rows::planted(key, self.work.application, ending, self.work.now);
        self.step(key, Verb::Plant, parameters, Some(ended(ending, 0)));
        Ok(())
    }
}
