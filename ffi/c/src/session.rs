//! Opening sessions, and what a handle says of its own.

use crate::arg;
use crate::buf::holdall_buf;
use crate::error::holdall_error;
use crate::guard::{self, Failure};
use crate::handles::{self, SESSIONS, holdall, holdall_session};
use crate::status::holdall_status;
use ::holdall::{Mode, Open};
use std::ffi::c_char;
use std::time::Duration;

/// How holdall_session_open opens: one of the first four, plus flags.
#[allow(non_camel_case_types, reason = "the name is C's")]
#[allow(clippy::enum_variant_names, reason = "C's enumerators share one scope")]
#[derive(Clone, Copy)]
#[repr(C)]
pub enum holdall_open_how {
    /// An unknown, expired or ended id gives a new session with a new id: what a web application wants.
    HOLDALL_STRICT = 0,
    /// An unknown id is NOT_FOUND, an ended one GONE; nothing is made.
    HOLDALL_EXISTING = 1,
    /// A new session, whatever the cookie says. Where the bag's option adopt is on: under the id given, or EXISTS.
    HOLDALL_CREATE = 2,
    /// An unknown id gives a new session under that id; INVALID unless the bag's option adopt is on.
    HOLDALL_ADOPT = 3,
    /// Flag: answer WOULD_LOAD instead of waiting for the database. For hosts that hold a lock of their own.
    HOLDALL_CACHED_ONLY = 0x100,
    /// Flag: this is no use of the session; it does not keep it from expiring.
    HOLDALL_UNTOUCHED = 0x200,
}

use holdall_open_how as How;

/// The longest part of a cookie that is looked at. What is longer than 255 bytes is an unknown id anyway.
const COOKIE_PART: usize = 4_096;

fn open_of(how: i32, freshness: Option<Duration>) -> Result<Open, Failure> {
    let (cached_only, untouched) = (How::HOLDALL_CACHED_ONLY as i32, How::HOLDALL_UNTOUCHED as i32);
    let (mode, flags) = arg::choice(how, cached_only | untouched, "how")?;
    let mode = match mode {
        mode if mode == How::HOLDALL_STRICT as i32 => Mode::Strict,
        mode if mode == How::HOLDALL_EXISTING as i32 => Mode::Existing,
        mode if mode == How::HOLDALL_CREATE as i32 => Mode::Create,
        mode if mode == How::HOLDALL_ADOPT as i32 => Mode::Adopt,
        _ => return Err(arg::unknown("how")),
    };
    Ok(Open { mode, freshness, cached_only: flags & cached_only != 0, untouched: flags & untouched != 0 })
}

/// # Safety
/// As `holdall_session_open`.
#[inline]
unsafe fn open(
    bag: *mut holdall,
    cookie: (*const c_char, usize),
    open: Open,
    out: *mut *mut holdall_session,
) -> Result<(), Failure> {
    // SAFETY: the caller's promises are passed on.
    let (cookie, out) = unsafe { (arg::bytes(cookie.0, cookie.1, arg::VALUE_LIMIT, "cookie")?, arg::out(out, "out")?) };
    let cookie = &cookie[..cookie.len().min(COOKIE_PART)];
    let bag = handles::bag(bag)?;
    let room = SESSIONS.room().ok_or_else(handles::no_room)?;
    let handle = room.fill(bag.open_session(cookie, open)?, handles::forks());
    out.set(std::ptr::without_provenance_mut(handle));
    Ok(())
}

/// Opens the session of a cookie's value: an id, or a ticket. Any bytes may come: with HOLDALL_STRICT what is no id,
/// the empty text too, gives a new session, which leaves no trace until it is saved. The handle goes to *out; free it
/// with holdall_session_free.
///
/// Waits for the database only if the session is not in memory or must be checked (see "Sharing" at the top), at most
/// store_timeout. UNAVAILABLE if the database can't be asked: an unknown id stays an error then, and no new session takes
/// its place. BUSY if memory is full of unsaved changes, or of handles that were not freed. NOT_FOUND, GONE, EXISTS,
/// WOULD_LOAD as how says. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_open(
    bag: *mut holdall,
    cookie: *const c_char,
    cookie_len: usize,
    how: i32,
    out: *mut *mut holdall_session,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || open(bag, (cookie, cookie_len), open_of(how, None)?, out)) }
}

/// As holdall_session_open, with a freshness of its own: how old, in milliseconds, the last check of a copy in memory
/// may be. 0 asks the database; HOLDALL_FOREVER takes any copy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_open_fresh(
    bag: *mut holdall,
    cookie: *const c_char,
    cookie_len: usize,
    how: i32,
    freshness_ms: i64,
    out: *mut *mut holdall_session,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let freshness = arg::age(freshness_ms, "freshness_ms")?;
            open(bag, (cookie, cookie_len), open_of(how, Some(freshness))?, out)
        })
    }
}

/// The session's id, for the cookie. It is a secret: whoever has it is the visitor. Never log it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_id(
    session: *mut holdall_session,
    id: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let id = arg::out(id, "id")?;
            id.copy(handles::session(session)?.id_bytes())
        })
    }
}

/// The id with the revision that the visitor has seen, for the cookie where sharing is HOLDALL_FLEET: a server whose copy
/// is at least that new answers from memory. Ask after the save. As secret as the id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_ticket(
    session: *mut holdall_session,
    ticket: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let ticket = arg::out(ticket, "ticket")?;
            ticket.copy(handles::session(session)?.ticket().as_bytes())
        })
    }
}

/// Whether the session was begun by this handle: then its id must be sent to the visitor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_is_new(
    session: *mut holdall_session,
    is_new: *mut bool,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let is_new = arg::out(is_new, "is_new")?;
            is_new.set(handles::session(session)?.is_new());
            Ok(())
        })
    }
}

/// Whose session it is, as this handle sees it; NOT_FOUND if nobody's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_principal(
    session: *mut holdall_session,
    principal: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let out = arg::out(principal, "principal")?;
            match handles::session(session)?.principal() {
                Some(principal) => out.copy(principal.as_bytes()).map(holdall_status::from),
                None => Ok(holdall_status::HOLDALL_NOT_FOUND),
            }
        })
    }
}

/// The host's text for lists, as this handle sees it; NOT_FOUND if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_meta(
    session: *mut holdall_session,
    meta: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let out = arg::out(meta, "meta")?;
            match handles::session(session)?.meta() {
                Some(meta) => out.copy(meta.as_bytes()).map(holdall_status::from),
                None => Ok(holdall_status::HOLDALL_NOT_FOUND),
            }
        })
    }
}

/// Counts as a use of the session: it lives on for its idle limit. Opening and saving do so too; this is for work that
/// lasts long. GONE if the session has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_touch(session: *mut holdall_session, error: *mut *mut holdall_error) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || Ok(handles::session(session)?.touch()?)) }
}

/// Frees the handle. Changes that were not saved are dropped; the session itself lives on. NULL, and freeing twice, are
/// harmless. If another thread is inside a call with the handle, this waits until that call returns.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_session_free(session: *mut holdall_session) {
    guard::quietly(|| handles::free_session(session));
}
