//! What a call answers.

use holdall::{Done, ErrorKind};

/// What a call answers. HOLDALL_OK is 0. Numbers from 1 to 15 are answers, which make no holdall_error; the rest are
/// errors. A number is never used again for something else; later versions may add some, so treat a number that you
/// don't know as an error.
#[allow(non_camel_case_types, reason = "the name is C's")]
#[allow(clippy::enum_variant_names, reason = "C's enumerators share one scope")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub enum holdall_status {
    /// Done, as far as was asked for.
    HOLDALL_OK = 0,
    /// An answer: it is in force in this process, and the database has not confirmed it yet. It is tried again until it
    /// has; until then other servers may not know of it, and a kill -9 of this process loses it.
    HOLDALL_PENDING = 1,
    /// An answer: there is no such session, field, reference or event.
    HOLDALL_NOT_FOUND = 2,
    /// An answer to HOLDALL_CACHED_ONLY: the session is not in memory, or must be checked first. Open it again without
    /// the flag, where waiting does no harm.
    HOLDALL_WOULD_LOAD = 3,
    /// An argument, an option or the URL makes no sense: NULL where something must be, text that is no UTF-8, broken
    /// JSON, an unknown number. Nothing was done.
    HOLDALL_INVALID = 16,
    /// A length is above its limit. Nothing was done.
    HOLDALL_TOO_LARGE = 17,
    /// The session has ended: destroyed, rotated or expired, here or on another server. Nothing was saved.
    HOLDALL_GONE = 18,
    /// Someone else changed the same field, or the principal, since it was read. Nothing was saved.
    HOLDALL_CONFLICT = 19,
    /// A session with this id exists.
    HOLDALL_EXISTS = 20,
    /// Memory is full of changes that the database has not taken yet, or another thread is inside a call with this
    /// handle. Nothing was done; try again.
    HOLDALL_BUSY = 21,
    /// The database can't be reached or is too slow. Try again.
    HOLDALL_UNAVAILABLE = 22,
    /// Someone must change something: a path, rights, a table of another shape or a newer format, a clock.
    HOLDALL_CONFIG = 23,
    /// The database's disk is full.
    HOLDALL_FULL = 24,
    /// A row or a file is damaged. It was left as it is.
    HOLDALL_CORRUPT = 25,
    /// The database can't take this session's content; it stays in memory, unsaved.
    HOLDALL_REJECTED = 26,
    /// A save with HOLDALL_IF_UNCHANGED may or may not have been made: open the session to see.
    HOLDALL_UNKNOWN = 27,
    /// This bag, store, build or version can't do that.
    HOLDALL_UNSUPPORTED = 28,
    /// The bag is closed, or the handle was freed or never was one.
    HOLDALL_CLOSED = 29,
    /// This process is a fork of the one that opened the bag. See "Fork" at the top.
    HOLDALL_FORKED = 30,
    /// A defect in holdall; what to do then is said under "Panics" at the top.
    HOLDALL_PANIC = 31,
    /// No memory for the answer, or no room for another handle.
    HOLDALL_NO_MEMORY = 32,
}

use holdall_status as S;

/// Each status with its name and whether the same call may succeed later without anybody changing anything.
const STATUSES: [(S, &std::ffi::CStr, bool); 21] = [
    (S::HOLDALL_OK, c"HOLDALL_OK", false),
    (S::HOLDALL_PENDING, c"HOLDALL_PENDING", false),
    (S::HOLDALL_NOT_FOUND, c"HOLDALL_NOT_FOUND", false),
    (S::HOLDALL_WOULD_LOAD, c"HOLDALL_WOULD_LOAD", true),
    (S::HOLDALL_INVALID, c"HOLDALL_INVALID", false),
    (S::HOLDALL_TOO_LARGE, c"HOLDALL_TOO_LARGE", false),
    (S::HOLDALL_GONE, c"HOLDALL_GONE", false),
    (S::HOLDALL_CONFLICT, c"HOLDALL_CONFLICT", false),
    (S::HOLDALL_EXISTS, c"HOLDALL_EXISTS", false),
    (S::HOLDALL_BUSY, c"HOLDALL_BUSY", true),
    (S::HOLDALL_UNAVAILABLE, c"HOLDALL_UNAVAILABLE", true),
    (S::HOLDALL_CONFIG, c"HOLDALL_CONFIG", false),
    (S::HOLDALL_FULL, c"HOLDALL_FULL", true),
    (S::HOLDALL_CORRUPT, c"HOLDALL_CORRUPT", false),
    (S::HOLDALL_REJECTED, c"HOLDALL_REJECTED", false),
    (S::HOLDALL_UNKNOWN, c"HOLDALL_UNKNOWN", false),
    (S::HOLDALL_UNSUPPORTED, c"HOLDALL_UNSUPPORTED", false),
    (S::HOLDALL_CLOSED, c"HOLDALL_CLOSED", false),
    (S::HOLDALL_FORKED, c"HOLDALL_FORKED", false),
    (S::HOLDALL_PANIC, c"HOLDALL_PANIC", false),
    (S::HOLDALL_NO_MEMORY, c"HOLDALL_NO_MEMORY", true),
];

/// The name of a status number, such as "HOLDALL_BUSY", for logs; "HOLDALL_?" for a number that this version doesn't
/// know. The text is static. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_status_name(status: i32) -> *const std::ffi::c_char {
    let known = STATUSES.iter().find(|(known, ..)| *known as i32 == status);
    known.map_or(c"HOLDALL_?", |(_, name, _)| name).as_ptr()
}

impl holdall_status {
    /// Whether the same call may succeed later without anybody changing anything.
    pub(crate) fn is_transient(self) -> bool {
        STATUSES.iter().any(|(known, _, transient)| *known == self && *transient)
    }

    /// Whether it is an answer, which makes no error object.
    pub(crate) fn is_answer(self) -> bool {
        (self as i32) < S::HOLDALL_INVALID as i32
    }
}

impl From<()> for holdall_status {
    fn from((): ()) -> Self {
        S::HOLDALL_OK
    }
}

impl From<Done> for holdall_status {
    fn from(done: Done) -> Self {
        match done {
            Done::Done => S::HOLDALL_OK,
            Done::Pending => S::HOLDALL_PENDING,
        }
    }
}

impl From<ErrorKind> for holdall_status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => S::HOLDALL_INVALID,
            ErrorKind::NotFound => S::HOLDALL_NOT_FOUND,
            ErrorKind::Gone => S::HOLDALL_GONE,
            ErrorKind::Conflict => S::HOLDALL_CONFLICT,
            ErrorKind::Exists => S::HOLDALL_EXISTS,
            ErrorKind::Busy => S::HOLDALL_BUSY,
            ErrorKind::TooLarge => S::HOLDALL_TOO_LARGE,
            ErrorKind::Unavailable => S::HOLDALL_UNAVAILABLE,
            ErrorKind::Config => S::HOLDALL_CONFIG,
            ErrorKind::Full => S::HOLDALL_FULL,
            ErrorKind::Corrupt => S::HOLDALL_CORRUPT,
            ErrorKind::Rejected => S::HOLDALL_REJECTED,
            ErrorKind::Unknown => S::HOLDALL_UNKNOWN,
            ErrorKind::WouldLoad => S::HOLDALL_WOULD_LOAD,
            ErrorKind::Unsupported => S::HOLDALL_UNSUPPORTED,
            ErrorKind::Closed => S::HOLDALL_CLOSED,
            ErrorKind::Forked => S::HOLDALL_FORKED,
            // A kind that is not here yet must show in the tests, and it does.
            _ => S::HOLDALL_PANIC,
        }
    }
}
