//! What became of a batch of saves.

use crate::bugs::Bug;
use crate::change::Changes;
use crate::engine::Engine;
use crate::entry::{Attributes, Live, Slot, State};
use crate::event::Event;
use crate::op::{Answer, OpId, Reply};
use crate::pending::{Attempt, Pending, Status, Waiter};
use crate::record::Record;
use crate::rules::Rules;
use crate::time::Time;
use crate::verbs::{Fault, FaultKind, Reason, Verdict, WriteKind};
use core::hash::BuildHasher;
use std::sync::Arc;

/// A write that fails alone so often, while others succeed, is set aside.
const FAILURES_ALONE: u32 = 3;
/// ... for so many times the longest back-off: it may have been bad luck.
const SET_ASIDE: u64 = 10;

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    pub(crate) fn on_saved(&mut self, now: Time, id: OpId, slots: &[Slot], reply: Reply) {
        let whole_batch_failed = !matches!(&reply, Reply::Committed(verdicts) if verdicts.len() == slots.len());
        let verdicts = match reply {
            Reply::Committed(verdicts) if verdicts.len() == slots.len() => verdicts,
            reply => {
                self.saves_failed(now, reply);
                vec![Verdict::Unknown; slots.len()]
            }
        };
        let answered = |verdict: &Verdict| !matches!(verdict, Verdict::Unknown | Verdict::NotDone);
        if verdicts.iter().any(answered) {
            self.store_works(now);
        } else if !whole_batch_failed && self.saves_retry.is_open(now) {
            self.saves_retry.failed(now, &self.config, &mut self.random);
        }
        for (slot, verdict) in slots.iter().zip(verdicts) {
            self.slots[*slot].outstanding -= 1;
            let at = self.resolve(*slot);
            if self.is_attempt_of(at, id) {
                if whole_batch_failed {
                    self.suspect(now, at, slots.len());
                }
                self.on_save_verdict(now, at, verdict);
            }
            self.wake(now, at);
            if at != *slot {
                self.wake(now, *slot);
            }
        }
    }

    fn is_attempt_of(&self, slot: Slot, id: OpId) -> bool {
        let attempt = self.slots[slot].pending().and_then(|pending| pending.attempt.as_ref());
        attempt.is_some_and(|attempt| attempt.status == Status::Sent(id))
    }

    /// A batch failed as a whole: one of its rows may be the cause, so the next batches with them are half as large.
    fn suspect(&mut self, now: Time, slot: Slot, rows: usize) {
        if self.bug(Bug::NeverBisect) {
            return;
        }
        let worked = self.saves_worked;
        let Some(pending) = self.slots[slot].pending_mut() else { return };
        pending.batch_limit = (rows / 2).max(1);
        if rows == 1 {
            pending.failures += 1;
        }
        if pending.failures == 1 {
            pending.worked_before = worked;
        }
        if pending.failures >= FAILURES_ALONE && worked > pending.worked_before {
            let retry_at = now + SET_ASIDE * self.config.retry_cap_ms;
            self.quarantine(
                slot,
                retry_at,
                "a batch with this row alone failed again and again, while others were written".into(),
            );
        }
    }

    fn on_save_verdict(&mut self, now: Time, slot: Slot, verdict: Verdict) {
        let verdict = if verdict == Verdict::Unknown && self.bug(Bug::UnknownIsDone) { Verdict::DONE } else { verdict };
        let landed =
            self.slots[slot].pending().and_then(|pending| pending.attempt.as_ref()).is_some_and(|attempt| attempt.landed);
        match verdict {
            Verdict::Done { .. } => self.accept_done(now, slot, true),
            // The row has shown it, whatever became of this sending.
            Verdict::Unknown | Verdict::NotDone | Verdict::Exists | Verdict::Conflict if landed => {
                self.accept_done(now, slot, false);
            }
            Verdict::NotDone => self.repeat(now, slot, false),
            Verdict::Unknown => self.repeat(now, slot, true),
            Verdict::Rejected(why) => self.reject(now, slot, &why),
            Verdict::Exists | Verdict::Conflict => self.settle_by_reading(slot),
            Verdict::Gone => self.on_gone(now, slot),
        }
    }

    /// The attempt has landed: its last sending, as a verdict tells, or an earlier one.
    pub(crate) fn accept_done(&mut self, now: Time, slot: Slot, by_last_sending: bool) {
        self.slots[slot].accepted = self.seq;
        let sets_back = self.bug(Bug::VerdictSetsBaseBack);
        let Some(live) = self.slots[slot].live_mut() else { return };
        let Some(attempt) = live.pending.as_mut().and_then(|pending| pending.attempt.take()) else { return };
        let created = matches!(attempt.write.kind, WriteKind::Create { .. });
        // A rotation that was seen to land may have been followed by the next one.
        let rename = live.pending.as_ref().and_then(|pending| pending.rename.as_ref());
        let renamed = matches!(attempt.write.kind, WriteKind::Rename { .. })
            && rename.is_some_and(|rename| rename.old_key == attempt.write.key);
        live.take_stored(&attempt, by_last_sending, sets_back);
        let condition = attempt.conditional.then(|| live.take_condition()).flatten();
        let revision = live.base().map_or(0, |base| base.revision);
        let answered = live.answered_waiters(attempt.is_principal_alone());
        self.count_row(&attempt.write.kind);
        if let Some(ask) = condition {
            self.answer(ask, Answer::Stored { revision });
        }
        for waiter in answered {
            self.answer(waiter.ask, Answer::Stored { revision });
        }
        if renamed {
            self.finish_rename(now, slot);
        }
        if created {
            let key = self.key_of(slot);
            self.event(Event::Created { key });
        }
        self.settle(now, slot);
    }

    /// Forgets what is settled, and plans the next write of what is not.
    pub(crate) fn settle(&mut self, now: Time, slot: Slot) {
        let Some(live) = self.slots[slot].live_mut() else { return };
        if live.pending.as_ref().is_some_and(|pending| pending.is_settled()) {
            live.pending = None;
        }
        self.account(slot);
        self.plan_write(now, slot, false);
        // Who waits for a version that was stored before has waited only for what is settled now.
        self.answer_settled(slot);
    }

    fn count_row(&mut self, kind: &WriteKind) {
        match kind {
            WriteKind::Create { .. } => self.stats.rows_created += 1,
            WriteKind::Update { .. } => self.stats.rows_updated += 1,
            WriteKind::Touch { .. } => self.stats.rows_touched += 1,
            WriteKind::Rename { .. } => self.stats.rows_renamed += 1,
            WriteKind::Destroy { .. } | WriteKind::Expire { .. } => {}
        }
    }

    /// The write is repeated, byte for byte: it was not applied, or nobody knows.
    fn repeat(&mut self, now: Time, slot: Slot, unknown: bool) {
        self.stats.unknown_outcomes += u64::from(unknown);
        let clear = self.bug(Bug::ClearDirtyOnSend);
        let laid_over = self.bug(Bug::ConditionLaidOver);
        let Some(pending) = self.slots[slot].pending_mut() else { return };
        let Some(attempt) = &mut pending.attempt else { return };
        attempt.status = Status::Repeat;
        if unknown && attempt.unknown_since.is_none() {
            attempt.unknown_since = Some(attempt.sent_at);
        }
        let is_touch = matches!(attempt.write.kind, WriteKind::Touch { .. });
        if unknown && attempt.conditional && !laid_over {
            // Rule 3: never laid over again. If it has landed, the next check or write meets its stamp.
            pending.attempt = None;
            if let Some(condition) = pending.condition.take() {
                self.answer(condition.ask, Answer::Unknown);
            }
        } else if is_touch || clear {
            // The next touch carries a later time anyway.
            pending.attempt = None;
        }
        self.settle(now, slot);
        let waits = |pending: &Pending| !pending.quarantined && (pending.attempt.is_some() || pending.urgent);
        if self.slots[slot].pending().is_some_and(waits) {
            self.queue_save(slot);
        }
    }

    fn reject(&mut self, now: Time, slot: Slot, why: &Arc<str>) {
        self.store_works(now);
        let Some(live) = self.slots[slot].live_mut() else { return };
        let is_stored = live.base().is_some();
        let Some(pending) = live.pending.as_deref_mut() else { return };
        let Some(attempt) = pending.attempt.take() else { return };
        let more_than_principal = attempt.touched.count() > 1;
        if attempt.conditional {
            let condition = pending.condition.take();
            self.settle(now, slot);
            if let Some(condition) = condition {
                self.answer(condition.ask, Answer::Rejected(why.clone()));
            }
            return;
        }
        pending.take_back(&attempt, now);
        if attempt.touched.principal && more_than_principal && is_stored {
            pending.principal_alone = true;
            pending.urgent = true;
            self.queue_save(slot);
            self.account(slot);
            return;
        }
        self.quarantine(slot, Time::NEVER, why.clone());
    }

    /// Sets a session aside whose row can't be written: it stays in memory, unsaved, and holds up nobody.
    fn quarantine(&mut self, slot: Slot, retry_at: Time, why: Arc<str>) {
        let key = self.key_of(slot);
        let Some(pending) = self.slots[slot].pending_mut() else { return };
        // An attempt that may have landed at an earlier try stays the one to settle.
        if let Some(attempt) = pending.attempt.take_if(|attempt| attempt.unknown_since.is_none()) {
            pending.take_back(&attempt, attempt.sent_at);
        }
        pending.quarantined = true;
        pending.retry_at = retry_at;
        pending.urgent = false;
        pending.failures = 0;
        pending.batch_limit = 1;
        let waiters = core::mem::take(&mut pending.waiters).into_iter().map(|waiter| waiter.ask);
        // A condition that was not sent yet would wait behind the bad row.
        let unsent = pending.attempt.as_ref().is_none_or(|attempt| !attempt.conditional);
        let condition = if unsent { pending.condition.take().map(|condition| condition.ask) } else { None };
        let renames = pending.rename.as_mut().map(|rename| core::mem::take(&mut rename.waiters)).unwrap_or_default();
        for ask in waiters.chain(renames).chain(condition) {
            self.answer(ask, Answer::Rejected(why.clone()));
        }
        self.event(Event::Quarantined { key, why });
        self.account(slot);
    }

    /// The row is not what the write was based on: it is read before anything else is decided.
    pub(crate) fn settle_by_reading(&mut self, slot: Slot) {
        self.slots[slot].accepted = self.seq;
        self.stats.conflicts += 1;
        if let Some(attempt) = self.slots[slot].pending_mut().and_then(|pending| pending.attempt.as_mut()) {
            attempt.status = Status::Settle;
        }
        self.queue_load(slot);
    }

    fn on_gone(&mut self, now: Time, slot: Slot) {
        let kind = self.slots[slot].pending().and_then(|pending| pending.attempt.as_ref()).map(|attempt| &attempt.write.kind);
        let rename = matches!(kind, Some(WriteKind::Rename { .. }));
        if rename && !self.bug(Bug::RenameGoneIsEnd) {
            // It may have landed at an earlier try: the new id tells.
            self.settle_by_reading(slot);
            return;
        }
        self.slots[slot].accepted = self.seq;
        if self.bug(Bug::UpsertAfterDestroy) {
            self.make_unstored(now, slot);
            return;
        }
        if self.bug(Bug::GoneKeepsSession) {
            self.accept_done(now, slot, true);
            return;
        }
        self.end(now, slot, Reason::Gone);
    }

    fn make_unstored(&mut self, now: Time, slot: Slot) {
        let Some(live) = self.slots[slot].live_mut() else { return };
        live.set_base(None);
        if let Some(pending) = &mut live.pending
            && let Some(attempt) = pending.attempt.take()
        {
            pending.take_back(&attempt, now);
        }
        self.account(slot);
        self.queue_save(slot);
    }

    pub(crate) fn saves_failed(&mut self, now: Time, reply: Reply) {
        self.stats.commit_failures += 1;
        let first = self.saves_retry.failed(now, &self.config, &mut self.random);
        self.degraded(first, reply);
    }

    pub(crate) fn ends_failed(&mut self, now: Time, reply: Reply) {
        self.stats.commit_failures += 1;
        let first = self.ends_retry.failed(now, &self.config, &mut self.random);
        self.degraded(first, reply);
    }

    fn degraded(&mut self, first: bool, reply: Reply) {
        if first {
            let fault = match reply {
                Reply::Failed(fault) => fault,
                _ => Fault::new(FaultKind::Internal, "the store answered with something else than a verdict for each write"),
            };
            self.event(Event::Degraded { fault });
        }
    }

    pub(crate) fn store_works(&mut self, now: Time) {
        self.saves_worked += 1;
        if let Some(after_ms) = self.saves_retry.succeeded(now) {
            self.event(Event::Recovered { after_ms });
        }
    }

    /// Answers those who wait for a version that needs no write any more.
    pub(crate) fn answer_settled(&mut self, slot: Slot) {
        let State::Live(live) = &mut self.slots[slot].state else { return };
        let nothing_left = live
            .pending
            .as_ref()
            .is_some_and(|pending| pending.dirty.is_empty() && pending.attempt.is_none() && pending.rename.is_none());
        if !nothing_left || live.base().is_none() {
            return;
        }
        live.version_stored = live.version;
        let revision = live.base().map_or(0, |base| base.revision);
        let answered = live.answered_waiters(false);
        let forget = live.pending.as_ref().is_some_and(|pending| pending.is_settled());
        if forget {
            live.pending = None;
        }
        for waiter in answered {
            self.answer(waiter.ask, Answer::Stored { revision });
        }
        self.account(slot);
    }
}

