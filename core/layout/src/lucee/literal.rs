//! The CFML literal, the form that Lucee 4 and 5.0 wrote: `{"name":"ada","cart":[1,true]}`. Lucee evaluates it; here it
//! is only read, by a strict grammar. What is a call of anything but a date, a span or null stays text.

use super::date::Civil;
use crate::json::DEPTH_LIMIT;
use base64::prelude::{BASE64_STANDARD, Engine};
use std::collections::BTreeSet;

/// A value of a literal.
pub(super) enum Literal<'a> {
    Null,
    Boolean(bool),
    /// As JSON spells it.
    Number(String),
    Text(String),
    Array(Vec<Literal<'a>>),
    Struct {
        ordered: bool,
        members: Vec<Member<'a>>,
    },
    /// A date in UTC, in milliseconds since 1970.
    Date(i64),
    /// A date in a time zone whose rules are not known here.
    Zoned(Civil, String),
    /// Days, hours, minutes and seconds.
    Span([i64; 4]),
    /// A Java object: its stream.
    Java(Vec<u8>),
    /// The call of a function: its name.
    Call(&'a str),
}

/// A member of a struct.
pub(super) struct Member<'a> {
    pub name: String,
    /// Name and value as they stand in the text.
    pub text: &'a str,
    /// The value as it stands in the text.
    pub raw: &'a str,
    pub value: Literal<'a>,
}

/// Of members with one name the last, and all others; in their order.
pub(super) fn last_of_each<'m, 't>(members: &'m [Member<'t>]) -> Vec<&'m Member<'t>> {
    let mut seen = BTreeSet::new();
    let mut last: Vec<_> = members.iter().rev().filter(|member| seen.insert(super::folded(&member.name))).collect();
    last.reverse();
    last
}

/// Whether Lucee takes the data for a literal.
pub(super) fn is_literal(data: &[u8]) -> bool {
    data.starts_with(PREFIX.as_bytes()) || (data.first() == Some(&b'{') && data.last() == Some(&b'}'))
}

/// What Lucee 5.1 wrote before the literal.
const PREFIX: &str = "struct:";

/// The prefix of a row and the members of its struct.
pub(super) fn read_row(data: &[u8]) -> Result<(&str, Vec<Member<'_>>), String> {
    let text = core::str::from_utf8(data).map_err(|error| format!("the literal is not UTF-8 at byte {}", error.valid_up_to()))?;
    let (prefix, literal) = text.split_at(if text.starts_with(PREFIX) { PREFIX.len() } else { 0 });
    match read(literal)? {
        Literal::Struct { members, ordered: false } => Ok((prefix, members)),
        _ => Err("the literal is no struct".to_owned()),
    }
}

