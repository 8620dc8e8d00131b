//! What SQLite's errors mean, and what to do about each.

use holdall_engine::{Fault, FaultKind};
use rusqlite::{Error, ErrorCode, ffi};
use std::path::Path;
use std::sync::Arc;

/// Why a write or a batch didn't go through.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Only this row is refused, and will be again.
    Row(Arc<str>),
    /// The whole transaction.
    Batch(Error),
}

impl From<Error> for Trouble {
    /// A value too long and a constraint end the statement alone; the transaction goes on.
    fn from(error: Error) -> Self {
        match code(&error) {
            Some(ErrorCode::TooBig) => Self::Row("the session is too large for this SQLite database".into()),
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
                Self::Row("the table has a constraint or trigger of its own that refuses the session".into())
            }
            _ => Self::Batch(error),
        }
    }
}

pub(super) fn code(error: &Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

/// Whether someone else holds the lock: nothing was done, and it may work later.
pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(code(error), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed))
}

/// Whether the connection can't be trusted after this error: what it has in memory may differ from the file.
pub(crate) fn is_distrust(error: &Error) -> bool {
    let moved = matches!(error, Error::SqliteFailure(failure, _) if failure.extended_code == ffi::SQLITE_READONLY_DBMOVED);
    moved || matches!(code(error), Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The fault that reports `error`, met while `doing` something with the file at `path`.
pub(crate) fn fault(path: &Path, doing: &str, error: &Error) -> Fault {
    let (kind, advice) = judge(error);
    let what = describe(error);
    Fault::new(kind, format!("{doing} in the SQLite file {} failed: {what}; {advice}", path.display()))
}

/// SQLite's constant words for a code. Its own longer messages may quote a trigger's or a file's content; only those
/// of plain SQL errors, which name tables and columns, are let through.
fn describe(error: &Error) -> String {
    match error {
        Error::SqliteFailure(failure, Some(message)) if failure.code == ErrorCode::Unknown => {
            format!("{message} (code {})", failure.extended_code)
        }
        Error::SqliteFailure(failure, _) => {
            format!("{} (code {})", ffi::code_to_str(failure.extended_code), failure.extended_code)
        }
        _ => "unexpected answer".into(),
    }
}

fn judge(error: &Error) -> (FaultKind, &'static str) {
    if matches!(error, Error::SqliteFailure(failure, _) if failure.extended_code == ffi::SQLITE_READONLY_DBMOVED) {
        return (FaultKind::Config, "the file was moved or removed while it was open: put it back, or open again");
    }
    match code(error) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            (FaultKind::Transient, "another connection held the file for longer than the busy timeout; it will be tried again")
        }
        Some(
            ErrorCode::OutOfMemory | ErrorCode::OperationInterrupted | ErrorCode::SchemaChanged | ErrorCode::OperationAborted,
        ) => (FaultKind::Transient, "it will be tried again"),
        Some(ErrorCode::DiskFull) => {
            (FaultKind::Full, "make room on the disk (or raise the page limit); what is unsaved waits in memory")
        }
        Some(ErrorCode::SystemIoFailure) => (FaultKind::Unreachable, "the disk answered an error: look at the system's log"),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            (FaultKind::Corrupt, "the file is damaged: stop, keep a copy, and restore it or remove it")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            (FaultKind::Config, "this process needs the right to write the file and its folder")
        }
        Some(ErrorCode::CannotOpen) => {
            (FaultKind::Config, "the file and its folder must exist, be writable, and the file must not be a symbolic link")
        }
        Some(ErrorCode::Unknown) => (FaultKind::Config, "the table is not as holdall made it: compare it with docs/storage.md"),
        _ => (FaultKind::Internal, "please report it"),
    }
}
