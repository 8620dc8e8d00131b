//! What a load brought, and how it is laid together with what is known.

use crate::bugs::Bug;
use crate::engine::Engine;
use crate::entry::{Failed, Live, Loading, Slot, State};
use crate::event::Event;
use crate::op::Reply;
use crate::pending::{Attempt, Status};
use crate::record::Record;
use crate::rules::Rules;
use crate::time::Time;
use crate::verbs::{Fault, FaultKind, Loaded, Reason, WriteKind};
use core::hash::BuildHasher;

/// When a reply was asked for, and what the store's clock said.
#[derive(Clone, Copy)]
pub(crate) struct Asking {
    pub seq: u64,
    pub at: Time,
    pub store_now: Time,
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    pub(crate) fn on_loaded(&mut self, now: Time, slots: &[(Slot, bool)], reply: Reply) {
        let expected: usize = slots.iter().map(|(_, both)| 1 + usize::from(*both)).sum();
        match reply {
            Reply::Loaded { rows, now: store_now } if rows.len() == expected => {
                self.loads_retry.succeeded(now);
                let mut rows = rows.into_iter();
                for (slot, both) in slots {
                    let (Some(row), old) = (rows.next(), both.then(|| rows.next()).flatten()) else { return };
                    self.on_row(now, *slot, row, old, store_now);
                }
            }
            Reply::Failed(fault) => self.on_load_failed(now, slots, &fault),
            _ => {
                let fault = Fault::new(FaultKind::Internal, "the store did not answer each wanted session");
                self.on_load_failed(now, slots, &fault);
            }
        }
    }

    fn on_load_failed(&mut self, now: Time, slots: &[(Slot, bool)], fault: &Fault) {
        self.stats.load_failures += 1;
        self.loads_retry.failed(now, &self.config, &mut self.random);
        for (slot, _) in slots {
            let Some(loading) = self.load_answered(*slot) else { continue };
            if self.bug(Bug::FailedIsAbsent) && matches!(self.slots[*slot].state, State::Unknown) {
                self.slots[*slot].state = State::Absent { seq: loading.sent_seq, at: now };
            }
            self.slots[*slot].failed = Some(Box::new(Failed { seq: loading.sent_seq, fault: fault.clone() }));
            self.wake(now, *slot);
        }
    }

    fn load_answered(&mut self, slot: Slot) -> Option<Box<Loading>> {
        let entry = &mut self.slots[slot];
        let loading = entry.load.take()?;
        entry.outstanding -= 1;
        Some(loading)
    }

    fn on_row(&mut self, now: Time, slot: Slot, row: Loaded, old: Option<Loaded>, store_now: Time) {
        let Some(loading) = self.load_answered(slot) else { return };
        self.slots[slot].failed = None;
        self.slots[slot].used = now;
        let (seq, at) = (loading.sent_seq, loading.sent_at);
        let at = if self.bug(Bug::FreshFromReply) { now } else { at };
        let asking = Asking { seq, at, store_now };
        if let Loaded::Corrupt(why) = row {
            let fault = Fault { kind: FaultKind::Corrupt, message: why };
            self.slots[slot].failed = Some(Box::new(Failed { seq, fault }));
        } else {
            let (asked_for, slot) = (slot, self.resolve(slot));
            match (&self.slots[slot].state, old) {
                (State::Dead(_) | State::Moved(_), _) => {}
                // Asked for what is the old id by now: by its own, or for an earlier rotation.
                (State::Live(_), _) if asked_for != slot => self.on_old_row(now, slot, row, asking),
                (State::Live(_), Some(old)) if self.is_renaming(slot) => self.on_rename_rows(now, slot, row, old, asking),
                (State::Live(_), None) if self.is_renaming(slot) => self.on_old_row(now, slot, row, asking),
                (State::Live(_), _) => self.on_live_row(now, slot, row, asking),
                _ => self.on_new_row(now, slot, row, asking),
            }
        }
        for slot in [self.resolve(slot), slot] {
            if self.slots.get(slot).is_some() {
                self.account(slot);
                self.wake(now, slot);
            }
        }
    }

