//! The boundary: panics, errors, and what is made of pointers and lengths.
//!
//! The sources are taken in as modules, since a crate that is only a C library can't be used by a test. Also run under miri:
//! `MIRIFLAGS=-Zmiri-ignore-leaks cargo +nightly miri test -p holdall-ffi --no-default-features --test boundary`.
#![allow(dead_code, unused_imports, reason = "a test uses a part of the modules")]
#![allow(clippy::missing_safety_doc, clippy::doc_markdown, reason = "as in the library")]

#[path = "../src/alone.rs"]
mod alone;
#[path = "../src/arg.rs"]
mod arg;
#[path = "../src/bag.rs"]
mod bag;
#[path = "../src/buf.rs"]
mod buf;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/guard.rs"]
mod guard;
#[path = "../src/handles.rs"]
mod handles;
#[path = "../src/option_sizes.rs"]
mod option_sizes;
#[path = "../src/option_times.rs"]
mod option_times;
#[path = "../src/options.rs"]
mod options;
#[path = "../src/process.rs"]
mod process;
#[path = "../src/save.rs"]
mod save;
#[path = "../src/slots.rs"]
mod slots;
#[path = "../src/status.rs"]
mod status;
#[path = "../src/together.rs"]
mod together;

use buf::{holdall_buf, holdall_buf_free};
use error::{holdall_error, holdall_error_free, holdall_error_is_transient, holdall_error_message, holdall_error_status};
use guard::Failure;
use status::holdall_status as S;
use std::ffi::CStr;
use std::ptr;

fn message(error: *const holdall_error) -> String {
    // SAFETY: the text is never NULL, ends with a NUL, and lives until the error is freed.
    unsafe { CStr::from_ptr(holdall_error_message(error)) }.to_str().expect("messages are UTF-8").to_owned()
}

/// Runs a body at the boundary; gives the status and the error object.
fn call<A: Into<S>>(body: impl FnOnce() -> Result<A, Failure>) -> (S, *mut holdall_error) {
    let mut error = ptr::null_mut();
    // SAFETY: `error` is a place for a pointer.
    let status = unsafe { guard::call(&raw mut error, body) };
    (status, error)
}

#[test]
fn success_and_answers_make_no_error() {
    assert_eq!(call(|| Ok(())), (S::HOLDALL_OK, ptr::null_mut()));
    assert_eq!(call(|| Ok(S::HOLDALL_PENDING)), (S::HOLDALL_PENDING, ptr::null_mut()));
    let found = call(|| Err::<(), _>(holdall::Error::new(holdall::ErrorKind::NotFound, "no such thing").into()));
    assert_eq!(found, (S::HOLDALL_NOT_FOUND, ptr::null_mut()));
}

#[test]
fn a_failure_becomes_an_error_object() {
    let (status, error) = call(|| Err::<(), _>(Failure::new(S::HOLDALL_BUSY, "full\0 to the brim")));
    assert_eq!(status, S::HOLDALL_BUSY);
    assert_eq!(holdall_error_status(error), S::HOLDALL_BUSY);
    assert!(holdall_error_is_transient(error));
    assert_eq!(message(error), "full  to the brim", "a NUL would cut it short");
    holdall_error_free(error);
    assert_eq!(holdall_error_status(error), S::HOLDALL_CLOSED);
    assert_eq!(message(error), "");
    holdall_error_free(error);
    // SAFETY: NULL says that nobody wants the error.
    let status = unsafe { guard::call(ptr::null_mut(), || Err::<(), _>(Failure::invalid("nobody asks why"))) };
    assert_eq!(status, S::HOLDALL_INVALID);
}

#[test]
fn a_panic_stops_at_the_boundary() {
    let (status, error) = call(|| -> Result<(), Failure> { panic!("planted by a test") });
    assert_eq!(status, S::HOLDALL_PANIC);
    assert!(message(error).contains("defect"));
    holdall_error_free(error);
    guard::quietly(|| panic!("planted by a test"));
}

#[test]
fn a_panic_payload_that_panics_stops_there_too() {
    struct Nasty;
    impl Drop for Nasty {
        fn drop(&mut self) {
            panic!("planted by a test");
        }
    }
    let (status, error) = call(|| -> Result<(), Failure> { std::panic::panic_any(Nasty) });
    assert_eq!(status, S::HOLDALL_PANIC);
    holdall_error_free(error);
}

