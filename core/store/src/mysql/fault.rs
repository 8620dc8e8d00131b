//! Faults of a database, in words.

use super::classify::{Class, Reaction};
use super::driver::Error;
use holdall_engine::Fault;

/// The fault that reports `error`, met while `doing` something at `host`. The server's own message is left out: it may
/// quote a key or a value. Its number is told.
pub(super) fn fault(doing: &str, host: &str, error: &Error, reaction: Reaction) -> Fault {
    let what = reaction.what;
    let (number, advice) = (number(error), advice(reaction.class));
    Fault::new(reaction.kind, format!("{doing} at {host} failed: {what}{number}; {advice}"))
}

/// The error's number and state, in parentheses, if it has one.
pub(super) fn number(error: &Error) -> String {
    match error {
        Error::MySqlError(error) => format!(" (error {}, state {})", error.code, error.state),
        Error::IoError(error) => error.raw_os_error().map(|number| format!(" (system error {number})")).unwrap_or_default(),
        _ => String::new(),
    }
}

fn advice(class: Class) -> &'static str {
    match class {
        Class::Again | Class::Split | Class::Stale => "it will be tried again",
        Class::Unknown => "whether it was applied is found out by reading",
        Class::NextServer => "no other server took it; it will be tried again",
        Class::Row | Class::Exists => "the row is left as it is",
        Class::Config => "someone has to change that; what is unsaved waits in memory",
    }
}
