//! What the engine reports without being asked.

use crate::id::Key;
use crate::record::Record;
use crate::time::Time;
use crate::verbs::{Fault, Reason};

/// Something that happened. Events carry keys, never ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new session is in the store.
    Created {
        /// Which.
        key: Key,
    },
    /// A session expired. With `claim_expired` each is reported once, with its last content.
    Expired {
        /// Which.
        key: Key,
        /// Idle or deadline.
        reason: Reason,
        /// Its last content, if it was claimed.
        last: Option<Box<Record>>,
    },
    /// Fields that someone else had changed meanwhile were overwritten by the later change.
    Overwrote {
        /// Which session.
        key: Key,
        /// How many fields.
        fields: u32,
    },
    /// A session ended (destroyed or rotated elsewhere, expired, gone) while changes waited; they are lost.
    ChangesLost {
        /// Which session.
        key: Key,
        /// How many fields.
        fields: u32,
        /// Why it ended.
        reason: Reason,
    },
    /// The store had an older state of a session than was known: it went back (a fail-over, a restore).
    WentBack {
        /// Which session.
        key: Key,
        /// The revision that was known.
        known: u64,
        /// The revision that the store has.
        found: u64,
    },
    /// A session's row can't be written; it is kept in memory and others are not held up.
    Quarantined {
        /// Which session.
        key: Key,
        /// Why.
        why: std::sync::Arc<str>,
    },
    /// A create whose outcome stayed unknown for too long was not found in the store, and is not tried again.
    CreateLost {
        /// Which session.
        key: Key,
    },
    /// The store began to fail.
    Degraded {
        /// How.
        fault: Fault,
    },
    /// The store works again.
    Recovered {
        /// For how long it failed, in milliseconds.
        after_ms: u64,
    },
    /// A sweep came to its end.
    Swept {
        /// Expired rows removed.
        expired: u64,
        /// Dead rows removed.
        dead: u64,
        /// When it began.
        began: Time,
    },
    /// Events were dropped because nobody polled them.
    Dropped {
        /// How many.
        events: u64,
    },
}
