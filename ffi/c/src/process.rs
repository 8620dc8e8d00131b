//! Forks, and the end of the process.

use crate::handles::BAGS;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the end of the process waits for each bag that is still open.
const AT_EXIT: Duration = Duration::from_secs(5);

static WATCHING: AtomicBool = AtomicBool::new(false);

/// Registers what is to happen in the child of a fork and at the end of the process. Called by every open; two that come
/// first together may both register, which does no harm.
pub(crate) fn watch() {
    if WATCHING.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: both handlers are functions of this library, which stays loaded (`-z nodelete`).
    unsafe {
        libc::pthread_atfork(None, None, Some(in_child));
        libc::atexit(at_exit);
    }
    WATCHING.store(true, Ordering::Release);
}

/// Runs in the child, where only async-signal-safe things may be done: this is one atomic addition.
extern "C" fn in_child() {
    ::holdall::FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Writes what is unsaved in bags that the host did not close.
extern "C" fn at_exit() {
    crate::guard::quietly(|| {
        BAGS.each(|bag| {
            if bag.is_forked() {
                return;
            }
            // Nobody is left to hear of it.
            let _ = bag.close(AT_EXIT);
        });
    });
}
