//! Waiting for servers, with deadlines.
#![allow(clippy::disallowed_methods, reason = "a server in another process is asked again until it answers or time is up")]

use crate::Problem;
use std::time::{Duration, Instant};

/// How long to wait between two questions.
const STEP: Duration = Duration::from_millis(10);

/// A point in time by which something has to have happened.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    start: Instant,
    limit: Duration,
}

impl Deadline {
    /// So long from now.
    pub fn after(limit: Duration) -> Self {
        Self { start: Instant::now(), limit }
    }

    /// How long ago the wait began.
    pub fn waited(&self) -> Duration {
        self.start.elapsed()
    }

    /// Time is up.
    pub fn is_over(&self) -> bool {
        self.waited() >= self.limit
    }
}

/// Sleeps: between two questions, or to leave a fault in place for a while.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks again and again until the answer is yes. Gives how long that took.
///
/// # Errors
/// When time was up before; `what` says in the text what was waited for.
pub fn wait_until(what: &str, limit: Duration, mut ask: impl FnMut() -> bool) -> Result<Duration, Problem> {
    let deadline = Deadline::after(limit);
    loop {
        if ask() {
            return Ok(deadline.waited());
        }
        if deadline.is_over() {
            return Err(Problem::new(format!("waited {} s in vain until {what}", limit.as_secs())));
        }
        pause(STEP);
    }
}

/// Sleeps until a time of [`now`].
pub(crate) fn sleep_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}

/// The time, for what is due later.
pub(crate) fn now() -> Instant {
    Instant::now()
}