#[test]
fn a_panic_in_a_call_poisons_the_session_alone() {
    let handle = handles::OPTIONS.room().expect("there is room").fill(holdall::Options::new(), 0);
    let handle = ptr::without_provenance_mut(handle);
    let (status, error) = call(|| -> Result<(), Failure> {
        let _inside = handles::options(handle)?;
        panic!("planted by a test");
    });
    assert_eq!(status, S::HOLDALL_PANIC);
    holdall_error_free(error);
    let (status, error) = call(|| handles::options(handle).map(drop));
    assert_eq!(status, S::HOLDALL_PANIC);
    assert!(message(error).contains("free the handle"));
    holdall_error_free(error);
    options::holdall_options_free(handle);
}

#[test]
fn every_kind_of_error_has_a_status_of_its_own() {
    use holdall::ErrorKind as K;
    let kinds = [
        K::Invalid,
        K::NotFound,
        K::Gone,
        K::Conflict,
        K::Exists,
        K::Busy,
        K::TooLarge,
        K::Unavailable,
        K::Config,
        K::Full,
        K::Corrupt,
        K::Rejected,
        K::Unknown,
        K::WouldLoad,
        K::Unsupported,
        K::Closed,
        K::Forked,
        K::Panic,
    ];
    let mut statuses: Vec<i32> = kinds.iter().map(|kind| S::from(*kind) as i32).collect();
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses.len(), kinds.len());
    for kind in kinds {
        assert_eq!(S::from(kind).is_transient(), kind.is_transient(), "{kind:?}");
    }
}

#[test]
fn pointers_and_lengths_are_checked_before_a_slice_is_made() {
    let text = b"abc";
    let start = text.as_ptr().cast();
    // SAFETY: three bytes are there; a length above the limit, and NULL, are what is tested.
    unsafe {
        assert_eq!(arg::text(start, 3, 10, "key").ok(), Some("abc"));
        assert_eq!(arg::text(start, 0, 10, "key").ok(), Some(""));
        assert_eq!(arg::text(ptr::null(), 0, 10, "key").ok(), Some(""));
        assert_eq!(arg::text(ptr::null(), 1, 10, "key").unwrap_err().status, S::HOLDALL_INVALID);
        for len in [11, usize::MAX / 2, usize::MAX / 2 + 1, usize::MAX] {
            assert_eq!(arg::text(start, len, 10, "key").unwrap_err().status, S::HOLDALL_TOO_LARGE);
            assert_eq!(arg::bytes(ptr::null(), len, 10, "key").unwrap_err().status, S::HOLDALL_TOO_LARGE);
        }
        let failure = arg::text(b"ab\xff".as_ptr().cast(), 3, 10, "key").unwrap_err();
        assert_eq!((failure.status, &*failure.message), (S::HOLDALL_INVALID, "key is not UTF-8 (from byte 2 on)"));
    }
}

#[test]
fn a_place_for_an_answer_is_checked_and_written_only_by_set() {
    let mut place = 7_u64;
    let misaligned: *mut u64 = ptr::without_provenance_mut((&raw const place).addr() + 1);
    // SAFETY: the places are there, or are refused before anything is written.
    unsafe {
        assert!(arg::out::<u64>(ptr::null_mut(), "left").is_err());
        assert!(arg::out(misaligned, "left").is_err());
        arg::optional_out::<u64>(ptr::null_mut(), "left").expect("may be NULL").set(1);
        let out = arg::out(&raw mut place, "left").expect("it is a place");
        assert_eq!(place, 7);
        out.set(8);
    }
    assert_eq!(place, 8);
}

#[test]
fn choices_and_flags_that_are_unknown_are_refused() {
    assert_eq!(arg::choice(0x102, 0x100, "how").ok(), Some((2, 0x100)));
    for value in [-1, i32::MIN, 0x200, 0x400, i32::MAX] {
        assert!(arg::choice(value, 0x100, "how").is_err(), "{value:#x}");
    }
    assert!(arg::duration(-1, "ms").is_err() && arg::switch(2, "adopt").is_err());
    assert_eq!(arg::age(i64::MAX, "ms").ok(), Some(std::time::Duration::MAX));
}

#[test]
fn a_buffer_ends_with_a_nul_and_is_freed_once() {
    for content in [&b""[..], b"abc", b"a\0b"] {
        let mut buf = holdall_buf::copy_of(content).expect("there is memory");
        assert_eq!(buf.len, content.len());
        // SAFETY: the buffer has its bytes and a NUL.
        let bytes = unsafe { std::slice::from_raw_parts(buf.ptr.cast::<u8>(), buf.len + 1) };
        assert_eq!((&bytes[..buf.len], bytes[buf.len]), (content, 0));
        // SAFETY: it is a buffer of the library; the second and third time it is empty and NULL.
        unsafe {
            holdall_buf_free(&raw mut buf);
            assert!(buf.ptr.is_null() && buf.len == 0);
            holdall_buf_free(&raw mut buf);
            holdall_buf_free(ptr::null_mut());
        }
    }
}
