//! When a session is over.

use crate::bugs::Bug;
use crate::engine::Engine;
use crate::entry::{Dead, Destroying, Live, Slot, State};
use crate::event::Event;
use crate::fetch::Fetch;
use crate::record::Record;
use crate::rules::Rules;
use crate::time::Time;
use crate::verbs::{Reason, WriteKind};
use core::hash::BuildHasher;

/// What is known about a session's end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// It is not over.
    Valid,
    /// By all that is known here it is over; someone else may know of a later use, so the row decides.
    Ask(Reason),
    /// It is over.
    Over(Reason),
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    pub(crate) fn expiry_of(&self, live: &Live, now: Time) -> Expiry {
        if now >= live.deadline {
            return Expiry::Over(Reason::Deadline);
        }
        if live.idle_ms == 0 || now < live.accessed + live.idle_ms {
            return Expiry::Valid;
        }
        if now < live.accessed + live.idle_ms + self.slack_of(live) {
            return Expiry::Valid;
        }
        if self.is_shared() && live.was_sent() { Expiry::Ask(Reason::Idle) } else { Expiry::Over(Reason::Idle) }
    }

    /// How long a use of the session may still be on its way to us: nothing where only this bag uses it and has
    /// done so since the load.
    fn slack_of(&self, live: &Live) -> u64 {
        let exact = !live.was_sent() || (!self.is_shared() && live.used_here);
        if exact || self.bug(Bug::ExpireEarlyAfterLoad) { 0 } else { self.config.slack_for(live.idle_ms) }
    }

    /// Whether a row that was just read is over: uses of it may be on their way from others, or may have been lost
    /// with this bag's last run.
    pub(crate) fn is_row_expired(&self, record: &Record, now: Time) -> Option<Reason> {
        if now >= record.deadline {
            return Some(Reason::Deadline);
        }
        let slack = if self.bug(Bug::ExpireEarlyAfterLoad) { 0 } else { self.config.slack_for(record.idle_ms) };
        let over = record.idle_ms > 0 && now >= record.accessed + record.idle_ms + slack;
        over.then_some(Reason::Idle)
    }

    /// When the session should be looked at for its end.
    pub(crate) fn expiry_due(&self, live: &Live) -> Time {
        let idle = if live.idle_ms == 0 { Time::NEVER } else { live.accessed + live.idle_ms + self.slack_of(live) };
        idle.min(live.deadline)
    }

    /// When a session that is over may be claimed, which ends it everywhere: like a sweep, this gives a use that was
    /// made elsewhere in the last moment time to arrive.
    pub(crate) fn claim_due(&self, live: &Live) -> Time {
        if !self.config.claim_expired || !self.is_shared() {
            return self.expiry_due(live);
        }
        let margin = |reason| self.claim_margin(reason, live.idle_ms);
        let idle = if live.idle_ms == 0 { Time::NEVER } else { live.accessed + live.idle_ms + margin(Reason::Idle) };
        idle.min(live.deadline + margin(Reason::Deadline))
    }

    fn claim_margin(&self, reason: Reason, idle_ms: u64) -> u64 {
        match reason {
            _ if !self.is_shared() || self.bug(Bug::ClaimWithoutMargin) => 0,
            Reason::Deadline => self.config.clock_error_ms,
            _ => 2 * self.config.slack_for(idle_ms) + self.config.clock_error_ms,
        }
    }

    /// Whether a row that was read at `at`, and is over, may be claimed: it could no longer be in use elsewhere.
    pub(crate) fn may_claim_row(&self, record: &Record, reason: Reason, at: Time) -> bool {
        let end = if reason == Reason::Deadline { record.deadline } else { record.accessed + record.idle_ms };
        self.config.claim_expired && at >= end + self.claim_margin(reason, record.idle_ms)
    }

    /// Ends a session that is over.
    pub(crate) fn expire(&mut self, now: Time, slot: Slot, reason: Reason) -> Fetch {
        if let Some(due) = self.live(slot).filter(|live| live.base().is_some()).map(|live| self.claim_due(live))
            && now < due
        {
            // It is served no more, but may still be in use elsewhere; its last content is claimed when it can't be.
            self.schedule(slot, due);
            return Fetch::Dead(reason);
        }
        self.stats.expired += 1;
        let key = self.key_of(slot);
        let claim = self.slots[slot].live().filter(|_| self.config.claim_expired).and_then(|live| {
            let base = live.base()?;
            Some(Box::new(live.to_record(base)))
        });
        self.end(now, slot, reason);
        match claim {
            Some(record) => self.claim(now, slot, reason, record),
            None => self.event(Event::Expired { key, reason, last: None }),
        }
        Fetch::Dead(reason)
    }

    /// Claims an expired session by a conditional write, so that only one bag hands out its last content.
    pub(crate) fn claim(&mut self, now: Time, slot: Slot, reason: Reason, record: Box<Record>) {
        let writer = self.new_writer();
        let row_until = now + self.config.dead_ms;
        if let State::Dead(dead) = &mut self.slots[slot].state
            && dead.destroying.is_none()
        {
            let waiters = Vec::new();
            let claim = Some(record);
            dead.destroying = Some(Destroying { reason, writer, row_until, sent: None, waiters, claim, since: now });
            self.ends.push_back(slot);
            self.account(slot);
        }
    }

    /// The conditional write of a claim.
    pub(crate) fn claim_write(&self, now: Time, destroying: &Destroying, record: &Record) -> WriteKind {
        // A use that came since makes the claim fail.
        let margin = self.claim_margin(destroying.reason, record.idle_ms);
        WriteKind::Expire {
            base: record.stamp,
            before: now - margin,
            reason: destroying.reason,
            writer: destroying.writer,
            until: destroying.row_until,
        }
    }

    /// A tombstone for something the store said is dead, or that expired: kept shortly, since the store knows.
    pub(crate) fn brief_tombstone(&self, now: Time, reason: Reason) -> State {
        State::Dead(Box::new(Dead { reason, until: now + self.config.negative_ms, destroying: None, twin: None }))
    }
}
