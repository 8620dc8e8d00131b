//! A session's fields, held as one block of raw values with an offset table.
//!
//! ```text
//! count: u32, its top bit: wide | a tag of each name: u8 × count
//!   | start of each field, and the end of the last: (wide: u32, else u16) × (count + 1) | the fields, sorted by name
//! field: kind: u8 | length of the name: u8 | name | value
//! ```
//! Values are raw: JSON stays the text it came as and is never parsed here. Measured for 762 B of JSON in 20 fields,
//! one such block takes a twelfth of the memory of a parsed tree. A field is found by its tag, so that reading one
//! touches the block's head and the field, and nothing between; among many fields by binary search.

use crate::block_build::{Piece, build};
use crate::change::{Changes, FieldChange};
use crate::value::ValueRef;
use core::fmt;
use std::sync::Arc;

/// A field's name is at most this long, in bytes.
pub const NAME_LIMIT: usize = 255;

pub(crate) const JSON: u8 = 0;
pub(crate) const BYTES: u8 = 1;
pub(crate) const FOREIGN: u8 = 2;
pub(crate) const UNKNOWN: u8 = 3;
pub(crate) const WORD: usize = 4;
/// The bit of the count that says that starts have four bytes: the block is longer than 65,535.
pub(crate) const WIDE: u32 = 1 << 31;
/// Up to so many fields the tags are looked through one by one.
const TAGGED: usize = 256;

/// Tells most names apart by one byte.
pub(crate) fn tag(name: &[u8]) -> u8 {
    name.iter().fold(name.len() as u8, |tag, byte| tag.wrapping_mul(31).wrapping_add(*byte))
}

/// All fields of a session. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Block(pub(crate) Arc<[u8]>);

impl Block {
    /// A block without fields.
    pub fn empty() -> Self {
        build(&[])
    }

    /// Builds a block from fields in any order. Of two fields with one name the later counts. Names longer than
    /// [`NAME_LIMIT`] are cut off the list: check names before (the runtime refuses them with an error).
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, ValueRef<'a>)>) -> Self {
        let mut sorted: Vec<(&str, ValueRef<'_>)> = fields.into_iter().filter(|(name, _)| name.len() <= NAME_LIMIT).collect();
        sorted.sort_by_key(|(name, _)| *name);
        let last_of_its_name = |place: &usize| sorted.get(place + 1).is_none_or(|(next, _)| *next != sorted[*place].0);
        let pieces: Vec<Piece<'_>> =
            (0..sorted.len()).filter(last_of_its_name).map(|place| Piece::New(sorted[place].0, sorted[place].1)).collect();
        build(&pieces)
    }

    /// How many fields there are, hidden ones included.
    pub fn len(&self) -> usize {
        (self.word_at(0) & !WIDE) as usize
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
        for (place, _) in self.0[WORD..WORD + count].iter().enumerate().filter(|(_, other)| **other == tag) {
            let field = self.field(place);
            let (head, raw) = field.split_at(2 + usize::from(field[1]));
            if head[2..] == *name.as_bytes() {
                return Some(value(field[0], raw));
            }
        }
        None
    }

    fn search(&self, name: &str) -> Option<ValueRef<'_>> {
        self.place_of(name, 0).ok().map(|place| self.value(place))
    }

    /// Where the field `name` is, looked for from place `low` on; or where it would be.
    fn place_of(&self, name: &str, mut low: usize) -> Result<usize, usize> {
        let mut high = self.len();
        while low < high {
            let middle = low.midpoint(high);
            match self.name(middle).cmp(name.as_bytes()) {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// The fields in order of their names, hidden ones included.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, ValueRef<'_>)> {
        (0..self.len()).map(|place| (text(self.name(place)), self.value(place)))
    }

    /// This block with `changes` laid over it. Names longer than [`NAME_LIMIT`] are left out here too.
    ///
    /// What is not changed is copied in runs, without being looked at.
    #[must_use]
    pub fn with(&self, changes: &Changes) -> Self {
        let mut pieces = Vec::with_capacity(2 * changes.fields().len() + 1);
        let mut from = 0;
        for (name, change) in changes.fields().filter(|(name, _)| name.len() <= NAME_LIMIT) {
            let found = self.place_of(name, from);
            let place = found.unwrap_or_else(|place| place);
            if place > from {
                pieces.push(Piece::Kept(self, from..place));
            }
            if let FieldChange::Set(value) = change {
                pieces.push(Piece::New(name, value.as_ref()));
            }
            from = place + usize::from(found.is_ok());
        }
        if from < self.len() {
            pieces.push(Piece::Kept(self, from..self.len()));
        }
        build(&pieces)
    }

    /// Whether both are the very same bytes in memory (a cheap "nothing has changed").
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where the field at `place` starts; for the count of fields, where the last ends.
    pub(crate) fn start(&self, place: usize) -> usize {
        let starts = WORD + self.len();
        if self.word_at(0) & WIDE != 0 {
            return self.word_at(starts + place * WORD) as usize;
        }
        let at = starts + place * 2;
        usize::from(u16::from_le_bytes([self.0[at], self.0[at + 1]]))
    }

    fn word_at(&self, at: usize) -> u32 {
        let mut four = [0; WORD];
        four.copy_from_slice(&self.0[at..at + WORD]);
        u32::from_le_bytes(four)
    }

    fn field(&self, place: usize) -> &[u8] {
        &self.0[self.start(place)..self.start(place + 1)]
    }

    fn name(&self, place: usize) -> &[u8] {
        let field = self.field(place);
        &field[2..2 + usize::from(field[1])]
    }

    fn value(&self, place: usize) -> ValueRef<'_> {
        let field = self.field(place);
        value(field[0], &field[2 + usize::from(field[1])..])
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} fields, {} bytes)", self.len(), self.size())
    }
}

fn value(kind: u8, raw: &[u8]) -> ValueRef<'_> {
    match kind {
        JSON => ValueRef::Json(text(raw)),
        BYTES => ValueRef::Bytes(raw),
        FOREIGN => {
            let kind = usize::from(raw[0]);
            ValueRef::Foreign { kind: text(&raw[1..=kind]), raw: &raw[1 + kind..] }
        }
        _ => ValueRef::Unknown(raw),
    }
}

/// Blocks are built from `str` only, so this never replaces anything; checking again keeps the crate free of `unsafe`.
fn text(raw: &[u8]) -> &str {
    core::str::from_utf8(raw).unwrap_or_default()
}
