//! Changes that the store is not known to have: what is dirty, the write under way, who waits.

use crate::block::Block;
use crate::change::{Changes, FieldChange};
use crate::entry::{Attributes, Slot};
use crate::id::Key;
use crate::op::{Ask, OpId};
use crate::stamp::Stamp;
use crate::time::Time;
use crate::verbs::{Write, WriteKind};
use std::sync::Arc;

/// What was changed, by name; the values are in the session's block.
#[derive(Clone, Default, Debug)]
pub(crate) struct Touched {
    /// Sorted, each once.
    pub fields: Vec<Box<str>>,
    pub principal: bool,
    pub meta: bool,
    pub idle: bool,
}

impl Touched {
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.principal && !self.meta && !self.idle
    }

    pub(crate) fn add_field(&mut self, name: &str) {
        if let Err(place) = self.fields.binary_search_by(|field| (**field).cmp(name)) {
            self.fields.insert(place, name.into());
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for name in &other.fields {
            self.add_field(name);
        }
        self.principal |= other.principal;
        self.meta |= other.meta;
        self.idle |= other.idle;
    }

    pub(crate) fn count(&self) -> u32 {
        self.fields.len() as u32 + u32::from(self.principal) + u32::from(self.meta) + u32::from(self.idle)
    }

    /// The changes, with the values that `block` has.
    pub(crate) fn changes_from(&self, block: &Block) -> Changes {
        let mut changes = Changes::new();
        for name in &self.fields {
            let change = block.get(name).map_or(FieldChange::Remove, |value| FieldChange::Set(value.to_value()));
            changes.put(name, change);
        }
        changes
    }
}

/// Changes that are not known to be committed.
#[allow(clippy::struct_excessive_bools, reason = "each says another thing, and all of them may be so at once")]
pub(crate) struct Pending {
    /// Changed since the last write was built.
    pub dirty: Touched,
    /// Times of the first and the last of these changes; [`Time::NEVER`] if there are none.
    pub first: Time,
    pub last: Time,
    /// Write at once: someone waits, or memory is short.
    pub urgent: bool,
    /// What the store is known to have: fields and attributes under the base.
    pub stored_block: Block,
    pub stored_attributes: Option<Arc<Attributes>>,
    /// The write in flight, or to be repeated, or to be settled by reading.
    pub attempt: Option<Attempt>,
    /// The rotation that is not settled.
    pub rename: Option<Rename>,
    /// A change with a condition, kept apart until it is settled.
    pub condition: Option<Box<Condition>>,
    /// Who waits for which version.
    pub waiters: Vec<Waiter>,
    /// The row can't be written; it waits for a change, a flush or the close.
    pub quarantined: bool,
    /// When a quarantined row is tried again by itself; [`Time::NEVER`] if the store said that it can't be written.
    pub retry_at: Time,
    /// The content was rejected; the principal alone is tried over the last committed content.
    pub principal_alone: bool,
    /// The store went back to an older row: ours is laid over it whole, and nobody's change is overwritten by that.
    pub went_back: bool,
    /// Batches with this write have failed so often.
    pub failures: u32,
    /// How many batches had been committed when it first failed alone.
    pub worked_before: u64,
    /// At most so many rows in a batch with this write, while a bad row is looked for.
    pub batch_limit: usize,
}

impl Pending {
    pub(crate) fn new(block: &Block, attributes: Option<&Arc<Attributes>>) -> Self {
        Self {
            dirty: Touched::default(),
            first: Time::NEVER,
            last: Time::NEVER,
            urgent: false,
            stored_block: block.clone(),
            stored_attributes: attributes.cloned(),
            attempt: None,
            rename: None,
            condition: None,
            waiters: Vec::new(),
            quarantined: false,
            retry_at: Time::NEVER,
            principal_alone: false,
            went_back: false,
            failures: 0,
            worked_before: 0,
            batch_limit: usize::MAX,
        }
    }

    /// Since when somebody may know the id under which the open attempt is to make the first row.
    pub(crate) fn began(&self) -> Option<Time> {
        match &self.attempt.as_ref()?.write.kind {
            WriteKind::Create { record } | WriteKind::Rename { base: None, record, .. } => Some(record.created),
            WriteKind::Rename { .. } => self.rename.as_ref().map(|rename| rename.began),
            _ => None,
        }
    }

    /// Whether nothing is left to do or to remember.
    pub(crate) fn is_settled(&self) -> bool {
        self.dirty.is_empty()
            && self.attempt.is_none()
            && self.rename.is_none()
            && self.condition.is_none()
            && self.waiters.is_empty()
    }
}

/// One write of a session, repeated byte for byte until its outcome is known.
pub(crate) struct Attempt {
    pub write: Write,
    pub status: Status,
    /// What it changes, and the session's version that it makes.
    pub touched: Touched,
    pub version: u64,
    /// The change with a condition travels with it.
    pub conditional: bool,
    /// A load has shown that it landed; the verdict is still to come.
    pub landed: bool,
    /// When it was first sent with an outcome that is unknown.
    pub unknown_since: Option<Time>,
    pub sent_at: Time,
    /// The sequence number of the last sending.
    pub sent_seq: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// In flight.
    Sent(OpId),
    /// To be sent again.
    Repeat,
    /// To be settled by reading the row.
    Settle,
}

impl Attempt {
    /// Whether it writes a principal over the last committed content, and nothing else.
    pub(crate) fn is_principal_alone(&self) -> bool {
        self.touched.principal && self.touched.count() == 1
    }

    /// The stamp of the row that the attempt would replace.
    pub(crate) fn base(&self) -> Option<Stamp> {
        match &self.write.kind {
            WriteKind::Update { base, .. } => Some(*base),
            WriteKind::Rename { base, .. } => *base,
            _ => None,
        }
    }

    /// The stamp that the row carries if exactly this attempt has landed.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.write.record().map(|record| record.stamp)
    }
}

/// A rotation that is not settled. The session lives under the new id; the old one points to it.
pub(crate) struct Rename {
    pub old_slot: Slot,
    pub old_key: Key,
    /// When the new id was given out.
    pub began: Time,
    pub alias_until: Time,
    /// The caller was told `pending`: from then on the old id is dead here.
    pub old_closed: bool,
    pub waiters: Vec<Ask>,
}

/// A change that is laid over only if the fields are still what the handle was shown.
pub(crate) struct Condition {
    pub changes: Changes,
    /// What the handle was shown.
    pub shown: Block,
    pub ask: Ask,
}

pub(crate) struct Waiter {
    pub version: u64,
    pub ask: Ask,
    /// It waits for a principal: a conflict there is its answer.
    pub principal: bool,
    /// It waits for nothing but a principal.
    pub principal_only: bool,
}
