//! When expired rows are removed.

use crate::bugs::Bug;
use crate::config::Config;
use crate::engine::{Engine, Flight};
use crate::event::Event;
use crate::op::{OpKind, Reply};
use crate::random::Random;
use crate::rules::Rules;
use crate::time::Time;
use core::hash::BuildHasher;

/// After a failed or interrupted sweep the next try comes within this time.
const RETRY_MS: u64 = 60_000;

/// Sweeps come at an interval with 10 % jitter, so that many servers don't sweep at once; one sweep is as many chunks
/// as it takes.
pub(crate) struct Sweeper {
    every_ms: u64,
    /// When the next chunk is due; none before the first poll, which tells the time.
    next: Option<Time>,
    in_flight: bool,
    began: Option<Time>,
    expired: u64,
    dead: u64,
}

impl Sweeper {
    pub(crate) fn new(config: &Config) -> Self {
        Self { every_ms: config.sweep_every_ms, next: None, in_flight: false, began: None, expired: 0, dead: 0 }
    }

    pub(crate) fn next(&self, clock_doubtful: bool) -> Option<Time> {
        self.next.filter(|next| !self.in_flight && !clock_doubtful && next.is_set())
    }

    fn jittered(&self, random: &mut Random) -> u64 {
        let tenth = self.every_ms / 10;
        self.every_ms - tenth + random.up_to(2 * tenth)
    }
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Begins a sweep now, whatever the interval.
    pub fn sweep_now(&mut self, now: Time) {
        self.sweeper.next = Some(now);
    }

    pub(crate) fn next_care(&mut self, now: Time) -> Option<(OpKind, Flight)> {
        self.next_list(now).or_else(|| self.next_sweep(now))
    }

    fn next_sweep(&mut self, now: Time) -> Option<(OpKind, Flight)> {
        let due = match self.sweeper.next {
            Some(next) => next,
            // The first sweep comes at a random point of the first interval.
            None if self.sweeper.every_ms > 0 => now + self.random.up_to(self.sweeper.every_ms),
            None => Time::NEVER,
        };
        self.sweeper.next = Some(due);
        if self.sweeper.in_flight || self.clock_doubtful || now < due || !due.is_set() {
            return None;
        }
        self.sweeper.in_flight = true;
        self.sweeper.began.get_or_insert(now);
        let margin = if self.bug(Bug::SweepWithoutMargin) { 0 } else { self.config.sweep_margin_ms() };
        let before = now - margin;
        Some((OpKind::Sweep { before, limit: self.config.sweep_rows }, Flight::Sweep))
    }

    pub(crate) fn on_swept(&mut self, now: Time, reply: Reply) {
        self.sweeper.in_flight = false;
        let Reply::Swept(swept) = reply else {
            self.sweeper.next = Some(now + 1 + self.random.up_to(RETRY_MS));
            return;
        };
        self.sweeper.expired += u64::from(swept.expired);
        self.sweeper.dead += u64::from(swept.dead);
        self.stats.swept_expired += u64::from(swept.expired);
        self.stats.swept_dead += u64::from(swept.dead);
        for key in &swept.keys {
            if let Some(slot) = self.find_key(key)
                && let Some(live) = self.slots[slot].live_mut()
            {
                // A copy of a swept row needs a look before it is served again.
                live.checked_at = Time::ZERO;
            }
        }
        if swept.more {
            self.sweeper.next = Some(now);
            return;
        }
        let (expired, dead) = (core::mem::take(&mut self.sweeper.expired), core::mem::take(&mut self.sweeper.dead));
        let began = self.sweeper.began.take().unwrap_or(now);
        let next = if self.sweeper.every_ms == 0 { Time::NEVER } else { now + self.sweeper.jittered(&mut self.random) };
        self.sweeper.next = Some(next);
        self.event(Event::Swept { expired, dead, began });
    }
}
