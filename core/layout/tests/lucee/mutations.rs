//! Rows with damage, and what has to hold for each: no panic, and either an error or data that stays right when the row
//! is changed.

use super::random::Random;
use base64::prelude::{BASE64_STANDARD, Engine};
use holdall_engine::{Block, Key, Record, Stamp, Time, ValueRef};
use holdall_layout::foreign::{ForeignData, Saving};
use holdall_layout::lucee::LuceeData;

/// Where the inner stream begins in a row that Lucee wrote, and where its length is.
const INNER: usize = 126;
/// Bytes that mean something in a stream.
const TAGS: &[u8] =
    &[0, 1, 2, 3, 0x0c, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0xff];
/// Pieces that mean something in a literal.
const PIECES: &[&str] =
    &["{", "}", "[", "]", "\"", "'", "#", ":", "=", ",", "(", ")", "x(", "1", "-", ".", "e9", "true", "createDateTime(", "ü"];

/// How often rows could be read, and read and changed.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub rows: u64,
    pub read: u64,
    pub changed: u64,
}

/// Makes `count` damaged rows out of `rows` and checks each.
pub fn run(rows: &[Vec<u8>], seed: u64, count: u64) -> Counts {
    let mut random = Random(seed);
    let mut counts = Counts::default();
    for _ in 0..count {
        let row = &rows[random.below(rows.len())];
        let damaged = damage(&mut random, row, rows);
        counts.rows += 1;
        check(&damaged, &mut counts);
    }
    counts
}

fn damage(random: &mut Random, row: &[u8], rows: &[Vec<u8>]) -> Vec<u8> {
    let Ok(mut bytes) = BASE64_STANDARD.decode(row) else { return damage_text(random, row) };
    let times = 1 + random.below(3);
    for _ in 0..times {
        // Mostly in the inner stream, which is where the values are.
        let start = if bytes.len() > INNER && random.below(8) > 0 { INNER } else { 0 };
        if bytes.len() <= start {
            break;
        }
        let at = start + random.below(bytes.len() - start);
        match random.below(8) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 | 3 => bytes[at] = TAGS[random.below(TAGS.len())],
            4 => bytes.truncate(at),
            5 => drop(bytes.drain(at..bytes.len().min(at + 1 + random.below(40)))),
            6 => {
                let piece = bytes[at..bytes.len().min(at + 1 + random.below(60))].to_vec();
                let to = start + random.below(bytes.len() - start);
                bytes.splice(to..to, piece);
            }
            _ => {
                let other = BASE64_STANDARD.decode(&rows[random.below(rows.len())]).unwrap_or_default();
                let from = random.below(other.len().max(1));
                let piece = other.get(from..other.len().min(from + 1 + random.below(60))).unwrap_or_default().to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    // With the right length in most rows, so that what is inside is looked at.
    if bytes.len() > INNER && random.below(4) > 0 {
        let len = (bytes.len() - INNER) as u32;
        bytes[INNER - 4..INNER].copy_from_slice(&len.to_be_bytes());
    }
    BASE64_STANDARD.encode(bytes).into_bytes()
}

fn damage_text(random: &mut Random, row: &[u8]) -> Vec<u8> {
    let mut text = row.to_vec();
    for _ in 0..=random.below(3) {
        let at = 1 + random.below(text.len().max(3) - 2);
        let piece = PIECES[random.below(PIECES.len())].as_bytes();
        match random.below(3) {
            0 => drop(text.splice(at.min(text.len())..at.min(text.len()), piece.iter().copied())),
            1 => drop(text.drain(at.min(text.len())..text.len().min(at + 1 + random.below(9)))),
            _ => drop(text.splice(at.min(text.len())..text.len().min(at + 1), piece.iter().copied())),
        }
    }
    text.push(b'}');
    text
}

fn check(row: &[u8], counts: &mut Counts) {
    let layout = LuceeData::new("shop");
    let Ok(decoded) = layout.decode(row) else { return };
    counts.read += 1;
    for (_, value) in decoded.block.iter() {
        match value {
            ValueRef::Json(text) => assert!(holdall_layout::json::check_json(text).is_ok(), "a value that is no JSON"),
            ValueRef::Foreign { kind, raw } => drop(layout.view(kind, raw)),
            _ => {}
        }
    }
    let new = Block::from_fields([("new", ValueRef::Json("[1,{\"a\":\"b\"}]"))]);
    let (key, time) = (Key::new(b"3f2a1c58-7b7e-4f0e-9a53-0c7f6a2d9e11"), Time(1_729_800_000_000));
    let record = Record {
        stamp: Stamp::default(),
        created: time,
        accessed: time,
        idle_ms: 0,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block: new,
    };
    let saving = Saving { key: &key, record: &record, now: time };
    let Ok(patched) = layout.patch(row, &["new".into()], saving) else { return };
    counts.changed += 1;
    let after = layout.decode(&patched).unwrap_or_else(|error| panic!("a row that was written is not read: {error}"));
    for (name, value) in decoded.block.iter().filter(|(name, _)| *name != "new") {
        let same = after.block.get(name).is_some_and(|after| is_same(after, value));
        assert!(same, "a field that was not changed is another now");
    }
}

/// Whether a field is what it was. A value that holds the session's map itself, as damage makes it, sees the change; and
/// what was a literal may have the other form now.
fn is_same(after: ValueRef<'_>, before: ValueRef<'_>) -> bool {
    match (after, before) {
        (ValueRef::Json(after), ValueRef::Json(before)) => {
            holdall_layout::json::same_json(after, before) || after.parse::<f64>().ok() == before.parse::<f64>().ok()
        }
        (ValueRef::Foreign { raw: after, .. }, ValueRef::Foreign { raw: before, .. }) => {
            let item = b"IKStorageScopeItem";
            after == before || !before.starts_with(&[0xac]) || before.windows(item.len()).any(|window| window == item)
        }
        (after, before) => after == before,
    }
}
