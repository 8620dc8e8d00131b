//! Sessions that this bag ended: a table without dead rows can't tell a late create that its session is over.

use holdall_engine::{Key, Reason, Time};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many are remembered at least, and at most twice as many.
const REMEMBERED: usize = 65_536;

/// One that ended.
#[derive(Clone, Debug)]
struct Grave {
    reason: Reason,
    /// Where the session went on.
    successor: Option<Key>,
    at: Time,
    until: Time,
}

#[derive(Default)]
struct Memory {
    young: HashMap<Key, Grave>,
    old: HashMap<Key, Grave>,
}

impl Memory {
    fn get(&self, key: &Key) -> Option<&Grave> {
        self.young.get(key).or_else(|| self.old.get(key))
    }
}

/// What this bag ended, for as long as a dead row would stay. Free for all threads.
#[derive(Default)]
pub(super) struct Graves {
    memory: Mutex<Memory>,
}

impl Graves {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a session ended at `at`.
    pub fn dig(&self, key: &Key, reason: Reason, successor: Option<Key>, at: Time, until: Time) {
        let mut memory = self.memory();
        let mut grave = Grave { reason, successor, at, until };
        if let Some(earlier) = memory.get(key) {
            grave.until = grave.until.max(earlier.until);
            grave.successor = grave.successor.or_else(|| earlier.successor.clone());
        }
        if memory.young.len() >= REMEMBERED && !memory.young.contains_key(key) {
            memory.old = std::mem::take(&mut memory.young);
        }
        memory.young.insert(key.clone(), grave);
    }

    /// Whether a session that began at `created` may not come up under this key: it is the one that ended, or an older
    /// one. A host that uses an id again after a logout begins a later session. An id that was rotated stays dead.
    pub fn forbids(&self, key: &Key, created: Time, now: Time) -> bool {
        let memory = self.memory();
        let grave = memory.get(key).filter(|grave| now < grave.until);
        grave.is_some_and(|grave| grave.reason == Reason::Rotated || created <= grave.at)
    }

    /// The keys to which a session went on from `key`, the last at the end.
    pub fn successors(&self, key: &Key) -> Vec<Key> {
        let memory = self.memory();
        let mut seen = BTreeSet::from([key.clone()]);
        let mut chain = Vec::new();
        let mut next = memory.get(key).and_then(|grave| grave.successor.clone());
        while let Some(key) = next.take().filter(|key| seen.insert(key.clone())) {
            next = memory.get(&key).and_then(|grave| grave.successor.clone());
            chain.push(key);
        }
        chain
    }
}
