//! A row in Marshal form: base64 of a stream whose root is the session's hash.

use super::json_tree::{self, Tree};
use super::marshal_json::{Faith, Texts};
use super::marshal_parse::{Document, Node, NodeId, parse};
use super::marshal_write::{Source, Writer};
use crate::foreign::{Unreadable, Unwritable};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use holdall_engine::{Block, NAME_LIMIT, Value, ValueRef};
use std::collections::BTreeMap;

/// Begins the kind of every foreign value of this layout.
pub(super) const KIND_PREFIX: &str = "ruby:";

/// Rails reads base64 with and without the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Ruby's `pack("m")` breaks the text after so many characters, and ends it with a line feed.
const LINE: usize = 60;

/// What a row may grow to when what is linked to many times is written out: bytes for each of its own, and in any case.
const GROWTH: usize = 16;
const GROWTH_LEAST: usize = 1 << 16;

fn budget(stream: &[u8]) -> usize {
    stream.len().saturating_mul(GROWTH).saturating_add(GROWTH_LEAST)
}

/// The fields of a row.
pub(super) fn decode(data: &[u8]) -> Result<Block, Unreadable> {
    let stream = from_base64(data)?;
    let document = parse(&stream)?;
    let mut values = Values { source: Source { number: 0, document: &document }, budget: budget(&stream) };
    let mut fields = Vec::new();
    for (key, value) in root_pairs(&document)?.pairs {
        if let Some(name) = field_name(&document, *key) {
            fields.push((name, values.value(*value)?));
        }
    }
    Ok(Block::from_fields(fields.iter().map(|(name, value)| (*name, value.as_ref()))))
}

/// A new row.
pub(super) fn encode(block: &Block) -> Result<Vec<u8>, Unwritable> {
    let news = News::of(block.iter())?;
    let documents = news.documents()?;
    let mut writer = Writer::new(super::DATA_LIMIT);
    writer.out.push(b'{');
    // The hash itself is the first object.
    writer.skip_number();
    writer.length(news.fields.len())?;
    for place in 0..news.fields.len() {
        writer.text(news.fields[place].0)?;
        news.write(place, &documents, &mut writer)?;
    }
    Ok(to_base64(&writer.out))
}

/// The row with some fields replaced, added or removed.
pub(super) fn patch(data: &[u8], changed: &[Box<str>], block: &Block) -> Result<Vec<u8>, Unwritable> {
    let unread = |Unreadable(why)| Unwritable(why);
    let stream = from_base64(data).map_err(unread)?;
    let document = parse(&stream).map_err(unread)?;
    let root = root_pairs(&document).map_err(unread)?;
    let names: Vec<Option<&str>> = root.pairs.iter().map(|(key, _)| field_name(&document, *key)).collect();
    let set = changed.iter().filter_map(|name| Some((&**name, block.get(name)?)));
    let news = News::of(set)?;
    let documents = news.documents()?;
    // The place of the last pair of each changed name; of pairs with one name the last counts.
    let mut last: BTreeMap<&str, Option<usize>> = changed.iter().map(|name| (&**name, None)).collect();
    for (place, name) in names.iter().enumerate() {
        if let Some(last) = name.and_then(|name| last.get_mut(name)) {
            *last = Some(place);
        }
    }

    // Each pair that stays, with the place of its new value if it has one.
    let mut pairs = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        match name.and_then(|name| Some((name, last.get(name)?))) {
            Some((name, last)) => {
                let new = news.place_of(name).filter(|_| *last == Some(place));
                pairs.extend(new.map(|new| (place, Some(new))));
            }
            None => pairs.push((place, None)),
        }
    }
    let is_added = |new: &usize| last.get(news.fields[*new].0).is_some_and(Option::is_none);
    let added: Vec<usize> = (0..news.fields.len()).filter(is_added).collect();

    let source = Source { number: 0, document: &document };
    let mut writer = Writer::new(super::DATA_LIMIT.max(2 * stream.len()));
    root.begin(&document, &mut writer)?;
    writer.length(pairs.len() + added.len())?;
    for (place, new) in pairs {
        let (key, value) = root.pairs[place];
        writer.node(source, key)?;
        match new {
            Some(new) => news.write(new, &documents, &mut writer)?,
            None => writer.node(source, value)?,
        }
    }
    for new in added {
        writer.text(news.fields[new].0)?;
        news.write(new, &documents, &mut writer)?;
    }
    root.end(&document, &mut writer)?;
    Ok(to_base64(&writer.out))
}

