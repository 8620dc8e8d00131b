//! Ruby values as JSON: exactly, or as something to look at.

use super::marshal_number::decimal;
use super::marshal_parse::{Document, Members, Node, NodeId};
use crate::json::DEPTH_LIMIT;

/// How faithful the JSON must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Faith {
    /// Written back it is the same value: no symbols, no objects, string keys only.
    Exact,
    /// Symbols are strings, keys are strings, objects are what they hold; for reading only.
    View,
}

/// Turns values of one document into JSON text.
pub(super) struct Texts<'d, 'a> {
    document: &'d Document<'a>,
    faith: Faith,
    out: String,
    /// Bytes that may still be written: what is linked to many times is written many times.
    budget: usize,
}

impl<'d, 'a> Texts<'d, 'a> {
    /// At most `budget` bytes come out in all.
    pub fn new(document: &'d Document<'a>, faith: Faith, budget: usize) -> Self {
        Self { document, faith, out: String::new(), budget }
    }

    /// The JSON text of a node; none if it has no such form.
    pub fn of(&mut self, place: NodeId) -> Option<String> {
        self.out.clear();
        self.value(place, DEPTH_LIMIT)?;
        self.budget -= self.out.len();
        Some(core::mem::take(&mut self.out))
    }

    fn push(&mut self, text: &str) -> Option<()> {
        self.out.push_str(text);
        (self.out.len() <= self.budget).then_some(())
    }

    fn value(&mut self, place: NodeId, depth: usize) -> Option<()> {
        match &self.document.nodes[place] {
            Node::Nil => self.push("null"),
            Node::True => self.push("true"),
            Node::False => self.push("false"),
            Node::Fixnum(number) => self.push(&number.to_string()),
            Node::Bignum { negative, magnitude } => self.push(&decimal(magnitude, *negative)?),
            Node::Float(text) => self.push(&float(text)?),
            Node::Array(items) => self.array(items, depth.checked_sub(1)?),
            Node::Hash { pairs, default } if default.is_none() || self.faith == Faith::View => {
                self.hash(pairs, depth.checked_sub(1)?)
            }
            _ => {
                let text = self.string(place);
                match text {
                    Some(text) => self.text(&text),
                    None if self.faith == Faith::View => self.view(place, depth),
                    None => None,
                }
            }
        }
    }

    fn array(&mut self, items: &[NodeId], depth: usize) -> Option<()> {
        self.push("[")?;
        for (number, item) in items.iter().enumerate() {
            self.comma(number)?;
            self.value(*item, depth)?;
        }
        self.push("]")
    }

    fn hash(&mut self, pairs: &[(NodeId, NodeId)], depth: usize) -> Option<()> {
        if self.faith == Faith::Exact && !self.are_distinct(pairs) {
            return None;
        }
        self.push("{")?;
        for (number, (key, value)) in pairs.iter().enumerate() {
            self.comma(number)?;
            match self.string(*key) {
                Some(name) => self.text(&name)?,
                None if self.faith == Faith::View => self.plain_key(*key)?,
                None => return None,
            }
            self.push(":")?;
            self.value(*value, depth)?;
        }
        self.push("}")
    }

