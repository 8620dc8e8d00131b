//! What can go wrong, and the exit code that says so to a script.

use holdall_engine::{Fault, FaultKind};
use std::fmt;

/// The command did what it was asked, and found nothing to complain of.
pub const EXIT_OK: u8 = 0;
/// There are findings, or something could not be done.
pub const EXIT_FINDINGS: u8 = 1;
/// The command line makes no sense; nothing was done.
pub const EXIT_USAGE: u8 = 2;
/// The database can't be reached.
pub const EXIT_UNREACHABLE: u8 = 3;
/// The database refuses: password, rights, a server that only reads.
pub const EXIT_REFUSED: u8 = 4;
/// The database, the table or the session isn't there, or the table has another shape.
pub const EXIT_MISSING: u8 = 5;

/// Why a command ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Something could not be done.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// The database can't be reached.
    Unreachable,
    /// The database refuses.
    Refused,
    /// What was named isn't there.
    Missing,
}

/// Why a command ended early, in one sentence: what happened, to which thing, and what to do. It holds no id, no value
/// and no password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What sort.
    pub kind: Kind,
    /// The sentence.
    pub text: String,
}

/// The answer of everything here that can fail.
pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// Makes a problem.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// The command line makes no sense.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Kind::Usage, text)
    }

    /// What was named isn't there.
    pub fn missing(text: impl Into<String>) -> Self {
        Self::new(Kind::Missing, text)
    }

    /// Something could not be done.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::new(Kind::Failed, text)
    }

    /// What the process answers.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Failed => EXIT_FINDINGS,
            Kind::Usage => EXIT_USAGE,
            Kind::Unreachable => EXIT_UNREACHABLE,
            Kind::Refused => EXIT_REFUSED,
            Kind::Missing => EXIT_MISSING,
        }
    }

    /// The word for it under `--json`.
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Failed => "failed",
            Kind::Usage => "usage",
            Kind::Unreachable => "unreachable",
            Kind::Refused => "refused",
            Kind::Missing => "missing",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Unreachable => Kind::Unreachable,
            FaultKind::Config => Kind::Refused,
            _ => Kind::Failed,
        };
        Self::new(kind, &*fault.message)
    }
}
