//! A node's clock: skewed against the virtual time, sometimes moved, never going back.

use holdall_engine::Time;

/// Virtual time begins here, so that clocks may be behind it.
pub const BEGIN: u64 = 1_000_000_000;

/// A clock that is off by a constant, until someone moves it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Ahead of the virtual time by so much.
    pub ahead_ms: u64,
    last: u64,
}

impl Clock {
    /// A clock ahead of the virtual time. "Behind" is what the clocks with a smaller number are.
    pub fn new(ahead_ms: u64) -> Self {
        Self { ahead_ms, last: 0 }
    }

    /// What the clock shows at the virtual time `now`. A clock that was moved back stands still for a while.
    pub fn read(&mut self, now: u64) -> Time {
        self.last = self.last.max(BEGIN + now + self.ahead_ms);
        Time(self.last)
    }

    /// The virtual time at which the clock will show `at`, if nobody moves it; not before `now`.
    pub fn when(&self, at: Time, now: u64) -> u64 {
        at.0.saturating_sub(BEGIN + self.ahead_ms).max(now)
    }
}
