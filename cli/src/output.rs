//! Where answers go: sentences for people, or one JSON object for programs.

use crate::problem::Problem;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write, stderr, stdout};

/// How the command answers.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// As one JSON object.
    pub json: bool,
}

impl Output {
    /// A line for people, on standard output. Under `--json` nothing.
    pub fn say(self, line: &str) {
        if !self.json {
            print(line);
        }
    }

    /// The answer for programs. For people nothing.
    pub fn answer(self, value: &Value) {
        if self.json {
            print(&value.to_string());
        }
    }

    /// Why the command ended early.
    pub fn problem(self, problem: &Problem) {
        if self.json {
            print(&json!({"error": {"kind": problem.word(), "message": problem.text}}).to_string());
        } else {
            note(&format!("holdall: {}", problem.text));
        }
    }

    /// Whether a person sees standard error as it is written.
    pub fn has_terminal(self) -> bool {
        !self.json && stderr().is_terminal()
    }
}

/// A line about how it is going, on standard error: under `--json` too, since it is not the answer.
pub fn note(line: &str) {
    // A reader that went away is no reason to stop.
    let _ = writeln!(stderr(), "{line}");
}

fn print(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}

/// Rows as a table with aligned columns.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(head.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// A number with its thousands apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many rows.
pub fn rows(number: u64) -> String {
    if number == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(number)) }
}

/// A size as people say it.
pub fn bytes(number: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, size) in UNITS {
        if number >= size {
            return format!("{:.1} {unit}", number as f64 / size as f64);
        }
    }
    format!("{number} bytes")
}
