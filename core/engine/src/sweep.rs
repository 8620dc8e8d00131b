//! When expired rows are removed.

use crate::bugs::Bug;
use crate::config::Config;
use crate::engine::{Engine, Flight};
use crate::event::Event;
use crate::id::Key;
use crate::op::{OpKind, Reply};
use crate::random::Random;
use crate::rules::Rules;
use crate::time::Time;
use crate::verbs::{Fault, FaultKind};
use core::hash::BuildHasher;

/// After a failed or interrupted sweep the next try comes within this time.
const RETRY_MS: u64 = 60_000;

/// Expired sessions are claimed so many at a time: each is loaded with its content.
const CLAIM_ROWS: u32 = 64;
/// How soon it is looked again whether there is room for claimed sessions, or what became of the last ones.
const CLAIM_WAIT_MS: u64 = 500;
/// After so many looks between which nothing was claimed, what is left is taken for rows that can't be.
const FRUITLESS_LOOKS: u32 = 20;
/// Rows that could not be claimed (damaged ones) are removed when they are overdue for this long.
const UNCLAIMED_MS: u64 = 3_600_000;

/// Sweeps come at an interval with 10 % jitter, so that many servers don't sweep at once; one sweep is as many chunks
/// as it takes. Between two chunks lies as long a pause as the first of them took, so that a store under load gets
/// more rest and the sweep never takes more than half of its time.
pub(crate) struct Sweeper {
    every_ms: u64,
    /// When the next chunk is due; none before the first poll, which tells the time.
    next: Option<Time>,
    /// When the chunk in flight was sent.
    sent: Option<Time>,
    began: Option<Time>,
    expired: u64,
    dead: u64,
    /// How many expired sessions may be claimed at once: what the queue of events has room for.
    claim_room: u32,
    /// Expired sessions are to be claimed, and the store can say which they are.
    claims: bool,
    /// All that has expired is claimed.
    claimed: bool,
    /// Only claims are wanted: whoever asked for them sweeps himself, and knows that it is over.
    claims_alone: bool,
    /// Sessions claimed since the last look.
    pub newly_claimed: u32,
    fruitless: u32,
}

