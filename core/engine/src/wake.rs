//! Looking at one entry again: what is due, and when to look next.

use crate::bugs::Bug;
use crate::engine::Engine;
use crate::entry::{Live, Slot, State};
use crate::expiry::Expiry;
use crate::memory::is_idle;
use crate::pending::Status;
use crate::rules::Rules;
use crate::time::Time;
use core::hash::BuildHasher;

/// What should become of an entry now.
enum Due {
    Nothing,
    Remove,
    Release,
    Expire(crate::verbs::Reason),
    Ask,
    SendEnd,
    /// Only as a planted fault: as if nothing had been known.
    Forget,
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    pub(crate) fn wake(&mut self, now: Time, slot: Slot) {
        let Some(entry) = self.slots.get(slot) else { return };
        let due = match &entry.state {
            State::Live(live) => self.wake_live(now, slot, live),
            State::Dead(dead) => {
                let waits = dead.destroying.as_ref().is_some_and(|destroying| destroying.sent.is_none());
                let over = now >= dead.until && dead.destroying.is_none();
                if over && is_idle(entry) {
                    Due::Remove
                } else if over && self.bug(Bug::ForgetTombstone) {
                    Due::Forget
                } else if waits && !self.ends.contains(&slot) {
                    Due::SendEnd
                } else {
                    Due::Nothing
                }
            }
            State::Unknown if entry.failed.is_none() && is_idle(entry) => Due::Remove,
            State::Unknown | State::Alias { .. } | State::Absent { .. } => {
                let over = now.since(entry.used) > self.config.negative_ms && is_idle(entry);
                if over { Due::Remove } else { Due::Nothing }
            }
            State::Moved(_) => Due::Nothing,
        };
        match due {
            Due::Nothing => {}
            Due::Remove => return self.remove_entry(slot),
            Due::Release => {
                self.stats.released += 1;
                return self.remove_entry(slot);
            }
            Due::Expire(reason) => {
                self.expire(now, slot, reason);
            }
            Due::Ask => self.queue_load(slot),
            Due::SendEnd => self.ends.push_back(slot),
            Due::Forget => {
                self.slots[slot].state = State::Unknown;
                self.slots[slot].accepted = 0;
                self.account(slot);
            }
        }
        self.wake_writes(now, slot);
        self.schedule_next(now, slot);
    }

    fn wake_live(&self, now: Time, slot: Slot, live: &Live) -> Due {
        let entry = &self.slots[slot];
        let unsaved = live.is_dirty() || live.unwritten_use.is_set();
        match self.expiry_of(live, now) {
            Expiry::Over(reason) => return Due::Expire(reason),
            // Whoever asks for it next has it read again; here it only takes up room.
            Expiry::Ask(_) if !self.config.claim_expired && !unsaved && is_idle(entry) => return Due::Release,
            Expiry::Ask(reason) if self.config.claim_expired && !unsaved && is_idle(entry) => {
                let due = self.claim_due(live);
                let asked = live.checked_at >= due;
                return match (now < due, asked) {
                    (true, _) => Due::Nothing,
                    (false, true) => Due::Expire(reason),
                    (false, false) => Due::Ask,
                };
            }
            _ => {}
        }
        let rested = entry.used + self.config.keep_ms.max(self.config.negative_ms) <= now;
        if rested && !unsaved && is_idle(entry) { Due::Release } else { Due::Nothing }
    }

    fn wake_writes(&mut self, now: Time, slot: Slot) {
        self.retry_set_aside(now, slot);
        let Some(live) = self.live(slot) else { return };
        let pending = live.pending.as_ref().filter(|pending| !pending.quarantined);
        let attempt = pending.and_then(|pending| pending.attempt.as_ref()).map(|attempt| attempt.status);
        let touch_due = live.unwritten_use.is_set() && live.unwritten_use + self.config.touch_for(live.idle_ms) <= now;
        match attempt {
            Some(Status::Settle) => self.queue_load(slot),
            Some(Status::Repeat) => self.queue_save(slot),
            None if self.write_due(slot) <= now || touch_due => self.queue_save(slot),
            Some(Status::Sent(_)) | None => {}
        }
    }

    /// A row that was only suspected to be bad is tried again.
    fn retry_set_aside(&mut self, now: Time, slot: Slot) {
        let Some(pending) = self.slots[slot].pending_mut().filter(|pending| pending.quarantined) else { return };
        if pending.retry_at > now {
            let at = pending.retry_at;
            self.schedule(slot, at);
            return;
        }
        pending.quarantined = false;
        self.account(slot);
        self.queue_save(slot);
    }

    fn schedule_next(&mut self, now: Time, slot: Slot) {
        let entry = &self.slots[slot];
        let next = match &entry.state {
            State::Live(live) => {
                let touch = live.unwritten_use + self.config.touch_for(live.idle_ms).max(1);
                let keep = entry.used + self.config.keep_ms.max(self.config.negative_ms);
                let expiry = self.expiry_due(live);
                let look = if now < expiry { expiry } else { self.claim_due(live) };
                let look = look.min(keep).min(if live.unwritten_use.is_set() { touch } else { Time::NEVER });
                // What is overdue waits for a reply, which wakes the entry too: looking every moment helps nobody.
                let next = look.min(self.write_due(slot));
                if next <= now { now + self.config.negative_ms.max(1) } else { next }
            }
            State::Dead(dead) if dead.until > now => dead.until,
            // It waits for a reply, which wakes it too.
            State::Dead(_) => now + self.config.negative_ms.max(1),
            State::Unknown | State::Absent { .. } | State::Alias { .. } => now + self.config.negative_ms + 1,
            State::Moved(_) => Time::NEVER,
        };
        self.schedule(slot, next);
    }

    /// Forgets an entry as soon as no op refers to it.
    pub(crate) fn remove_entry_when_idle(&mut self, now: Time, slot: Slot) {
        self.slots[slot].state = State::Unknown;
        self.account(slot);
        self.wake(now, slot);
    }
}
