//! JSON text as a small tree that keeps the order of members and the text of numbers.

use crate::json::DEPTH_LIMIT;
use std::borrow::Cow;

pub(super) enum Tree<'a> {
    Null,
    True,
    False,
    /// As it was written.
    Number(&'a str),
    Text(Cow<'a, str>),
    Array(Vec<Tree<'a>>),
    /// Each name once: where it came first, with the value that came last.
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
}

/// Reads JSON text; none if it isn't JSON, is nested too deep, or has a lone surrogate, which no other text can hold.
pub(super) fn read(text: &str) -> Option<Tree<'_>> {
    let mut reader = Reader { rest: text };
    let tree = reader.value(DEPTH_LIMIT + 1)?;
    reader.space();
    reader.rest.is_empty().then_some(tree)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes `wanted` if it comes next, after white space.
    fn next_is(&mut self, wanted: char) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn word(&mut self, word: &str, tree: Tree<'a>) -> Option<Tree<'a>> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(tree)
    }

    fn value(&mut self, depth: usize) -> Option<Tree<'a>> {
        let depth = depth.checked_sub(1)?;
        self.space();
        match self.rest.bytes().next()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.text().map(Tree::Text),
            b'n' => self.word("null", Tree::Null),
            b't' => self.word("true", Tree::True),
            b'f' => self.word("false", Tree::False),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Tree<'a>> {
        self.rest = &self.rest[1..];
        let mut items = Vec::new();
        if self.next_is(']') {
            return Some(Tree::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.next_is(']') {
                return Some(Tree::Array(items));
            }
            self.next_is(',').then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Tree<'a>> {
        self.rest = &self.rest[1..];
        let mut members = Vec::new();
        if self.next_is('}') {
            return Some(Tree::Object(members));
        }
        loop {
            self.space();
            let name = self.text()?;
            self.next_is(':').then_some(())?;
            members.push((name, self.value(depth)?));
            if self.next_is('}') {
                return Some(Tree::Object(each_once(members)));
            }
            self.next_is(',').then_some(())?;
        }
    }

    /// A string. What has escapes goes through the JSON library.
    fn text(&mut self) -> Option<Cow<'a, str>> {
        let inner = self.rest.strip_prefix('"')?;
        let mut end = inner.find(['"', '\\'])?;
        if inner.as_bytes()[end] == b'"' {
            self.rest = &inner[end + 1..];
            return Some(Cow::Borrowed(&inner[..end]));
        }
        while inner.as_bytes()[end] != b'"' {
            end += 2;
            end += inner.get(end..)?.find(['"', '\\'])?;
        }
        let whole = &self.rest[..end + 2];
        self.rest = &inner[end + 1..];
        serde_json::from_str(whole).ok().map(Cow::Owned)
    }

    fn number(&mut self) -> Option<Tree<'a>> {
        let is_part = |byte: u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let len = self.rest.bytes().position(|byte| !is_part(byte)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(len);
        self.rest = rest;
        (len > 0).then_some(Tree::Number(text))
    }
}

fn each_once<'a>(members: Vec<(Cow<'a, str>, Tree<'a>)>) -> Vec<(Cow<'a, str>, Tree<'a>)> {
    let mut places = std::collections::BTreeMap::new();
    let mut once: Vec<(Cow<'a, str>, Tree<'a>)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        if let Some(place) = places.get(&name) {
            let kept: &mut (Cow<'a, str>, Tree<'a>) = &mut once[*place];
            kept.1 = value;
        } else {
            places.insert(name.clone(), once.len());
            once.push((name, value));
        }
    }
    once
}
