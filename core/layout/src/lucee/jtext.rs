//! Strings of Java: modified UTF-8, in which NUL takes two bytes and a character beyond U+FFFF two surrogates of three.

use std::borrow::Cow;

/// Whether the bytes are characters of one, two or three bytes, whole.
pub(super) fn is_valid(bytes: &[u8]) -> bool {
    bytes.is_ascii() || units(bytes).all(|unit| unit.is_some())
}

/// The UTF-16 units; the last is none if the bytes break off or are no characters.
fn units(bytes: &[u8]) -> impl Iterator<Item = Option<u16>> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        let (unit, more): (_, &[u8]) = match *rest {
            [] => return None,
            [a @ 0..0x80, ref more @ ..] => (Some(u16::from(a)), more),
            [a @ 0xc0..0xe0, b @ 0x80..0xc0, ref more @ ..] => (Some(u16::from(a & 0x1f) << 6 | low(b)), more),
            [a @ 0xe0..0xf0, b @ 0x80..0xc0, c @ 0x80..0xc0, ref more @ ..] => {
                (Some(u16::from(a & 0xf) << 12 | low(b) << 6 | low(c)), more)
            }
            _ => (None, &[]),
        };
        rest = more;
        Some(unit)
    })
}

fn low(byte: u8) -> u16 {
    u16::from(byte & 0x3f)
}

/// The text of what most strings are: characters of one byte each.
fn ascii(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())
}

/// The characters; a surrogate without its other half is an error of its own.
pub(super) fn characters(bytes: &[u8]) -> impl Iterator<Item = Result<char, u16>> {
    let units = units(bytes).map(Option::unwrap_or_default);
    char::decode_utf16(units).map(|character| character.map_err(|error| error.unpaired_surrogate()))
}

/// The string; none if it has a surrogate without its other half.
pub(super) fn to_string(bytes: &[u8]) -> Option<String> {
    if let Some(text) = ascii(bytes) {
        return Some(text.to_owned());
    }
    characters(bytes).collect::<Result<String, u16>>().ok()
}

/// Modified UTF-8 of text in UTF-8, where a surrogate by itself may be encoded as if it were a character.
pub(super) fn encode(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().all(|byte| (1..0xf0).contains(byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, more)) = rest.split_first() {
        match (first, more) {
            (0, _) => {
                out.extend([0xc0, 0x80]);
                rest = more;
            }
            (0xf0.., [b, c, d, after @ ..]) => {
                let low = |byte: u8| u32::from(byte & 0x3f);
                let code = (u32::from(first & 7) << 18 | low(*b) << 12 | low(*c) << 6 | low(*d)).wrapping_sub(0x1_0000);
                surrogate(&mut out, 0xd800 | (code >> 10 & 0x3ff));
                surrogate(&mut out, 0xdc00 | (code & 0x3ff));
                rest = after;
            }
            _ => {
                out.push(first);
                rest = more;
            }
        }
    }
    Cow::Owned(out)
}

fn surrogate(out: &mut Vec<u8>, unit: u32) {
    out.extend([0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8]);
}

/// Appends the string as JSON text. A surrogate without its other half stays what it is, as an escape.
pub(super) fn push_json(out: &mut String, bytes: &[u8]) {
    if let Some(text) = ascii(bytes) {
        return push_json_str(out, text);
    }
    out.push('"');
    for character in characters(bytes) {
        match character {
            Ok(character) => push_json_char(out, character),
            Err(unit) => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.push('"');
}

/// Appends a string as JSON text.
pub(super) fn push_json_str(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(plain) = rest.find(|character: char| matches!(character, '"' | '\\' | '\0'..' ')) {
        let (before, after) = rest.split_at(plain);
        out.push_str(before);
        let mut characters = after.chars();
        characters.next().into_iter().for_each(|character| push_json_char(out, character));
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn push_json_char(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        control @ '\0'..' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
        other => out.push(other),
    }
}
