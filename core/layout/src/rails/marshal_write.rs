//! Writes a Marshal 4.8 stream out of parts of others: each part is written as it is, with symbols and links numbered
//! anew. What an earlier part no longer brings along, because it was left out, comes where it is first needed.

use super::json_tree::Tree;
use super::marshal_number::{magnitude, put_long};
use super::marshal_parse::{DEPTH_LIMIT, Document, Encoding, Members, Node, NodeId, Symbol, VERSION};
use crate::foreign::Unwritable;
use std::collections::BTreeMap;

/// The largest number that Ruby writes as a fixnum.
const FIXNUM_MOST: i64 = (1 << 30) - 1;
/// The smallest.
const FIXNUM_LEAST: i64 = -(1 << 30);
/// The longest text of a number with a fraction.
const FLOAT_LIMIT: usize = 400;

/// A stream being written. The first document is the row's, if there is one.
pub(super) struct Writer<'a> {
    pub out: Vec<u8>,
    symbols: BTreeMap<Symbol<'a>, usize>,
    /// The number of each object that was written, by document and node.
    objects: BTreeMap<(usize, NodeId), usize>,
    count: usize,
    depth: usize,
    /// The longest stream that is written.
    limit: usize,
}

/// One of the documents that parts are taken from.
#[derive(Clone, Copy)]
pub(super) struct Source<'d, 'a> {
    /// Tells it from the others.
    pub number: usize,
    pub document: &'d Document<'a>,
}

fn unwritable(what: &str) -> Unwritable {
    Unwritable(what.into())
}

