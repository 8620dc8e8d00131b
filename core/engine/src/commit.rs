//! Building batches: what is written, and when.

use crate::bugs::Bug;
use crate::change::Changes;
use crate::engine::{Engine, Flight};
use crate::entry::{Attributes, Live, Slot};
use crate::op::{OpId, OpKind, Room};
use crate::pending::{Attempt, Pending, Status, Touched};
use crate::record::Record;
use crate::rules::Rules;
use crate::stamp::Stamp;
use crate::time::Time;
use crate::verbs::{Write, WriteKind};
use core::hash::BuildHasher;
use std::sync::Arc;

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// The next batch of creates, updates, touches and renames.
    pub(crate) fn next_saves(&mut self, now: Time, room: Room) -> Option<(OpKind, Flight)> {
        if !self.saves_retry.is_open(now) {
            return None;
        }
        let (mut writes, mut slots, mut old) = (Vec::new(), Vec::new(), Vec::new());
        let (mut bytes, mut limit) = (0, room.rows);
        while writes.len() < limit {
            let Some(slot) = self.saves.front().copied() else { break };
            let own_limit = self.slots[slot].pending().map_or(usize::MAX, |pending| pending.batch_limit);
            if !writes.is_empty() && own_limit <= writes.len() {
                break;
            }
            let Some(size) = self.prepare_write(now, slot) else {
                self.unqueue_front();
                continue;
            };
            if !writes.is_empty() && bytes + size > room.bytes {
                break;
            }
            self.unqueue_front();
            limit = limit.min(own_limit);
            bytes += size;
            writes.extend(self.prepared_write(slot));
            old.extend(self.old_slot_of_write(slot));
            slots.push(slot);
        }
        (!writes.is_empty()).then_some((OpKind::Commit(writes), Flight::Saves(slots, old)))
    }

    /// The slot of the old id, if the prepared write is its rotation.
    fn old_slot_of_write(&self, slot: Slot) -> Option<Slot> {
        let pending = self.slots[slot].pending()?;
        let (rename, attempt) = (pending.rename.as_ref()?, pending.attempt.as_ref()?);
        (rename.old_key == attempt.write.key).then_some(rename.old_slot)
    }

    pub(crate) fn release_old(&mut self, now: Time, old: &[Slot]) {
        for slot in old {
            self.slots[*slot].outstanding -= 1;
            self.wake(now, *slot);
        }
    }

    fn unqueue_front(&mut self) {
        if let Some(slot) = self.saves.pop_front() {
            self.slots[slot].queued = false;
        }
    }

    fn prepared_write(&self, slot: Slot) -> Option<Write> {
        let attempt = self.slots[slot].pending()?.attempt.as_ref()?;
        Some(attempt.write.clone())
    }

    /// Sees to it that the slot has a write to be sent now, and tells its size; none if there is nothing to send.
    fn prepare_write(&mut self, now: Time, slot: Slot) -> Option<usize> {
        let pending = self.slots[slot].pending();
        if pending.is_some_and(|pending| pending.quarantined) {
            return None;
        }
        let status = pending.and_then(|pending| pending.attempt.as_ref()).map(|attempt| attempt.status);
        match status {
            Some(Status::Sent(_)) if self.bug(Bug::TwoWritesInFlight) => self.build_attempt(now, slot),
            Some(Status::Sent(_)) => return None,
            Some(Status::Settle) => {
                self.queue_load(slot);
                return None;
            }
            Some(Status::Repeat) => {
                if self.is_too_late_to_repeat(now, slot) {
                    return None;
                }
                if self.bug(Bug::RetryWithNewContent) {
                    self.refresh_attempt(slot);
                }
            }
            None => {
                self.recheck_unsent_condition(slot);
                self.build_attempt(now, slot);
                if self.is_too_late_to_repeat(now, slot) {
                    return None;
                }
            }
        }
        self.slots[slot].pending().and_then(|pending| pending.attempt.as_ref()).map(|attempt| attempt.write.size())
    }

    /// Rule 12: a session that is not stored under its id half the life of a dead row after it got the id is settled by
    /// reading, since another server may have destroyed it, and the row that kept it dead may be swept before ours lands.
    /// Whatever kept it from being stored (an unknown outcome, a refusal, a bad row) makes no difference to that. Alone,
    /// only this bag destroys.
    fn is_too_late_to_repeat(&mut self, now: Time, slot: Slot) -> bool {
        if !self.is_shared() || self.bug(Bug::RetryCreateForever) {
            return false;
        }
        if !self.has_waited_too_long(now, slot) {
            return false;
        }
        if let Some(attempt) = self.slots[slot].pending_mut().and_then(|pending| pending.attempt.as_mut()) {
            attempt.status = Status::Settle;
        }
        self.queue_load(slot);
        true
    }

    /// Whether the row that would keep the session dead may be gone by the time the open attempt lands.
    pub(crate) fn has_waited_too_long(&self, now: Time, slot: Slot) -> bool {
        let began = self.slots[slot].pending().and_then(crate::pending::Pending::began);
        self.is_shared() && began.is_some_and(|began| now.since(began) >= self.config.dead_ms / 2)
    }

    fn build_attempt(&mut self, now: Time, slot: Slot) {
        let needs = match self.live(slot) {
            Some(live) => needs_write(live, now, self.config.touch_for(live.idle_ms)),
            None => Need::Nothing,
        };
        let never_touch = self.bug(Bug::NeverTouch);
        match needs {
            Need::Nothing => {
                self.forget_settled(slot);
                return;
            }
            Need::Touch if never_touch => return,
            Need::Touch => self.build_touch(slot),
            Need::Content => self.build_content(slot),
        }
        if self.bug(Bug::ClearDirtyOnSend)
            && let Some(live) = self.slots[slot].live_mut()
        {
            live.version_stored = live.version;
        }
        self.account(slot);
    }

    fn forget_settled(&mut self, slot: Slot) {
        if let Some(live) = self.slots[slot].live_mut()
            && live.pending.as_ref().is_some_and(|pending| pending.is_settled())
        {
            live.pending = None;
            self.account(slot);
        }
        self.answer_settled(slot);
    }

    fn build_touch(&mut self, slot: Slot) {
        let key = self.key_of(slot);
        let sent_seq = self.seq;
        let Some(live) = self.slots[slot].live_mut() else { return };
        let accessed = live.accessed;
        let version = live.version_stored;
        let write = Write { key, kind: WriteKind::Touch { accessed } };
        let pending = live.pending_or_new();
        pending.attempt = Some(Attempt::new(write, Touched::default(), version, false, sent_seq));
    }

    fn build_content(&mut self, slot: Slot) {
        let writer = self.new_writer();
        let first = self.first_stamp();
        let sent_seq = self.seq;
        let key = self.key_of(slot);
        let Some(live) = self.slots[slot].live_mut() else { return };
        let base = live.base();
        let stamp = base.map_or(Stamp { writer, ..first }, |base| base.next(writer));
        let (version, version_stored) = (live.version, live.version_stored);
        let Some(pending) = live.pending.as_deref_mut() else { return };
        let conditional = pending.condition.is_some() && pending.dirty.is_empty() && pending.rename.is_none();
        let alone = core::mem::take(&mut pending.principal_alone);
        let touched = take_touched(pending, conditional, alone);
        let mut record = live.to_record(stamp);
        let Some(pending) = live.pending.as_deref_mut() else { return };
        if alone {
            record.block = pending.stored_block.clone();
            record.meta = Attributes::meta_of(pending.stored_attributes.as_ref()).cloned();
        } else if let Some(condition) = pending.condition.as_ref().filter(|_| conditional) {
            lay_over_record(&mut record, &condition.changes);
        }
        let changed: Arc<[Box<str>]> = touched.fields.clone().into();
        let (target, kind) = match (&pending.rename, base) {
            (Some(rename), base) => {
                let (to, alias_until) = (key, rename.alias_until);
                let until = record.accessed + self.config.dead_ms;
                (rename.old_key.clone(), WriteKind::Rename { base, to, record, alias_until, until })
            }
            (None, Some(base)) => (key, WriteKind::Update { base, record, changed }),
            (None, None) => (key, WriteKind::Create { record }),
        };
        // A write that leaves changes out makes no new version.
        let version = if alone || conditional { version_stored } else { version };
        pending.attempt = Some(Attempt::new(Write { key: target, kind }, touched, version, conditional, sent_seq));
    }

    /// The planted fault of a retry that does not repeat byte for byte.
    fn refresh_attempt(&mut self, slot: Slot) {
        let Some(live) = self.slots[slot].live_mut() else { return };
        let block = live.block.clone();
        let version = live.version;
        let Some(attempt) = live.pending.as_mut().and_then(|pending| pending.attempt.as_mut()) else { return };
        attempt.version = version;
        if let WriteKind::Create { record } | WriteKind::Update { record, .. } = &mut attempt.write.kind {
            record.block = block;
        }
    }

    pub(crate) fn note_sent(&mut self, id: OpId, now: Time, kind: &OpKind, flight: &Flight) {
        match (kind, flight) {
            (_, Flight::Load(slots)) => self.note_load_sent(now, slots),
            (OpKind::Commit(writes), Flight::Saves(slots, old)) => {
                self.stats.batches += 1;
                self.stats.rows_sent += writes.len() as u64;
                self.note_saves_sent(id, now, slots);
                for slot in old {
                    self.slots[*slot].outstanding += 1;
                }
            }
            (OpKind::Commit(writes), Flight::Ends(slots)) => {
                self.stats.batches += 1;
                self.stats.rows_sent += writes.len() as u64;
                self.note_ends_sent(id, slots);
            }
            _ => {}
        }
        // An open that begins now began after this was sent: it may not take the reply for its own check.
        self.seq += 1;
    }

    fn note_saves_sent(&mut self, id: OpId, now: Time, slots: &[Slot]) {
        let sent_seq = self.seq;
        for slot in slots {
            let entry = &mut self.slots[*slot];
            entry.outstanding += 1;
            if let Some(attempt) = entry.pending_mut().and_then(|pending| pending.attempt.as_mut()) {
                attempt.status = Status::Sent(id);
                attempt.sent_at = now;
                attempt.sent_seq = sent_seq;
            }
        }
    }
}

