//! Numbers as Marshal 4.8 writes them, and their decimal texts.

use core::fmt::Write as _;

/// The longest magnitude of a big integer that has a decimal text here, in bytes: 2,466 digits. Turning longer ones into
/// decimal takes time that grows with the square.
pub(super) const BIG_LIMIT: usize = 1024;

/// Appends a number in the variable coding that integers, lengths, counts and links share.
pub(super) fn put_long(out: &mut Vec<u8>, number: i32) {
    match number {
        0 => out.push(0),
        1..=122 => out.push((number + 5).to_le_bytes()[0]),
        -123..=-1 => out.push((number - 5).to_le_bytes()[0]),
        _ => {
            let bytes = number.to_le_bytes();
            let filler = if number < 0 { 0xff } else { 0 };
            let len = bytes.iter().rposition(|byte| *byte != filler).map_or(1, |place| place + 1);
            out.push(if number < 0 { (len as u8).wrapping_neg() } else { len as u8 });
            out.extend_from_slice(&bytes[..len]);
        }
    }
}

/// How many bytes follow the first byte of a number, or the number itself if none do.
pub(super) fn long_head(first: u8) -> Result<i32, (usize, bool)> {
    match first.cast_signed() {
        0 => Ok(0),
        small @ 5.. => Ok(i32::from(small) - 5),
        small @ ..=-5 => Ok(i32::from(small) + 5),
        count => Err((usize::from(count.unsigned_abs()), count < 0)),
    }
}

/// The number whose bytes these are.
pub(super) fn long_tail(bytes: &[u8], negative: bool) -> i32 {
    let mut four = if negative { [0xff; 4] } else { [0; 4] };
    four[..bytes.len()].copy_from_slice(bytes);
    i32::from_le_bytes(four)
}

/// What a step of the conversions takes: nine decimal digits.
const CHUNK: u64 = 1_000_000_000;

/// The decimal text of a magnitude in little-endian bytes; none if it is too long.
pub(super) fn decimal(magnitude: &[u8], negative: bool) -> Option<String> {
    let mut rest = trimmed(magnitude).to_vec();
    if rest.len() > BIG_LIMIT {
        return None;
    }
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let mut remainder = 0;
        for byte in rest.iter_mut().rev() {
            let number = remainder << 8 | u64::from(*byte);
            // The remainder is below the divisor, so the quotient fits the byte.
            *byte = (number / CHUNK) as u8;
            remainder = number % CHUNK;
        }
        chunks.push(remainder);
        rest.truncate(trimmed(&rest).len());
    }
    let mut text = String::from(if negative { "-" } else { "" });
    let mut chunks = chunks.into_iter().rev();
    text.push_str(&chunks.next().unwrap_or(0).to_string());
    for chunk in chunks {
        // Writing to a string can't fail.
        let _ = write!(text, "{chunk:09}");
    }
    Some(text)
}

/// The magnitude of decimal digits, in little-endian bytes without zeros at the end; none if it is too long.
pub(super) fn magnitude(digits: &str) -> Option<Vec<u8>> {
    // A byte holds more than two digits.
    if digits.len() > BIG_LIMIT * 2 {
        return None;
    }
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        for byte in &mut bytes {
            carry += u32::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    Some(bytes)
}

fn trimmed(magnitude: &[u8]) -> &[u8] {
    &magnitude[..magnitude.iter().rposition(|byte| *byte != 0).map_or(0, |place| place + 1)]
}
