//! The content of JSON text, for comparing: a small tree that rounds no number and replaces no character.

use crate::json::DEPTH_LIMIT;
use std::borrow::Cow;

/// Whether both texts are JSON with the same content.
pub(crate) fn same(a: &str, b: &str) -> bool {
    matches!((read(a), read(b)), (Some(a), Some(b)) if a == b)
}

#[derive(PartialEq)]
pub(crate) enum Node<'a> {
    /// `null`, `true` or `false`.
    Word(&'a [u8]),
    Number(Number<'a>),
    /// Without escapes; a lone surrogate is encoded as if it were a character.
    Text(Cow<'a, [u8]>),
    Array(Vec<Node<'a>>),
    /// Sorted by name, each name once.
    Object(Vec<(Cow<'a, [u8]>, Node<'a>)>),
}

/// A decimal number as its digits without zeros at either end, and the power of ten of the last digit.
#[derive(PartialEq)]
pub(crate) enum Number<'a> {
    Decimal {
        negative: bool,
        digits: Vec<u8>,
        power: i64,
    },
    /// With an exponent too large to reckon with: its text.
    Huge(&'a [u8]),
}

pub(crate) fn read(text: &str) -> Option<Node<'_>> {
    let mut reader = Reader { rest: text.as_bytes() };
    let node = reader.value(DEPTH_LIMIT + 1)?;
    reader.space();
    reader.rest.is_empty().then_some(node)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Takes `len` bytes.
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes the bytes for which `wanted` answers true.
    fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    fn space(&mut self) {
        self.run(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Takes `byte` if it comes next, after white space.
    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        let is = self.rest.first() == Some(&byte);
        if is {
            self.rest = &self.rest[1..];
        }
        is
    }

    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        let depth = depth.checked_sub(1)?;
        self.space();
        match self.rest.first()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => Some(Node::Text(self.string()?)),
            b'-' | b'0'..=b'9' => Some(Node::Number(self.number()?)),
            _ => {
                let word = self.run(|byte| byte.is_ascii_lowercase());
                matches!(word, b"null" | b"true" | b"false").then_some(Node::Word(word))
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Node<'a>> {
        self.take(1)?;
        let mut items = Vec::new();
        if self.next_is(b']') {
            return Some(Node::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.next_is(b']') {
                return Some(Node::Array(items));
            }
            self.next_is(b',').then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node<'a>> {
        self.take(1)?;
        let mut members = Vec::new();
        if self.next_is(b'}') {
            return Some(Node::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.next_is(b':').then_some(())?;
            members.push((name, self.value(depth)?));
            if self.next_is(b'}') {
                return Some(Node::Object(last_of_each(members)));
            }
            self.next_is(b',').then_some(())?;
        }
    }

    fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        (self.take(1)? == b"\"").then_some(())?;
        let plain = self.run(|byte| byte != b'"' && byte != b'\\');
        if self.rest.first()? == &b'"' {
            self.take(1)?;
            return Some(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        loop {
            match self.take(1)? {
                b"\"" => return Some(Cow::Owned(text)),
                _ => self.escape(&mut text)?,
            }
            text.extend(self.run(|byte| byte != b'"' && byte != b'\\'));
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let byte = match self.take(1)?[0] {
            b'u' => {
                let unit = self.hex()?;
                let code = self.pair(unit).unwrap_or(unit);
                push_code(text, code);
                return Some(());
            }
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            byte @ (b'"' | b'\\' | b'/') => byte,
            _ => return None,
        };
        text.push(byte);
        Some(())
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.take(4)?;
        digits.iter().try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?))
    }

    /// The character of a high surrogate and the escaped low one that follows, if one does.
    fn pair(&mut self, high: u32) -> Option<u32> {
        if !(0xd800..0xdc00).contains(&high) || !self.rest.starts_with(b"\\u") {
            return None;
        }
        let mut ahead = Reader { rest: &self.rest[2..] };
        let low = ahead.hex().filter(|low| (0xdc00..0xe000).contains(low))?;
        self.rest = ahead.rest;
        Some(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }

    fn number(&mut self) -> Option<Number<'a>> {
        let text = self.run(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
        let negative = text.first() == Some(&b'-');
        let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(place) => (&text[usize::from(negative)..place], core::str::from_utf8(&text[place + 1..]).ok()?),
            None => (&text[usize::from(negative)..], "0"),
        };
        let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
            Some(point) => (&mantissa[..point], &mantissa[point + 1..]),
            None => (mantissa, &[][..]),
        };
        let digits: Vec<u8> = whole.iter().chain(fraction).copied().skip_while(|digit| *digit == b'0').collect();
        if digits.is_empty() {
            return Some(Number::Decimal { negative, digits, power: 0 });
        }
        let Some(power) = exponent.parse::<i64>().ok().and_then(|power| power.checked_sub(signed(fraction.len()))) else {
            return Some(Number::Huge(text));
        };
        let kept = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |place| place + 1);
        let Some(power) = power.checked_add(signed(digits.len() - kept)) else { return Some(Number::Huge(text)) };
        Some(Number::Decimal { negative, digits: digits[..kept].to_vec(), power })
    }
}

/// A length, which is far below the limit.
fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Sorts members by name and keeps the last of each name.
fn last_of_each<'a>(mut members: Vec<(Cow<'a, [u8]>, Node<'a>)>) -> Vec<(Cow<'a, [u8]>, Node<'a>)> {
    members.reverse();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members.dedup_by(|later, kept| later.0 == kept.0);
    members
}

/// Encodes a code point as UTF-8 would, surrogates included.
fn push_code(text: &mut Vec<u8>, code: u32) {
    if let Some(character) = char::from_u32(code) {
        text.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        text.extend([0xe0 | (code >> 12) as u8, 0x80 | (code >> 6 & 0x3f) as u8, 0x80 | (code & 0x3f) as u8]);
    }
}