impl Live {
    /// The attempt's row is what the store has now.
    fn take_stored(&mut self, attempt: &Attempt, by_last_sending: bool, sets_back: bool) {
        if let WriteKind::Touch { accessed } = attempt.write.kind {
            self.stored_use(accessed);
            return;
        }
        let Some(record) = attempt.write.record() else { return };
        let newer = self.base().is_none_or(|base| record.stamp.revision >= base.revision);
        self.stored_use(record.accessed);
        self.version_stored = self.version_stored.max(attempt.version);
        if !newer && !sets_back {
            // Someone has built on this write already, and that row was laid under our changes before the write was
            // known: what it changed is theirs again, but for what was changed here since.
            if let Some(pending) = &self.pending {
                let (dirty, stored) = (&pending.dirty, pending.stored_attributes.as_ref());
                let later = dirty.changes_from(&self.block);
                self.block = pending.stored_block.with(&later);
                let mut beside = Changes::new();
                beside.principal = (!dirty.principal).then(|| Attributes::principal_of(stored).cloned());
                beside.meta = (!dirty.meta).then(|| Attributes::meta_of(stored).cloned());
                self.set_beside(&beside);
            }
            return;
        }
        self.set_base(Some(record.stamp));
        // Nobody else has written between the base and this stamp: what we hold was checked when this was sent. But a
        // verdict does not bring the uses by others, so it is no check of a session that may be over.
        let in_use = self.idle_ms == 0 || attempt.sent_at < self.accessed + self.idle_ms;
        if by_last_sending && in_use && attempt.sent_seq > self.checked_seq {
            self.checked_seq = attempt.sent_seq;
            self.checked_at = attempt.sent_at;
        }
        if attempt.conditional {
            self.lay_condition_over(record);
        }
        if let Some(pending) = &mut self.pending {
            pending.stored_block = record.block.clone();
            pending.stored_attributes = Attributes::boxed(record.principal.clone(), record.meta.clone());
            pending.failures = 0;
            pending.batch_limit = usize::MAX;
        }
    }

