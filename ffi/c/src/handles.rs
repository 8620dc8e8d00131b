//! The handles of bags, sessions and options.

use crate::alone::{self, Alone};
use crate::guard::Failure;
use crate::slots::Refused;
use crate::status::holdall_status as S;
use crate::together::{self, Together};
use ::holdall::{Holdall, Options, Session};
use std::sync::atomic::Ordering;

/// An open bag: one store, one cache. Free for all threads, at any time. End it with holdall_close or holdall_abandon.
#[allow(non_camel_case_types, reason = "the name is C's")]
pub struct holdall {
    _private: [u8; 0],
}

/// A handle on one visitor's session: a snapshot plus its own changes. It belongs to one thread at a time; two handles
/// of one session may be used by two threads. Free it with holdall_session_free, at the end of the request at the latest.
#[allow(non_camel_case_types, reason = "the name is C's")]
pub struct holdall_session {
    _private: [u8; 0],
}

/// How a bag works. One thread at a time. Free it with holdall_options_free, at any time after holdall_open has
/// returned.
#[allow(non_camel_case_types, reason = "the name is C's")]
pub struct holdall_options {
    _private: [u8; 0],
}

pub(crate) static BAGS: Together<Holdall> = Together::new(1);
pub(crate) static SESSIONS: Alone<Session> = Alone::new(3);
pub(crate) static OPTIONS: Alone<Options> = Alone::new(5);

/// How many forks this process is away from the first.
#[inline]
pub(crate) fn forks() -> u64 {
    ::holdall::FORKS.load(Ordering::Relaxed)
}

/// The bag of a handle, whatever its state.
pub(crate) fn any_bag(handle: *const holdall) -> Result<together::Inside<'static, Holdall>, Failure> {
    BAGS.enter(handle.addr()).map_err(|refused| refusal(refused, handle.is_null(), "bag"))
}

/// The bag of a handle, ready for use.
pub(crate) fn bag(handle: *const holdall) -> Result<together::Inside<'static, Holdall>, Failure> {
    let bag = any_bag(handle)?;
    bag.check()?;
    Ok(bag)
}

/// The session of a handle, whose bag is ready for use.
#[inline]
pub(crate) fn session(handle: *const holdall_session) -> Result<alone::Inside<'static, Session>, Failure> {
    let session = SESSIONS.enter(handle.addr(), forks());
    let session = session.map_err(|refused| refusal(refused, handle.is_null(), "session"))?;
    session.holdall().check()?;
    Ok(session)
}

pub(crate) fn options(handle: *const holdall_options) -> Result<alone::Inside<'static, Options>, Failure> {
    OPTIONS.enter(handle.addr(), forks()).map_err(|refused| refusal(refused, handle.is_null(), "options"))
}

/// Frees a session's handle.
pub(crate) fn free_session(handle: *const holdall_session) {
    SESSIONS.retire(handle.addr(), forks());
}

#[cold]
pub(crate) fn no_room() -> Failure {
    Failure::new(S::HOLDALL_NO_MEMORY, "there is no room for another handle: free the handles that are not needed")
}

#[cold]
fn refusal(refused: Refused, null: bool, name: &str) -> Failure {
    if null {
        return Failure::invalid(format!("{name} is NULL"));
    }
    match refused {
        Refused::Closed => {
            Failure::new(S::HOLDALL_CLOSED, format!("{name} is a handle that was freed or closed, or never was one"))
        }
        Refused::Busy => Failure::new(
            S::HOLDALL_BUSY,
            format!("another thread is inside a call with this handle: {name} belongs to one thread at a time"),
        ),
        Refused::Forked => Failure::new(
            S::HOLDALL_FORKED,
            format!("this process was forked while another thread was inside a call with {name}: open a bag of its own"),
        ),
        Refused::Poisoned => Failure::new(
            S::HOLDALL_PANIC,
            format!("an earlier call with {name} met a defect in holdall: free the handle, and open anew"),
        ),
    }
}
