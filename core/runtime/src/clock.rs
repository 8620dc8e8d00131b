//! The one place that reads clocks.
//!
//! The bag's time is the wall clock at open plus boot time, which counts suspend and never jumps, steered slowly
//! towards the wall clock.

use holdall_engine::Time;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// If the bag's time and the wall clock differ by more than this, one of them is wrong: sweeping stops.
const DOUBT_MS: i64 = 60_000;
/// The steering makes the bag's time at most this much faster or slower: one part in so many.
const STEERING: i64 = 100;

pub(crate) struct Clock {
    /// What the monotonic clock is behind the bag's time.
    offset_ms: AtomicI64,
    /// What the monotonic clock was behind the wall clock, and behind boot time, at the last full look.
    wall_gap_ms: AtomicI64,
    boot_gap_ms: AtomicI64,
    /// The monotonic clock at the last steering.
    steered_at: AtomicI64,
    /// What tests have moved the bag's time forward by.
    advanced_ms: AtomicI64,
}

/// A gap between the cheap clocks that moves by more than this shows a suspend, or a wall clock that was set.
const JUMP_MS: i64 = 500;

impl Clock {
    pub(crate) fn new() -> Self {
        let (quick, wall) = quick_ms();
        Self {
            offset_ms: AtomicI64::new(wall - quick),
            wall_gap_ms: AtomicI64::new(wall - quick),
            boot_gap_ms: AtomicI64::new(boot_ms() - quick),
            steered_at: AtomicI64::new(quick),
            advanced_ms: AtomicI64::new(0),
        }
    }

    /// The bag's time, exact to the kernel's tick (1 to 10 ms). No system call: two coarse clocks, read from the
    /// kernel's shared page in some 5 ns together, where boot time takes 23 (it reads the processor's counter). A suspend
    /// moves the wall clock and not the monotonic one: only then boot time is asked.
    pub(crate) fn now(&self) -> Time {
        let (quick, wall) = quick_ms();
        if (wall - quick - self.wall_gap_ms.load(Ordering::Relaxed)).abs() > JUMP_MS {
            self.look_fully();
        }
        Time((quick + self.offset_ms.load(Ordering::Relaxed)).cast_unsigned())
    }

    /// Adds the suspend that boot time shows. A wall clock that was set changes nothing by itself.
    #[cold]
    fn look_fully(&self) {
        let (quick, wall) = quick_ms();
        self.wall_gap_ms.store(wall - quick, Ordering::Relaxed);
        let boot_gap = boot_ms() - quick;
        let suspended = boot_gap - self.boot_gap_ms.swap(boot_gap, Ordering::Relaxed);
        // The two clocks are read one after the other and tick apart: a few milliseconds are no suspend.
        if suspended > JUMP_MS {
            self.offset_ms.fetch_add(suspended, Ordering::Relaxed);
        }
    }

    /// Moves the bag's time forward, for tests.
    pub(crate) fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.advanced_ms.fetch_add(ms, Ordering::Relaxed);
        self.offset_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Brings the bag's time a little nearer to the wall clock; answers whether the two are too far apart to be
    /// trusted. Called by one thread, now and then.
    pub(crate) fn steer(&self) -> bool {
        self.look_fully();
        let (quick, wall) = quick_ms();
        let elapsed = quick - self.steered_at.swap(quick, Ordering::Relaxed);
        let difference = wall + self.advanced_ms.load(Ordering::Relaxed) - quick - self.offset_ms.load(Ordering::Relaxed);
        if difference.abs() > DOUBT_MS {
            return true;
        }
        let limit = elapsed.max(0) / STEERING;
        self.offset_ms.fetch_add(difference.clamp(-limit, limit), Ordering::Relaxed);
        false
    }
}

/// A point in monotonic time to wait for.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(i64);

impl Deadline {
    pub(crate) fn after(wait: Duration) -> Self {
        Self(boot_ms().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
    }

    /// What is left; none if it has passed.
    pub(crate) fn left(self) -> Option<Duration> {
        let left = self.0.saturating_sub(boot_ms());
        (left > 0).then(|| Duration::from_millis(left.min(86_400_000).cast_unsigned()))
    }
}

/// The monotonic clock and the wall clock as of the kernel's last tick, in milliseconds.
#[cfg(target_os = "linux")]
fn quick_ms() -> (i64, i64) {
    use rustix::time::{ClockId, clock_gettime};
    (millis(clock_gettime(ClockId::MonotonicCoarse)), millis(clock_gettime(ClockId::RealtimeCoarse)))
}

/// The clock that counts suspend.
#[cfg(target_os = "linux")]
fn boot_ms() -> i64 {
    millis(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

#[cfg(target_os = "linux")]
fn millis(time: rustix::time::Timespec) -> i64 {
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods, reason = "this file is the runtime's clock")]
fn quick_ms() -> (i64, i64) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (boot_ms(), i64::try_from(since.as_millis()).unwrap_or(0))
}

/// Elsewhere the monotonic clock stands in, which may not count suspend.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods, reason = "this file is the runtime's clock")]
fn boot_ms() -> i64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_millis() as i64 + 1
}
