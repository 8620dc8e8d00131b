//! When to look at which slot again.

use crate::entry::Slot;
use crate::time::Time;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// A heap of wake-ups. An entry remembers its earliest one; later ones that are still in the heap are passed over
/// when they come up, so that moving a deadline costs nothing.
#[derive(Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Time, Slot)>>);

impl Timers {
    pub(crate) fn push(&mut self, at: Time, slot: Slot) {
        self.0.push(Reverse((at, slot)));
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Time) -> Option<(Time, Slot)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}
