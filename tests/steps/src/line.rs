//! One line of a scenario: words, quoted words, and the rest.

use crate::world::Failure;

/// What is left of a line.
pub(crate) struct Line<'a> {
    rest: &'a str,
}

impl<'a> Line<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The status that the step has to answer, if the line begins with one: `GONE: save a`.
    pub(crate) fn status(&mut self) -> Option<&'a str> {
        let (word, rest) = self.rest.split_once(' ')?;
        let status = word.strip_suffix(':')?;
        self.rest = rest.trim_start_matches(' ');
        Some(status)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn is_quoted(&self) -> bool {
        self.rest.starts_with('"')
    }

    /// The next word as it stands.
    pub(crate) fn bare_word(&mut self) -> Result<&'a str, Failure> {
        if self.rest.is_empty() {
            return Err(Failure::scenario("a word is missing at the end of the line"));
        }
        let end = self.rest.find(' ').unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        self.rest = self.rest[end..].trim_start_matches(' ');
        Ok(word)
    }

    /// Everything up to the end of the line.
    pub(crate) fn rest(&mut self) -> &'a str {
        std::mem::take(&mut self.rest)
    }

    /// Takes the word if it is the next one.
    pub(crate) fn takes(&mut self, word: &str) -> bool {
        let mut ahead = Line { rest: self.rest };
        let found = ahead.bare_word().is_ok_and(|next| next == word);
        if found {
            self.rest = ahead.rest;
        }
        found
    }

    /// The next word; in quotes it may hold anything, and be repeated: `"ab"*3`.
    pub(crate) fn word(&mut self) -> Result<String, Failure> {
        let Some(quoted) = self.rest.strip_prefix('"') else { return self.bare_word().map(str::to_owned) };
        let (word, rest) = unquote(quoted)?;
        self.rest = rest;
        let Some(after) = self.rest.strip_prefix('*') else {
            self.rest = self.rest.trim_start_matches(' ');
            return Ok(word);
        };
        self.rest = after;
        let times = self.number()?;
        Ok(word.repeat(usize::try_from(times).unwrap_or(0)))
    }

    pub(crate) fn number(&mut self) -> Result<u64, Failure> {
        let word = self.bare_word()?;
        word.parse().map_err(|_| Failure::scenario(format!("{word:?} is no number")))
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        if self.rest.is_empty() { Ok(()) } else { Err(Failure::scenario(format!("not understood: {:?}", self.rest))) }
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(quoted: &str) -> Result<(String, &str), Failure> {
    let mut word = Vec::new();
    let bytes = quoted.as_bytes();
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => {
                let word = String::from_utf8(word).map_err(|_| Failure::scenario("a quoted word must be UTF-8"))?;
                return Ok((word, &quoted[place + 1..]));
            }
            b'\\' if bytes.get(place + 1) == Some(&b'x') => {
                let digits = quoted.get(place + 2..place + 4);
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                word.push(byte.ok_or_else(|| Failure::scenario("\\x takes two hex digits"))?);
                place += 4;
            }
            b'\\' if matches!(bytes.get(place + 1), Some(b'"' | b'\\')) => {
                word.push(bytes[place + 1]);
                place += 2;
            }
            b'\\' => return Err(Failure::scenario("after \\ only \", \\ and xHH are known")),
            byte => {
                word.push(*byte);
                place += 1;
            }
        }
    }
    Err(Failure::scenario("the closing quote is missing"))
}
