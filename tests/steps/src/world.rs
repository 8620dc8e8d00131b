//! What a scenario has made so far: its bags, handles and remembered texts.

use crate::Place;
use holdall::{Done, Error, ErrorKind, Holdall, Options, Session};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How long a step waits for what comes about on its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What a step answers when all is well.
pub(crate) type Status = &'static str;
pub(crate) type Step = Result<Status, Failure>;

/// Why a step did not go as the scenario says.
pub(crate) enum Failure {
    /// The library answered an error; whether that was wanted is for the caller to say.
    Status(Error),
    /// Something else was got than expected.
    Other { expected: String, got: String },
    /// The scenario itself makes no sense.
    Scenario(String),
}

impl Failure {
    pub(crate) fn scenario(text: impl Into<String>) -> Self {
        Self::Scenario(text.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Status(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(error) => write!(f, "expected: OK\n  got:      {} ({error})", status_of(error.kind())),
            Self::Other { expected, got } => write!(f, "expected: {expected}\n  got:      {got}"),
            Self::Scenario(text) => write!(f, "the scenario is wrong: {text}"),
        }
    }
}

/// `OK` if what was got is what was expected.
pub(crate) fn expect<T: PartialEq + fmt::Display>(expected: &T, got: &T) -> Step {
    if expected == got {
        return Ok("OK");
    }
    Err(Failure::Other { expected: shorten(&expected.to_string()), got: shorten(&got.to_string()) })
}

fn shorten(text: &str) -> String {
    let limit = 400;
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// The word for a change's outcome.
pub(crate) fn done(done: Done) -> Status {
    match done {
        Done::Done => "OK",
        Done::Pending => "PENDING",
    }
}

/// The word for an error, the same in every language.
pub(crate) fn status_of(kind: ErrorKind) -> Status {
    match kind {
        ErrorKind::Invalid => "INVALID",
        ErrorKind::NotFound => "NOT_FOUND",
        ErrorKind::Gone => "GONE",
        ErrorKind::Conflict => "CONFLICT",
        ErrorKind::Exists => "EXISTS",
        ErrorKind::Busy => "BUSY",
        ErrorKind::TooLarge => "TOO_LARGE",
        ErrorKind::Unavailable => "UNAVAILABLE",
        ErrorKind::Config => "CONFIG",
        ErrorKind::Full => "FULL",
        ErrorKind::Corrupt => "CORRUPT",
        ErrorKind::Rejected => "REJECTED",
        ErrorKind::Unknown => "UNKNOWN",
        ErrorKind::WouldLoad => "WOULD_LOAD",
        ErrorKind::Unsupported => "UNSUPPORTED",
        ErrorKind::Closed => "CLOSED",
        ErrorKind::Forked => "FORKED",
        ErrorKind::Panic => "PANIC",
        _ => "a kind of error that this runner does not know",
    }
}

/// A bag and what it was opened with.
pub(crate) struct OpenBag {
    pub holdall: Holdall,
    pub options: Options,
}

/// What a scenario has made so far.
pub(crate) struct World {
    pub place: Place,
    pub bags: BTreeMap<String, OpenBag>,
    pub sessions: BTreeMap<String, Session>,
    /// Remembered ids, tickets and references, with their `$`.
    pub texts: BTreeMap<String, String>,
    /// How far the clocks have been advanced; bags opened later start there.
    pub advanced: Duration,
}

impl World {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, bags: BTreeMap::new(), sessions: BTreeMap::new(), texts: BTreeMap::new(), advanced: Duration::ZERO }
    }

    pub(crate) fn bag(&self, name: &str) -> Result<&OpenBag, Failure> {
        self.bags.get(name).ok_or_else(|| Failure::scenario(format!("there is no bag {name:?}")))
    }

    pub(crate) fn session(&self, name: &str) -> Result<&Session, Failure> {
        self.sessions.get(name).ok_or_else(|| Failure::scenario(format!("there is no session {name:?}")))
    }

    pub(crate) fn session_mut(&mut self, name: &str) -> Result<&mut Session, Failure> {
        self.sessions.get_mut(name).ok_or_else(|| Failure::scenario(format!("there is no session {name:?}")))
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, Failure> {
        self.texts.get(name).map(String::as_str).ok_or_else(|| Failure::scenario(format!("nothing is remembered as {name}")))
    }

    /// Frees the handles, and closes the bags that the scenario left open.
    pub(crate) fn end(mut self) -> Result<(), Failure> {
        self.sessions.clear();
        for bag in self.bags.values() {
            match bag.holdall.close(PATIENCE) {
                Ok(left) => drop(expect(&0, &left.changes)?),
                Err(error) if error.kind() == ErrorKind::Closed => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
