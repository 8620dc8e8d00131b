//! What is held about one id.

use crate::block::Block;
use crate::id::{Id, Key};
use crate::op::{Ask, OpId};
use crate::pending::Pending;
use crate::record::Record;
use crate::rules::Rules;
use crate::stamp::{Stamp, Writer};
use crate::time::Time;
use crate::verbs::{Fault, Reason};
use std::sync::Arc;

/// Where an entry lies. Slots are used again, but never while an op refers to one.
pub(crate) type Slot = u32;

/// One id, and what is known about it.
///
/// What an open from memory reads and writes comes first, on two neighbouring cache lines: among 100,000 sessions
/// each line that is touched costs a trip to main memory.
#[repr(C, align(128))]
pub(crate) struct Entry {
    /// Ops in flight that refer to this slot; it is not freed before they are answered.
    pub outstanding: u32,
    /// Used since the eviction's hand passed.
    pub visited: bool,
    /// Waits in the queue of writes.
    pub queued: bool,
    /// Waits in the queue of loads.
    pub load_queued: bool,
    /// `name` is a key: another's session that is being destroyed, whose id is not known.
    key_only: bool,
    /// Last use here, for `keep`.
    pub used: Time,
    /// The raw id. The key is not held beside it: that would take 40 bytes, and it is made again in the time of one SHA-256
    /// when the store is asked.
    name: Id,
    pub state: State,
    /// The earliest wake-up in the timers.
    pub timer: Time,
    /// The one load in flight.
    pub load: Option<Box<Loading>>,
    /// The last load that failed, for those who waited for it.
    pub failed: Option<Box<Failed>>,
    /// The sequence number at the last reply or verdict that counted (rule 5 of the contract).
    pub accepted: u64,
    /// Bytes accounted for this entry.
    pub cost: u32,
    /// Whether they are counted as unsaved.
    pub counted_unsaved: bool,
    /// Counted among the quarantined.
    pub counted_quarantined: bool,
}

// Four cache lines. With half a line more, 100,000 sessions would take 6.4 MB more.
const _: () = assert!(size_of::<Option<Entry>>() <= 256);

pub(crate) struct Loading {
    pub sent_seq: u64,
    pub sent_at: Time,
}

pub(crate) struct Failed {
    pub seq: u64,
    pub fault: Fault,
}

#[repr(u8)]
pub(crate) enum State {
    /// Nothing is known yet, or no longer.
    Unknown,
    /// The store had nothing, asked at `seq`.
    Absent { seq: u64, at: Time },
    /// The old id of a rotated session in its grace: handed once to those who asked for it, never cached.
    Alias { seq: u64, record: Box<Record> },
    /// A session.
    Live(Live),
    /// It ended.
    Dead(Box<Dead>),
    /// It goes on under another slot; the rename is not settled yet.
    Moved(Slot),
}

/// A session in memory. The order of the fields is that of [`Entry`]'s: what an open needs first.
#[repr(C)]
pub(crate) struct Live {
    pub block: Block,
    /// The last use that is known.
    pub accessed: Time,
    /// The first use that the row lacks; [`Time::NEVER`] if none.
    pub unwritten_use: Time,
    pub deadline: Time,
    pub idle_ms: u64,
    /// The revision of the last committed state that is known; [`UNSTORED`] if the session was never stored.
    base_revision: u64,
    pub attributes: Option<Arc<Attributes>>,
    /// Who wrote that state.
    base_writer: Writer,
    pub created: Time,
    /// A ticket asked for more than the store has: that revision, and until when it is not asked for again.
    pub ticket_excess: Option<Box<(u64, Time)>>,
    /// Everything about changes that are not known to be committed.
    pub pending: Option<Box<Pending>>,
    /// When and at which sequence number the last check that counted was sent.
    pub checked_at: Time,
    pub checked_seq: u64,
    /// The last use that the row has.
    pub accessed_stored: Time,
    /// Counts the changes applied here.
    pub version: u64,
    /// The last version that is committed.
    pub version_stored: u64,
    /// Whether `accessed` is a use by this bag since the load, so that no later one can be on its way in `single`.
    pub used_here: bool,
}

/// In place of a revision: nothing is stored. Real ones stay below [`Stamp::REVISION_LIMIT`].
const UNSTORED: u64 = u64::MAX;

/// What lies beside the fields in a row.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Whose session it is.
    pub principal: Option<Arc<str>>,
    /// The host's text for lists.
    pub meta: Option<Arc<str>>,
}

impl Attributes {
    pub(crate) fn boxed(principal: Option<Arc<str>>, meta: Option<Arc<str>>) -> Option<Arc<Self>> {
        (principal.is_some() || meta.is_some()).then(|| Arc::new(Self { principal, meta }))
    }

    pub(crate) fn principal_of(attributes: Option<&Arc<Self>>) -> Option<&Arc<str>> {
        attributes.and_then(|attributes| attributes.principal.as_ref())
    }

    pub(crate) fn meta_of(attributes: Option<&Arc<Self>>) -> Option<&Arc<str>> {
        attributes.and_then(|attributes| attributes.meta.as_ref())
    }
}

/// A session that ended: the tombstone.
pub(crate) struct Dead {
    pub reason: Reason,
    /// When the tombstone may leave memory, if nothing is unsettled.
    pub until: Time,
    /// The destroy that is not confirmed.
    pub destroying: Option<Destroying>,
    /// The other id, where a rotation that was not settled was destroyed: both rows have to die.
    pub twin: Option<Key>,
}

pub(crate) struct Destroying {
    pub reason: Reason,
    pub writer: Writer,
    pub row_until: Time,
    pub sent: Option<OpId>,
    pub waiters: Vec<Ask>,
    /// A claim of an expired session instead of a destroy.
    pub claim: Option<Box<Record>>,
    pub since: Time,
}