impl<'a> Writer<'a> {
    /// Begins a stream of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let objects = BTreeMap::new();
        Self { out: VERSION.to_vec(), symbols: BTreeMap::new(), objects, count: 0, depth: 0, limit }
    }

    /// Notes that the object at `place` has the next number.
    pub fn number(&mut self, source: Source<'_, 'a>, place: NodeId) {
        self.objects.insert((source.number, place), self.count);
        self.count += 1;
    }

    /// Notes that an object that nothing links to has the next number.
    pub fn skip_number(&mut self) {
        self.count += 1;
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Unwritable> {
        self.length(bytes.len())?;
        self.out.extend_from_slice(bytes);
        if self.out.len() > self.limit { Err(unwritable("the Marshal stream grows too long")) } else { Ok(()) }
    }

    /// A length or a count.
    pub fn length(&mut self, length: usize) -> Result<(), Unwritable> {
        let length = i32::try_from(length).map_err(|_| unwritable("a value is too large for Marshal"))?;
        put_long(&mut self.out, length);
        Ok(())
    }

    pub fn symbol(&mut self, symbol: Symbol<'a>) -> Result<(), Unwritable> {
        if let Some(number) = self.symbols.get(&symbol) {
            let number = *number;
            self.out.push(b';');
            return self.length(number);
        }
        // The number is taken before the encoding's own symbol.
        self.symbols.insert(symbol, self.symbols.len());
        if symbol.encoding != Encoding::Plain {
            self.out.push(b'I');
        }
        self.out.push(b':');
        self.bytes(symbol.text)?;
        match symbol.encoding {
            Encoding::Plain => Ok(()),
            Encoding::Utf8 => self.encoding(b'T'),
            Encoding::Ascii => self.encoding(b'F'),
            Encoding::Named(name) => {
                self.length(1)?;
                self.symbol(Symbol { text: b"encoding", encoding: Encoding::Plain })?;
                self.count += 1;
                self.out.push(b'"');
                self.bytes(name)
            }
        }
    }

    /// The one instance variable that says UTF-8 (`T`) or US-ASCII (`F`).
    fn encoding(&mut self, value: u8) -> Result<(), Unwritable> {
        self.length(1)?;
        self.symbol(Symbol { text: b"E", encoding: Encoding::Plain })?;
        self.out.push(value);
        Ok(())
    }

    /// A node, or a link to it if it was written before.
    pub fn node(&mut self, source: Source<'_, 'a>, place: NodeId) -> Result<(), Unwritable> {
        if let Some(number) = self.objects.get(&(source.number, place)) {
            let number = *number;
            self.out.push(b'@');
            return self.length(number);
        }
        self.new_node(source, place, place, false)
    }

    /// A node that stands in the wrapper `named`, or for itself.
    fn new_node(&mut self, source: Source<'_, 'a>, place: NodeId, named: NodeId, in_members: bool) -> Result<(), Unwritable> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(unwritable("a Ruby value is nested too deep"));
        }
        let symbol = |id: usize| source.document.symbols[id];
        match &source.document.nodes[place] {
            Node::Open => return Err(unwritable("a Ruby value contains itself in a way that Marshal can't write")),
            Node::Nil => self.out.push(b'0'),
            Node::True => self.out.push(b'T'),
            Node::False => self.out.push(b'F'),
            Node::Fixnum(number) => self.fixnum(*number),
            Node::Symbol(id) => self.symbol(symbol(*id))?,
            Node::WithMembers(inner, members) => {
                self.out.push(b'I');
                self.new_node(source, *inner, named, true)?;
                self.members(source, members)?;
                if matches!(source.document.nodes[*inner], Node::UserDefined(..)) {
                    self.number(source, named);
                }
            }
            Node::Derived(kind, class, inner) => {
                self.out.push(*kind);
                self.symbol(symbol(*class))?;
                self.new_node(source, *inner, named, false)?;
            }
            Node::UserDefined(class, bytes) => {
                self.out.push(b'u');
                self.symbol(symbol(*class))?;
                self.bytes(bytes)?;
                if !in_members {
                    self.number(source, named);
                }
            }
            object => {
                self.number(source, named);
                self.object(source, object)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, source: Source<'_, 'a>, object: &Node<'a>) -> Result<(), Unwritable> {
        let symbol = |id: usize| source.document.symbols[id];
        match object {
            Node::Bignum { negative, magnitude } => return self.bignum(*negative, magnitude),
            Node::Float(text) => self.tagged(b'f', text)?,
            Node::String(text) => self.tagged(b'"', text)?,
            Node::Regexp(text, options) => {
                self.tagged(b'/', text)?;
                self.out.push(*options);
            }
            Node::Module(kind, name) => self.tagged(*kind, name)?,
            Node::Array(items) => {
                self.out.push(b'[');
                self.length(items.len())?;
                items.iter().try_for_each(|item| self.node(source, *item))?;
            }
            Node::Hash { pairs, default } => {
                self.out.push(if default.is_some() { b'}' } else { b'{' });
                self.length(pairs.len())?;
                for place in pairs.iter().flat_map(|(key, value)| [key, value]).chain(default) {
                    self.node(source, *place)?;
                }
            }
            Node::Struct(class, members) | Node::Object(class, members) => {
                self.out.push(if matches!(object, Node::Struct(..)) { b'S' } else { b'o' });
                self.symbol(symbol(*class))?;
                self.members(source, members)?;
            }
            Node::Substitute(kind, class, inner) => {
                self.out.push(*kind);
                self.symbol(symbol(*class))?;
                self.node(source, *inner)?;
            }
            _ => return Err(unwritable("a Ruby value has no form in Marshal")),
        }
        Ok(())
    }

    fn tagged(&mut self, kind: u8, bytes: &[u8]) -> Result<(), Unwritable> {
        self.out.push(kind);
        self.bytes(bytes)
    }

    pub fn members(&mut self, source: Source<'_, 'a>, members: &Members) -> Result<(), Unwritable> {
        self.length(members.len())?;
        for (name, value) in members {
            self.symbol(source.document.symbols[*name])?;
            self.node(source, *value)?;
        }
        Ok(())
    }

    fn fixnum(&mut self, number: i32) {
        self.out.push(b'i');
        put_long(&mut self.out, number);
    }

    fn bignum(&mut self, negative: bool, magnitude: &[u8]) -> Result<(), Unwritable> {
        self.out.extend([b'l', if negative { b'-' } else { b'+' }]);
        self.length(magnitude.len().div_ceil(2))?;
        self.out.extend_from_slice(magnitude);
        if magnitude.len() % 2 == 1 {
            self.out.push(0);
        }
        Ok(())
    }

    /// A string without an encoding.
    pub fn raw_string(&mut self, bytes: &[u8]) -> Result<(), Unwritable> {
        self.count += 1;
        self.tagged(b'"', bytes)
    }

    /// A string in UTF-8.
    pub fn text(&mut self, text: &str) -> Result<(), Unwritable> {
        self.out.push(b'I');
        self.raw_string(text.as_bytes())?;
        self.encoding(b'T')
    }

    /// A JSON value as the Ruby value that JSON stands for.
    pub fn json(&mut self, tree: &Tree<'_>) -> Result<(), Unwritable> {
        match tree {
            Tree::Null => self.out.push(b'0'),
            Tree::True => self.out.push(b'T'),
            Tree::False => self.out.push(b'F'),
            Tree::Number(text) => self.json_number(text)?,
            Tree::Text(text) => self.text(text)?,
            Tree::Array(items) => {
                self.count += 1;
                self.out.push(b'[');
                self.length(items.len())?;
                items.iter().try_for_each(|item| self.json(item))?;
            }
            Tree::Object(members) => {
                self.count += 1;
                self.out.push(b'{');
                self.length(members.len())?;
                for (name, value) in members {
                    self.text(name)?;
                    self.json(value)?;
                }
            }
        }
        Ok(())
    }

    fn json_number(&mut self, text: &str) -> Result<(), Unwritable> {
        if text.contains(['.', 'e', 'E']) {
            let finite = text.parse().is_ok_and(f64::is_finite);
            if !finite || text.len() > FLOAT_LIMIT {
                return Err(unwritable("a number is too large or too long for a Ruby Float"));
            }
            self.count += 1;
            // Ruby reads any decimal text, so nothing need be rounded here.
            return self.tagged(b'f', text.as_bytes());
        }
        if let Ok(number) = text.parse()
            && (FIXNUM_LEAST..=FIXNUM_MOST).contains(&number)
        {
            self.fixnum(number as i32);
            return Ok(());
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let magnitude = magnitude(digits).ok_or_else(|| unwritable("an integer is too long"))?;
        self.count += 1;
        self.bignum(text.starts_with('-'), &magnitude)
    }
}
