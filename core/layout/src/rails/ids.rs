//! The two ids of a Rails session: the public one in the cookie, the private one in the table.

use core::fmt::Write as _;
use sha2::{Digest, Sha256};

/// What the `session_id` column holds for the session whose cookie carries `public_id`: `2::` and the SHA-256 of the id
/// in hexadecimal, 67 characters. So a leaked table gives no cookies.
pub fn private_id(public_id: &[u8]) -> String {
    let mut text = String::with_capacity(67);
    text.push_str("2::");
    for byte in Sha256::digest(public_id) {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a cookie may carry `id`: text that doesn't look like a private id (digits and `::` at its beginning). Rails
/// takes any other cookie for none: or whoever has read the table could use what stands there.
pub fn is_public_id(id: &[u8]) -> bool {
    let digits = id.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let private = digits > 0 && id[digits..].starts_with(b"::");
    !id.is_empty() && !private && core::str::from_utf8(id).is_ok()
}
