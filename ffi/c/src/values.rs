//! The fields of a session.

use crate::arg;
use crate::buf::holdall_buf;
use crate::error::holdall_error;
use crate::guard::{self, Failure};
use crate::handles::{self, holdall_session};
use crate::status::holdall_status;
use ::holdall::ValueRef;
use std::ffi::{c_char, c_void};

/// What a field holds.
#[allow(non_camel_case_types, reason = "the name is C's")]
#[allow(clippy::enum_variant_names, reason = "C's enumerators share one scope")]
#[derive(Clone, Copy)]
#[repr(C)]
pub enum holdall_kind {
    /// JSON text.
    HOLDALL_JSON = 1,
    /// Bytes.
    HOLDALL_BYTES = 2,
    /// A value that only another language understands; its raw bytes.
    HOLDALL_FOREIGN = 3,
}

fn parts(value: ValueRef<'_>) -> Option<(holdall_kind, &[u8])> {
    match value {
        ValueRef::Json(text) => Some((holdall_kind::HOLDALL_JSON, text.as_bytes())),
        ValueRef::Bytes(raw) => Some((holdall_kind::HOLDALL_BYTES, raw)),
        ValueRef::Foreign { raw, .. } => Some((holdall_kind::HOLDALL_FOREIGN, raw)),
        ValueRef::Unknown(_) => None,
    }
}

/// The value of a field, as the handle sees it: what was set through it, else what the session was when it was opened.
/// *kind, which may be NULL, gets a number of holdall_kind. NOT_FOUND if there is no such field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_get(
    session: *mut holdall_session,
    key: *const c_char,
    key_len: usize,
    kind: *mut i32,
    value: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let key = arg::text(key, key_len, arg::TEXT_LIMIT, "key")?;
            let (kind, out) = (arg::optional_out(kind, "kind")?, arg::out(value, "value")?);
            let session = handles::session(session)?;
            let Some((found, bytes)) = session.value(key).and_then(parts) else {
                return Ok(holdall_status::HOLDALL_NOT_FOUND);
            };
            out.copy(bytes)?;
            kind.set(found as i32);
            Ok(holdall_status::HOLDALL_OK)
        })
    }
}

/// # Safety
/// As `holdall_session_get`.
#[inline]
unsafe fn get_one(
    session: *mut holdall_session,
    key: (*const c_char, usize),
    wanted: holdall_kind,
    value: *mut holdall_buf,
) -> Result<holdall_status, Failure> {
    // SAFETY: the caller's promises are passed on.
    let (key, out) = unsafe { (arg::text(key.0, key.1, arg::TEXT_LIMIT, "key")?, arg::out(value, "value")?) };
    let session = handles::session(session)?;
    match session.value(key).and_then(parts) {
        None => Ok(holdall_status::HOLDALL_NOT_FOUND),
        Some((kind, bytes)) if kind as i32 == wanted as i32 => out.copy(bytes).map(holdall_status::from),
        Some((holdall_kind::HOLDALL_FOREIGN, _)) if wanted as i32 == holdall_kind::HOLDALL_JSON as i32 => {
            let view = session.json(key).ok_or_else(another_kind)?;
            out.copy(view.as_bytes()).map(holdall_status::from)
        }
        Some(_) => Err(another_kind()),
    }
}

#[cold]
fn another_kind() -> Failure {
    Failure::invalid("the field holds a value of another kind: holdall_session_get reads any")
}

/// The JSON text of a field, byte for byte as it was set; for a value of the other software's (HOLDALL_FOREIGN) its view,
/// if it has one. NOT_FOUND if there is no such field, INVALID if it doesn't hold JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_get_json(
    session: *mut holdall_session,
    key: *const c_char,
    key_len: usize,
    json: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || get_one(session, (key, key_len), holdall_kind::HOLDALL_JSON, json)) }
}

