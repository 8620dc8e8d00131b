//! Stamps for rows that have none: what is in a row decides which state it is.
//!
//! For each session the store remembers the state that was last seen or written, and the state that a commit under way
//! would leave. A row whose data is one of these carries that stamp; so whether a commit of unknown outcome has landed is
//! found out by reading, by exactly the stamp that it would have written. Any other data is someone else's doing: a new
//! state, whose writer is the hash of the data and whose revision is higher than any seen before, because it came later.
//! (Revisions of hashes would be random, and the engine takes a lower one for a database that went back.)
//!
//! The memory is bounded. What is forgotten is judged by its hash alone, which is always right about the content.

use holdall_engine::{Key, Stamp, Time, Writer};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many sessions are remembered at least, and at most twice as many.
const REMEMBERED: usize = 65_536;
/// Revisions made here begin above the first ones of engines, which are random below it.
const FIRST_REVISION: u64 = Stamp::REVISION_LIMIT / 2;
/// Revisions made here grow with the time since then (in 2023), so that they never fall behind what is forgotten...
const EPOCH_MS: u64 = 1_700_000_000_000;
/// ...by so much a millisecond, which lasts for a hundred years.
const PER_MS: u64 = 1024;

/// The hash of a row's data, long enough that two contents never share one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Content(pub [u8; 16]);

impl Content {
    pub fn of(data: &[u8]) -> Self {
        Self(holdall_layout::foreign::digest(data))
    }

    fn writer(self) -> Writer {
        Writer::from_bytes(self.0)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct State {
    content: Content,
    stamp: Stamp,
}

/// What is known about one session's row.
#[derive(Clone, Copy, Default, Debug)]
struct Known {
    /// The state that was last seen or written.
    current: Option<State>,
    /// The state that a commit leaves whose outcome isn't known yet.
    attempt: Option<State>,
    /// Grows with every change of the two.
    version: u64,
}

impl Known {
    fn stamp_of(&self, content: Content) -> Option<Stamp> {
        let states = [self.attempt, self.current];
        states.into_iter().flatten().find(|state| state.content == content).map(|state| state.stamp)
    }

    fn last_revision(&self) -> u64 {
        [self.attempt, self.current].into_iter().flatten().map(|state| state.stamp.revision).max().unwrap_or(0)
    }
}

/// What was known before a read began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before(Known);

/// What a read found out about a row's stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    /// This is it.
    Stamp(Stamp),
    /// The row was read while it changed; whether before or after can't be told. Read it again.
    Again,
}

#[derive(Default)]
struct Memory {
    young: HashMap<Key, Known>,
    old: HashMap<Key, Known>,
}

impl Memory {
    fn get(&self, key: &Key) -> Known {
        self.young.get(key).or_else(|| self.old.get(key)).copied().unwrap_or_default()
    }

    fn set(&mut self, key: &Key, mut known: Known) {
        known.version = self.get(key).version + 1;
        if self.young.len() >= REMEMBERED && !self.young.contains_key(key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.clone(), known);
    }
}

/// The stamps of a store's rows. Free for all threads.
#[derive(Default)]
pub(super) struct Stamps {
    memory: Mutex<Memory>,
}

impl Stamps {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called before a row is read without a lock.
    pub fn before(&self, key: &Key) -> Before {
        Before(self.memory().get(key))
    }

    /// The stamp of a row that was read without a lock. `known` is what the caller holds; `now` is its time.
    pub fn seen(&self, key: &Key, content: Content, before: Before, known: Option<Stamp>, now: Time) -> Seen {
        let mut memory = self.memory();
        let mut is = memory.get(key);
        if let Some(stamp) = is.stamp_of(content) {
            if is.attempt.is_some_and(|attempt| attempt.content == content) {
                memory.set(key, Known { current: is.attempt, attempt: None, ..is });
            }
            return Seen::Stamp(stamp);
        }
        if is.version != before.0.version {
            // What was known before the read is an old state, and no news; anything else may be older or newer.
            return before.0.stamp_of(content).map_or(Seen::Again, Seen::Stamp);
        }
        let stamp = match known {
            Some(known) if known.writer == content.writer() && known.revision >= is.last_revision() => known,
            _ => {
                let held = known.map_or(0, |known| known.revision);
                let timed = FIRST_REVISION + now.0.saturating_sub(EPOCH_MS) * PER_MS;
                let revision = is.last_revision().max(held).saturating_add(1).max(timed);
                Stamp { revision: revision.min(Stamp::REVISION_LIMIT - 1), writer: content.writer() }
            }
        };
        // A commit under way is over: it can't have left this state, nor come after it, since it compares under a lock.
        is.current = Some(State { content, stamp });
        is.attempt = None;
        memory.set(key, is);
        Seen::Stamp(stamp)
    }

    /// Whether a row that is read under a lock is in the state `base`.
    pub fn is(&self, key: &Key, content: Content, base: Stamp) -> bool {
        let known = self.memory().get(key);
        let is_state = |state: State| state.content == content && state.stamp == base;
        known.current.is_some_and(is_state) || known.attempt.is_some_and(is_state) || base.writer == content.writer()
    }

    /// To be called before a commit is sent that leaves `content` as the state `stamp`.
    pub fn attempt(&self, key: &Key, content: Content, stamp: Stamp) {
        let mut memory = self.memory();
        let known = Known { attempt: Some(State { content, stamp }), ..memory.get(key) };
        memory.set(key, known);
    }

    /// The commit that left the state `stamp` is done.
    pub fn done(&self, key: &Key, stamp: Stamp) {
        let mut memory = self.memory();
        let known = memory.get(key);
        if known.attempt.is_some_and(|attempt| attempt.stamp == stamp) {
            memory.set(key, Known { current: known.attempt, attempt: None, ..known });
        }
    }
}
