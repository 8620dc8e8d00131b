//! Ending sessions. Destroy wins over everything, and waits for nothing.

use crate::bugs::Bug;
use crate::engine::{Engine, Flight};
use crate::entry::{Dead, Destroying, Live, Slot, State};
use crate::event::Event;
use crate::id::{IdRef, Key};
use crate::op::{Answer, Ask, OpId, OpKind, Reply};
use crate::rules::Rules;
use crate::time::Time;
use crate::verbs::{Reason, Verdict, Write, WriteKind};
use core::hash::BuildHasher;
use std::collections::BTreeSet;

/// A tombstone stays at least so long after the store has confirmed the destroy, so that a handle that is still open
/// gets its answer without a load.
const TOMBSTONE_MS: u64 = 10_000;

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Ends a session: here at once, in the store as soon as it can be reached. The ask is answered when the store
    /// has committed it. Never refused, whatever the memory.
    pub fn destroy(&mut self, now: Time, id: IdRef<'_>, reason: Reason) -> Ask {
        let slot = self.slot_for(now, id);
        self.destroy_slot(now, slot, reason)
    }

    /// The same for a key whose id is not known.
    pub fn destroy_key(&mut self, now: Time, key: &Key, reason: Reason) -> Ask {
        let slot = self.slot_for_key(now, key);
        self.destroy_slot(now, slot, reason)
    }

    pub(crate) fn destroy_slot(&mut self, now: Time, slot: Slot, reason: Reason) -> Ask {
        let ask = self.new_ask();
        let slot = self.resolve(slot);
        let rename = self.slots[slot].pending_mut().and_then(|pending| pending.rename.take());
        let never_sent = self.is_never_sent(slot) && rename.is_none();
        self.end_with(now, slot, reason, false);
        if never_sent {
            self.answer(ask, Answer::Destroyed { sessions: 0 });
            return ask;
        }
        let Some(rename) = rename else {
            match self.twin_under_way(slot) {
                Some(twin) => self.destroy_both(now, (slot, twin), reason, ask),
                None => self.start_destroy(now, slot, reason, Some(ask)),
            }
            return ask;
        };
        for waiting in rename.waiters {
            self.answer(waiting, Answer::Ended(reason));
        }
        // Whether the rename lands or not, one of the two rows is live: both must die.
        self.end(now, rename.old_slot, reason);
        self.remember_twins(slot, rename.old_slot);
        self.destroy_both(now, (slot, rename.old_slot), reason, ask);
        ask
    }

    fn destroy_both(&mut self, now: Time, (slot, twin): (Slot, Slot), reason: Reason, ask: Ask) {
        self.joint_asks.insert(ask, (2, 0));
        self.start_destroy(now, slot, reason, Some(ask));
        if self.bug(Bug::DestroyHalfOfRename) {
            self.answer_destroyed(ask, 0);
        } else {
            self.start_destroy(now, twin, reason, Some(ask));
        }
    }

    pub(crate) fn remember_twins(&mut self, slot: Slot, twin: Slot) {
        let keys = (self.key_of(slot), self.key_of(twin));
        for (slot, key) in [(slot, keys.1), (twin, keys.0)] {
            if let Some(dead) = self.slots[slot].dead_mut() {
                dead.twin = Some(key);
            }
        }
    }

    /// The other id of a session that was destroyed while its rotation was not settled, if that destroy is under way.
    fn twin_under_way(&self, slot: Slot) -> Option<Slot> {
        let State::Dead(dead) = &self.slots[slot].state else { return None };
        let twin = self.find_key(dead.twin.as_ref()?)?;
        let State::Dead(dead) = &self.slots[twin].state else { return None };
        dead.destroying.as_ref().filter(|destroying| destroying.claim.is_none()).map(|_| twin)
    }

    /// Whether the store was never told about this session, so that there is nothing to end there.
    fn is_never_sent(&self, slot: Slot) -> bool {
        if self.config.adopt {
            // The id may be a stored session's: the create would have merged into it.
            return false;
        }
        let skip_unsettled = self.bug(Bug::DestroySkipsUnsettledCreate);
        self.live(slot).is_some_and(|live| !live.was_sent() || (skip_unsettled && live.base().is_none()))
    }

    pub(crate) fn start_destroy(&mut self, now: Time, slot: Slot, reason: Reason, ask: Option<Ask>) {
        let writer = self.new_writer();
        let row_until = now + self.config.dead_ms;
        let lingers = self.bug(Bug::DestroyLingers);
        let linger = now + self.config.linger_ms;
        let Some(dead) = self.slots[slot].dead_mut() else { return };
        match &mut dead.destroying {
            // A claim is given up for the destroy: it is the stronger.
            Some(destroying) if destroying.claim.is_none() => destroying.waiters.extend(ask),
            _ => {
                let waiters = ask.into_iter().collect();
                dead.destroying = Some(Destroying { reason, writer, row_until, sent: None, waiters, claim: None, since: now });
                if lingers {
                    self.schedule(slot, linger);
                } else {
                    self.ends.push_back(slot);
                }
            }
        }
        self.account(slot);
    }

    /// Ends a session in memory: what waits is answered, what is unsaved is lost, and reported.
    pub(crate) fn end(&mut self, now: Time, slot: Slot, reason: Reason) {
        self.end_with(now, slot, reason, true);
    }

    /// The same; a loss that the caller asked for, by destroying the session here, is not reported.
    fn end_with(&mut self, now: Time, slot: Slot, reason: Reason, report: bool) {
        let until = now + TOMBSTONE_MS;
        if let State::Dead(dead) = &mut self.slots[slot].state {
            dead.until = dead.until.max(until);
            self.schedule(slot, until);
            return;
        }
        let destroying = None;
        let state = State::Dead(Box::new(Dead { reason, until, destroying, twin: None }));
        let before = core::mem::replace(&mut self.slots[slot].state, state);
        if let State::Live(live) = before {
            self.give_up(now, slot, live, reason, report);
        }
        self.schedule(slot, until);
        self.account(slot);
    }

    /// A tombstone for an id whose session goes on elsewhere, or that the store says is dead.
    pub(crate) fn entomb(&mut self, now: Time, slot: Slot, reason: Reason) {
        self.end(now, slot, reason);
    }

    fn give_up(&mut self, now: Time, slot: Slot, live: Live, reason: Reason, report: bool) {
        let Some(pending) = live.pending else { return };
        let mut lost = pending.dirty;
        if let Some(attempt) = &pending.attempt {
            lost.add(&attempt.touched);
        }
        let unsaved = report && lost.count() > 0 && !self.bug(Bug::SilentLoss);
        for waiter in pending.waiters {
            self.answer(waiter.ask, Answer::Ended(reason));
        }
        if let Some(condition) = pending.condition {
            self.answer(condition.ask, Answer::Ended(reason));
        }
        if let Some(rename) = pending.rename {
            for ask in rename.waiters {
                self.answer(ask, Answer::Ended(reason));
            }
            self.entomb(now, rename.old_slot, reason);
        }
        if unsaved {
            let key = self.key_of(slot);
            self.event(Event::ChangesLost { key, fields: lost.count(), reason });
        }
    }

    /// Tells that the store killed `key` through a rotation that another engine of this bag destroyed.
    pub fn on_killed(&mut self, now: Time, key: &Key, reason: Reason) {
        if let Some(slot) = self.find_key(key)
            && !matches!(self.slots[slot].state, State::Dead(_))
        {
            self.seq += 1;
            let slot = self.resolve(slot);
            self.slots[slot].accepted = self.seq;
            self.end_with(now, slot, reason, false);
        }
    }

    /// The next destroys and claims.
    pub(crate) fn next_ends(&mut self, now: Time) -> Option<(OpKind, Flight)> {
        if !self.ends_retry.is_open(now) {
            return None;
        }
        let (mut writes, mut slots) = (Vec::new(), Vec::new());
        let mut keys = BTreeSet::new();
        for _ in 0..self.ends.len() {
            if writes.len() >= self.config.batch_rows {
                break;
            }
            let Some(slot) = self.ends.pop_front() else { break };
            if let Some(write) = self.end_write(now, slot)
                && keys.insert(slot)
            {
                writes.push(write);
                slots.push(slot);
            }
        }
        (!writes.is_empty()).then_some((OpKind::Commit(writes), Flight::Ends(slots)))
    }

    fn end_write(&self, now: Time, slot: Slot) -> Option<Write> {
        let entry = self.slots.get(slot)?;
        let State::Dead(dead) = &entry.state else { return None };
        let destroying = dead.destroying.as_ref().filter(|destroying| destroying.sent.is_none())?;
        let kind = match &destroying.claim {
            Some(record) => self.claim_write(now, destroying, record),
            None => WriteKind::Destroy { reason: destroying.reason, writer: destroying.writer, until: destroying.row_until },
        };
        Some(Write { key: entry.key(&self.rules), kind })
    }

    pub(crate) fn note_ends_sent(&mut self, id: OpId, slots: &[Slot]) {
        for slot in slots {
            let entry = &mut self.slots[*slot];
            entry.outstanding += 1;
            if let Some(destroying) = entry.dead_mut().and_then(|dead| dead.destroying.as_mut()) {
                destroying.sent = Some(id);
            }
        }
    }

    pub(crate) fn on_ended(&mut self, now: Time, id: OpId, slots: &[Slot], reply: Reply) {
        let verdicts = match reply {
            Reply::Committed(verdicts) if verdicts.len() == slots.len() => {
                self.store_works(now);
                self.ends_retry.succeeded(now);
                verdicts
            }
            reply => {
                self.ends_failed(now, reply);
                vec![Verdict::Unknown; slots.len()]
            }
        };
        let mut again = false;
        for (slot, verdict) in slots.iter().zip(verdicts) {
            self.slots[*slot].outstanding -= 1;
            again |= matches!(verdict, Verdict::Unknown | Verdict::NotDone);
            self.on_end_verdict(now, id, *slot, verdict);
            self.wake(now, *slot);
        }
        if again && self.ends_retry.is_open(now) {
            self.ends_retry.failed(now, &self.config, &mut self.random);
        }
    }

    fn on_end_verdict(&mut self, now: Time, id: OpId, slot: Slot, verdict: Verdict) {
        self.slots[slot].accepted = self.seq;
        let Some(dead) = self.slots[slot].dead_mut() else { return };
        let Some(destroying) = dead.destroying.as_mut().filter(|destroying| destroying.sent == Some(id)) else { return };
        match verdict {
            // Repeating a destroy is harmless; a claim that may have landed must not be reported twice.
            Verdict::Unknown if destroying.claim.is_some() => dead.destroying = None,
            Verdict::Unknown | Verdict::NotDone => {
                destroying.sent = None;
                self.ends.push_back(slot);
            }
            Verdict::Done { killed } => self.confirm_end(now, slot, &killed),
            Verdict::Rejected(why) => {
                let waiters = dead.destroying.take().map(|destroying| destroying.waiters).unwrap_or_default();
                for ask in waiters {
                    self.answer(ask, Answer::Rejected(why.clone()));
                }
            }
            // Only a claim is answered so: somebody used, ended or claimed the session.
            Verdict::Exists | Verdict::Conflict | Verdict::Gone => dead.destroying = None,
        }
        self.account(slot);
    }

    fn confirm_end(&mut self, now: Time, slot: Slot, killed: &[Key]) {
        let Some(dead) = self.slots[slot].dead_mut() else { return };
        dead.until = now + TOMBSTONE_MS;
        let Some(destroying) = dead.destroying.take() else { return };
        let key = self.key_of(slot);
        if let Some(last) = destroying.claim {
            self.sweeper.newly_claimed += 1;
            self.event(Event::Expired { key, reason: destroying.reason, last: Some(last) });
            return;
        }
        self.stats.rows_destroyed += 1;
        for ask in destroying.waiters {
            self.answer_destroyed(ask, killed.len().max(1) as u32);
        }
        if self.bug(Bug::IgnoreKilled) {
            return;
        }
        if self.slots[slot].id().is_none() {
            // Another engine of the bag may hold a copy under the id, which this one does not know.
            self.killed.push_back((key.clone(), destroying.reason));
        }
        for other in killed.iter().filter(|other| **other != key) {
            self.on_killed(now, other, destroying.reason);
            self.killed.push_back((other.clone(), destroying.reason));
        }
    }

    /// Answers a destroy, once all its parts are confirmed.
    pub(crate) fn answer_destroyed(&mut self, ask: Ask, sessions: u32) {
        if let Some((left, total)) = self.joint_asks.get_mut(&ask) {
            *left -= 1;
            *total += sessions;
            if *left > 0 {
                return;
            }
        }
        let sessions = self.joint_asks.remove(&ask).map_or(sessions, |(_, total)| total);
        if !self.purge_part_done(ask, sessions) {
            self.answer(ask, Answer::Destroyed { sessions });
        }
    }
}
