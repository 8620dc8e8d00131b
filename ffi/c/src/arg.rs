//! Arguments from C, checked before anything is made of them.

use crate::buf::holdall_buf;
use crate::guard::Failure;
use crate::status::holdall_status;
use std::ffi::c_char;
use std::time::Duration;

/// Texts with a limit of their own, which the Rust API knows, are only kept from being absurd here.
pub(crate) const TEXT_LIMIT: usize = 64 << 10;
/// No value can be larger; a bag's own limits are lower.
pub(crate) const VALUE_LIMIT: usize = 1 << 30;

/// Bytes from a pointer and a length.
///
/// # Safety
/// `start` is NULL or has `len` readable bytes behind it that nobody changes for `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(start: *const c_char, len: usize, limit: usize, name: &str) -> Result<&'a [u8], Failure> {
    // Before there is a slice: one that is longer than the address space would be undefined.
    if len > limit {
        return Err(too_large(len, limit, name));
    }
    if start.is_null() {
        return if len == 0 { Ok(&[]) } else { Err(null_with_length(name)) };
    }
    // SAFETY: it is not NULL, the caller promises the bytes, and the length is at most the limit, far below `isize::MAX`.
    Ok(unsafe { std::slice::from_raw_parts(start.cast(), len) })
}

/// UTF-8 text from a pointer and a length.
///
/// # Safety
/// As [`bytes`].
#[inline]
pub(crate) unsafe fn text<'a>(start: *const c_char, len: usize, limit: usize, name: &str) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise is passed on.
    let bytes = unsafe { bytes(start, len, limit, name) }?;
    std::str::from_utf8(bytes).map_err(|error| not_utf8(name, error.valid_up_to()))
}

#[cold]
fn too_large(len: usize, limit: usize, name: &str) -> Failure {
    let text = format!("{name}_len is {len}; the limit is {limit}");
    Failure::new(holdall_status::HOLDALL_TOO_LARGE, text)
}

#[cold]
fn null_with_length(name: &str) -> Failure {
    Failure::invalid(format!("{name} is NULL and {name}_len is not 0"))
}

#[cold]
fn not_utf8(name: &str, at: usize) -> Failure {
    Failure::invalid(format!("{name} is not UTF-8 (from byte {at} on)"))
}

/// A place for an answer, checked and not written yet.
#[derive(Debug)]
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Writes the answer.
    pub(crate) fn set(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: whoever made this promised that the place is one for a `T`. Its old content is C's and not dropped.
            unsafe { self.0.write(value) };
        }
    }
}

impl Out<holdall_buf> {
    /// Writes a copy of the bytes.
    pub(crate) fn copy(self, bytes: &[u8]) -> Result<(), Failure> {
        self.set(holdall_buf::copy_of(bytes)?);
        Ok(())
    }
}

/// The place for an answer that must be taken.
///
/// # Safety
/// `place` is NULL or a place for a `T` that stays one until the call returns.
#[inline]
pub(crate) unsafe fn out<T>(place: *mut T, name: &str) -> Result<Out<T>, Failure> {
    if place.is_null() {
        return Err(Failure::invalid(format!("{name} is NULL: say where the answer goes")));
    }
    // SAFETY: the caller's promise is passed on.
    unsafe { optional_out(place, name) }
}

/// The place for an answer that may be left out with NULL.
///
/// # Safety
/// As [`out`].
#[inline]
pub(crate) unsafe fn optional_out<T>(place: *mut T, name: &str) -> Result<Out<T>, Failure> {
    if place.is_aligned() { Ok(Out(place)) } else { Err(Failure::invalid(format!("{name} is not aligned"))) }
}

/// A duration in milliseconds.
pub(crate) fn duration(ms: i64, name: &str) -> Result<Duration, Failure> {
    match u64::try_from(ms) {
        Ok(ms) => Ok(Duration::from_millis(ms)),
        Err(_) => Err(Failure::invalid(format!("{name} is negative"))),
    }
}

/// How old something may be, in milliseconds; `HOLDALL_FOREVER` for any age.
pub(crate) fn age(ms: i64, name: &str) -> Result<Duration, Failure> {
    if ms == crate::options::HOLDALL_FOREVER { Ok(Duration::MAX) } else { duration(ms, name) }
}

/// A switch: 0 or 1.
pub(crate) fn switch(value: i32, name: &str) -> Result<bool, Failure> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Failure::invalid(format!("{name} must be 0 or 1"))),
    }
}

/// Splits the number of a choice from the flags added to it; a bit that is neither is unknown.
pub(crate) fn choice(value: i32, flags: i32, name: &str) -> Result<(i32, i32), Failure> {
    let number = value & !flags;
    if value < 0 || number > 0xFF {
        return Err(Failure::invalid(format!("{name} has a flag that this version doesn't know")));
    }
    Ok((number, value & flags))
}

#[cold]
pub(crate) fn unknown(name: &str) -> Failure {
    Failure::invalid(format!("{name} is a number that this version doesn't know"))
}
