//! What is said to a store and what it answers: plain data, nothing borrowed from a connection.
//!
//! The same verbs are a Rust trait, a C callback table and a TypeScript interface, and may become a wire protocol.

use crate::id::Key;
use crate::record::Record;
use crate::stamp::{Stamp, Writer};
use crate::time::Time;
use std::sync::Arc;

/// Why a session ended, or a row is dead. The numbers are what tables hold; they are never reused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The application destroyed it (a logout).
    Destroyed = 1,
    /// Its id was replaced by a rotation; the session goes on under a successor.
    Rotated = 2,
    /// It was ended with all sessions of its principal.
    Principal = 3,
    /// It lay unused for longer than its idle limit.
    Idle = 4,
    /// It reached its deadline.
    Deadline = 5,
    /// The store no longer has it: swept, or removed by someone else.
    Gone = 6,
}

impl Reason {
    /// The reason that a table's number stands for; an unknown number (of a newer version) reads as `Destroyed`.
    pub fn from_number(number: u8) -> Self {
        match number {
            2 => Self::Rotated,
            3 => Self::Principal,
            4 => Self::Idle,
            5 => Self::Deadline,
            6 => Self::Gone,
            _ => Self::Destroyed,
        }
    }
}

/// One session to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub key: Key,
    /// The stamp of the copy already held; if the row still has it, the answer is [`Loaded::Same`].
    pub known: Option<Stamp>,
}

/// What a store has under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// The row has the known stamp; only `accessed` may have moved.
    Same {
        /// When the session was last used, as the row says.
        accessed: Time,
    },
    /// A live row.
    Row(Record),
    /// The key is the old id of a rotated session and still in its grace: the successor's content, to read only.
    Alias(Record),
    /// There is no row.
    Absent,
    /// There is a dead row.
    Dead {
        /// Why.
        reason: Reason,
        /// Where the session goes on, if it was rotated.
        successor: Option<Key>,
    },
    /// There is a row, but it can't be read; it is left as it is.
    Corrupt(Arc<str>),
}

/// One write. `key` says to which row.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The row.
    pub key: Key,
    /// What to do with it.
    pub kind: WriteKind,
}

/// The six kinds of write.
#[derive(Clone, Debug, PartialEq)]
pub enum WriteKind {
    /// Insert if there is no row, live or dead. A row in the way: [`Verdict::Exists`] (live), [`Verdict::Gone`] (dead).
    Create {
        /// The new row; `record.stamp` is the stamp it gets.
        record: Record,
    },
    /// Replace the row if it is live and carries `base`. Other stamp: [`Verdict::Conflict`]; dead, alias or no row:
    /// [`Verdict::Gone`]. `accessed` is set to the larger of row and record.
    Update {
        /// The stamp on which the new content is based.
        base: Stamp,
        /// The whole row after the update.
        record: Record,
        /// The fields that differ from the base, sorted; for layouts that merge per field.
        changed: Arc<[Box<str>]>,
    },
    /// Set `accessed` to the larger of row and value, and `expires` from the row's own limits. The stamp stays. Hits
    /// live rows only; otherwise [`Verdict::Gone`].
    Touch {
        /// When the session was last used.
        accessed: Time,
    },
    /// Leave a dead row, whatever was there, even if nothing was; it drops data, meta and principal. A rotated row or
    /// an alias is followed to its successors, which die too. Always [`Verdict::Done`], naming all keys killed;
    /// repeating it is harmless.
    Destroy {
        /// Why.
        reason: Reason,
        /// Who.
        writer: Writer,
        /// When the dead row may be swept.
        until: Time,
    },
    /// Rotate: in one transaction insert the row `to` and leave the old row dead (reason rotated) or an alias, with
    /// `to` as successor. With a base the old row must be live and carry it ([`Verdict::Conflict`], [`Verdict::Gone`]);
    /// without one there must be no old row, and a dead one is planted. A row under `to`: [`Verdict::Exists`].
    /// `accessed` is set to the larger of the old row and the record.
    Rename {
        /// The stamp of the old row; none if it was never stored.
        base: Option<Stamp>,
        /// The new key.
        to: Key,
        /// The new row.
        record: Record,
        /// Until when the old id reads the content as an alias; [`Time::ZERO`] for no grace.
        alias_until: Time,
        /// When the old row may be swept.
        until: Time,
    },
    /// Make the row dead if it is live, carries `base` and its `accessed + idle` or deadline is not after `before`.
    /// Whoever gets [`Verdict::Done`] has claimed the expired session. Otherwise [`Verdict::Conflict`] or
    /// [`Verdict::Gone`].
    Expire {
        /// The stamp of the content that is claimed.
        base: Stamp,
        /// The row must have expired by then.
        before: Time,
        /// Idle or deadline.
        reason: Reason,
        /// Who.
        writer: Writer,
        /// When the dead row may be swept.
        until: Time,
    },
}

impl Write {
    /// The new row that the write carries, if it carries one.
    pub fn record(&self) -> Option<&Record> {
        match &self.kind {
            WriteKind::Create { record } | WriteKind::Update { record, .. } | WriteKind::Rename { record, .. } => Some(record),
            WriteKind::Touch { .. } | WriteKind::Destroy { .. } | WriteKind::Expire { .. } => None,
        }
    }

    /// Bytes that the write takes in a batch, roughly.
    pub fn size(&self) -> usize {
        128 + self.record().map_or(0, Record::size)
    }
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is committed.
    Done {
        /// The keys that a [`WriteKind::Destroy`] killed, its own included; empty for the other kinds.
        killed: Vec<Key>,
    },
    /// It was surely not applied, and may be tried again.
    NotDone,
    /// A live row is in the way of an insert.
    Exists,
    /// The row is live, but carries another stamp than the base.
    Conflict,
    /// The row is dead, an alias, or not there.
    Gone,
    /// This row can't be written, and trying again won't help (too large, bad charset). The text says why.
    Rejected(Arc<str>),
    /// It may or may not have been applied.
    Unknown,
}

impl Verdict {
    /// Committed, nothing killed.
    pub const DONE: Self = Self::Done { killed: Vec::new() };
}

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Live rows removed because they had expired.
    pub expired: u32,
    /// Dead rows removed because their time was over.
    pub dead: u32,
    /// The keys of the expired ones.
    pub keys: Vec<Key>,
    /// Whether the limit was reached, so that more may be waiting.
    pub more: bool,
}

/// One session of a principal, as [`Loaded`] rows are not needed to list it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// When it began.
    pub created: Time,
    /// When it was last used, as the row says.
    pub accessed: Time,
    /// When it expires, as the row says.
    pub expires: Time,
    /// The host's text.
    pub meta: Option<Arc<str>>,
}

/// Why a whole call to a store failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What to do about it.
    pub kind: FaultKind,
    /// What happened, to which thing, and what to do; no id, no secret.
    pub message: Arc<str>,
}

/// The kinds of fault. All mean *unknown* for a commit: what was sent may have been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Busy, locked, a deadlock, a time-out: try again.
    Transient,
    /// The store can't be reached.
    Unreachable,
    /// No space is left.
    Full,
    /// Wrong rights, a read-only server, a table of another shape: someone must change something.
    Config,
    /// The store itself is damaged.
    Corrupt,
    /// The store does not know this verb.
    Unsupported,
    /// A defect in the store's own code (a panic).
    Internal,
}

impl Fault {
    /// Makes a fault.
    pub fn new(kind: FaultKind, message: impl Into<Arc<str>>) -> Self {
        Self { kind, message: message.into() }
    }
}
