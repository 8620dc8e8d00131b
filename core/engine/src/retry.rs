//! Back-off after failures.

use crate::config::Config;
use crate::random::Random;
use crate::time::Time;

/// When a lane may try again: exponential, capped, with full jitter.
#[derive(Default)]
pub(crate) struct Retry {
    failures: u32,
    at: Time,
    failing_since: Option<Time>,
}

impl Retry {
    /// When the lane may send again.
    pub(crate) fn at(&self) -> Time {
        self.at
    }

    /// Whether the last try failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing_since.is_some()
    }

    pub(crate) fn is_open(&self, now: Time) -> bool {
        now >= self.at
    }

    /// Records a failure; answers whether it is the first of a row.
    pub(crate) fn failed(&mut self, now: Time, config: &Config, random: &mut Random) -> bool {
        let limit = config.retry_ms.saturating_mul(1 << self.failures.min(20)).min(config.retry_cap_ms);
        self.failures += 1;
        self.at = now + 1 + random.up_to(limit.saturating_sub(1));
        let first = self.failing_since.is_none();
        self.failing_since.get_or_insert(now);
        first
    }

    /// Records a success; answers for how long it failed before, if it did.
    pub(crate) fn succeeded(&mut self, now: Time) -> Option<u64> {
        self.failures = 0;
        self.at = Time::ZERO;
        self.failing_since.take().map(|since| now.since(since))
    }

    /// Forgets the waiting, so that a flush or drain tries at once.
    pub(crate) fn hurry(&mut self) {
        self.at = Time::ZERO;
    }
}
