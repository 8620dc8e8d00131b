//! What happened, as one number: two runs of a seed must give the same.

use std::fmt;

/// Collects a hash over everything that happens, and prints it if asked.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    /// Whether each happening is printed.
    pub print: bool,
}

impl Trace {
    /// An empty trace.
    pub fn new(print: bool) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, print }
    }

    /// Adds numbers (FNV-1a over whole words).
    pub fn add(&mut self, words: &[u64]) {
        for word in words {
            self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
        }
    }

    /// Prints a line, built only if it is wanted.
    pub fn say(&self, now: u64, line: impl FnOnce() -> String) {
        if self.print {
            println!("{now:>9} {}", line());
        }
    }

    /// The hash so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

/// What was found to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// What exactly was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}