/// A foreign value to look at.
pub(super) fn view(raw: &[u8]) -> Option<Box<str>> {
    let document = parse(raw).ok()?;
    Texts::new(&document, Faith::View, budget(raw)).of(document.root).map(Into::into)
}

/// The session's hash, and what it stands in.
struct Root<'d> {
    /// From the outside to the inside; the hash isn't one of them.
    wrappers: Vec<NodeId>,
    pairs: &'d [(NodeId, NodeId)],
    default: Option<NodeId>,
}

/// The root must be a hash; it may be of a subclass (Rails has had several).
fn root_pairs<'d>(document: &'d Document<'_>) -> Result<Root<'d>, Unreadable> {
    let mut wrappers = Vec::new();
    let mut place = document.root;
    loop {
        match &document.nodes[place] {
            Node::Hash { pairs, default } => return Ok(Root { wrappers, pairs, default: *default }),
            Node::WithMembers(inner, _) | Node::Derived(_, _, inner) => {
                wrappers.push(place);
                place = *inner;
            }
            Node::Nil if wrappers.is_empty() => return Ok(Root { wrappers, pairs: &[], default: None }),
            _ => return Err(Unreadable("the Marshal stream holds something else than a hash".into())),
        }
    }
}

impl Root<'_> {
    fn begin<'a>(&self, document: &Document<'a>, writer: &mut Writer<'a>) -> Result<(), Unwritable> {
        for place in &self.wrappers {
            match &document.nodes[*place] {
                Node::Derived(kind, class, _) => {
                    writer.out.push(*kind);
                    writer.symbol(document.symbols[*class])?;
                }
                _ => writer.out.push(b'I'),
            }
        }
        writer.out.push(if self.default.is_some() { b'}' } else { b'{' });
        writer.number(Source { number: 0, document }, document.root);
        Ok(())
    }

    fn end<'a>(&self, document: &Document<'a>, writer: &mut Writer<'a>) -> Result<(), Unwritable> {
        let source = Source { number: 0, document };
        if let Some(default) = self.default {
            writer.node(source, default)?;
        }
        for place in self.wrappers.iter().rev() {
            if let Node::WithMembers(_, members) = &document.nodes[*place] {
                writer.members(source, members)?;
            }
        }
        Ok(())
    }
}

/// The field that a key names: the text of a string or a symbol. Other keys, over-long ones and those that begin with
/// NUL, which no host can set, name none.
fn field_name<'a>(document: &Document<'a>, key: NodeId) -> Option<&'a str> {
    let bytes = match &document.nodes[key] {
        Node::Symbol(symbol) => document.symbols[*symbol].text,
        Node::String(bytes) => bytes,
        Node::WithMembers(inner, _) => match &document.nodes[*inner] {
            Node::String(bytes) => bytes,
            _ => return None,
        },
        _ => return None,
    };
    let name = core::str::from_utf8(bytes).ok()?;
    (name.len() <= NAME_LIMIT && !name.starts_with('\0')).then_some(name)
}

/// Makes fields of a document's values, within a budget.
struct Values<'d, 'a> {
    source: Source<'d, 'a>,
    budget: usize,
}

impl Values<'_, '_> {
    fn value(&mut self, place: NodeId) -> Result<Value, Unreadable> {
        let document = self.source.document;
        let value = if let Node::String(bytes) = &document.nodes[place] {
            Value::Bytes((*bytes).into())
        } else if let Some(text) = Texts::new(document, Faith::Exact, self.budget).of(place) {
            Value::Json(text.into())
        } else {
            let mut writer = Writer::new(self.budget);
            writer.node(self.source, place).map_err(|Unwritable(why)| Unreadable(why))?;
            Value::Foreign { kind: kind(document, place).into(), raw: writer.out.into() }
        };
        // A value takes a byte at least, so that no number of them is free.
        let left = self.budget.checked_sub(value.as_ref().len().max(1));
        self.budget = left.ok_or_else(|| Unreadable("the Marshal stream grows too much when its links are followed".into()))?;
        Ok(value)
    }
}

