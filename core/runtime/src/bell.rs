//! How a worker is woken: at a time, or at once.

use crate::clock::Clock;
use holdall_engine::Time;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A worker sleeps no longer than this, so that a clock that was steered or a suspend is noticed.
const LONGEST: Duration = Duration::from_secs(1);

/// The earliest time for which a worker was rung.
pub(crate) struct Bell {
    due: Mutex<Time>,
    rang: Condvar,
}

impl Default for Bell {
    fn default() -> Self {
        Self { due: Mutex::new(Time::NEVER), rang: Condvar::new() }
    }
}

impl Bell {
    pub(crate) fn ring(&self, due: Time) {
        let mut earliest = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due < *earliest {
            *earliest = due;
            self.rang.notify_one();
        }
    }

    /// Waits until the earliest ring, or `next`, is due.
    pub(crate) fn wait(&self, clock: &Clock, next: Option<Time>) {
        let mut earliest = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slept = false;
        loop {
            let due = next.map_or(*earliest, |next| next.min(*earliest));
            let wait = Duration::from_millis(due.since(clock.now())).min(LONGEST);
            if wait.is_zero() || slept {
                *earliest = Time::NEVER;
                return;
            }
            let (guard, timeout) = self.rang.wait_timeout(earliest, wait).unwrap_or_else(PoisonError::into_inner);
            earliest = guard;
            slept = timeout.timed_out();
        }
    }
}
