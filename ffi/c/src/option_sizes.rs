//! The options that are sizes and counts.

use crate::error::holdall_error;
use crate::guard;
use crate::handles::holdall_options;
use crate::options::change;
use crate::status::holdall_status;
use ::holdall::Options;

/// Memory for everything that the bag holds, in bytes; at least 1 MiB. Default 268435456 (256 MiB).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_memory(
    options: *mut holdall_options,
    bytes: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::memory, bytes)) }
}

/// How much of that unsaved sessions may take, in bytes; then saves wait, and answer BUSY. Default 67108864 (64 MiB).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_unsaved(
    options: *mut holdall_options,
    bytes: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::unsaved, bytes)) }
}

/// Most bytes of one value; at most session_limit. Default 1048576 (1 MiB).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_value_limit(
    options: *mut holdall_options,
    bytes: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::value_limit, bytes)) }
}

/// Most bytes of one session; at most unsaved, and 1 GiB. Default 4194304 (4 MiB).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_session_limit(
    options: *mut holdall_options,
    bytes: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::session_limit, bytes)) }
}

/// Most rows of one batch that is written; 1 to 65536. Default 512.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_batch_rows(
    options: *mut holdall_options,
    rows: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::batch_rows, rows)) }
}

/// Most bytes of one batch that is written; at least 4096. Default 1048576 (1 MiB).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_batch_bytes(
    options: *mut holdall_options,
    bytes: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::batch_bytes, bytes)) }
}

/// Most rows that one step of a sweep removes; more than 0. Default 1000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_sweep_rows(
    options: *mut holdall_options,
    rows: u32,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::sweep_rows, rows)) }
}

/// Most events that wait to be fetched; the oldest are dropped and counted. Default 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_events(
    options: *mut holdall_options,
    count: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::events, count)) }
}

/// In how many parts the memory is divided, each with a lock of its own: a power of two, at most 1024. Default 16.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_options_set_shards(
    options: *mut holdall_options,
    count: usize,
    error: *mut *mut holdall_error,
) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe { guard::call(error, || change(options, Options::shards, count)) }
}
