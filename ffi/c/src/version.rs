//! Which version this is.

use std::ffi::{CStr, c_char};

/// The version of this header: the first number.
pub const HOLDALL_VERSION_MAJOR: i32 = 0;
/// The version of this header: the second number.
pub const HOLDALL_VERSION_MINOR: i32 = 1;
/// The version of this header: the third number.
pub const HOLDALL_VERSION_PATCH: i32 = 0;
/// The version of this header as one number: major * 1000000 + minor * 1000 + patch.
pub const HOLDALL_VERSION_NUMBER: i32 = 1000;

// Written out, so that the header can show them; and never wrong.
const _: () = {
    let number = HOLDALL_VERSION_MAJOR * 1_000_000 + HOLDALL_VERSION_MINOR * 1_000 + HOLDALL_VERSION_PATCH;
    assert!(HOLDALL_VERSION_NUMBER == number);
    assert!(HOLDALL_VERSION_MAJOR == number_of(env!("CARGO_PKG_VERSION_MAJOR")));
    assert!(HOLDALL_VERSION_MINOR == number_of(env!("CARGO_PKG_VERSION_MINOR")));
    assert!(HOLDALL_VERSION_PATCH == number_of(env!("CARGO_PKG_VERSION_PATCH")));
};

const fn number_of(digits: &str) -> i32 {
    let (digits, mut number, mut at) = (digits.as_bytes(), 0, 0);
    while at < digits.len() {
        number = number * 10 + (digits[at] - b'0') as i32;
        at += 1;
    }
    number
}

/// The version of the library that is loaded, as text such as "0.1.0"; HOLDALL_VERSION is that of the header. The text is
/// static. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_version() -> *const c_char {
    const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    };
    TEXT.as_ptr()
}

/// The version of the library that is loaded, as a number to compare with HOLDALL_VERSION_NUMBER. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_version_number() -> i32 {
    HOLDALL_VERSION_NUMBER
}
