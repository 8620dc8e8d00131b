//! Running seeds: on two threads, with panics caught.

use crate::planted::Planted;
use crate::trace::Violation;
use crate::world::{Outcome, Setup, World};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many happenings a run has before its faults stop, unless told otherwise.
pub const STEPS: u64 = 800;

/// Runs one seed. A panic inside is a violation.
pub fn run_seed(seed: u64, setup: Setup) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| World::new(seed, setup).run())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
        let violation = Some(Violation { invariant: "no panic", what: text });
        Outcome { violation, hash: 0, steps: 0, checks: 0 }
    })
}

/// What many runs came to.
#[derive(Debug, Default)]
pub struct Total {
    /// Seeds that passed.
    pub passed: u64,
    /// Seeds that failed, and how.
    pub failed: Vec<(u64, Violation)>,
    /// Happenings in all.
    pub steps: u64,
    /// Checks in all.
    pub checks: u64,
}

/// Runs the seeds that `seed_of` gives for 0 to `count - 1` on `threads` threads. Every 16th is run twice, with
/// another seed of the hashers, and must give the same trace.
pub fn run_seeds(count: u64, threads: usize, setup: Setup, stop_at: u64, seed_of: impl Fn(u64) -> u64 + Sync) -> Total {
    let next = AtomicU64::new(0);
    let failures = AtomicU64::new(0);
    let total = Mutex::new(Total::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count || failures.load(Ordering::Relaxed) >= stop_at {
                        return;
                    }
                    let seed = seed_of(place);
                    let mut outcome = run_seed(seed, setup);
                    if place.is_multiple_of(16) && outcome.violation.is_none() {
                        check_same(seed, setup, &mut outcome);
                    }
                    let Ok(mut total) = total.lock() else { return };
                    total.steps += outcome.steps;
                    total.checks += outcome.checks;
                    match outcome.violation {
                        None => total.passed += 1,
                        Some(violation) => {
                            failures.fetch_add(1, Ordering::Relaxed);
                            total.failed.push((seed, violation));
                        }
                    }
                }
            });
        }
    });
    total.into_inner().unwrap_or_default()
}

fn check_same(seed: u64, setup: Setup, outcome: &mut Outcome) {
    let again = run_seed(seed, Setup { hash_seed: 0x5EED, ..setup });
    if again.hash != outcome.hash {
        let what = "the same seed with hashers seeded otherwise gave another trace".to_owned();
        outcome.violation = Some(Violation { invariant: "I20 same seed, same trace", what });
    }
}

/// Runs seeds until one shows the planted bug, that is: it fails, and passes without the bug. Answers which seed it
/// was, of those from 1 on, and what was seen.
pub fn find(bug: Planted, limit: u64, steps: u64) -> Option<(u64, Violation)> {
    let sound = Setup { steps, ..Setup::default() };
    let planted = Setup { bug: Some(bug), ..sound };
    (1..=limit).find_map(|seed| {
        let violation = run_seed(seed, planted).violation?;
        run_seed(seed, sound).violation.is_none().then_some((seed, violation))
    })
}
