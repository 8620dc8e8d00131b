//! Randomness from the operating system. Without it nothing works, and nothing weaker takes its place.

use crate::error::{Error, ErrorKind, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes of an id: 192 bits.
const ID_BYTES: usize = 24;

pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(
            ErrorKind::Unavailable,
            format!("the operating system gave no random bytes, so no session id can be made: {error}"),
        )
    })
}

pub(crate) fn number() -> Result<u64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// A new id: 32 characters of base64url.
pub(crate) fn id() -> Result<String> {
    let mut bytes = [0; ID_BYTES];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
