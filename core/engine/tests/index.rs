//! Ids whose hashes are alike are told apart, and found again whatever was removed between them.

mod common;

use common::{Plain, START};
use core::hash::{BuildHasher, Hasher};
use holdall_engine::{Applied, Changes, Config, Engine, IdRef, Limits, Save, Time};

/// All ids share five hashes, which lie side by side, two of them at the end of every table.
#[derive(Clone, Copy, Default)]
struct Crowded;

impl Crowded {
    fn id(bytes: &[u8]) -> IdRef<'_> {
        IdRef { bytes, hash: Self.hash_one(bytes) }
    }
}

struct LastByte(u64);

impl BuildHasher for Crowded {
    type Hasher = LastByte;
    fn build_hasher(&self) -> LastByte {
        LastByte(0)
    }
}

impl Hasher for LastByte {
    fn finish(&self) -> u64 {
        u64::from(u32::MAX) - 1 + self.0 % 5
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.last().copied().map_or(self.0, u64::from);
    }
}

fn id(number: usize) -> String {
    format!("id-{number}")
}

#[test]
fn ids_that_share_a_hash_are_found_whatever_was_removed() {
    let config = Config { keep_ms: 0, linger_ms: 0, linger_cap_ms: 0, ..Config::default() };
    let mut engine = Engine::new(config, Plain, Crowded);
    let limits = Limits { idle_ms: 0, deadline: Time::NEVER };
    let count = 200;
    for number in 0..count {
        let text = id(number);
        let mut changes = Changes::new();
        changes.set_json("number", &number.to_string());
        let made = engine.create(START, Crowded::id(text.as_bytes()), limits, &changes, &Save::default());
        assert!(matches!(made, Applied::Done { .. }), "{number}");
    }
    let has = |engine: &Engine<Plain, Crowded>, number: usize| {
        let text = id(number);
        let block = engine.peek(Crowded::id(text.as_bytes()))?;
        match block.get("number")? {
            holdall_engine::ValueRef::Json(json) => json.parse::<usize>().ok(),
            _ => None,
        }
    };
    // In an order that opens gaps at the front, in the middle and at the end of each crowd.
    let mut left: Vec<usize> = (0..count).collect();
    let mut at = 0;
    while !left.is_empty() {
        at = (at + 67) % left.len();
        let gone = left.remove(at);
        let text = id(gone);
        let _ = engine.destroy(START, Crowded::id(text.as_bytes()), holdall_engine::Reason::Destroyed);
        engine.on_timeout(START + 60_000);
        assert_eq!(has(&engine, gone), None);
        for number in &left {
            assert_eq!(has(&engine, *number), Some(*number), "after {gone} was removed");
        }
    }
}