impl Entry {
    /// An entry of which only the key is known.
    pub(crate) fn new(key: &Key, now: Time) -> Self {
        Self {
            key_only: true,
            name: Id::new(key.as_bytes()),
            state: State::Unknown,
            load: None,
            failed: None,
            accepted: 0,
            outstanding: 0,
            timer: Time::NEVER,
            used: now,
            visited: false,
            queued: false,
            load_queued: false,
            cost: 0,
            counted_unsaved: false,
            counted_quarantined: false,
        }
    }

    /// The raw id; none where only the key is known.
    #[inline]
    pub(crate) fn id(&self) -> Option<&Id> {
        if self.key_only { None } else { Some(&self.name) }
    }

    /// The id is known from now on.
    pub(crate) fn set_id(&mut self, id: &[u8]) {
        self.key_only = false;
        self.name = Id::new(id);
    }

    /// Where the store holds the session.
    pub(crate) fn key<R: Rules>(&self, rules: &R) -> Key {
        if self.key_only { Key::new(self.name.as_bytes()) } else { rules.key(self.name.as_bytes()) }
    }

    /// Heap bytes of the name, beyond the value itself.
    pub(crate) fn name_heap_bytes(&self) -> usize {
        self.name.heap_bytes()
    }

    /// Bytes accounted as unsaved.
    pub(crate) fn unsaved_cost(&self) -> usize {
        if self.counted_unsaved { self.cost as usize } else { 0 }
    }

    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.state {
            State::Live(live) => Some(live),
            _ => None,
        }
    }

    pub(crate) fn live_mut(&mut self) -> Option<&mut Live> {
        match &mut self.state {
            State::Live(live) => Some(live),
            _ => None,
        }
    }

    pub(crate) fn dead_mut(&mut self) -> Option<&mut Dead> {
        match &mut self.state {
            State::Dead(dead) => Some(dead),
            _ => None,
        }
    }

    pub(crate) fn pending(&self) -> Option<&Pending> {
        self.live()?.pending.as_deref()
    }

    pub(crate) fn pending_mut(&mut self) -> Option<&mut Pending> {
        self.live_mut()?.pending.as_deref_mut()
    }
}

impl Live {
    /// A session as it was just loaded.
    pub(crate) fn from_record(record: Record, checked_at: Time, checked_seq: u64) -> Self {
        Self {
            attributes: Attributes::boxed(record.principal, record.meta),
            block: record.block,
            base_revision: record.stamp.revision,
            base_writer: record.stamp.writer,
            created: record.created,
            deadline: record.deadline,
            idle_ms: record.idle_ms,
            accessed: record.accessed,
            accessed_stored: record.accessed,
            unwritten_use: Time::NEVER,
            used_here: false,
            checked_at,
            checked_seq,
            version: 0,
            version_stored: 0,
            ticket_excess: None,
            pending: None,
        }
    }

    /// A session that begins now and was never stored.
    pub(crate) fn new(now: Time, idle_ms: u64, deadline: Time, seq: u64) -> Self {
        Self {
            block: Block::empty(),
            accessed: now,
            unwritten_use: Time::NEVER,
            deadline,
            idle_ms,
            base_revision: UNSTORED,
            attributes: None,
            base_writer: Writer::default(),
            created: now,
            ticket_excess: None,
            pending: None,
            checked_at: now,
            checked_seq: seq,
            accessed_stored: Time::ZERO,
            version: 0,
            version_stored: 0,
            used_here: true,
        }
    }

    /// The last committed state that is known; none if the session was never stored.
    pub(crate) fn base(&self) -> Option<Stamp> {
        let stored = self.base_revision != UNSTORED;
        stored.then_some(Stamp { revision: self.base_revision, writer: self.base_writer })
    }

    pub(crate) fn set_base(&mut self, base: Option<Stamp>) {
        self.base_revision = base.map_or(UNSTORED, |base| base.revision);
        self.base_writer = base.map(|base| base.writer).unwrap_or_default();
    }

    /// The row that holds the session as it is now.
    pub(crate) fn to_record(&self, stamp: Stamp) -> Record {
        let attributes = self.attributes.as_ref();
        Record {
            stamp,
            created: self.created,
            accessed: self.accessed,
            idle_ms: self.idle_ms,
            deadline: self.deadline,
            principal: Attributes::principal_of(attributes).cloned(),
            meta: Attributes::meta_of(attributes).cloned(),
            block: self.block.clone(),
        }
    }

    /// The pending part, made if there is none.
    pub(crate) fn pending_or_new(&mut self) -> &mut Pending {
        let Self { pending, block, attributes, .. } = self;
        pending.get_or_insert_with(|| Box::new(Pending::new(block, attributes.as_ref())))
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| !pending.is_settled())
    }

    /// Whether the store was ever sent anything about this session.
    pub(crate) fn was_sent(&self) -> bool {
        self.base().is_some() || self.pending.as_ref().is_some_and(|pending| pending.attempt.is_some())
    }

    /// Records a use at `now`; answers whether it is the first that the row lacks.
    pub(crate) fn touch(&mut self, now: Time) -> bool {
        if now <= self.accessed {
            return false;
        }
        self.accessed = now;
        let first = self.unwritten_use == Time::NEVER;
        if first {
            self.unwritten_use = now;
            self.used_here = true;
        }
        first
    }

    /// The row is known to have this last use.
    pub(crate) fn stored_use(&mut self, accessed: Time) {
        self.accessed_stored = self.accessed_stored.max(accessed);
        if self.accessed <= self.accessed_stored {
            self.accessed = self.accessed_stored;
            self.unwritten_use = Time::NEVER;
        } else {
            self.unwritten_use = self.unwritten_use.max(accessed);
        }
    }
}
