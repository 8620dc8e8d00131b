//! The only place of xtask that reads a clock or sleeps: the product's rule against both is about sessions, not about tools.
#![allow(clippy::disallowed_methods, reason = "tools measure wall time and poll files that other processes write")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time to measure from.
#[derive(Debug, Clone, Copy)]
pub struct Start(Instant);

impl Start {
    /// Starts measuring.
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// The time since then.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Asks again every 5 ms until there is an answer or `limit` is over; `None` means that the time was over.
pub fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Start::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() >= limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A number that differs from run to run; not fit for secrets.
pub fn entropy() -> u64 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let mut mixed = nanos ^ (u64::from(std::process::id()) << 32);
    mixed ^= mixed >> 33;
    mixed = mixed.wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

/// A duration as people read it: `0.4 s`, `2 min 05 s`.
pub fn readable(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}
