//! Rows with damage, and what has to hold for each: no panic, and either an error or data that stays right when the row
//! is changed.

use super::random::Random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use holdall_engine::{Block, Key, Record, Stamp, Time, ValueRef};
use holdall_layout::foreign::{ForeignData, Saving};
use holdall_layout::rails::{RailsData, Serializer};

/// Bytes that mean something in a stream.
const TAGS: &[u8] = b"0TFi:;@I\"[{}lf/oSuUCecmMdE\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0c\x7f\x80\xfc\xff";
/// Pieces that mean something in JSON.
const PIECES: &[&str] =
    &["{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "1", "-", ".", "e9", "true", "null", "NaN", "value", "ü"];
/// The field that is added to what could be read.
const NEW: &str = "zz new";

/// How often rows could be read, and read and changed.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub rows: u64,
    pub read: u64,
    pub changed: u64,
}

/// Makes `count` damaged rows out of `rows` (of the serialisers marshal and json) and checks each.
pub fn run(rows: &[Vec<u8>], seed: u64, count: u64) -> Counts {
    let mut random = Random(seed);
    let mut counts = Counts::default();
    for _ in 0..count {
        let row = &rows[random.below(rows.len())];
        let damaged = if row.starts_with(b"{") { damage_text(&mut random, row) } else { damage(&mut random, row, rows) };
        counts.rows += 1;
        check(&damaged, &mut counts);
    }
    counts
}

fn stream_of(row: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = row.iter().copied().filter(|byte| *byte != b'\n').collect();
    BASE64.decode(text).unwrap_or_default()
}

fn damage(random: &mut Random, row: &[u8], rows: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = stream_of(row);
    for _ in 0..=random.below(3) {
        if bytes.len() < 4 {
            break;
        }
        // The version is left alone mostly, so that what follows is looked at.
        let start = if random.below(16) > 0 { 2 } else { 0 };
        let at = start + random.below(bytes.len() - start);
        match random.below(8) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 | 3 => bytes[at] = TAGS[random.below(TAGS.len())],
            4 => bytes[at] = bytes[at].wrapping_add(1),
            5 => drop(bytes.drain(at..bytes.len().min(at + 1 + random.below(20)))),
            6 => {
                let piece = bytes[at..bytes.len().min(at + 1 + random.below(40))].to_vec();
                let to = start + random.below(bytes.len() - start);
                bytes.splice(to..to, piece);
            }
            _ => {
                let other = stream_of(&rows[random.below(rows.len())]);
                let from = random.below(other.len().max(1));
                let piece = other.get(from..other.len().min(from + 1 + random.below(40))).unwrap_or_default().to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    BASE64.encode(bytes).into_bytes()
}

fn damage_text(random: &mut Random, row: &[u8]) -> Vec<u8> {
    let mut text = row.to_vec();
    for _ in 0..=random.below(2) {
        let at = 1 + random.below(text.len().max(2) - 1);
        let piece = PIECES[random.below(PIECES.len())].bytes();
        let end = match random.below(3) {
            0 => at,
            1 => at + 1,
            _ => at + 1 + random.below(9),
        };
        text.splice(at.min(text.len())..end.min(text.len()), piece);
    }
    text
}

fn check(row: &[u8], counts: &mut Counts) {
    let layout = RailsData { serializer: Serializer::Hybrid };
    let Ok(decoded) = layout.decode(row) else { return };
    counts.read += 1;
    for (_, value) in decoded.block.iter() {
        match value {
            ValueRef::Json(text) => assert!(holdall_layout::json::check_json(text).is_ok(), "a value that is no JSON"),
            ValueRef::Foreign { kind, raw } => drop(layout.view(kind, raw)),
            _ => {}
        }
    }
    let (key, time) = (Key::new(b"0123456789abcdef0123456789abcdef"), Time(1_729_800_000_000));
    let record = Record {
        stamp: Stamp::default(),
        created: time,
        accessed: time,
        idle_ms: 0,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block: Block::from_fields([(NEW, ValueRef::Json("[1,{\"a\":\"b\"}]"))]),
    };
    let saving = Saving { key: &key, record: &record, now: time };
    let Ok(patched) = layout.patch(row, &[NEW.into()], saving) else { return };
    counts.changed += 1;
    let after = layout.decode(&patched).unwrap_or_else(|error| panic!("a row that was written is not read: {error}"));
    assert_eq!(after.block.get(NEW), record.block.get(NEW));
    for (name, value) in decoded.block.iter().filter(|(name, _)| *name != NEW) {
        let same = after.block.get(name).is_some_and(|after| is_same(after, value));
        assert!(same, "a field that was not changed is another now");
    }
}

/// Whether a field is what it was. A value that holds the session's hash itself, as damage makes it, sees the change.
fn is_same(after: ValueRef<'_>, before: ValueRef<'_>) -> bool {
    let holds_all = |raw: &[u8]| raw.windows(NEW.len()).any(|window| window == NEW.as_bytes());
    after == before || matches!(after, ValueRef::Foreign { raw, .. } if holds_all(raw))
}
