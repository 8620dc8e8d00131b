//! Rules for source files: where `unsafe` may stand, what has to stand above it, how long a file may be.

use crate::source::{code_only, find_word};
use crate::tree::Text;

/// The only places for `unsafe`: the faces, and single files with the reason.
const UNSAFE_PLACES: &[(&str, &str)] = &[
    ("ffi/", "the boundary to other languages"),
    ("benches/", "the benchmark calls the C functions as a C host does"),
    ("tests/steps/", "the runner for the C face calls it as a C host does"),
];

/// The most lines that a file of code may have.
pub const MOST_LINES: usize = 500;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] =
    &[("include/holdall.h", "generated from ffi/c, and the manual of the whole library in one place")];

/// `unsafe` where it has no place, and `unsafe` blocks without a SAFETY comment.
pub fn unsafe_problems(file: &Text) -> Vec<String> {
    if !file.has_extension(&["rs"]) {
        return Vec::new();
    }
    let code = code_only(&file.content);
    let places = find_word(&code, "unsafe");
    let mut problems = Vec::new();
    if let Some((line, _)) = places.first().filter(|_| !UNSAFE_PLACES.iter().any(|(place, _)| file.path.starts_with(place))) {
        problems.push(format!("{}:{}: unsafe outside the places listed in tests/tidy/src/code.rs", file.path, line + 1));
    }
    let lines: Vec<&str> = file.content.lines().collect();
    for (line, column) in places {
        if needs_reason(&code, line, column) && !has_reason(&lines, line) {
            problems.push(format!("{}:{}: an unsafe block without a SAFETY comment above it", file.path, line + 1));
        }
    }
    problems
}

/// A block or an implementation makes a promise to the compiler; an unsafe function or attribute passes one on.
fn needs_reason(code: &str, line: usize, column: usize) -> bool {
    let rest: String = code.lines().skip(line).collect::<Vec<_>>().join("\n").chars().skip(column).collect();
    let after = rest.trim_start_matches("unsafe").trim_start();
    after.starts_with('{') || after.starts_with("impl")
}

/// The line itself or the comment above the statement that it belongs to says SAFETY.
fn has_reason(lines: &[&str], line: usize) -> bool {
    if lines[line].contains("SAFETY") {
        return true;
    }
    let mut statement_lines = 0;
    for above in lines[..line].iter().rev().map(|text| text.trim()) {
        if above.starts_with("//") {
            if above.contains("SAFETY") {
                return true;
            }
            continue;
        }
        statement_lines += 1;
        let ends_before = above.is_empty() || above.ends_with(';') || above.ends_with('}') || statement_lines > 3;
        if ends_before {
            return false;
        }
    }
    false
}

/// A file of code with too many lines.
pub fn length_problem(file: &Text) -> Option<String> {
    let is_code = file.has_extension(&["rs", "c", "h", "java", "ts", "js", "rb", "sh"]);
    let lines = file.content.lines().count();
    if !is_code || lines <= MOST_LINES || LONG_FILES.iter().any(|(path, _)| *path == file.path) {
        return None;
    }
    Some(format!("{}: {lines} lines; split it by concept, or list it with a reason in tests/tidy/src/code.rs", file.path))
}
