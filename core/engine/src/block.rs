//! A session's fields, held as one block of raw values with an offset table.
//!
//! ```text
//! count: u32 | a tag of each name: u8 × count | start of each field, and the end of the last: u32 × (count + 1)
//!   | the fields, sorted by name
//! field: kind: u8 | length of the name: u8 | name | value
//! ```
//! Values are raw: JSON stays the text it came as and is never parsed here. Measured for 762 B of JSON in 20 fields,
//! one such block takes a twelfth of the memory of a parsed tree. A field is found by its tag, so that reading one
//! touches the block's head and the field, and nothing between; among many fields by binary search.

use crate::change::{Changes, FieldChange};
use core::fmt;
use std::sync::Arc;

/// A field's name is at most this long, in bytes.
pub const NAME_LIMIT: usize = 255;

/// One field's value, borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueRef<'a> {
    /// JSON text, checked by whoever put it in.
    Json(&'a str),
    /// Bytes, not looked into.
    Bytes(&'a [u8]),
    /// Something that only a layout understands (a CFML query, a Ruby object): its type and its bytes.
    Foreign {
        /// What it is, in the layout's words; at most 255 bytes.
        kind: &'a str,
        /// Its bytes, exactly as they were read.
        raw: &'a [u8],
    },
    /// A part of a row that a newer format wrote. It is kept and written back, and shown to nobody.
    Unknown(&'a [u8]),
}

impl ValueRef<'_> {
    /// The value's length in bytes.
    pub fn len(self) -> usize {
        match self {
            Self::Json(text) => text.len(),
            Self::Bytes(raw) | Self::Unknown(raw) => raw.len(),
            Self::Foreign { kind, raw } => kind.len() + raw.len(),
        }
    }

    /// Whether the value has no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            Self::Json(text) => Value::Json(text.into()),
            Self::Bytes(raw) => Value::Bytes(raw.into()),
            Self::Foreign { kind, raw } => Value::Foreign { kind: kind.into(), raw: raw.into() },
            Self::Unknown(raw) => Value::Unknown(raw.into()),
        }
    }
}

/// One field's value, owned. See [`ValueRef`] for what each is.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON text.
    Json(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// A layout's own value.
    Foreign {
        /// What it is.
        kind: Box<str>,
        /// Its bytes.
        raw: Box<[u8]>,
    },
    /// A newer format's part of the row.
    Unknown(Box<[u8]>),
}

impl Value {
    /// Borrows the value.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Json(text) => ValueRef::Json(text),
            Self::Bytes(raw) => ValueRef::Bytes(raw),
            Self::Foreign { kind, raw } => ValueRef::Foreign { kind, raw },
            Self::Unknown(raw) => ValueRef::Unknown(raw),
        }
    }
}

/// Values are the visitor's: `Debug` shows kind and length only.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, len) = match self {
            Self::Json(text) => ("Json", text.len()),
            Self::Bytes(raw) => ("Bytes", raw.len()),
            Self::Foreign { raw, .. } => ("Foreign", raw.len()),
            Self::Unknown(raw) => ("Unknown", raw.len()),
        };
        write!(f, "{kind}({len} bytes)")
    }
}

const JSON: u8 = 0;
const BYTES: u8 = 1;
const FOREIGN: u8 = 2;
const UNKNOWN: u8 = 3;
const WORD: usize = 4;
/// Up to so many fields the tags are looked through one by one.
const TAGGED: usize = 256;

/// Tells most names apart by one byte.
fn tag(name: &[u8]) -> u8 {
    name.iter().fold(name.len() as u8, |tag, byte| tag.wrapping_mul(31).wrapping_add(*byte))
}

/// All fields of a session. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Block(Arc<[u8]>);

impl Block {
    /// A block without fields.
    pub fn empty() -> Self {
        Builder::default().finish()
    }

    /// Builds a block from fields in any order. Of two fields with one name the later counts. Names longer than
    /// [`NAME_LIMIT`] are cut off the list: check names before (the runtime refuses them with an error).
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, ValueRef<'a>)>) -> Self {
        let mut sorted: Vec<(&str, ValueRef<'_>)> = fields.into_iter().filter(|(name, _)| name.len() <= NAME_LIMIT).collect();
        sorted.sort_by_key(|(name, _)| *name);
        let mut builder = Builder::default();
        for (place, (name, value)) in sorted.iter().enumerate() {
            if sorted.get(place + 1).is_some_and(|(next, _)| next == name) {
                continue;
            }
            builder.push(name, *value);
        }
        builder.finish()
    }