/// Reads one literal.
pub(super) fn read(text: &str) -> Result<Literal<'_>, String> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = reader.value()?;
    reader.space();
    if reader.at < text.len() { Err(reader.wrong("the end")) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, expected: &str) -> String {
        format!("the CFML literal has something else than {expected} at byte {}", self.at)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// Takes `byte` if it comes next, after white space.
    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn value(&mut self) -> Result<Literal<'a>, String> {
        self.space();
        self.depth += 1;
        let opens = matches!(self.peek(), Some(b'{' | b'['));
        // The row's struct is a level that no field has.
        if opens && self.depth > DEPTH_LIMIT + 1 {
            return Err(format!("the CFML literal is nested deeper than {DEPTH_LIMIT} levels"));
        }
        let value = match self.peek() {
            Some(b'{') => self.structure(b'}', false),
            Some(b'[') => self.brackets(),
            Some(b'"' | b'\'') => self.string().map(Literal::Text),
            Some(b'0'..=b'9' | b'.' | b'-' | b'+') => self.number().map(Literal::Number),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$') => self.word(),
            _ => Err(self.wrong("a value")),
        };
        self.depth -= 1;
        value
    }

    /// The members up to `close`; the text is at the opening bracket.
    fn structure(&mut self, close: u8, ordered: bool) -> Result<Literal<'a>, String> {
        self.at += 1;
        let mut members = Vec::new();
        if self.next_is(close) {
            return Ok(Literal::Struct { ordered, members });
        }
        loop {
            members.push(self.member()?);
            if self.next_is(close) {
                return Ok(Literal::Struct { ordered, members });
            }
            if !self.next_is(b',') {
                return Err(self.wrong("a comma or the struct's end"));
            }
        }
    }

    fn member(&mut self) -> Result<Member<'a>, String> {
        self.space();
        let start = self.at;
        let name = self.string()?;
        if !self.next_is(b':') && !self.next_is(b'=') {
            return Err(self.wrong("a colon"));
        }
        self.space();
        let from = self.at;
        let value = self.value()?;
        Ok(Member { name, text: &self.text[start..self.at], raw: &self.text[from..self.at], value })
    }

    /// An array, or a struct that keeps its order.
    fn brackets(&mut self) -> Result<Literal<'a>, String> {
        let start = self.at;
        self.at += 1;
        if (self.next_is(b':') || self.next_is(b'=')) && self.next_is(b']') {
            return Ok(Literal::Struct { ordered: true, members: Vec::new() });
        }
        self.at = start + 1;
        if self.is_member() {
            self.at = start;
            return self.structure(b']', true);
        }
        self.at = start + 1;
        let mut elements = Vec::new();
        if self.next_is(b']') {
            return Ok(Literal::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            if self.next_is(b']') {
                return Ok(Literal::Array(elements));
            }
            if !self.next_is(b',') {
                return Err(self.wrong("a comma or the array's end"));
            }
        }
    }

    /// Whether a name and a colon come next.
    fn is_member(&mut self) -> bool {
        self.space();
        matches!(self.peek(), Some(b'"' | b'\'')) && self.string().is_ok() && (self.next_is(b':') || self.next_is(b'='))
    }

    /// A string: its quotes and `#` are doubled in it, and nothing else is escaped.
    fn string(&mut self) -> Result<String, String> {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else { return Err(self.wrong("a string")) };
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(plain) = rest.bytes().position(|byte| byte == quote || byte == b'#') else {
                return Err("the CFML literal ends within a string".to_owned());
            };
            text.push_str(&rest[..plain]);
            self.at += plain;
            let special = rest.as_bytes()[plain];
            if rest.as_bytes().get(plain + 1) == Some(&special) {
                text.push(char::from(special));
                self.at += 2;
            } else if special == b'#' {
                return Err(self.wrong("a doubled #; what stands behind a single one would be evaluated"));
            } else {
                self.at += 1;
                return Ok(text);
            }
        }
    }

    fn digits(&mut self) -> &'a str {
        let rest = self.rest();
        let len = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// A number, as JSON spells it.
    fn number(&mut self) -> Result<String, String> {
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative || self.peek() == Some(b'+'));
        let whole = self.digits();
        let mut fraction = "";
        if self.peek() == Some(b'.') {
            self.at += 1;
            fraction = self.digits();
        }
        if whole.is_empty() && fraction.is_empty() {
            return Err(self.wrong("a digit"));
        }
        let mut text = if negative { "-".to_owned() } else { String::new() };
        let significant = whole.trim_start_matches('0');
        text.push_str(if significant.is_empty() { "0" } else { significant });
        if !fraction.is_empty() {
            text.push('.');
            text.push_str(fraction);
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            let sign = self.peek().filter(|sign| matches!(sign, b'-' | b'+'));
            self.at += usize::from(sign.is_some());
            let exponent = self.digits();
            if exponent.is_empty() {
                return Err(self.wrong("an exponent"));
            }
            text.push('e');
            text.extend(sign.map(char::from));
            text.push_str(exponent);
        }
        if matches!(self.peek(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'.')) {
            return Err(self.wrong("the number's end"));
        }
        Ok(text)
    }

    fn word(&mut self) -> Result<Literal<'a>, String> {
        let rest = self.rest();
        let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.');
        let len = rest.bytes().position(|byte| !part(byte)).unwrap_or(rest.len());
        let word = &rest[..len];
        self.at += len;
        if !self.next_is(b'(') {
            return match word.to_ascii_lowercase().as_str() {
                "true" | "yes" => Ok(Literal::Boolean(true)),
                "false" | "no" => Ok(Literal::Boolean(false)),
                _ => Err(self.wrong("a value; variables are not read")),
            };
        }
        let arguments = self.arguments()?;
        let known = match word.to_ascii_lowercase().as_str() {
            "nullvalue" if arguments.trim().is_empty() => Some(Literal::Null),
            "createdatetime" => date(arguments),
            "createtimespan" => span(arguments),
            "evaluatejava" => java(arguments),
            _ => None,
        };
        Ok(known.unwrap_or(Literal::Call(word)))
    }

    /// The text up to the bracket that closes the call, which is taken.
    fn arguments(&mut self) -> Result<&'a str, String> {
        let start = self.at;
        let mut open = vec![b')'];
        while let Some(byte) = self.peek() {
            match byte {
                b'"' | b'\'' => {
                    self.string()?;
                    continue;
                }
                b'#' => return Err(self.wrong("something that is not evaluated")),
                b'(' => open.push(b')'),
                b'[' => open.push(b']'),
                b'{' => open.push(b'}'),
                b')' | b']' | b'}' if open.last() != Some(&byte) => return Err(self.wrong("brackets in pairs")),
                b')' | b']' | b'}' => {
                    open.pop();
                    if open.is_empty() {
                        self.at += 1;
                        return Ok(&self.text[start..self.at - 1]);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Err("the CFML literal ends within a call".to_owned())
    }
}

/// The arguments of a call, if they are numbers, and strings at the end.
fn simple(arguments: &str) -> Option<(Vec<i64>, Option<String>)> {
    let mut reader = Reader { text: arguments, at: 0, depth: 0 };
    let mut numbers = Vec::new();
    loop {
        match reader.value().ok()? {
            Literal::Number(number) => numbers.push(number.parse().ok()?),
            Literal::Text(text) => {
                reader.space();
                return (reader.at == arguments.len()).then_some((numbers, Some(text)));
            }
            _ => return None,
        }
        if !reader.next_is(b',') {
            return (reader.at == arguments.len()).then_some((numbers, None));
        }
    }
}

/// A date with all its arguments; one without a zone is in the zone of whoever evaluates it.
fn date<'a>(arguments: &str) -> Option<Literal<'a>> {
    let (numbers, zone) = simple(arguments)?;
    let [year, month, day, hour, minute, second, milli] = *numbers.as_slice() else { return None };
    let civil = Civil { year, month, day, hour, minute, second, milli };
    let plausible = numbers.iter().all(|number| (0..=9999).contains(number));
    let ms = plausible.then(|| civil.ms())??;
    let zone = zone?;
    match zone.as_str() {
        "UTC" | "GMT" | "Z" | "Etc/UTC" | "Etc/GMT" => Some(Literal::Date(ms)),
        _ => Some(Literal::Zoned(civil, zone)),
    }
}

fn span<'a>(arguments: &str) -> Option<Literal<'a>> {
    let (numbers, None) = simple(arguments)? else { return None };
    let parts: [i64; 4] = numbers.try_into().ok()?;
    parts.iter().all(|part| part.abs() <= 1_000_000).then_some(Literal::Span(parts))
}

fn java<'a>(arguments: &str) -> Option<Literal<'a>> {
    let (numbers, text) = simple(arguments)?;
    let stream = BASE64_STANDARD.decode(text?).ok()?;
    numbers.is_empty().then_some(Literal::Java(stream))
}
