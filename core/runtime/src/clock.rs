//! The one place that reads clocks.
//!
//! The bag's time is the wall clock at open plus boot time, which counts suspend and never jumps, steered slowly
//! towards the wall clock.

use holdall_engine::Time;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// If the bag's time and the wall clock differ by more than this, one of them is wrong: sweeping stops.
pub(crate) const DOUBT_MS: u64 = 60_000;
/// The steering makes the bag's time at most this much faster or slower: one part in so many.
const STEERING: u64 = 100;

pub(crate) struct Clock {
    /// What boot time is behind the bag's time.
    offset_ms: AtomicI64,
    /// Boot time at the last steering.
    steered_at: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let boot = boot_ms();
        let offset = wall_ms().cast_signed() - boot.cast_signed();
        Self { offset_ms: AtomicI64::new(offset), steered_at: AtomicU64::new(boot) }
    }

    /// The bag's time. No system call on Linux: the kernel's shared page answers.
    pub(crate) fn now(&self) -> Time {
        Time(boot_ms().saturating_add_signed(self.offset_ms.load(Ordering::Relaxed)))
    }

    /// Brings the bag's time a little nearer to the wall clock; answers whether the two are too far apart to be
    /// trusted. Called by one thread, now and then.
    pub(crate) fn steer(&self) -> bool {
        let boot = boot_ms();
        let elapsed = boot.saturating_sub(self.steered_at.swap(boot, Ordering::Relaxed));
        let offset = self.offset_ms.load(Ordering::Relaxed);
        let difference = wall_ms().cast_signed() - boot.saturating_add_signed(offset).cast_signed();
        if difference.unsigned_abs() > DOUBT_MS {
            return true;
        }
        let limit = (elapsed / STEERING).cast_signed();
        self.offset_ms.store(offset + difference.clamp(-limit, limit), Ordering::Relaxed);
        false
    }
}

/// A point in monotonic time to wait for.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(u64);

impl Deadline {
    pub(crate) fn after(wait: Duration) -> Self {
        Self(boot_ms().saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// What is left; none if it has passed.
    pub(crate) fn left(self) -> Option<Duration> {
        let left = self.0.saturating_sub(boot_ms());
        (left > 0).then(|| Duration::from_millis(left.min(86_400_000)))
    }
}

#[cfg(target_os = "linux")]
fn boot_ms() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.cast_unsigned() * 1_000 + time.tv_nsec.cast_unsigned() / 1_000_000
}

/// Elsewhere the monotonic clock stands in, which may not count suspend.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods, reason = "this file is the runtime's clock")]
fn boot_ms() -> u64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_millis() as u64 + 1
}

#[allow(clippy::disallowed_methods, reason = "this file is the runtime's clock")]
fn wall_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}
