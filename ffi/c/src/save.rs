//! Saving, and what changes who a session belongs to.

use crate::arg;
use crate::error::holdall_error;
use crate::guard::{self, Failure};
use crate::handles::{self, holdall_session};
use crate::status::holdall_status;
use ::holdall::{Durability, Save};
use std::ffi::c_char;

/// What a save waits for: one of the first four, plus the flag. What each survives is said under "Durability" at the top.
#[allow(non_camel_case_types, reason = "the name is C's")]
#[allow(clippy::enum_variant_names, reason = "C's enumerators share one scope")]
#[derive(Clone, Copy)]
#[repr(C)]
pub enum holdall_durability {
    /// What the bag's option durability says, or else its sharing.
    HOLDALL_DEFAULT = 0,
    /// The change is in memory, and is written behind.
    HOLDALL_BEHIND = 1,
    /// The database has committed. Saves of parallel requests share a commit.
    HOLDALL_STORED = 2,
    /// The change is in a local journal. Not in this version: UNSUPPORTED.
    HOLDALL_JOURNAL = 3,
    /// Flag of holdall_session_save: save nothing and answer CONFLICT if a field that is changed here was changed by
    /// someone else since this handle was shown it. Unless sharing is HOLDALL_SINGLE this waits for the database.
    HOLDALL_IF_UNCHANGED = 0x100,
}

use holdall_durability as D;

/// The durability of a number; none for the default.
pub(crate) fn durability(number: i32, name: &str) -> Result<Option<Durability>, Failure> {
    match number {
        number if number == D::HOLDALL_DEFAULT as i32 => Ok(None),
        number if number == D::HOLDALL_BEHIND as i32 => Ok(Some(Durability::Behind)),
        number if number == D::HOLDALL_STORED as i32 => Ok(Some(Durability::Stored)),
        number if number == D::HOLDALL_JOURNAL as i32 => Ok(Some(Durability::Journal)),
        _ => Err(arg::unknown(name)),
    }
}

/// Saves all changes of this handle at once: they are laid, field by field, over whatever the session is by then. how is a
/// number of holdall_durability, with or without HOLDALL_IF_UNCHANGED.
///
/// OK: saved, as durably as asked for. PENDING: asked for STORED, and the database did not confirm in time
/// (store_timeout); the change is in memory and is written as soon as possible. GONE: the session has ended meanwhile.
/// CONFLICT, UNKNOWN: see HOLDALL_IF_UNCHANGED. BUSY: memory is full of unsaved changes (waits busy_wait first).
/// TOO_LARGE: the session would be above session_limit. REJECTED: the database can't take it. UNAVAILABLE: the session
/// had left memory and could not be loaded. After an error the handle keeps its changes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_save(
    session: *mut holdall_session,
    how: i32,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let (number, flags) = arg::choice(how, D::HOLDALL_IF_UNCHANGED as i32, "how")?;
            let save = Save { durability: durability(number, "how")?, if_unchanged: flags != 0 };
            Ok(handles::session(session)?.save_with(save)?)
        })
    }
}

/// Says whose session it is (1 to 255 bytes of UTF-8, such as a user's number; (NULL, 0): nobody's), and saves all changes
/// of this handle with it. At login rotate as well. Never waits behind: OK when the database has committed, PENDING if
/// that takes longer than store_timeout. INVALID; CONFLICT if someone else changed the principal meanwhile; otherwise as
/// holdall_session_save.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_set_principal(
    session: *mut holdall_session,
    principal: *const c_char,
    principal_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let text = arg::text(principal, principal_len, arg::TEXT_LIMIT, "principal")?;
            let text = (!principal.is_null() || principal_len > 0).then_some(text);
            Ok(handles::session(session)?.set_principal(text)?)
        })
    }
}

/// Gives the session a new id, saving all changes of this handle with it: to be done at login. Never waits behind. The
/// old id is dead everywhere when this answers OK (or, with rotation_grace, can only be read for so long). Send the new
/// id (holdall_session_id) to the visitor, also after PENDING: the database did not confirm in time. Otherwise as
/// holdall_session_save.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_rotate(session: *mut holdall_session, error: *mut *mut holdall_error) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || Ok(handles::session(session)?.rotate()?)) }
}

/// Ends the session, everywhere and for good: a logout. In this process it has ended when the call returns, whatever
/// the database does. OK: the database has committed it. PENDING: it did not in time (store_timeout), and it is tried
/// again until it has. The handle's unsaved changes are dropped; its other calls answer GONE, and it is still to be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_destroy(
    session: *mut holdall_session,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || Ok(handles::session(session)?.destroy()?)) }
}
