//! What open handles hold: snapshots that nobody else may need any more.

use holdall_engine::Time;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Handles are told apart by when they were opened, in steps of 65 seconds; after so many steps a place is used again.
const STEPS: usize = 32;
const STEP_BITS: u32 = 16;
/// The exact sum is asked for whenever one place has grown by another mebibyte.
const LOOK_BITS: u32 = 20;

/// The bytes of the snapshots that handles of one shard hold, by when they were opened, so that handles that are never
/// freed stand out by their age.
#[derive(Default)]
pub(crate) struct Held {
    /// Opened from memory. Written under the shard's lock only, so that adding takes no atomic exchange.
    opened: [AtomicUsize; STEPS],
    /// All other changes, freeing above all; wrapping, since most of them are negative.
    changed: [AtomicUsize; STEPS],
}

impl Held {
    /// A handle opened at `now` holds so much. Answers its place, and whether it is time to look at the sum. To be called
    /// under the shard's lock.
    #[inline]
    pub(crate) fn add_locked(&self, now: Time, size: usize) -> (u8, bool) {
        let place = step(now) as usize % STEPS;
        let before = self.opened[place].load(Ordering::Relaxed);
        self.opened[place].store(before.wrapping_add(size), Ordering::Relaxed);
        (place as u8, before >> LOOK_BITS != before.wrapping_add(size) >> LOOK_BITS)
    }

    /// The same without the lock.
    pub(crate) fn add(&self, now: Time, size: usize) -> (u8, bool) {
        let place = step(now) as usize % STEPS;
        let before = self.changed[place].fetch_add(size, Ordering::Relaxed);
        (place as u8, before >> LOOK_BITS != before.wrapping_add(size) >> LOOK_BITS)
    }

    /// The handle of a place holds more, or less, than before.
    #[inline]
    pub(crate) fn change(&self, place: u8, before: usize, now: usize) {
        self.changed[usize::from(place)].fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> usize {
        (0..STEPS).map(|place| self.at(place)).sum()
    }

    fn at(&self, place: usize) -> usize {
        let sum = self.opened[place].load(Ordering::Relaxed).wrapping_add(self.changed[place].load(Ordering::Relaxed));
        // The two are read one after the other: for a moment the sum may be below zero.
        if sum > usize::MAX / 2 { 0 } else { sum }
    }

    /// For how many milliseconds, at least, the oldest handle has been open; at most the half hour that the places cover.
    pub(crate) fn oldest_ms(&self, now: Time) -> u64 {
        let now_step = step(now);
        let open = |age: &u64| self.at((now_step.wrapping_sub(*age)) as usize % STEPS) > 0;
        (0..STEPS as u64).rev().find(open).map_or(0, |age| age.saturating_sub(1) << STEP_BITS)
    }
}

fn step(now: Time) -> u64 {
    now.0 >> STEP_BITS
}