impl Sweeper {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            every_ms: config.sweep_every_ms,
            next: None,
            sent: None,
            began: None,
            expired: 0,
            dead: 0,
            claim_room: u32::MAX,
            claims: config.claim_expired,
            claimed: false,
            claims_alone: false,
            newly_claimed: 0,
            fruitless: 0,
        }
    }

    pub(crate) fn next(&self, clock_doubtful: bool) -> Option<Time> {
        self.next.filter(|next| self.sent.is_none() && !clock_doubtful && next.is_set())
    }

    fn jittered(&self, random: &mut Random) -> u64 {
        let tenth = self.every_ms / 10;
        self.every_ms - tenth + random.up_to(2 * tenth)
    }

    /// After a chunk that left more to do.
    fn pause(&mut self, now: Time, took: u64) {
        self.next = Some(now + took);
    }
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Begins a sweep now, whatever the interval.
    pub fn sweep_now(&mut self, now: Time) {
        self.sweeper.next = Some(now);
    }

    /// Claims what has expired now, whatever the interval, and reports no sweep. A sweep that is under way does so anyway.
    pub fn claim_now(&mut self, now: Time) {
        if self.sweeper.claims && self.sweeper.began.is_none() {
            self.sweeper.claims_alone = true;
            self.sweeper.next = Some(now);
        }
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
        if self.sweeper.sent.is_some() || self.clock_doubtful || now < due || !due.is_set() {
            return None;
        }
        let claims = self.sweeper.claims && !self.sweeper.claimed;
        let limit = self.config.sweep_rows.min(if claims { CLAIM_ROWS.min(self.sweeper.claim_room) } else { u32::MAX });
        if claims && limit == 0 {
            self.sweeper.next = Some(now + CLAIM_WAIT_MS);
            return None;
        }
        self.sweeper.sent = Some(now);
        self.sweeper.began.get_or_insert(now);
        if claims {
            return Some((OpKind::Due { before: self.over_before(now), limit }, Flight::Due { limit }));
        }
        Some((OpKind::Sweep { before: self.sweep_before(now), limit }, Flight::Sweep))
    }

    /// Rows that expired by then can't be in use any more.
    fn over_before(&self, now: Time) -> Time {
        now - if self.bug(Bug::SweepWithoutMargin) { 0 } else { self.config.sweep_margin_ms() }
    }

    /// Rows that expired by then may be removed; where expired sessions are claimed they are given time for that.
    pub fn sweep_before(&self, now: Time) -> Time {
        self.over_before(now) - if self.sweeper.claims { UNCLAIMED_MS } else { 0 }
    }

    /// How many expired sessions may be claimed at once from now on: what there is room for where their last contents
    /// go. At 0 the sweep waits.
    pub fn set_claim_room(&mut self, sessions: u32) {
        self.sweeper.claim_room = sessions;
    }

    /// Keys of expired rows: each is loaded, and claimed if the row still says so.
    pub(crate) fn on_due(&mut self, now: Time, limit: u32, reply: Reply) {
        let took = self.chunk_took(now);
        let keys = match reply {
            Reply::Due(keys) => keys,
            Reply::Yielded => return self.finish_sweep(now, false),
            Reply::Failed(Fault { kind: FaultKind::Unsupported, .. }) => {
                self.sweeper.claims = false;
                let is_over = self.sweeper.claims_alone;
                return if is_over { self.finish_sweep(now, true) } else { self.sweeper.pause(now, 0) };
            }
            _ => return self.retry_sweep(now),
        };
        for key in &keys {
            self.load_to_claim(now, key);
        }
        let fruitful = core::mem::take(&mut self.sweeper.newly_claimed) > 0;
        self.sweeper.fruitless = if fruitful { 0 } else { self.sweeper.fruitless + 1 };
        self.sweeper.claimed = keys.is_empty() || self.sweeper.fruitless >= FRUITLESS_LOOKS;
        if self.sweeper.claimed && self.sweeper.claims_alone {
            return self.finish_sweep(now, true);
        }
        let goes_on = self.sweeper.claimed || (fruitful && keys.len() >= limit as usize);
        self.sweeper.pause(now, if goes_on { took } else { took.max(CLAIM_WAIT_MS) });
    }

    /// Has a row looked at, unless it is being looked at already.
    fn load_to_claim(&mut self, now: Time, key: &Key) {
        if self.find_key(key).is_none() && self.make_room(crate::memory::ENTRY_BYTES, None) {
            let slot = self.slot_for_key(now, key);
            self.queue_load(slot);
        }
    }

    /// How long the chunk in flight took, in milliseconds.
    fn chunk_took(&mut self, now: Time) -> u64 {
        self.sweeper.sent.take().map_or(0, |sent| now.since(sent))
    }

    fn retry_sweep(&mut self, now: Time) {
        self.sweeper.next = Some(now + 1 + self.random.up_to(RETRY_MS));
    }

    pub(crate) fn on_swept(&mut self, now: Time, reply: Reply) {
        let took = self.chunk_took(now);
        let swept = match reply {
            Reply::Swept(swept) => swept,
            Reply::Yielded => return self.finish_sweep(now, false),
            _ => return self.retry_sweep(now),
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
        if swept.more { self.sweeper.pause(now, took) } else { self.finish_sweep(now, true) }
    }

    /// The sweep is over; `led` says whether this server did it.
    fn finish_sweep(&mut self, now: Time, led: bool) {
        let (expired, dead) = (core::mem::take(&mut self.sweeper.expired), core::mem::take(&mut self.sweeper.dead));
        let began = self.sweeper.began.take().unwrap_or(now);
        let next = if self.sweeper.every_ms == 0 { Time::NEVER } else { now + self.sweeper.jittered(&mut self.random) };
        self.sweeper.next = Some(next);
        self.sweeper.claimed = false;
        self.sweeper.fruitless = 0;
        if core::mem::take(&mut self.sweeper.claims_alone) {
            return;
        }
        if led {
            self.event(Event::Swept { expired, dead, began });
        } else {
            self.stats.sweeps_yielded += 1;
        }
    }
}
