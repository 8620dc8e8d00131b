//! How a bag works, set one option at a time. A new option is a new function, never a new layout.

use crate::arg;
use crate::error::holdall_error;
use crate::guard::{self, Failure};
use crate::handles::{self, OPTIONS, holdall_options};
use crate::save::durability;
use crate::status::holdall_status;
use ::holdall::{Options, Sharing};
use std::ffi::c_char;

/// As a freshness: any age. A copy in memory is never checked.
pub const HOLDALL_FOREVER: i64 = i64::MAX;

/// Who else serves these sessions. It decides what a save waits for, and how fresh an open must be; see "Sharing" at the
/// top.
#[allow(non_camel_case_types, reason = "the name is C's")]
#[allow(clippy::enum_variant_names, reason = "C's enumerators share one scope")]
#[derive(Clone, Copy)]
#[repr(C)]
pub enum holdall_sharing {
    /// One process owns its sessions.
    HOLDALL_SINGLE = 0,
    /// Several servers; the balancer keeps a visitor on one.
    HOLDALL_STICKY = 1,
    /// Any request may go to any server or worker process.
    HOLDALL_FLEET = 2,
}

/// Changes one option.
pub(crate) fn change<T>(options: *mut holdall_options, set: impl FnOnce(Options, T) -> Options, value: T) -> Result<(), Failure> {
    let mut options = handles::options(options)?;
    *options = set(std::mem::take(&mut *options), value);
    Ok(())
}

fn sharing(number: i32) -> Result<Sharing, Failure> {
    match number {
        number if number == holdall_sharing::HOLDALL_SINGLE as i32 => Ok(Sharing::Single),
        number if number == holdall_sharing::HOLDALL_STICKY as i32 => Ok(Sharing::Sticky),
        number if number == holdall_sharing::HOLDALL_FLEET as i32 => Ok(Sharing::Fleet),
        _ => Err(arg::unknown("sharing")),
    }
}

/// Makes options with sensible values for everything; change what must differ, with the functions below, and hand them to
/// holdall_open, which checks them together and answers INVALID, with a message, for what makes no sense. They go to *out;
/// free them with holdall_options_free. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_new(out: *mut *mut holdall_options, error: *mut *mut holdall_error) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let out = arg::out(out, "out")?;
            let room = OPTIONS.room().ok_or_else(handles::no_room)?;
            let handle = room.fill(Options::new(), handles::forks());
            out.set(std::ptr::without_provenance_mut(handle));
            Ok(())
        })
    }
}

/// Frees options. NULL, and freeing twice, are harmless. Bags that were opened with them keep their own copy.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_options_free(options: *mut holdall_options) {
    guard::quietly(|| {
        OPTIONS.retire(options.addr(), handles::forks());
    });
}

/// The application's name, 1 to 255 bytes; sessions of several applications share a table and never meet. Default
/// "default".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_application(
    options: *mut holdall_options,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let name = arg::text(name, name_len, arg::TEXT_LIMIT, "name")?;
            change(options, Options::application, name.to_owned())
        })
    }
}

/// Who else serves these sessions: a number of holdall_sharing, INVALID otherwise. Default HOLDALL_SINGLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_sharing(
    options: *mut holdall_options,
    sharing: i32,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::sharing, self::sharing(sharing)?)) }
}

/// What holdall_session_save waits for with HOLDALL_DEFAULT: a number of holdall_durability without a flag, INVALID
/// otherwise. Default by sharing: behind, behind, stored. HOLDALL_BEHIND with HOLDALL_FLEET, and HOLDALL_JOURNAL, are
/// refused by holdall_open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_durability(
    options: *mut holdall_options,
    durability: i32,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::durability, self::durability(durability, "durability")?)) }
}

/// Whether ids that the host chose itself are taken: 0 or 1, INVALID otherwise. Default 0. An id of one's own must be
/// as unguessable as holdall's, or visitors can be given each other's sessions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_adopt(
    options: *mut holdall_options,
    adopt: i32,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::adopt, arg::switch(adopt, "adopt")?)) }
}

/// Whether expired sessions come as events with their last content: 0 or 1, INVALID otherwise. Default 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_claim_expired(
    options: *mut holdall_options,
    claim_expired: i32,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::claim_expired, arg::switch(claim_expired, "claim_expired")?)) }
}