    fn is_sent(&self, slot: Slot) -> bool {
        let attempt = self.slots[slot].pending().and_then(|pending| pending.attempt.as_ref());
        attempt.is_some_and(|attempt| matches!(attempt.status, Status::Sent(_)))
    }

    fn is_renaming(&self, slot: Slot) -> bool {
        self.slots[slot].pending().is_some_and(|pending| pending.rename.is_some())
    }

    /// A row for an id of which nothing was known.
    fn on_new_row(&mut self, now: Time, slot: Slot, row: Loaded, asking: Asking) {
        if !self.is_current(slot, asking.seq) {
            // Sent before a rotation from this id was settled: who waits for it asks again.
            return;
        }
        let limit = asking.store_now + self.config.clock_error_ms;
        let mut claimed = None;
        self.slots[slot].state = match row {
            Loaded::Row(mut record) => {
                record.accessed = record.accessed.min(limit);
                match self.is_row_expired(&record, self.judged_at(now, asking)).filter(|_| !self.bug(Bug::ServeExpired)) {
                    Some(reason) => {
                        claimed = self.may_claim_row(&record, reason, asking.at).then(|| (reason, Box::new(record)));
                        self.brief_tombstone(now, reason)
                    }
                    None => State::Live(Live::from_record(record, asking.at, asking.seq)),
                }
            }
            Loaded::Alias(record) => State::Alias { seq: asking.seq, record: Box::new(record) },
            Loaded::Dead { reason, .. } => self.brief_tombstone(now, reason),
            // `Same` without a known stamp makes no sense; it is taken for the absence of an answer.
            Loaded::Absent | Loaded::Same { .. } | Loaded::Corrupt(_) => State::Absent { seq: asking.seq, at: now },
        };
        self.slots[slot].accepted = self.seq;
        self.slots[slot].used = now;
        if let Some((reason, record)) = claimed {
            self.stats.expired += 1;
            self.claim(now, slot, reason, record);
        }
    }

    /// As of when a row is judged: what others did after it was read is not known, alone there are no others.
    fn judged_at(&self, now: Time, asking: Asking) -> Time {
        if self.is_shared() { asking.at } else { now }
    }

    /// A check of a session that is in memory.
    fn on_live_row(&mut self, now: Time, slot: Slot, row: Loaded, asking: Asking) {
        let current = self.is_current(slot, asking.seq);
        match row {
            Loaded::Same { accessed } => self.on_same(slot, accessed, asking),
            Loaded::Row(record) => self.on_other_row(now, slot, record, asking, current),
            Loaded::Absent if current || self.bug(Bug::AcceptStaleAbsent) => self.on_missing_row(now, slot, asking),
            Loaded::Dead { reason, .. } => self.end(now, slot, reason),
            Loaded::Alias(_) => self.end(now, slot, Reason::Rotated),
            Loaded::Absent | Loaded::Corrupt(_) => {}
        }
    }

    fn on_same(&mut self, slot: Slot, accessed: Time, asking: Asking) {
        let limit = asking.store_now + self.config.clock_error_ms;
        let ignore = self.bug(Bug::SameWithoutAccessed);
        let backwards = self.bug(Bug::TouchBackwards);
        let Some(live) = self.slots[slot].live_mut() else { return };
        live.checked(asking);
        if backwards {
            live.accessed = accessed;
            live.unwritten_use = Time::NEVER;
        } else if !ignore {
            live.stored_use(accessed.min(limit));
        }
    }

    /// The row is not the copy that was known: somebody wrote, or we did, or the store went back.
    fn on_other_row(&mut self, now: Time, slot: Slot, record: Record, asking: Asking, current: bool) {
        let Some(live) = self.live(slot) else { return };
        let known = live.base().map(|base| base.revision);
        let higher = known.is_none_or(|known| record.stamp.revision > known);
        let accept_stale = self.bug(Bug::AcceptStaleLoad);
        if !current && !higher && !accept_stale {
            return;
        }
        if self.is_own_attempt(slot, &record) {
            self.accept_own_attempt(now, slot, &record, asking);
            return;
        }
        if live.base() == Some(record.stamp) {
            self.on_same(slot, record.accessed, asking);
            self.settle_on_known_row(now, slot, record, asking);
            return;
        }
        if live.base().is_none() && !self.config.adopt && self.is_sent(slot) {
            // Whose row it is shows when the create in flight is answered.
            return;
        }
        if live.base().is_none() && !self.config.adopt && !live.may_have_made(&record) {
            self.on_taken_id(now, slot, record, asking);
            return;
        }
        if known.is_none() && !self.config.adopt {
            self.accept_built_on(now, slot);
        }
        let went_back = known.is_some_and(|known| record.stamp.revision < known);
        if went_back && !accept_stale {
            if self.bug(Bug::IgnoreWentBack) {
                return;
            }
            self.on_went_back(slot, &record);
        }
        self.rebase(now, slot, record, asking);
        if let Some(live) = self.slots[slot].live_mut()
            && went_back
        {
            live.pending_or_new().urgent = true;
        }
        self.slots[slot].accepted = self.seq;
        self.settle(now, slot);
        self.answer_settled(slot);
    }

