//! Randomness from the operating system. Without it nothing works, and nothing weaker takes its place.

use crate::error::{Error, ErrorKind, Result};
use crate::layout::IdShape;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes of an id: 192 bits.
const ID_BYTES: usize = 24;
/// Random bytes of an id in the shape of other software: 128 bits (122 in a UUID).
const SHORT_ID_BYTES: usize = 16;

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

/// A new id.
pub(crate) fn id(shape: IdShape) -> Result<String> {
    match shape {
        IdShape::Native => native_id(),
        IdShape::Hex => Ok(format!("{:032x}", short_id()?)),
        IdShape::Uuid => {
            // Version 4, and the variant of RFC 9562.
            let bits = short_id()? & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
            let hex = format!("{bits:032x}");
            Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
        }
    }
}

fn short_id() -> Result<u128> {
    let mut bytes = [0; SHORT_ID_BYTES];
    fill(&mut bytes)?;
    Ok(u128::from_be_bytes(bytes))
}

/// 32 characters of base64url.
fn native_id() -> Result<String> {
    let mut bytes = [0; ID_BYTES];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