    /// How many fields there are, hidden ones included.
    pub fn len(&self) -> usize {
        self.word_at(0)
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes this block takes in memory, without the allocation's own header.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        let count = self.len();
        if count > TAGGED {
            return self.search(name);
        }
        let tag = tag(name.as_bytes());
        let tags = &self.0[WORD..WORD + count];
        let place = (0..count).find(|place| tags[*place] == tag && self.name(*place) == name.as_bytes())?;
        Some(self.value(place))
    }

    fn search(&self, name: &str) -> Option<ValueRef<'_>> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.name(middle).cmp(name.as_bytes()) {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => return Some(self.value(middle)),
            }
        }
        None
    }

    /// The fields in order of their names, hidden ones included.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, ValueRef<'_>)> {
        (0..self.len()).map(|place| (text(self.name(place)), self.value(place)))
    }

    /// This block with `changes` laid over it. Names longer than [`NAME_LIMIT`] are left out here too.
    #[must_use]
    pub fn with(&self, changes: &Changes) -> Self {
        let mut builder = Builder::default();
        let mut new = changes.fields().filter(|(name, _)| name.len() <= NAME_LIMIT).peekable();
        for (name, value) in self.iter() {
            while let Some((changed, change)) = new.next_if(|(changed, _)| *changed < name) {
                builder.push_change(changed, change);
            }
            match new.next_if(|(changed, _)| *changed == name) {
                Some((_, change)) => builder.push_change(name, change),
                None => builder.push(name, value),
            }
        }
        for (name, change) in new {
            builder.push_change(name, change);
        }
        builder.finish()
    }

    /// Whether both are the very same bytes in memory (a cheap "nothing has changed").
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn word_at(&self, at: usize) -> usize {
        let mut four = [0; WORD];
        four.copy_from_slice(&self.0[at..at + WORD]);
        u32::from_le_bytes(four) as usize
    }

    fn field(&self, place: usize) -> &[u8] {
        let starts = WORD + self.len() + place * WORD;
        &self.0[self.word_at(starts)..self.word_at(starts + WORD)]
    }

    fn name(&self, place: usize) -> &[u8] {
        let field = self.field(place);
        &field[2..2 + usize::from(field[1])]
    }

    fn value(&self, place: usize) -> ValueRef<'_> {
        let field = self.field(place);
        let raw = &field[2 + usize::from(field[1])..];
        match field[0] {
            JSON => ValueRef::Json(text(raw)),
            BYTES => ValueRef::Bytes(raw),
            FOREIGN => {
                let kind = usize::from(raw[0]);
                ValueRef::Foreign { kind: text(&raw[1..=kind]), raw: &raw[1 + kind..] }
            }
            _ => ValueRef::Unknown(raw),
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} fields, {} bytes)", self.len(), self.size())
    }
}

/// Blocks are built from `str` only, so this never replaces anything; checking again keeps the crate free of `unsafe`.
fn text(raw: &[u8]) -> &str {
    core::str::from_utf8(raw).unwrap_or_default()
}

#[derive(Default)]
struct Builder {
    starts: Vec<u32>,
    fields: Vec<u8>,
}

impl Builder {
    fn push_change(&mut self, name: &str, change: &FieldChange) {
        if let FieldChange::Set(value) = change {
            self.push(name, value.as_ref());
        }
    }

    fn push(&mut self, name: &str, value: ValueRef<'_>) {
        self.starts.push(self.fields.len() as u32);
        let kind = match value {
            ValueRef::Json(_) => JSON,
            ValueRef::Bytes(_) => BYTES,
            ValueRef::Foreign { .. } => FOREIGN,
            ValueRef::Unknown(_) => UNKNOWN,
        };
        self.fields.extend([kind, name.len() as u8]);
        self.fields.extend(name.as_bytes());
        match value {
            ValueRef::Json(text) => self.fields.extend(text.as_bytes()),
            ValueRef::Bytes(raw) | ValueRef::Unknown(raw) => self.fields.extend(raw),
            ValueRef::Foreign { kind, raw } => {
                let kind = &kind.as_bytes()[..kind.len().min(NAME_LIMIT)];
                self.fields.push(kind.len() as u8);
                self.fields.extend(kind);
                self.fields.extend(raw);
            }
        }
    }

    fn finish(self) -> Block {
        let count = self.starts.len();
        let head = WORD * (count + 2) + count;
        let mut bytes = Vec::with_capacity(head + self.fields.len());
        bytes.extend((count as u32).to_le_bytes());
        bytes.extend(self.starts.iter().map(|start| {
            let field = &self.fields[*start as usize..];
            tag(&field[2..2 + usize::from(field[1])])
        }));
        for start in &self.starts {
            bytes.extend((start + head as u32).to_le_bytes());
        }
        bytes.extend(((head + self.fields.len()) as u32).to_le_bytes());
        bytes.extend(self.fields);
        Block(bytes.into())
    }
}
