//! The time, as a stopwatch needs it. The only place in this crate that asks for it.

use std::time::Duration;

/// A running stopwatch on the wall clock's time.
#[derive(Clone, Copy, Debug)]
pub struct Start(std::time::Instant);

impl Start {
    /// Starts it.
    #[allow(clippy::disallowed_methods, reason = "a stopwatch over seconds; suspend would spoil a measurement anyway")]
    pub fn now() -> Self {
        Self(std::time::Instant::now())
    }

    /// What has passed since.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// What has passed since, in nanoseconds.
    pub fn nanos(self) -> f64 {
        self.elapsed().as_secs_f64() * 1e9
    }
}

/// Nanoseconds that this thread has worked, in user code and in the kernel. Other programs on the machine take none of
/// it, so that short loops can be compared on a machine that isn't idle.
#[cfg(target_os = "linux")]
pub fn thread_nanos() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Where the system is not asked for the thread's own time, the wall clock's has to do.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods, reason = "the stopwatch of the other systems")]
pub fn thread_nanos() -> f64 {
    static FIRST: std::sync::OnceLock<Start> = std::sync::OnceLock::new();
    FIRST.get_or_init(Start::now).nanos()
}

/// Nanoseconds of this thread's own time that `work` took.
pub fn thread_time(work: impl FnOnce()) -> f64 {
    let before = thread_nanos();
    work();
    thread_nanos() - before
}

/// UTC milliseconds, for rows that are written past holdall.
#[allow(clippy::disallowed_methods, reason = "the rows that a benchmark prepares must be alive by the wall clock")]
pub fn wall_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
