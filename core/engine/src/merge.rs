//! Laying our changes over a row that someone else wrote: field by field.

use crate::block::Block;
use crate::bugs::Bug;
use crate::engine::Engine;
use crate::entry::{Attributes, Live, Slot};
use crate::load_reply::Asking;
use crate::op::Answer;
use crate::pending::{Pending, Status, Touched};
use crate::record::Record;
use crate::rules::Rules;
use crate::time::Time;
use crate::value::ValueRef;
use core::hash::BuildHasher;
use std::sync::Arc;

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Takes `record` as the new base and lays what is not committed over it. A later commit wins; where it
    /// overwrites what someone else changed since, that is reported. Equal values need no write.
    pub(crate) fn rebase(&mut self, now: Time, slot: Slot, record: Record, asking: Asking) {
        let limit = asking.store_now + self.config.clock_error_ms;
        let Some(live) = self.slots[slot].live_mut() else { return };
        live.checked(asking);
        live.drop_settling_attempt(now);
        let ours = live.unsettled_changes();
        let base = live.pending.as_deref().map(Pending::known_content);
        let went_back = live.pending.as_mut().is_some_and(|pending| core::mem::take(&mut pending.went_back));
        let Some((base_block, base_attributes)) = base else {
            live.adopt_record(&record, limit);
            return;
        };
        let (mut keep, overwritten) = self.kept_fields(slot, &ours, &base_block, &record.block);
        let principal_conflict = ours.principal
            && !went_back
            && self.is_principal_conflict(slot, Attributes::principal_of(base_attributes.as_ref()), &record);
        if principal_conflict {
            keep.principal = false;
        }
        self.lay_together(slot, record, &ours, &keep, limit);
        if !went_back && !self.bug(Bug::SilentOverwrite) {
            self.overwrote(slot, overwritten);
        }
        if principal_conflict {
            self.answer_principal_conflict(slot);
        }
        self.recheck_condition(slot);
    }

    /// Which of our changes still have to be written over `theirs`, and how many of them someone else changed too.
    fn kept_fields(&self, slot: Slot, ours: &Touched, base: &Block, theirs: &Block) -> (Touched, u32) {
        let mut keep = Touched { principal: ours.principal, meta: ours.meta, idle: ours.idle, ..Touched::default() };
        let mut overwritten = 0;
        if self.bug(Bug::LoseFieldsOnConflict) {
            return (keep, 0);
        }
        let Some(live) = self.live(slot) else { return (keep, 0) };
        for name in &ours.fields {
            let (our, their) = (live.block.get(name), theirs.get(name));
            if our == their {
                continue;
            }
            keep.add_field(name);
            if !self.same_field(their, base.get(name)) && !self.same_field(their, our) {
                overwritten += 1;
            }
        }
        (keep, overwritten)
    }

    fn is_principal_conflict(&self, slot: Slot, base: Option<&std::sync::Arc<str>>, record: &Record) -> bool {
        if self.bug(Bug::PrincipalLaidOver) {
            return false;
        }
        let our = self.live(slot).and_then(|live| Attributes::principal_of(live.attributes.as_ref()));
        let their = record.principal.as_ref();
        their != base && their != our
    }

    fn lay_together(&mut self, slot: Slot, record: Record, ours: &Touched, keep: &Touched, limit: Time) {
        let overwrite = self.bug(Bug::OverwriteOnConflict);
        let Some(live) = self.slots[slot].live_mut() else { return };
        let mut changes = keep.changes_from(&live.block);
        changes.principal = keep.principal.then(|| Attributes::principal_of(live.attributes.as_ref()).cloned());
        changes.meta = keep.meta.then(|| Attributes::meta_of(live.attributes.as_ref()).cloned());
        changes.idle_ms = keep.idle.then_some(live.idle_ms);
        let block = if overwrite { live.block.clone() } else { record.block.with(&changes) };
        let in_flight = live.pending.as_ref().is_some_and(|pending| pending.attempt.is_some());
        live.adopt_record(&record, limit);
        live.block = block;
        live.set_beside(&changes);
        if let Some(pending) = &mut live.pending {
            pending.stored_block = record.block;
            pending.stored_attributes = Attributes::boxed(record.principal, record.meta);
            if in_flight {
                pending.dirty.principal &= keep.principal;
            } else {
                pending.dirty = keep.clone();
            }
            if ours.is_empty() || (pending.dirty.is_empty() && !in_flight) {
                pending.first = Time::NEVER;
                pending.last = Time::NEVER;
            }
        }
    }

    fn answer_principal_conflict(&mut self, slot: Slot) {
        let Some(pending) = self.slots[slot].pending_mut() else { return };
        let waiters: Vec<_> = pending.waiters.extract_if(.., |waiter| waiter.principal).collect();
        for waiter in waiters {
            self.answer(waiter.ask, Answer::Conflict);
        }
    }

    /// A change with a condition is looked at again over the row that was just read.
    fn recheck_condition(&mut self, slot: Slot) {
        let Some(pending) = self.slots[slot].pending() else { return };
        let Some(condition) = &pending.condition else { return };
        let in_flight = pending.attempt.as_ref().is_some_and(|attempt| attempt.conditional);
        if in_flight || self.is_unchanged(slot, &condition.changes, &condition.shown) {
            self.queue_save(slot);
            return;
        }
        if let Some(condition) = self.slots[slot].pending_mut().and_then(|pending| pending.condition.take()) {
            self.answer(condition.ask, Answer::Conflict);
        }
    }

    /// The same before it is sent: a change of this bag's own may have come since.
    pub(crate) fn recheck_unsent_condition(&mut self, slot: Slot) {
        let Some(condition) = self.slots[slot].pending().and_then(|pending| pending.condition.as_ref()) else { return };
        if self.bug(Bug::ConditionLaidOver) || self.is_unchanged(slot, &condition.changes, &condition.shown) {
            return;
        }
        if let Some(condition) = self.slots[slot].pending_mut().and_then(|pending| pending.condition.take()) {
            self.answer(condition.ask, Answer::Conflict);
        }
    }

    pub(crate) fn same_field(&self, a: Option<ValueRef<'_>>, b: Option<ValueRef<'_>>) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => a == b || self.rules.same(a, b),
            _ => false,
        }
    }
}

