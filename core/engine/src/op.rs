//! What the engine wants done, and what it is told came of it.

use crate::id::Key;
use crate::time::Time;
use crate::verbs::{Fault, Listed, Loaded, Swept, Verdict, Wanted, Write};
use std::sync::Arc;

/// Names an op; never used twice by one engine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OpId(pub u64);

/// Ops come in lanes, so that one that hangs can't hold up another kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Loads: somebody is waiting.
    Loads,
    /// Commits of creates, updates, touches and renames.
    Saves,
    /// Commits of destroys and claims of expired sessions. Needs a connection of its own.
    Ends,
    /// Sweeps and lists.
    Care,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 4] = [Self::Loads, Self::Saves, Self::Ends, Self::Care];
}

/// How much still fits into a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Rows.
    pub rows: usize,
    /// Bytes.
    pub bytes: usize,
}

/// One piece of work for the store.
#[derive(Clone, Debug)]
pub struct Op {
    /// Names it in the reply.
    pub id: OpId,
    /// What to do.
    pub kind: OpKind,
}

/// The kinds of work.
#[derive(Clone, Debug)]
pub enum OpKind {
    /// Load these sessions, in one snapshot.
    Load(Vec<Wanted>),
    /// Commit these writes in one transaction.
    Commit(Vec<Write>),
    /// Remove expired and dead rows.
    Sweep {
        /// Live rows that expired by then.
        before: Time,
        /// At most so many.
        limit: u32,
    },
    /// Name live rows that have expired, so that each can be claimed. Only with `claim_expired`.
    Due {
        /// Expired by then.
        before: Time,
        /// At most so many.
        limit: u32,
    },
    /// List a principal's sessions.
    List {
        /// Whose.
        principal: Arc<str>,
    },
}

/// What came of an op. Each op gets exactly one.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Of a load: one answer per wanted session, in order, and the store's time.
    Loaded {
        /// The answers.
        rows: Vec<Loaded>,
        /// The store's time.
        now: Time,
    },
    /// Of a commit: one verdict per write, in order.
    Committed(Vec<Verdict>),
    /// Of a sweep.
    Swept(Swept),
    /// Of [`OpKind::Due`]: the keys.
    Due(Vec<Key>),
    /// Of a sweep or [`OpKind::Due`]: another server sweeps this table, so nothing was done.
    Yielded,
    /// Of a list.
    Listed(Vec<Listed>),
    /// The call failed. For a commit: every write may or may not have been applied.
    Failed(Fault),
}

/// Names something that a caller waits for; never used twice by one engine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ask(pub u64);

/// How a wait ended. Each ask gets exactly one, unless the driver stops waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The change is committed; the session's revision is this.
    Stored {
        /// For tickets.
        revision: u64,
    },
    /// The session has ended; the change is gone with it.
    Ended(crate::verbs::Reason),
    /// A field or the principal was changed by someone else meanwhile; nothing was changed.
    Conflict,
    /// The store can't take this session's content. It stays in memory, unsaved; the text says why.
    Rejected(Arc<str>),
    /// A change with a condition may or may not have been applied; it will not be tried again.
    Unknown,
    /// The id of a new session is taken.
    Exists,
    /// A destroy, or the destroy of a principal's sessions, is committed everywhere.
    Destroyed {
        /// How many rows were ended.
        sessions: u32,
    },
    /// The store can't do this at all.
    Unsupported(Arc<str>),
}
