//! Numbers of Java as JSON text, and back without loss.

use crate::content::{Node, Number, read};

/// The longest number that is written or shown, in decimal digits.
pub(super) const DIGITS_LIMIT: usize = 1000;
/// The longest `java.math.BigInteger` that is shown, in bytes.
const MAGNITUDE_LIMIT: usize = 400;
/// The largest power of ten that is written or shown.
const POWER_LIMIT: i64 = 10_000;

/// A number as Java holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum JavaNumber {
    Double(f64),
    Long(i64),
    /// A `java.math.BigDecimal`: ± magnitude (big-endian, no zero byte at its start) / 10^scale.
    Decimal {
        negative: bool,
        magnitude: Vec<u8>,
        scale: i32,
    },
}

/// The shortest JSON text that reads as the same double; none for NaN and the infinities.
pub(super) fn double_text(double: f64) -> Option<String> {
    let size = double.abs();
    if !double.is_finite() {
        return None;
    }
    Some(if size == 0.0 || (1e-6..1e21).contains(&size) { format!("{double}") } else { format!("{double:e}") })
}

/// JSON text of a decimal number; none if it is beyond the limits.
pub(super) fn decimal_text(negative: bool, magnitude: &[u8], scale: i32) -> Option<String> {
    let scale = i64::from(scale);
    if magnitude.len() > MAGNITUDE_LIMIT || scale.abs() > POWER_LIMIT {
        return None;
    }
    let mut digits = digits_of(magnitude);
    let sign = if negative { "-" } else { "" };
    let point = usize::try_from(scale).unwrap_or(0);
    if scale == 0 {
        return Some(format!("{sign}{digits}"));
    }
    if scale < 0 || point > digits.len() + 20 {
        return Some(format!("{sign}{digits}e{}", -scale));
    }
    if point >= digits.len() {
        digits.insert_str(0, &"0".repeat(point + 1 - digits.len()));
    }
    digits.insert(digits.len() - point, '.');
    Some(format!("{sign}{digits}"))
}

/// The number as Lucee would hold it: a double where that is exact, as CFML's own numbers are; else a long; else a
/// decimal. None if it has too many digits.
pub(super) fn java_number(number: &Number<'_>) -> Option<JavaNumber> {
    let Number::Decimal { negative, digits, power } = number else { return None };
    if digits.len() > DIGITS_LIMIT || power.abs() > POWER_LIMIT {
        return None;
    }
    if let Some(double) = exact_double(number) {
        return Some(JavaNumber::Double(double));
    }
    let text = core::str::from_utf8(digits).ok()?;
    let sign = if *negative { "-" } else { "" };
    let zeros = usize::try_from(*power).ok().filter(|zeros| *zeros < 20);
    if let Some(long) = zeros.and_then(|zeros| format!("{sign}{text}{}", "0".repeat(zeros)).parse().ok()) {
        return Some(JavaNumber::Long(long));
    }
    Some(JavaNumber::Decimal { negative: *negative, magnitude: magnitude_of(digits), scale: i32::try_from(-power).ok()? })
}

/// The double whose shortest text is this number.
pub(super) fn exact_double(number: &Number<'_>) -> Option<f64> {
    let Number::Decimal { negative, digits, power } = number else { return None };
    let sign = if *negative { "-" } else { "" };
    if digits.is_empty() {
        return Some(if *negative { -0.0 } else { 0.0 });
    }
    let double: f64 = format!("{sign}{}e{power}", core::str::from_utf8(digits).ok()?).parse().ok()?;
    let text = double_text(double)?;
    matches!(read(&text), Some(Node::Number(back)) if back == *number).then_some(double)
}

/// The decimal digits of a big-endian number, "0" for none.
fn digits_of(magnitude: &[u8]) -> String {
    // Groups of nine decimal digits, the least significant first.
    let mut groups: Vec<u32> = vec![0];
    for byte in magnitude {
        let mut carry = u64::from(*byte);
        for group in &mut groups {
            let value = u64::from(*group) * 256 + carry;
            *group = (value % 1_000_000_000) as u32;
            carry = value / 1_000_000_000;
        }
        if carry > 0 {
            groups.push(carry as u32);
        }
    }
    let last = groups.pop().unwrap_or_default();
    groups.iter().rev().fold(last.to_string(), |text, group| text + &format!("{group:09}"))
}

/// A number of decimal digits (ASCII) as big-endian bytes without a zero at their start.
fn magnitude_of(digits: &[u8]) -> Vec<u8> {
    // The least significant byte first.
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            let value = u32::from(*byte) * 10 + carry;
            *byte = value as u8;
            carry = value >> 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    bytes.reverse();
    bytes
}
