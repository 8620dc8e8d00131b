//! The one boundary function: every entry's body runs inside [`call`].

use crate::error::holdall_error;
use crate::status::holdall_status;
use holdall::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub status: holdall_status,
    pub message: Box<str>,
}

impl Failure {
    #[cold]
    pub(crate) fn new(status: holdall_status, message: impl Into<Box<str>>) -> Self {
        Self { status, message: message.into() }
    }

    #[cold]
    pub(crate) fn invalid(message: impl Into<Box<str>>) -> Self {
        Self::new(holdall_status::HOLDALL_INVALID, message)
    }
}

impl From<Error> for Failure {
    #[cold]
    fn from(error: Error) -> Self {
        Self::new(error.kind().into(), error.message())
    }
}

/// Runs the body of an entry: a failure becomes a status and an error object, a panic `HOLDALL_PANIC`.
///
/// # Safety
/// `error` is NULL or a place for a pointer.
#[inline]
pub(crate) unsafe fn call<A: Into<holdall_status>>(
    error: *mut *mut holdall_error,
    body: impl FnOnce() -> Result<A, Failure>,
) -> holdall_status {
    // A handle that was in use when its body panicked is poisoned by its slot; the rest of the body's state is dropped.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(answer)) => answer.into(),
        // SAFETY: the caller's promise about `error` is passed on.
        Ok(Err(failure)) => unsafe { fail(error, &failure) },
        Err(payload) => {
            // What was thrown could panic again while it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            let text = "a defect in holdall; its message went to standard error: close the bag, which still writes what it can, open it anew, and report the message";
            // SAFETY: as above.
            unsafe { fail(error, &Failure::new(holdall_status::HOLDALL_PANIC, text)) }
        }
    }
}

/// Runs the body of an entry that answers nothing.
pub(crate) fn quietly(body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
}

/// # Safety
/// `error` is NULL or a place for a pointer.
#[cold]
unsafe fn fail(error: *mut *mut holdall_error, failure: &Failure) -> holdall_status {
    let status = failure.status;
    if !error.is_null() && error.is_aligned() && !status.is_answer() {
        let made = catch_unwind(AssertUnwindSafe(|| crate::error::make(failure))).unwrap_or(std::ptr::null_mut());
        // SAFETY: it is not NULL, so by the caller's promise it is a place for a pointer.
        unsafe { error.write(made) };
    }
    status
}
