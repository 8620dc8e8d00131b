//! A session's fields as a plain map, and made-up ones.
#![allow(dead_code, reason = "each test file uses its part")]

use holdall_engine::{Block, Changes, FieldChange, Value, ValueRef};
use std::collections::BTreeMap;

pub type Fields = BTreeMap<String, Value>;

/// A small generator (`SplitMix64`): the seed tells everything.
pub struct Rng(pub u64);

impl Rng {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place as u64 + 1) as usize);
        }
    }
}

/// Mostly short names that meet each other; now and then empty, long, or beyond ASCII.
pub fn random_name(rng: &mut Rng) -> String {
    match rng.below(12) {
        0 => String::new(),
        1 => "n".repeat(rng.below(256) as usize),
        2 => "é🦀".repeat(1 + rng.below(5) as usize),
        _ => char::from(b'a' + rng.below(12) as u8).to_string().repeat(1 + rng.below(2) as usize),
    }
}

fn random_bytes(rng: &mut Rng) -> Box<[u8]> {
    let len = if rng.below(10) == 0 { rng.below(1_000) } else { rng.below(12) };
    (0..len).map(|_| rng.below(256) as u8).collect()
}

pub fn random_value(rng: &mut Rng) -> Value {
    match rng.below(6) {
        0 => Value::Bytes(random_bytes(rng)),
        1 => Value::Foreign { kind: random_name(rng).into(), raw: random_bytes(rng) },
        2 => Value::Unknown(random_bytes(rng)),
        _ => Value::Json(rng.below(5).to_string().into()),
    }
}

pub fn random_fields(rng: &mut Rng) -> Fields {
    (0..rng.below(15)).map(|_| (random_name(rng), random_value(rng))).collect()
}

/// Sets and removals, of fields that are there and of others.
pub fn random_changes(rng: &mut Rng, fields: &Fields) -> Changes {
    let mut changes = Changes::new();
    for _ in 0..rng.below(6) {
        let there = (!fields.is_empty() && rng.below(2) == 0).then(|| rng.below(fields.len() as u64) as usize);
        let name = there.and_then(|place| fields.keys().nth(place).cloned()).unwrap_or_else(|| random_name(rng));
        let change = if rng.below(3) == 0 { FieldChange::Remove } else { FieldChange::Set(random_value(rng)) };
        changes.put(&name, change);
    }
    changes
}

pub fn block_of(fields: &Fields) -> Block {
    Block::from_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_ref())))
}

pub fn fields_of(block: &Block) -> Fields {
    block.iter().map(|(name, value)| (name.into(), value.to_value())).collect()
}

/// The block says about every name, there or not, what the map says.
pub fn check(block: &Block, fields: &Fields, rng: &mut Rng) {
    assert_eq!(block.len(), fields.len());
    assert_eq!(block.is_empty(), fields.is_empty());
    assert!(block.iter().eq(fields.iter().map(|(name, value)| (name.as_str(), value.as_ref()))));
    for (name, value) in fields {
        assert_eq!(block.get(name), Some(value.as_ref()));
    }
    for _ in 0..5 {
        let name = random_name(rng);
        assert_eq!(block.get(&name), fields.get(&name).map(Value::as_ref) as Option<ValueRef<'_>>);
    }
    assert_eq!(*block, block_of(fields), "one content, one form");
}
