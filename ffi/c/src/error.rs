//! The error object.

use crate::guard::{Failure, quietly};
use crate::status::holdall_status;
use crate::together::Together;
use std::ffi::{CStr, CString, c_char};

/// What a call that failed has to say. Free it with holdall_error_free. One thread at a time.
#[allow(non_camel_case_types, reason = "the name is C's")]
pub struct holdall_error {
    status: holdall_status,
    message: CString,
}

static ERRORS: Together<holdall_error> = Together::new(7);

pub(crate) fn make(failure: &Failure) -> *mut holdall_error {
    let message = CString::new(failure.message.replace('\0', " ")).unwrap_or_default();
    let made = ERRORS.insert(holdall_error { status: failure.status, message });
    std::ptr::without_provenance_mut(made.unwrap_or(0))
}

fn read<R>(error: *const holdall_error, otherwise: R, read: impl FnOnce(&holdall_error) -> R) -> R {
    ERRORS.enter(error.addr()).map_or(otherwise, |error| read(&error))
}

/// The status that the call answered; HOLDALL_OK for NULL, HOLDALL_CLOSED for an error that was freed.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_error_status(error: *const holdall_error) -> holdall_status {
    let otherwise = if error.is_null() { holdall_status::HOLDALL_OK } else { holdall_status::HOLDALL_CLOSED };
    read(error, otherwise, |error| error.status)
}

/// What happened, to which thing, and what to do: one line of UTF-8 with a NUL at its end, valid until the error is freed.
/// It never contains an id, a value or a password, so it may be logged. Never NULL: the text for NULL and for an error
/// that was freed is empty. The texts are for people and may change; decide by the status.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_error_message(error: *const holdall_error) -> *const c_char {
    const NOTHING: &CStr = c"";
    read(error, NOTHING.as_ptr(), |error| error.message.as_ptr())
}

/// Whether the same call may succeed later without anybody changing anything.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_error_is_transient(error: *const holdall_error) -> bool {
    read(error, false, |error| error.status.is_transient())
}

/// Frees an error. NULL, and freeing twice, are harmless.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_error_free(error: *mut holdall_error) {
    quietly(|| {
        ERRORS.retire(error.addr());
    });
}