impl Attempt {
    fn new(write: Write, touched: Touched, version: u64, conditional: bool, sent_seq: u64) -> Self {
        let status = Status::Repeat;
        let landed = false;
        Self { write, status, touched, version, conditional, landed, unknown_since: None, sent_at: Time::ZERO, sent_seq }
    }
}

/// What a session needs to have written.
enum Need {
    Nothing,
    Touch,
    Content,
}

fn needs_write(live: &Live, now: Time, touch_ms: u64) -> Need {
    let pending = live.pending.as_deref();
    let forced = pending.is_some_and(|pending| pending.urgent);
    if pending.is_some_and(|pending| pending.quarantined) {
        return Need::Nothing;
    }
    if pending.is_some_and(|pending| !pending.dirty.is_empty() || pending.rename.is_some() || pending.condition.is_some()) {
        return Need::Content;
    }
    let due = live.unwritten_use.is_set() && (forced || live.unwritten_use + touch_ms <= now);
    if due && live.base().is_some() { Need::Touch } else { Need::Nothing }
}

fn lay_over_record(record: &mut Record, changes: &Changes) {
    record.block = record.block.with(changes);
    if let Some(principal) = &changes.principal {
        record.principal.clone_from(principal);
    }
    if let Some(meta) = &changes.meta {
        record.meta.clone_from(meta);
    }
    record.idle_ms = changes.idle_ms.unwrap_or(record.idle_ms);
}

/// Takes what the next write changes out of what is dirty.
fn take_touched(pending: &mut Pending, conditional: bool, principal_alone: bool) -> Touched {
    if conditional {
        let mut touched = Touched::default();
        for (name, _) in pending.condition.iter().flat_map(|condition| condition.changes.fields()) {
            touched.add_field(name);
        }
        return touched;
    }
    if principal_alone {
        pending.dirty.principal = false;
        return Touched { principal: true, ..Touched::default() };
    }
    pending.first = Time::NEVER;
    pending.last = Time::NEVER;
    pending.urgent = pending.condition.is_some();
    core::mem::take(&mut pending.dirty)
}
