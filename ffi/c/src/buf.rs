//! Text and bytes that go out.

use crate::guard::Failure;
use crate::status::holdall_status;
use std::ffi::c_char;
use std::ptr;

/// Text or bytes that holdall gives out: len bytes at ptr, and a NUL after them that len does not count. Begin with
/// `holdall_buf value = {0};`. A call that succeeds overwrites both members without freeing what they held before; one
/// that fails leaves them alone. Free with holdall_buf_free; the memory is the host's own until then.
#[allow(non_camel_case_types, reason = "the name is C's")]
#[derive(Debug)]
#[repr(C)]
pub struct holdall_buf {
    /// The bytes; never NULL after a call that succeeded, NULL after holdall_buf_free.
    pub ptr: *mut c_char,
    /// How many there are, without the NUL.
    pub len: usize,
}

impl holdall_buf {
    /// A copy of the bytes, with a NUL behind it.
    pub(crate) fn copy_of(bytes: &[u8]) -> Result<Self, Failure> {
        // From C's own allocator: what is freed needs no length, so a host that changed `len` does no harm.
        // SAFETY: any size may be asked for; a slice is at most `isize::MAX` bytes, so one more does not overflow.
        let place = unsafe { libc::malloc(bytes.len() + 1) }.cast::<u8>();
        if place.is_null() {
            let text = format!("there is no memory for an answer of {} bytes", bytes.len());
            return Err(Failure::new(holdall_status::HOLDALL_NO_MEMORY, text));
        }
        // SAFETY: the place was just made, with room for the bytes and one more.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
            place.add(bytes.len()).write(0);
        }
        Ok(Self { ptr: place.cast(), len: bytes.len() })
    }
}

/// Frees what a buffer holds and makes it empty (NULL, 0). NULL, an empty buffer, and freeing twice through the same
/// holdall_buf are harmless. It must be empty or filled by a call. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_buf_free(buf: *mut holdall_buf) {
    if buf.is_null() || !buf.is_aligned() {
        return;
    }
    // SAFETY: by the caller's promise it is a buffer, and its pointer is NULL or came from `malloc` in `copy_of`.
    unsafe {
        let old = buf.replace(holdall_buf { ptr: ptr::null_mut(), len: 0 });
        libc::free(old.ptr.cast());
    }
}
