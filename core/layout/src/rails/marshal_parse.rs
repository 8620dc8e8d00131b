//! Reads a Marshal 4.8 stream as a structure: every type of the grammar, nothing run, no class looked up.
//!
//! Objects are numbered in the order in which Ruby's own reader numbers them, so that links find their targets. Two
//! types are special: what a class dumped as bytes of its own (`u`) is numbered after its instance variables, and a
//! wrapper (`I`, `C`, `e`) has no number, but a link to what is wrapped means the wrapper too.

use super::marshal_number::{long_head, long_tail};
use crate::foreign::Unreadable;

/// How deep values may be nested, wrappers included.
pub(super) const DEPTH_LIMIT: usize = 400;

/// The version that every stream begins with.
pub(super) const VERSION: [u8; 2] = [4, 8];

/// A node's place in its document.
pub(super) type NodeId = usize;
/// A symbol's place in its document.
pub(super) type SymbolId = usize;
/// Instance variables, or members of a struct.
pub(super) type Members = Vec<(SymbolId, NodeId)>;

/// The encoding of a symbol, as its instance variable says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Encoding<'a> {
    /// None: ASCII, or bytes.
    Plain,
    Utf8,
    Ascii,
    Named(&'a [u8]),
}

/// A symbol: text and encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Symbol<'a> {
    pub text: &'a [u8],
    pub encoding: Encoding<'a>,
}

