//! How large a step may be, and how long to pause after it: so that others get on with their work.

use std::time::Duration;

/// What a step should take.
const STEP: Duration = Duration::from_millis(50);
/// Rows of the first step, when nothing is known yet.
const FIRST: u32 = 100;
/// Rows of a step at least.
const LEAST: u32 = 10;
/// Longest pause.
const PAUSE_LIMIT: Duration = Duration::from_secs(2);
/// A database this many times slower than at its best gets the longest pause for its steps.
const SLOWEST: f64 = 10.0;

/// Follows the database's load by what steps take.
#[derive(Clone, Debug)]
pub struct Pace {
    rows: u32,
    limit: u32,
    pauses: bool,
    best: Option<f64>,
}

impl Pace {
    /// Steps of at most `limit` rows; without pauses if `pauses` is false.
    pub fn new(limit: u32, pauses: bool) -> Self {
        Self { rows: FIRST.min(limit), limit, pauses, best: None }
    }

    /// Rows of the next step.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Learns from a step that removed `done` rows in `took`, and answers how long to pause: as long as the step took, and
    /// longer by as much as rows took longer than in the fastest step so far.
    pub fn after(&mut self, done: u64, took: Duration) -> Duration {
        if took > STEP * 2 {
            self.rows = (self.rows / 2).max(LEAST.min(self.limit));
        } else if took < STEP / 2 && done >= u64::from(self.rows) {
            self.rows = (self.rows * 2).min(self.limit);
        }
        if !self.pauses {
            return Duration::ZERO;
        }
        took.mul_f64(self.slowdown(done, took)).min(PAUSE_LIMIT)
    }

    fn slowdown(&mut self, done: u64, took: Duration) -> f64 {
        if done == 0 {
            return 1.0;
        }
        let each = took.as_secs_f64().max(1e-6) / done as f64;
        let best = self.best.map_or(each, |best| best.min(each));
        self.best = Some(best);
        (each / best).clamp(1.0, SLOWEST)
    }
}
