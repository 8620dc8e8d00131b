//! Getting everything written: flush, drain, and what is left.

use crate::engine::{Engine, Flight};
use crate::entry::{Live, State};
use crate::rules::Rules;
use crate::time::Time;
use core::hash::BuildHasher;

/// What the store is not known to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsaved {
    /// Sessions with changes that are not committed.
    pub changes: u64,
    /// Destroys that are not confirmed.
    pub destroys: u64,
    /// Rotations that are not settled.
    pub renames: u64,
    /// When the oldest of these changes was made; [`Time::NEVER`] if there is none.
    pub oldest: Time,
}

impl Unsaved {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.changes == 0 && self.destroys == 0 && self.renames == 0
    }

    /// Adds another engine's.
    pub fn add(&mut self, other: &Self) {
        self.changes += other.changes;
        self.destroys += other.destroys;
        self.renames += other.renames;
        self.oldest = self.oldest.min(other.oldest);
    }
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Queues everything that is unsaved, quarantined rows and pending touches included. Poll ops until
    /// [`Engine::unsaved`] is empty.
    pub fn flush(&mut self, _now: Time) {
        for slot in 0..self.slots.capacity() {
            if let Some(pending) = self.slots.get_mut(slot).and_then(crate::entry::Entry::pending_mut)
                && core::mem::take(&mut pending.quarantined)
            {
                self.account(slot);
            }
        }
        self.saves_retry.hurry();
        self.ends_retry.hurry();
        self.loads_retry.hurry();
        self.write_everything();
    }

    /// Flushes, and from now on writes every change at once: the bag goes on serving, and can be closed at any time.
    pub fn drain(&mut self, now: Time) {
        self.draining = true;
        self.flush(now);
    }

    /// Whether writes wait to be sent or answered. Unlike [`Engine::unsaved`] this looks at no session.
    pub fn is_writing(&self) -> bool {
        let in_flight = |flight: &Flight| matches!(flight, Flight::Saves(..) | Flight::Ends(_));
        !self.saves.is_empty() || !self.ends.is_empty() || self.flights.values().any(in_flight)
    }

    /// What the store is not known to have.
    pub fn unsaved(&self) -> Unsaved {
        let mut unsaved = Unsaved { oldest: Time::NEVER, ..Unsaved::default() };
        for (_, entry) in self.slots.iter() {
            match &entry.state {
                State::Live(live) => unsaved.count(live),
                State::Dead(dead) => {
                    if let Some(destroying) = dead.destroying.as_ref().filter(|destroying| destroying.claim.is_none()) {
                        unsaved.destroys += 1;
                        unsaved.oldest = unsaved.oldest.min(destroying.since);
                    }
                }
                State::Unknown | State::Absent { .. } | State::Alias { .. } | State::Moved(_) => {}
            }
        }
        unsaved
    }

    /// How many uses of sessions the store does not know yet. They are no changes; a flush writes them too.
    pub fn unwritten_uses(&self) -> u64 {
        self.slots.iter().filter(|(_, entry)| entry.live().is_some_and(|live| live.unwritten_use.is_set())).count() as u64
    }
}

impl Unsaved {
    fn count(&mut self, live: &Live) {
        let Some(pending) = live.pending.as_deref().filter(|pending| !pending.is_settled()) else { return };
        if pending.rename.is_some() {
            self.renames += 1;
        } else {
            self.changes += 1;
        }
        let sent = pending.attempt.as_ref().map_or(Time::NEVER, |attempt| attempt.unknown_since.unwrap_or(attempt.sent_at));
        self.oldest = self.oldest.min(pending.first).min(sent);
    }
}
