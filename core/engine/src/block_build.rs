//! Puts a block together: one allocation of the exact size, whatever it is made of.

use crate::block::{BYTES, Block, FOREIGN, JSON, NAME_LIMIT, UNKNOWN, WIDE, WORD, tag};
use crate::value::ValueRef;
use core::ops::Range;

/// A part of a new block. Pieces come in the order of their names.
pub(crate) enum Piece<'a> {
    /// Fields of another block, as they are.
    Kept(&'a Block, Range<usize>),
    /// One field.
    New(&'a str, ValueRef<'a>),
}

impl Piece<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Kept(_, places) => places.len(),
            Self::New(..) => 1,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Kept(block, places) => block.start(places.end) - block.start(places.start),
            Self::New(name, value) => 2 + name.len() + stored_len(*value),
        }
    }
}

pub(crate) fn build(pieces: &[Piece<'_>]) -> Block {
    let count: usize = pieces.iter().map(Piece::count).sum();
    let fields: usize = pieces.iter().map(Piece::size).sum();
    let narrow_head = WORD + count + 2 * (count + 1);
    let wide = narrow_head + fields > usize::from(u16::MAX);
    let head = if wide { WORD + count + WORD * (count + 1) } else { narrow_head };
    let mut bytes = Vec::with_capacity(head + fields);
    // Sessions are limited far below two gigabytes.
    bytes.extend((count as u32 | if wide { WIDE } else { 0 }).to_le_bytes());
    for piece in pieces {
        match piece {
            Piece::Kept(block, places) => bytes.extend_from_slice(&block.0[WORD + places.start..WORD + places.end]),
            Piece::New(name, _) => bytes.push(tag(name.as_bytes())),
        }
    }
    push_starts(&mut bytes, pieces, head, wide);
    for piece in pieces {
        match piece {
            Piece::Kept(block, places) => bytes.extend_from_slice(&block.0[block.start(places.start)..block.start(places.end)]),
            Piece::New(name, value) => push_field(&mut bytes, name, *value),
        }
    }
    Block(bytes.into())
}

fn push_starts(bytes: &mut Vec<u8>, pieces: &[Piece<'_>], head: usize, wide: bool) {
    let mut push = |start: usize| {
        let word = (start as u32).to_le_bytes();
        bytes.extend_from_slice(if wide { &word } else { &word[..2] });
    };
    let mut start = head;
    for piece in pieces {
        if let Piece::Kept(block, places) = piece {
            let first = block.start(places.start);
            for place in places.clone() {
                push(start + block.start(place) - first);
            }
        } else {
            push(start);
        }
        start += piece.size();
    }
    push(start);
}

fn push_field(bytes: &mut Vec<u8>, name: &str, value: ValueRef<'_>) {
    let kind = match value {
        ValueRef::Json(_) => JSON,
        ValueRef::Bytes(_) => BYTES,
        ValueRef::Foreign { .. } => FOREIGN,
        ValueRef::Unknown(_) => UNKNOWN,
    };
    bytes.extend([kind, name.len() as u8]);
    bytes.extend_from_slice(name.as_bytes());
    match value {
        ValueRef::Json(text) => bytes.extend_from_slice(text.as_bytes()),
        ValueRef::Bytes(raw) | ValueRef::Unknown(raw) => bytes.extend_from_slice(raw),
        ValueRef::Foreign { kind, raw } => {
            let kind = cut(kind);
            bytes.push(kind.len() as u8);
            bytes.extend_from_slice(kind);
            bytes.extend_from_slice(raw);
        }
    }
}

fn stored_len(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Foreign { kind, raw } => 1 + cut(kind).len() + raw.len(),
        other => other.len(),
    }
}

/// A type's name, as much of it as has room.
fn cut(kind: &str) -> &[u8] {
    &kind.as_bytes()[..kind.floor_char_boundary(NAME_LIMIT)]
}