    /// A change with a condition is committed: now it is part of the session here too, under what came later.
    pub(crate) fn lay_condition_over(&mut self, committed: &Record) {
        let Some(pending) = &self.pending else { return };
        let dirty = &pending.dirty;
        let later = dirty.changes_from(&self.block);
        self.block = committed.block.with(&later);
        let mut beside = Changes::new();
        beside.principal = (!dirty.principal).then(|| committed.principal.clone());
        beside.meta = (!dirty.meta).then(|| committed.meta.clone());
        beside.idle_ms = (!dirty.idle).then_some(committed.idle_ms);
        let nothing_later = dirty.is_empty();
        self.set_beside(&beside);
        self.version += 1;
        if nothing_later {
            self.version_stored = self.version;
        }
    }

    fn take_condition(&mut self) -> Option<crate::op::Ask> {
        self.pending.as_mut()?.condition.take().map(|condition| condition.ask)
    }

    /// Takes out the waiters whose version is committed; after a write of the principal alone, those who wait for it.
    fn answered_waiters(&mut self, principal_alone: bool) -> Vec<Waiter> {
        let stored = self.version_stored;
        let Some(pending) = &mut self.pending else { return Vec::new() };
        let principal = principal_alone && !pending.dirty.principal;
        pending.waiters.extract_if(.., |waiter| waiter.version <= stored || (principal && waiter.principal_only)).collect()
    }
}

impl Pending {
    /// What a write would have changed is dirty again.
    pub(crate) fn take_back(&mut self, attempt: &Attempt, now: Time) {
        self.dirty.add(&attempt.touched);
        self.first = self.first.min(now);
        self.last = if self.last.is_set() { self.last.max(now) } else { now };
    }
}