/// The bytes of a field. NOT_FOUND if there is no such field, INVALID if it doesn't hold bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_get_bytes(
    session: *mut holdall_session,
    key: *const c_char,
    key_len: usize,
    bytes: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || get_one(session, (key, key_len), holdall_kind::HOLDALL_BYTES, bytes)) }
}

/// Sets a field to JSON text, which is kept as it is: numbers of any size, the order of members, white space. A key has 1
/// to 255 bytes and no NUL. INVALID for another key or broken JSON; TOO_LARGE above value_limit; GONE if the handle's
/// session was destroyed. The change is the handle's own until it is saved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_set_json(
    session: *mut holdall_session,
    key: *const c_char,
    key_len: usize,
    json: *const c_char,
    json_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let key = arg::text(key, key_len, arg::TEXT_LIMIT, "key")?;
            let json = arg::text(json, json_len, arg::VALUE_LIMIT, "json")?;
            Ok(handles::session(session)?.set_json(key, json)?)
        })
    }
}

/// Sets a field to bytes; (NULL, 0) is an empty value. As holdall_session_set_json, without the JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_set_bytes(
    session: *mut holdall_session,
    key: *const c_char,
    key_len: usize,
    bytes: *const c_void,
    bytes_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let key = arg::text(key, key_len, arg::TEXT_LIMIT, "key")?;
            let bytes = arg::bytes(bytes.cast(), bytes_len, arg::VALUE_LIMIT, "bytes")?;
            Ok(handles::session(session)?.set_bytes(key, bytes)?)
        })
    }
}

/// Removes a field; removing one that isn't there is OK. INVALID for a key that no field can have; GONE if the handle's
/// session was destroyed. The change is the handle's own until it is saved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_remove(
    session: *mut holdall_session,
    key: *const c_char,
    key_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let key = arg::text(key, key_len, arg::TEXT_LIMIT, "key")?;
            Ok(handles::session(session)?.remove(key)?)
        })
    }
}

/// The names of the fields, sorted, as a JSON array of strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_keys(
    session: *mut holdall_session,
    json: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let json = arg::out(json, "json")?;
            let keys = handles::session(session)?.keys();
            json.copy(serde_json::Value::from(keys).to_string().as_bytes())
        })
    }
}

/// All fields that hold JSON, as one JSON object. Fields that hold bytes are left out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_to_json(
    session: *mut holdall_session,
    json: *mut holdall_buf,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let json = arg::out(json, "json")?;
            json.copy(handles::session(session)?.to_json().as_bytes())
        })
    }
}

/// Makes the fields that hold JSON those of one JSON object. What has changed is found field by field against what the
/// handle was shown, so that only that is saved; fields that hold bytes are left alone. INVALID if the text is no JSON
/// object, or names a field that holds bytes; TOO_LARGE; GONE. Then nothing is changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_replace_json(
    session: *mut holdall_session,
    json: *const c_char,
    json_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let json = arg::text(json, json_len, arg::VALUE_LIMIT, "json")?;
            Ok(handles::session(session)?.replace_json(json)?)
        })
    }
}

/// Sets the host's text for lists of sessions (a device, a browser): UTF-8, at most 1024 bytes, readable without the
/// session; (NULL, 0) takes it away. TOO_LARGE; GONE. Saved with the next save.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_set_meta(
    session: *mut holdall_session,
    meta: *const c_char,
    meta_len: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let text = arg::text(meta, meta_len, arg::TEXT_LIMIT, "meta")?;
            let text = (!meta.is_null() || meta_len > 0).then_some(text);
            Ok(handles::session(session)?.set_meta(text)?)
        })
    }
}

/// Sets how long this session may lie unused, in milliseconds; 0 for ever. INVALID if it is negative, shorter than 1 s, or
/// shorter than 30 s unless sharing is HOLDALL_SINGLE. GONE. Saved with the next save.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_session_set_idle_timeout(
    session: *mut holdall_session,
    idle_ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            let idle = arg::duration(idle_ms, "idle_ms")?;
            Ok(handles::session(session)?.set_idle_timeout(idle)?)
        })
    }
}