impl Pending {
    /// The last content that the store is known to have had: what changed since is someone else's doing.
    fn known_content(&self) -> (Block, Option<Arc<Attributes>>) {
        match self.attempt.as_ref().filter(|attempt| attempt.landed).and_then(|attempt| attempt.write.record()) {
            Some(record) => (record.block.clone(), Attributes::boxed(record.principal.clone(), record.meta.clone())),
            None => (self.stored_block.clone(), self.stored_attributes.clone()),
        }
    }
}

impl Live {
    /// An attempt that was to be settled by reading has not landed: what it would have changed is dirty again.
    fn drop_settling_attempt(&mut self, now: Time) {
        let Some(pending) = &mut self.pending else { return };
        let Some(attempt) = pending.attempt.take_if(|attempt| !matches!(attempt.status, Status::Sent(_))) else { return };
        if !attempt.conditional {
            pending.take_back(&attempt, now);
            pending.urgent = true;
        }
    }

    /// All that is changed here and not known to be committed.
    fn unsettled_changes(&self) -> Touched {
        let Some(pending) = &self.pending else { return Touched::default() };
        let mut ours = pending.dirty.clone();
        if let Some(attempt) = pending.attempt.as_ref().filter(|attempt| !attempt.conditional && !attempt.landed) {
            ours.add(&attempt.touched);
        }
        ours
    }

    /// Takes over all that a row says.
    fn adopt_record(&mut self, record: &Record, accessed_limit: Time) {
        self.block = record.block.clone();
        self.attributes = Attributes::boxed(record.principal.clone(), record.meta.clone());
        self.set_base(Some(record.stamp));
        self.created = record.created;
        self.deadline = record.deadline;
        self.idle_ms = record.idle_ms;
        self.stored_use(record.accessed.min(accessed_limit));
    }
}
