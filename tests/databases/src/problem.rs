//! What went wrong, in words.

use std::fmt;

/// Why a server could not be started or did not do what it was told. `{:?}` prints the plain text, so that `expect` and
/// `unwrap` in a test show it readably.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    /// A problem with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Says first what was being done.
    pub(crate) fn while_doing(what: &str, error: &dyn fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

impl From<mysql::Error> for Problem {
    fn from(error: mysql::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