    /// Whether the row carries exactly the stamp of the attempt whose outcome is open.
    fn is_own_attempt(&self, slot: Slot, record: &Record) -> bool {
        let Some(attempt) = self.slots[slot].pending().and_then(|pending| pending.attempt.as_ref()) else { return false };
        let Some(stamp) = attempt.stamp() else { return false };
        if self.bug(Bug::StampWithoutWriter) {
            return record.stamp.revision == stamp.revision;
        }
        if self.bug(Bug::AnyWriteOfOurs) {
            return record.stamp.writer.nonce == stamp.writer.nonce;
        }
        record.stamp == stamp
    }

    /// The row proves that the attempt has landed. While it is in flight its verdict is still to come.
    fn accept_own_attempt(&mut self, now: Time, slot: Slot, record: &Record, asking: Asking) {
        let in_flight = self.slots[slot]
            .pending()
            .and_then(|pending| pending.attempt.as_ref())
            .is_some_and(|attempt| matches!(attempt.status, Status::Sent(_)));
        if let Some(live) = self.slots[slot].live_mut() {
            live.checked(asking);
            live.accessed = live.accessed.max(record.accessed);
        }
        if in_flight {
            self.note_landed(slot, record);
        } else {
            self.accept_done(now, slot, false);
        }
    }

    /// Someone has built on our create or rotation: so it has landed.
    fn accept_built_on(&mut self, now: Time, slot: Slot) {
        let Some(attempt) = self.slots[slot].pending_mut().and_then(|pending| pending.attempt.as_mut()) else { return };
        if matches!(attempt.status, Status::Sent(_)) {
            attempt.landed = true;
        } else {
            self.accept_done(now, slot, false);
        }
    }

    /// The attempt in flight is in the row already: whoever asked for a fresh copy sees what it did.
    fn note_landed(&mut self, slot: Slot, record: &Record) {
        self.slots[slot].accepted = self.seq;
        let Some(live) = self.slots[slot].live_mut() else { return };
        let Some(attempt) = live.pending.as_mut().and_then(|pending| pending.attempt.as_mut()) else { return };
        let first = !core::mem::replace(&mut attempt.landed, true);
        if first && attempt.conditional {
            live.lay_condition_over(record);
        }
    }

    /// The row is the base that is known. An attempt on that base is repeated; one on an older base (the row was seen
    /// before the verdict) can never land, and what it would have changed is laid over the row.
    fn settle_on_known_row(&mut self, now: Time, slot: Slot, record: Record, asking: Asking) {
        let Some(attempt) = self.slots[slot].pending().and_then(|pending| pending.attempt.as_ref()) else { return };
        if attempt.base() == Some(record.stamp) {
            self.repeat_settled(now, slot);
        } else if attempt.status == Status::Settle {
            self.rebase(now, slot, record, asking);
            self.settle(now, slot);
            self.answer_settled(slot);
        }
    }

    /// The row is what the attempt was based on after all: the attempt is repeated.
    fn repeat_settled(&mut self, now: Time, slot: Slot) {
        let Some(attempt) = self.slots[slot].pending_mut().and_then(|pending| pending.attempt.as_mut()) else { return };
        if attempt.status == Status::Settle {
            attempt.status = Status::Repeat;
            self.queue_save(slot);
            self.plan_write(now, slot, false);
        }
    }

