//! What `cargo xtask test` prints at the end.

use crate::clock::readable;
use crate::counts::Counts;
use std::fmt::Write;
use std::time::Duration;

/// How a suite went.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// Its tests.
    pub counts: Counts,
    /// The time it took.
    pub time: Duration,
}

/// The summary: a table of suite, tests and time, then `N passed, N failed` alone on the last line.
pub fn summary(outcomes: &[Outcome]) -> String {
    let mut text = format!("\n{:<12} {:>8} {:>8}  {:>12}\n", "suite", "passed", "failed", "time");
    let mut sum = Counts::default();
    let mut time = Duration::ZERO;
    for outcome in outcomes {
        text.push_str(&row(outcome.name, outcome.counts, outcome.time));
        sum.add(outcome.counts);
        time += outcome.time;
    }
    text.push_str(&row("all", sum, time));
    let _ = write!(text, "\n{} passed, {} failed", sum.passed, sum.failed);
    text
}

fn row(name: &str, counts: Counts, time: Duration) -> String {
    format!("{name:<12} {:>8} {:>8}  {:>12}\n", counts.passed, counts.failed, readable(time))
}

/// The end of a log, as much as helps: the last `lines` lines.
pub fn tail(log: &str, lines: usize) -> String {
    let all: Vec<&str> = log.lines().collect();
    let from = all.len().saturating_sub(lines);
    let mut text = String::new();
    if from > 0 {
        let _ = writeln!(text, "    … {from} lines before");
    }
    for line in &all[from..] {
        let _ = writeln!(text, "    {line}");
    }
    text
}
