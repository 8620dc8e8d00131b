//! How far a long job is: a bar where a person looks on, lines elsewhere.

use crate::clock::{Start, readable_span};
use crate::output::{Output, grouped, note};
use serde_json::json;
use std::io::{Write, stderr};
use std::time::Duration;

/// Characters of the bar.
const WIDTH: u64 = 30;
/// How often the bar moves.
const BAR_EVERY: Duration = Duration::from_millis(200);
/// How often a line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Tells how far a job is, on standard error.
#[derive(Debug)]
pub struct Progress {
    output: Output,
    what: &'static str,
    total: u64,
    done: u64,
    start: Start,
    shown: Option<Start>,
    has_bar: bool,
}

impl Progress {
    /// A job over about so many rows.
    pub fn new(output: Output, what: &'static str, total: u64) -> Self {
        let start = Start::now();
        Self { output, what, total, done: 0, start, shown: None, has_bar: output.has_terminal() }
    }

    /// So many more are done.
    pub fn add(&mut self, rows: u64) {
        self.done += rows;
        let every = if self.has_bar { BAR_EVERY } else { LINE_EVERY };
        let since = self.shown.unwrap_or(self.start).elapsed();
        if since >= every {
            self.shown = Some(Start::now());
            self.show();
        }
    }

    /// How many are done.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The job is over: the bar goes.
    pub fn finish(&self) {
        if self.has_bar && self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }

    /// How long the rest will take at the pace so far.
    fn left(&self) -> Option<Duration> {
        let rest = self.total.saturating_sub(self.done);
        (self.done > 0).then(|| self.start.elapsed().mul_f64(rest as f64 / self.done as f64))
    }

    fn show(&self) {
        let left = self.left();
        if self.output.json {
            let left = left.map(|left| left.as_secs());
            let line = json!({"progress": {"what": self.what, "done": self.done, "of": self.total, "seconds_left": left}});
            note(&line.to_string());
            return;
        }
        let left = left.map_or_else(String::new, |left| format!(", {} left", readable_span(left)));
        let text = format!("{} of {} {}{left}", grouped(self.done), grouped(self.total.max(self.done)), self.what);
        if self.has_bar {
            let filled = (self.done * WIDTH).checked_div(self.total).unwrap_or(WIDTH).min(WIDTH) as usize;
            let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH as usize - filled));
            let _ = write!(stderr(), "\r\x1b[K[{bar}] {text}");
            let _ = stderr().flush();
        } else {
            note(&text);
        }
    }
}