    fn on_went_back(&mut self, slot: Slot, row: &Record) {
        let key = self.key_of(slot);
        let Some(live) = self.slots[slot].live_mut() else { return };
        let known = live.base().map_or(0, |base| base.revision);
        // Memory is the newer: all of it is written again, and what only the older row has is removed again.
        let names: Vec<Box<str>> = live.block.iter().chain(row.block.iter()).map(|(name, _)| name.into()).collect();
        let pending = live.pending_or_new();
        for name in names {
            pending.dirty.add_field(&name);
        }
        pending.dirty.principal = true;
        pending.dirty.meta = true;
        pending.dirty.idle = true;
        // Against the older row nothing counts as changed by someone else.
        pending.stored_attributes = None;
        pending.went_back = true;
        self.event(Event::WentBack { key, known, found: row.stamp.revision });
    }

    /// A create met a row of someone else's under its id.
    fn on_taken_id(&mut self, now: Time, slot: Slot, record: Record, asking: Asking) {
        if self.bug(Bug::CreateTakesOver) {
            self.rebase(now, slot, record, asking);
            self.settle(now, slot);
            return;
        }
        let Some(live) = self.slots[slot].live_mut() else { return };
        let lost = live.block.len() as u32;
        let mut rename = None;
        if let Some(pending) = live.pending.take() {
            let waiters = pending.waiters.into_iter().map(|waiter| waiter.ask);
            let condition = pending.condition.map(|condition| condition.ask);
            rename = pending.rename;
            let renames = rename.as_mut().map(|rename| core::mem::take(&mut rename.waiters)).unwrap_or_default();
            for ask in waiters.chain(condition).chain(renames) {
                self.answer(ask, crate::op::Answer::Exists);
            }
        }
        let key = self.key_of(slot);
        self.event(Event::ChangesLost { key, fields: lost, reason: Reason::Gone });
        if let Some(rename) = rename {
            // There is nothing of ours to rotate: the old id is the other's, the new one comes to nothing.
            self.remove_entry_when_idle(now, rename.old_slot);
            self.end(now, slot, Reason::Gone);
            return;
        }
        self.slots[slot].state = State::Live(Live::from_record(record, asking.at, asking.seq));
        self.slots[slot].accepted = self.seq;
    }

    /// No row where one was known, by a reply that counts.
    fn on_missing_row(&mut self, now: Time, slot: Slot, asking: Asking) {
        let ends_create = self.bug(Bug::AbsentEndsUnsettledCreate);
        let Some(live) = self.slots[slot].live_mut() else { return };
        let attempt = live.pending.as_ref().and_then(|pending| pending.attempt.as_ref());
        // A create that was seen to land, and is not there any more, was ended by someone.
        let was_there = live.base().is_some() || attempt.is_some_and(|attempt| attempt.landed);
        if was_there || ends_create {
            self.end(now, slot, Reason::Gone);
            return;
        }
        live.checked(asking);
        let settling = live.pending.as_ref().and_then(|pending| pending.attempt.as_ref());
        if settling.is_none_or(|attempt| attempt.status != Status::Settle) {
            return;
        }
        if self.has_waited_too_long(now, slot) {
            let key = self.key_of(slot);
            self.event(Event::CreateLost { key });
            self.end(now, slot, Reason::Gone);
        } else {
            self.repeat_settled(now, slot);
            if let Some(attempt) = self.slots[slot].pending_mut().and_then(|pending| pending.attempt.as_mut())
                && attempt.status == Status::Settle
            {
                attempt.status = Status::Repeat;
                self.queue_save(slot);
            }
        }
    }

    /// The old row of a rename that is not settled, by a load that was sent before the rename began.
    fn on_old_row(&mut self, now: Time, slot: Slot, row: Loaded, asking: Asking) {
        match row {
            // That it is rotated by now may be our own doing.
            Loaded::Alias(_) | Loaded::Dead { reason: Reason::Rotated, .. } => {}
            row => self.on_rename_rows(now, slot, Loaded::Absent, row, asking),
        }
    }

