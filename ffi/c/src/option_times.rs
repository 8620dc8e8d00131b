//! The options that are durations.

use crate::arg;
use crate::error::holdall_error;
use crate::guard;
use crate::handles::holdall_options;
use crate::options::change;
use crate::status::holdall_status;
use ::holdall::Options;

/// How old the last check of a copy in memory may be at an open. 0 asks the database at each open, HOLDALL_FOREVER
/// never. Default by sharing: never, 5000, 0 (or by ticket). INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_freshness(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::freshness, Some(arg::age(ms, "ms")?))) }
}

/// How long a changed session rests in memory after its last change before it is written. Default 10000. INVALID if it
/// is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_linger(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::linger, arg::duration(ms, "ms")?)) }
}

/// How long the oldest change of a session that never rests may wait; not shorter than linger. Default 30000. INVALID
/// if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_linger_cap(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::linger_cap, arg::duration(ms, "ms")?)) }
}

/// How long an unused session stays in memory. 0: it leaves within a second of being written. Default 300000. INVALID
/// if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_keep(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::keep, arg::duration(ms, "ms")?)) }
}

/// How long a call waits for room in memory before it answers BUSY. Default 1000. INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_busy_wait(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::busy_wait, arg::duration(ms, "ms")?)) }
}

/// How long a call waits for the database to commit before it answers PENDING, or for a load before UNAVAILABLE; more
/// than 0. Default 10000. INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_store_timeout(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::store_timeout, arg::duration(ms, "ms")?)) }
}

/// How long an unused session lives: at least 1000, or 30000 unless sharing is HOLDALL_SINGLE; 0 for ever. Default
/// 1800000 (30 minutes). INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_idle(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::idle, arg::duration(ms, "ms")?)) }
}

/// How long a session lives in any case; 0 for ever. Default 86400000 (24 hours). INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_absolute(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::absolute, arg::duration(ms, "ms")?)) }
}

/// The use of a session that is only read is written at most this often, and at most ten times per idle limit. Default
/// 60000. INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_touch(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::touch, arg::duration(ms, "ms")?)) }
}

/// How often expired rows are removed from the table; 0: never by this bag. Default 3600000 (1 hour). INVALID if it is
/// negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_sweep_every(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::sweep_every, arg::duration(ms, "ms")?)) }
}

/// How long the row of a session that was destroyed stays, so that nothing late brings it back; at least 60000. Default
/// 3600000 (1 hour). INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_dead(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::dead, arg::duration(ms, "ms")?)) }
}

/// The first retry after a failure of the database comes within this time; more than 0. Default 100. INVALID if it is
/// negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_retry(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::retry, arg::duration(ms, "ms")?)) }
}

/// Retries come at least this often; not shorter than retry. Default 30000. INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_retry_cap(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::retry_cap, arg::duration(ms, "ms")?)) }
}

/// How long someone else's change may stay unseen where a ticket vouches for a copy. Default 5000. INVALID if it is
/// negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_max_stale(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::max_stale, arg::duration(ms, "ms")?)) }
}

/// How long the old id still reads the session after a rotation, so that a page's parallel requests are not logged out
/// by their own login; at most 30000. Default 0. INVALID if it is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_rotation_grace(
    options: *mut holdall_options,
    ms: i64,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::rotation_grace, arg::duration(ms, "ms")?)) }
}
