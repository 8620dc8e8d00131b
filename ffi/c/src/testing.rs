//! What tests need of a bag, and nobody else.

use crate::arg;
use crate::error::holdall_error;
use crate::guard;
use crate::handles::{self, holdall};
use crate::status::holdall_status;

/// For tests only: moves the bag's clock forward by ms milliseconds, so that a test of linger, expiry or sweeping need not
/// wait. Waiting for the database, and for room in memory, goes by real time as before. INVALID if it is negative. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_advance_clock(bag: *mut holdall, ms: i64, error: *mut *mut holdall_error) -> holdall_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    unsafe {
        guard::call(error, || {
            handles::bag(bag)?.advance_clock(arg::duration(ms, "ms")?);
            Ok(())
        })
    }
}