#[derive(Debug)]
pub(super) enum Node<'a> {
    /// Being read.
    Open,
    Nil,
    True,
    False,
    Fixnum(i32),
    Symbol(SymbolId),
    Bignum {
        negative: bool,
        magnitude: &'a [u8],
    },
    Float(&'a [u8]),
    String(&'a [u8]),
    Regexp(&'a [u8], u8),
    Array(Vec<NodeId>),
    Hash {
        pairs: Vec<(NodeId, NodeId)>,
        default: Option<NodeId>,
    },
    Struct(SymbolId, Members),
    Object(SymbolId, Members),
    /// A class's own bytes.
    UserDefined(SymbolId, &'a [u8]),
    /// A class's own substitute (`U`), or a C structure's (`d`).
    Substitute(u8, SymbolId, NodeId),
    /// A class, a module, or an old form of either, by name.
    Module(u8, &'a [u8]),
    /// A value with instance variables; a string's encoding is one.
    WithMembers(NodeId, Members),
    /// An object of a user's subclass of a built-in class (`C`), or extended by a module (`e`).
    Derived(u8, SymbolId, NodeId),
}

/// A parsed stream.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub nodes: Vec<Node<'a>>,
    pub symbols: Vec<Symbol<'a>>,
    pub root: NodeId,
}

/// Parses a whole stream, its version included.
pub(super) fn parse(stream: &[u8]) -> Result<Document<'_>, Unreadable> {
    let Some((version, rest)) = stream.split_at_checked(VERSION.len()) else { return Err(unreadable("is cut short", 0)) };
    if version[0] != VERSION[0] || version[1] > VERSION[1] {
        return Err(unreadable("is of another version than 4.8", 0));
    }
    let mut parser = Parser { whole: stream.len(), rest, nodes: Vec::new(), symbols: Vec::new(), objects: Vec::new(), depth: 0 };
    let root = parser.value()?;
    if !parser.rest.is_empty() {
        return Err(parser.error("goes on after its end"));
    }
    Ok(Document { nodes: parser.nodes, symbols: parser.symbols, root })
}

fn unreadable(what: &str, at: usize) -> Unreadable {
    Unreadable(format!("the Marshal stream {what} (byte {at})").into())
}

struct Parser<'a> {
    whole: usize,
    rest: &'a [u8],
    nodes: Vec<Node<'a>>,
    symbols: Vec<Symbol<'a>>,
    /// The node that each number means: the outermost wrapper.
    objects: Vec<NodeId>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, what: &str) -> Unreadable {
        unreadable(what, self.whole - self.rest.len())
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else { return Err(self.error("is cut short")) };
        self.rest = rest;
        Ok(taken)
    }

    fn long(&mut self) -> Result<i32, Unreadable> {
        match long_head(self.byte()?) {
            Ok(number) => Ok(number),
            Err((count, negative)) => Ok(long_tail(self.take(count)?, negative)),
        }
    }

    /// A length, a count or a number of a link.
    fn count(&mut self) -> Result<usize, Unreadable> {
        usize::try_from(self.long()?).map_err(|_| self.error("has a negative length"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], Unreadable> {
        let len = self.count()?;
        self.take(len)
    }

    fn value(&mut self) -> Result<NodeId, Unreadable> {
        match self.byte()? {
            b'@' => {
                let number = self.count()?;
                self.objects.get(number).copied().ok_or_else(|| self.error("links to an object that isn't there"))
            }
            kind => self.node(kind, None, false),
        }
    }

    /// Reads what a wrapper wraps; `outer` is the outermost of the wrappers.
    fn wrapped(&mut self, outer: NodeId, has_members: bool) -> Result<NodeId, Unreadable> {
        match self.byte()? {
            b'@' => Err(self.error("wraps a link")),
            kind => self.node(kind, Some(outer), has_members),
        }
    }

    fn node(&mut self, kind: u8, outer: Option<NodeId>, has_members: bool) -> Result<NodeId, Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(self.error("is nested too deep"));
        }
        let place = self.nodes.len();
        self.nodes.push(Node::Open);
        let named = outer.unwrap_or(place);
        self.nodes[place] = match kind {
            b'0' => Node::Nil,
            b'T' => Node::True,
            b'F' => Node::False,
            b'i' => Node::Fixnum(self.long()?),
            b':' => Node::Symbol(self.new_symbol(false)?),
            b';' => Node::Symbol(self.old_symbol()?),
            b'I' => self.with_members(named)?,
            b'C' | b'e' => Node::Derived(kind, self.symbol()?, self.wrapped(named, false)?),
            // Its number comes after its instance variables, which the wrapper reads.
            b'u' if has_members => Node::UserDefined(self.symbol()?, self.bytes()?),
            b'u' => {
                let node = Node::UserDefined(self.symbol()?, self.bytes()?);
                self.objects.push(named);
                node
            }
            _ => {
                self.objects.push(named);
                self.object(kind)?
            }
        };
        self.depth -= 1;
        Ok(place)
    }

    /// Everything that is numbered before its parts.
    fn object(&mut self, kind: u8) -> Result<Node<'a>, Unreadable> {
        Ok(match kind {
            b'f' => Node::Float(self.bytes()?),
            b'"' => Node::String(self.bytes()?),
            b'l' => self.bignum()?,
            b'/' => Node::Regexp(self.bytes()?, self.byte()?),
            b'[' => Node::Array(self.items()?),
            b'{' => Node::Hash { pairs: self.pairs()?, default: None },
            b'}' => Node::Hash { pairs: self.pairs()?, default: Some(self.value()?) },
            b'S' => Node::Struct(self.symbol()?, self.members()?),
            b'o' => Node::Object(self.symbol()?, self.members()?),
            b'U' | b'd' => Node::Substitute(kind, self.symbol()?, self.value()?),
            b'c' | b'm' | b'M' => Node::Module(kind, self.bytes()?),
            _ => return Err(self.error("has a type that Marshal 4.8 doesn't know")),
        })
    }

    fn with_members(&mut self, named: NodeId) -> Result<Node<'a>, Unreadable> {
        if self.rest.first() == Some(&b':') {
            self.byte()?;
            return Ok(Node::Symbol(self.new_symbol(true)?));
        }
        let inner = self.wrapped(named, true)?;
        let members = self.members()?;
        if matches!(self.nodes[inner], Node::UserDefined(..)) {
            self.objects.push(named);
        }
        Ok(Node::WithMembers(inner, members))
    }

    fn bignum(&mut self) -> Result<Node<'a>, Unreadable> {
        let negative = match self.byte()? {
            b'+' => false,
            b'-' => true,
            _ => return Err(self.error("has an integer without a sign")),
        };
        let shorts = self.count()?;
        Ok(Node::Bignum { negative, magnitude: self.take(shorts.saturating_mul(2))? })
    }

    fn items(&mut self) -> Result<Vec<NodeId>, Unreadable> {
        let count = self.count()?;
        // Each takes a byte at least, so that a made-up count takes no memory.
        let mut items = Vec::with_capacity(count.min(self.rest.len()));
        for _ in 0..count {
            items.push(self.value()?);
        }
        Ok(items)
    }

    fn pairs(&mut self) -> Result<Vec<(NodeId, NodeId)>, Unreadable> {
        let count = self.count()?;
        let mut pairs = Vec::with_capacity(count.min(self.rest.len() / 2));
        for _ in 0..count {
            pairs.push((self.value()?, self.value()?));
        }
        Ok(pairs)
    }

    fn members(&mut self) -> Result<Members, Unreadable> {
        let count = self.count()?;
        let mut members = Vec::with_capacity(count.min(self.rest.len() / 2));
        for _ in 0..count {
            members.push((self.symbol()?, self.value()?));
        }
        Ok(members)
    }

    /// A symbol where nothing else may stand.
    fn symbol(&mut self) -> Result<SymbolId, Unreadable> {
        match self.byte()? {
            b':' => self.new_symbol(false),
            b';' => self.old_symbol(),
            b'I' if self.byte()? == b':' => self.new_symbol(true),
            _ => Err(self.error("has no symbol where one must be")),
        }
    }

    fn old_symbol(&mut self) -> Result<SymbolId, Unreadable> {
        let number = self.count()?;
        if number < self.symbols.len() { Ok(number) } else { Err(self.error("links to a symbol that isn't there")) }
    }

    /// A symbol's number is taken before its encoding is read, which may name further symbols.
    fn new_symbol(&mut self, has_encoding: bool) -> Result<SymbolId, Unreadable> {
        let text = self.bytes()?;
        let number = self.symbols.len();
        self.symbols.push(Symbol { text, encoding: Encoding::Plain });
        if has_encoding {
            self.depth += 1;
            if self.depth > DEPTH_LIMIT {
                return Err(self.error("is nested too deep"));
            }
            let members = self.members()?;
            self.depth -= 1;
            self.symbols[number].encoding = self.encoding(&members)?;
        }
        Ok(number)
    }

    fn encoding(&self, members: &Members) -> Result<Encoding<'a>, Unreadable> {
        let [(name, value)] = members[..] else { return Err(self.error("has a symbol with instance variables")) };
        match (self.symbols[name].text, &self.nodes[value]) {
            (b"E", Node::True) => Ok(Encoding::Utf8),
            (b"E", Node::False) => Ok(Encoding::Ascii),
            (b"encoding", Node::String(name)) => Ok(Encoding::Named(name)),
            _ => Err(self.error("has a symbol with instance variables")),
        }
    }
}
