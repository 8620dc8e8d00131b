//! What can go wrong, in words that say what happened, to which thing, and what to do.

use holdall_engine::{Fault, FaultKind};
use std::fmt;

/// Kinds of error. What to do next depends on the kind alone; the text is for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument, an option or a URL makes no sense.
    Invalid,
    /// There is no such session (or reference), and none was to be made.
    NotFound,
    /// The session has ended: destroyed, rotated, expired, here or on another server. Nothing was saved.
    Gone,
    /// `if_unchanged`: a field was changed by someone else since it was read. Nothing was saved.
    Conflict,
    /// A session with this id exists.
    Exists,
    /// Memory is full of changes that the database has not taken yet. Nothing was changed; try again.
    Busy,
    /// A key, a value or the session would be over its limit. Nothing was changed.
    TooLarge,
    /// The database can't be reached or is too slow. What that means for a change is said where it is returned.
    Unavailable,
    /// Someone must change something: rights, a table of another shape, a read-only server.
    Config,
    /// The database's disk is full.
    Full,
    /// A row or a file is damaged. It was left as it is.
    Corrupt,
    /// The database can't take this session's content; it stays in memory, unsaved.
    Rejected,
    /// A change with `if_unchanged` may or may not have been made.
    Unknown,
    /// With `cached_only`: the answer would need the database.
    WouldLoad,
    /// This bag, store or build can't do that.
    Unsupported,
    /// The bag is closed.
    Closed,
    /// This process is a fork of the one that opened the bag.
    Forked,
    /// A defect in holdall: the bag serves no more, but closing it still writes what it can.
    Panic,
}

impl ErrorKind {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable | Self::Full | Self::WouldLoad)
    }
}

/// An error. It never contains an id, a value or a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Box<str>,
}

/// A result with holdall's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error.
    pub fn new(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// What kind it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What happened, to which thing, and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Transient | FaultKind::Unreachable => ErrorKind::Unavailable,
            FaultKind::Full => ErrorKind::Full,
            FaultKind::Config => ErrorKind::Config,
            FaultKind::Corrupt => ErrorKind::Corrupt,
            FaultKind::Unsupported => ErrorKind::Unsupported,
            FaultKind::Internal => ErrorKind::Panic,
        };
        Self::new(kind, &*fault.message)
    }
}
