//! When to look at which slot again.

use crate::entry::Slot;
use crate::time::Time;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// A heap of wake-ups. An entry remembers its earliest one; later ones that are still in the heap are passed over
/// when they come up, so that moving a deadline costs nothing.
#[derive(Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<WakeUp>>);

/// A time, its high half first, and a slot: in three words it takes 12 bytes instead of 16, and orders by time.
type WakeUp = (u32, u32, Slot);

fn time_of(wake_up: WakeUp) -> Time {
    Time(u64::from(wake_up.0) << 32 | u64::from(wake_up.1))
}

impl Timers {
    pub(crate) fn push(&mut self, at: Time, slot: Slot) {
        self.0.push(Reverse(((at.0 >> 32) as u32, at.0 as u32, slot)));
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.0.peek().map(|Reverse(next)| time_of(*next))
    }

    pub(crate) fn pop_due(&mut self, now: Time) -> Option<(Time, Slot)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| (time_of(due), due.2))
    }
}