    /// A hash can't have one key twice, but two strings of different encodings may have one text.
    fn are_distinct(&self, pairs: &[(NodeId, NodeId)]) -> bool {
        let mut names: Vec<_> = pairs.iter().map(|(key, _)| self.string(*key)).collect();
        names.sort_unstable();
        names.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// A key that isn't a string: its text.
    fn plain_key(&mut self, key: NodeId) -> Option<()> {
        let name = match &self.document.nodes[key] {
            Node::Nil => String::new(),
            Node::True => "true".into(),
            Node::False => "false".into(),
            Node::Fixnum(number) => number.to_string(),
            Node::Float(text) => float(text)?,
            Node::Bignum { negative, magnitude } => decimal(magnitude, *negative)?,
            _ => return None,
        };
        self.text(&name)
    }

    fn comma(&mut self, number: usize) -> Option<()> {
        if number == 0 { Some(()) } else { self.push(",") }
    }

    fn text(&mut self, text: &str) -> Option<()> {
        let quoted = serde_json::to_string(text).ok()?;
        self.push(&quoted)
    }

    /// The text of a string; for a view, of a symbol or of raw bytes too.
    fn string(&self, place: NodeId) -> Option<String> {
        let text = match &self.document.nodes[place] {
            Node::WithMembers(inner, members) => self.encoded(*inner, members)?,
            Node::Symbol(symbol) if self.faith == Faith::View => self.document.symbols[*symbol].text,
            Node::String(bytes) if self.faith == Faith::View => bytes,
            _ => return None,
        };
        core::str::from_utf8(text).ok().map(ToOwned::to_owned)
    }

    /// The bytes of a string whose one instance variable says UTF-8, or US-ASCII rightly.
    fn encoded(&self, inner: NodeId, members: &Members) -> Option<&'a [u8]> {
        let (Node::String(bytes), [(name, value)]) = (&self.document.nodes[inner], &members[..]) else { return None };
        let is_encoding = self.document.symbols[*name].text == b"E";
        let is_right = match self.document.nodes[*value] {
            Node::True => true,
            Node::False => bytes.is_ascii(),
            _ => false,
        };
        (is_encoding && is_right).then_some(*bytes)
    }

    /// What can be looked at though it is no JSON.
    fn view(&mut self, place: NodeId, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match &self.document.nodes[place] {
            Node::WithMembers(inner, _) => match &self.document.nodes[*inner] {
                Node::UserDefined(class, bytes) if self.document.symbols[*class].text == b"Time" => self.push(&time(bytes)?),
                Node::String(bytes) if bytes.is_ascii() => self.text(core::str::from_utf8(bytes).ok()?),
                Node::String(_) | Node::UserDefined(..) | Node::Regexp(..) => None,
                _ => self.value(*inner, depth),
            },
            Node::UserDefined(class, bytes) if self.document.symbols[*class].text == b"Time" => self.push(&time(bytes)?),
            Node::Derived(_, _, inner) => self.value(*inner, depth),
            Node::Struct(_, members) | Node::Object(_, members) => self.members(members, depth),
            Node::Substitute(b'U', class, inner) => {
                let (Node::Array(items), b"ActiveSupport::TimeWithZone") =
                    (&self.document.nodes[*inner], self.document.symbols[*class].text)
                else {
                    return None;
                };
                self.value(*items.first()?, depth)
            }
            _ => None,
        }
    }

    fn members(&mut self, members: &Members, depth: usize) -> Option<()> {
        self.push("{")?;
        for (number, (name, value)) in members.iter().enumerate() {
            self.comma(number)?;
            let name = core::str::from_utf8(self.document.symbols[*name].text).ok()?;
            self.text(name.strip_prefix('@').unwrap_or(name))?;
            self.push(":")?;
            self.value(*value, depth)?;
        }
        self.push("}")
    }
}

/// The JSON text of a float's text, which always shows that it is one; none for infinities, for what is no number, and
/// for texts with the bits of the number behind them, as Ruby 1.8 wrote.
fn float(text: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(text).ok()?;
    let number: Option<serde_json::Number> = serde_json::from_str(text).ok();
    number.filter(|_| text.parse().is_ok_and(f64::is_finite))?;
    let shows = text.contains(['.', 'e', 'E']);
    Some(if shows { text.to_owned() } else { format!("{text}.0") })
}

/// A Ruby `Time`'s own bytes as JSON text: a string in ISO 8601, UTC, to the microsecond.
fn time(bytes: &[u8]) -> Option<String> {
    let (high, low) = bytes.split_at_checked(4)?;
    let word = |four: &[u8]| Some(u32::from_le_bytes(four.try_into().ok()?));
    let (high, low) = (word(high)?, word(low)?);
    // An older form counts seconds.
    if high >> 31 == 0 {
        return None;
    }
    let part = |word: u32, shift: u32, bits: u32| word >> shift & ((1 << bits) - 1);
    Some(format!(
        "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z\"",
        part(high, 14, 16) + 1900,
        part(high, 10, 4) + 1,
        part(high, 5, 5),
        part(high, 0, 5),
        part(low, 26, 6),
        part(low, 20, 6),
        part(low, 0, 20)
    ))
}