/// What a foreign value is, as Ruby names its class.
fn kind(document: &Document<'_>, place: NodeId) -> String {
    let class = match &document.nodes[place] {
        Node::WithMembers(inner, _) | Node::Derived(b'e', _, inner) => return kind(document, *inner),
        Node::Derived(_, class, _)
        | Node::Struct(class, _)
        | Node::Object(class, _)
        | Node::UserDefined(class, _)
        | Node::Substitute(_, class, _) => document.symbols[*class].text,
        Node::Symbol(_) => b"Symbol",
        Node::Float(_) => b"Float",
        Node::Bignum { .. } => b"Integer",
        Node::String(_) => b"String",
        Node::Regexp(..) => b"Regexp",
        Node::Array(_) => b"Array",
        Node::Hash { .. } => b"Hash",
        Node::Module(b'c', _) => b"Class",
        Node::Module(..) => b"Module",
        _ => b"Object",
    };
    let name = String::from_utf8_lossy(class);
    format!("{KIND_PREFIX}{}", &name[..name.floor_char_boundary(NAME_LIMIT - KIND_PREFIX.len())])
}

/// Values that are written anew.
struct News<'b> {
    fields: Vec<(&'b str, ValueRef<'b>)>,
    trees: Vec<Option<Tree<'b>>>,
}

impl<'b> News<'b> {
    fn of(fields: impl Iterator<Item = (&'b str, ValueRef<'b>)>) -> Result<Self, Unwritable> {
        let fields: Vec<_> = fields.collect();
        let tree = |(_, value): &(&str, ValueRef<'b>)| match value {
            ValueRef::Json(text) => json_tree::read(text).map(Some).ok_or_else(|| {
                Unwritable("a value isn't JSON that Ruby can hold (nested too deep, or with half a surrogate pair)".into())
            }),
            _ => Ok(None),
        };
        let trees = fields.iter().map(tree).collect::<Result<_, _>>()?;
        Ok(Self { fields, trees })
    }

    /// The parsed streams of the foreign ones.
    fn documents(&self) -> Result<Vec<Option<Document<'b>>>, Unwritable> {
        let document = |(_, value): &(&str, ValueRef<'b>)| match value {
            ValueRef::Foreign { kind, raw } if kind.starts_with(KIND_PREFIX) => {
                parse(raw).map(Some).map_err(|Unreadable(why)| Unwritable(why))
            }
            ValueRef::Foreign { .. } | ValueRef::Unknown(_) => {
                Err(Unwritable("a value comes from another layout's table".into()))
            }
            _ => Ok(None),
        };
        self.fields.iter().map(document).collect()
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|(field, _)| *field == name)
    }

    fn write(&self, place: usize, documents: &[Option<Document<'b>>], writer: &mut Writer<'b>) -> Result<(), Unwritable> {
        match (&self.trees[place], &documents[place], self.fields[place].1) {
            (Some(tree), ..) => writer.json(tree),
            (_, Some(document), _) => writer.node(Source { number: place + 1, document }, document.root),
            (.., ValueRef::Bytes(bytes)) => writer.raw_string(bytes),
            _ => Err(Unwritable("a value has no form in Ruby".into())),
        }
    }
}

/// Line breaks may stand anywhere.
fn from_base64(data: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let text: Vec<u8> = data.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(text).map_err(|_| {
        let json = data.first() == Some(&b'{');
        let hint = if json { ": it looks like JSON; does the application use serializer json or hybrid?" } else { "" };
        Unreadable(format!("the data is not base64 of a Marshal stream{hint}").into())
    })
}

fn to_base64(stream: &[u8]) -> Vec<u8> {
    let text = BASE64.encode(stream);
    let mut lines = Vec::with_capacity(text.len() + text.len() / LINE + 1);
    for line in text.as_bytes().chunks(LINE) {
        lines.extend_from_slice(line);
        lines.push(b'\n');
    }
    lines
}
