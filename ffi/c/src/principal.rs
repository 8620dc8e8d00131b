//! The sessions of a principal.

use crate::arg;
use crate::buf::holdall_buf;
use crate::error::holdall_error;
use crate::guard;
use crate::handles::{self, holdall, holdall_session};
use crate::status::holdall_status;
use ::holdall::{ListedSession, Which};
use serde_json::json;
use std::ffi::c_char;

fn as_json(session: &ListedSession) -> serde_json::Value {
    json!({
        "reference": session.reference,
        "created": session.created.0,
        "accessed": session.accessed.0,
        "expires": session.expires.0,
        "meta": session.meta,
        "current": session.is_current,
    })
}

/// The sessions of a principal (a user) that the database has, for a list such as "signed in on these devices". Not from
/// memory: it asks the database. The answer is a JSON array of objects: "reference" (names the session for
/// holdall_destroy_principal_one; it is no id and opens nothing), "created", "accessed", "expires" (milliseconds since
/// 1970, UTC), "meta" (the text of holdall_session_set_meta, or null) and "current" (whether it is the session given as
/// current, which may be NULL). UNAVAILABLE; UNSUPPORTED if the table has no principals. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_list_principal(
    bag: *mut holdall,
    principal: *const c_char,
    principal_len: usize,
    current: *mut holdall_session,
    json: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let principal = arg::text(principal, principal_len, arg::TEXT_LIMIT, "principal")?;
            let json = arg::out(json, "json")?;
            let bag = handles::bag(bag)?;
            let current = if current.is_null() { None } else { Some(handles::session(current)?) };
            let listed = bag.list_principal(principal, current.as_deref())?;
            let listed: Vec<_> = listed.iter().map(as_json).collect();
            json.copy(serde_json::Value::Array(listed).to_string().as_bytes())
        })
    }
}

/// Ends all sessions of a principal: "log out everywhere". Those in this process end at once. OK when the database has
/// none left; PENDING when it could not be reached in time (store_timeout): the rest is done as soon as it can be.
/// Logins that were acknowledged before the call end, concurrent ones may. Copies in the memory of other servers live up to
/// their freshness, or max_stale with tickets. UNSUPPORTED if the table has no principals. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_destroy_principal(
    bag: *mut holdall,
    principal: *const c_char,
    principal_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let principal = arg::text(principal, principal_len, arg::TEXT_LIMIT, "principal")?;
            Ok(handles::bag(bag)?.destroy_principal(principal, Which::All)?)
        })
    }
}

/// Ends all sessions of a principal but the one of this handle: "log out everywhere else". As holdall_destroy_principal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_destroy_principal_but(
    bag: *mut holdall,
    principal: *const c_char,
    principal_len: usize,
    kept: *mut holdall_session,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let principal = arg::text(principal, principal_len, arg::TEXT_LIMIT, "principal")?;
            let bag = handles::bag(bag)?;
            let kept = handles::session(kept)?;
            Ok(bag.destroy_principal(principal, Which::AllBut(&kept))?)
        })
    }
}

/// Ends the one session of a principal that has this reference (see holdall_list_principal). NOT_FOUND if the
/// principal has none with it. Otherwise as holdall_destroy_principal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_destroy_principal_one(
    bag: *mut holdall,
    principal: *const c_char,
    principal_len: usize,
    reference: *const c_char,
    reference_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let principal = arg::text(principal, principal_len, arg::TEXT_LIMIT, "principal")?;
            let reference = arg::text(reference, reference_len, arg::TEXT_LIMIT, "reference")?;
            Ok(handles::bag(bag)?.destroy_principal(principal, Which::One(reference))?)
        })
    }
}