    /// Both rows of a rename that is not settled, read in one snapshot.
    fn on_rename_rows(&mut self, now: Time, slot: Slot, new: Loaded, old: Loaded, asking: Asking) {
        let current = self.is_current(slot, asking.seq);
        match (new, old) {
            (Loaded::Row(record), _) => self.on_rename_landed(now, slot, record, asking),
            (Loaded::Same { accessed }, _) => {
                // The new row has the old stamp: it landed, and nothing else was changed by it.
                self.on_same(slot, accessed, asking);
            }
            (Loaded::Dead { reason, .. }, old) => self.on_new_id_dead(now, slot, reason, &old),
            // Ended by someone else, or rotated by someone else: ours would have left a row under the new id.
            (Loaded::Absent, Loaded::Dead { reason, .. }) if current => self.end(now, slot, reason),
            (Loaded::Absent, Loaded::Alias(_)) if current => self.end(now, slot, Reason::Rotated),
            (Loaded::Absent, Loaded::Row(_) | Loaded::Same { .. }) if current && self.has_waited_too_long(now, slot) => {
                self.give_up_rotation(now, slot);
            }
            (Loaded::Absent, Loaded::Row(record)) => self.on_other_row(now, slot, record, asking, current),
            (Loaded::Absent, Loaded::Same { accessed }) => {
                self.on_same(slot, accessed, asking);
                self.repeat_settled(now, slot);
            }
            (Loaded::Absent, Loaded::Absent) if current => self.on_missing_row(now, slot, asking),
            _ => {}
        }
    }

    /// The rotation did not land in time: the new id may have been destroyed elsewhere, the old one was to end. Both die.
    fn give_up_rotation(&mut self, now: Time, slot: Slot) {
        let Some(rename) = self.slots[slot].pending_mut().and_then(|pending| pending.rename.take()) else { return };
        let key = self.key_of(slot);
        self.event(Event::CreateLost { key });
        for ask in rename.waiters {
            self.answer(ask, crate::op::Answer::Ended(Reason::Gone));
        }
        self.end(now, slot, Reason::Gone);
        self.end(now, rename.old_slot, Reason::Gone);
        self.remember_twins(slot, rename.old_slot);
        for slot in [slot, rename.old_slot] {
            self.start_destroy(now, slot, Reason::Gone, None);
        }
    }

    /// Somebody who knows the new id has ended the session before its rotation has landed: the old row must die too.
    fn on_new_id_dead(&mut self, now: Time, slot: Slot, reason: Reason, old: &Loaded) {
        let rename = self.slots[slot].pending().and_then(|pending| pending.rename.as_ref());
        let old_slot = rename.map(|rename| rename.old_slot);
        self.end(now, slot, reason);
        if let Some(old_slot) = old_slot
            && matches!(old, Loaded::Row(_) | Loaded::Same { .. })
        {
            self.start_destroy(now, old_slot, reason, None);
        }
    }

    /// A live row under the new id proves that the rename has landed; that it is ours alone, only its exact stamp does.
    fn on_rename_landed(&mut self, now: Time, slot: Slot, record: Record, asking: Asking) {
        if self.is_own_attempt(slot, &record) {
            self.accept_own_attempt(now, slot, &record, asking);
            return;
        }
        let attempt = self.slots[slot].pending().and_then(|pending| pending.attempt.as_ref());
        if attempt.is_some_and(|attempt| matches!(attempt.write.kind, WriteKind::Rename { .. })) {
            self.accept_built_on(now, slot);
        }
        self.rebase(now, slot, record, asking);
        self.slots[slot].accepted = self.seq;
        self.finish_rename(now, slot);
        self.settle(now, slot);
        self.answer_settled(slot);
    }
}

impl Live {
    /// Whether the row may come from the create that was sent: someone else has built on it before its outcome was
    /// known here.
    fn may_have_made(&self, record: &Record) -> bool {
        let attempt = self.pending.as_ref().and_then(|pending| pending.attempt.as_ref());
        let created =
            |attempt: &Attempt| attempt.unknown_since.is_some() && matches!(attempt.write.kind, WriteKind::Create { .. });
        record.created == self.created && attempt.is_some_and(created)
    }

    pub(crate) fn checked(&mut self, asking: Asking) {
        if asking.seq >= self.checked_seq {
            self.checked_seq = asking.seq;
            self.checked_at = self.checked_at.max(asking.at);
        }
    }
}
