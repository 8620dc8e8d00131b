//! Blocks against a plain map.

mod model;

use holdall_engine::{Block, Changes, FieldChange, NAME_LIMIT, Value, ValueRef};
use model::{Fields, Rng, check, fields_of, random_changes, random_fields, random_value};

/// Fewer rounds under an interpreter.
const ROUNDS: u64 = if cfg!(miri) { 2 } else { 3_000 };

#[test]
fn any_fields_in_any_order_are_found_again() {
    for seed in 0..ROUNDS {
        let mut rng = Rng(seed);
        let mut pairs: Vec<(String, Value)> = random_fields(&mut rng).into_iter().collect();
        let model: Fields = pairs.iter().cloned().collect();
        rng.shuffle(&mut pairs);
        let block = Block::from_fields(pairs.iter().map(|(name, value)| (name.as_str(), value.as_ref())));
        check(&block, &model, &mut rng);
    }
}

#[test]
fn laying_changes_over_is_what_a_map_does() {
    for seed in 0..ROUNDS {
        let mut rng = Rng(seed);
        let mut model = random_fields(&mut rng);
        let mut block = model::block_of(&model);
        for _ in 0..4 {
            let changes = random_changes(&mut rng, &model);
            for (name, change) in changes.fields() {
                match change {
                    FieldChange::Set(value) => model.insert(name.into(), value.clone()),
                    FieldChange::Remove => model.remove(name),
                };
            }
            let before = block.clone();
            block = block.with(&changes);
            check(&block, &model, &mut rng);
            assert_eq!(before == block, fields_of(&before) == model, "equal blocks have equal fields, and only they");
        }
    }
}

#[test]
fn of_two_fields_with_one_name_the_later_counts() {
    let block = Block::from_fields([("a", ValueRef::Json("1")), ("b", ValueRef::Json("2")), ("a", ValueRef::Json("3"))]);
    assert_eq!(block.len(), 2);
    assert_eq!(block.get("a"), Some(ValueRef::Json("3")));
}

#[test]
fn empty_blocks_and_empty_values() {
    let block = Block::empty();
    assert!(block.is_empty());
    assert_eq!(block.iter().count(), 0);
    assert_eq!(block.get(""), None);
    assert_eq!(block, Block::from_fields([]));
    let values = [("", ValueRef::Json("")), ("b", ValueRef::Bytes(b"")), ("f", ValueRef::Foreign { kind: "", raw: b"" })];
    let block = Block::from_fields(values);
    for (name, value) in values {
        assert_eq!(block.get(name), Some(value));
        assert!(value.is_empty());
    }
}

#[test]
fn kinds_are_kept_apart_and_raw_bytes_are_kept_as_they_are() {
    let raw: Vec<u8> = (0..=255).collect();
    let values = [
        ("json", ValueRef::Json("{\"a\": [1, 2]}")),
        ("bytes", ValueRef::Bytes(&raw)),
        ("foreign", ValueRef::Foreign { kind: "cfml.query", raw: &raw }),
        ("unknown", ValueRef::Unknown(&raw)),
    ];
    let block = Block::from_fields(values);
    for (name, value) in values {
        assert_eq!(block.get(name), Some(value));
        assert_eq!(value.to_value().as_ref(), value);
    }
}

#[test]
fn names_up_to_the_limit_are_taken_longer_ones_are_left_out() {
    let longest = "ü".repeat(127) + "x";
    assert_eq!(longest.len(), NAME_LIMIT);
    let too_long = longest.clone() + "y";
    let block = Block::from_fields([(longest.as_str(), ValueRef::Json("1")), (too_long.as_str(), ValueRef::Json("2"))]);
    assert_eq!((block.len(), block.get(&longest)), (1, Some(ValueRef::Json("1"))));
    let mut changes = Changes::new();
    changes.set_json(&too_long, "3");
    changes.set_json("short", "4");
    let block = block.with(&changes);
    assert_eq!(block.len(), 2);
    assert_eq!(block.get(&too_long), None);
    assert_eq!(block.get("short"), Some(ValueRef::Json("4")));
}

#[test]
fn names_are_in_order_of_their_bytes() {
    let names = ["z", "a", "ä", "A", "aa", "", "🦀", "a\0"];
    let block = Block::from_fields(names.map(|name| (name, ValueRef::Json("1"))));
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(block.iter().map(|(name, _)| name).collect::<Vec<_>>(), sorted);
}

#[test]
fn clones_share_their_bytes() {
    let block = Block::from_fields([("a", ValueRef::Json("1"))]);
    assert!(block.is_same(&block.clone()));
    assert!(!block.is_same(&Block::from_fields([("a", ValueRef::Json("1"))])));
    assert_eq!(block, Block::from_fields([("a", ValueRef::Json("1"))]));
}

#[test]
fn a_block_of_20_small_fields_takes_little_more_than_its_bytes() {
    let names: Vec<String> = (0..20).map(|number| format!("field{number:02}")).collect();
    let value = format!("\"{}\"", "x".repeat(24));
    let block = Block::from_fields(names.iter().map(|name| (name.as_str(), ValueRef::Json(&value))));
    let content: usize = names.iter().map(|name| name.len() + value.len()).sum();
    let beside = block.size() - content;
    assert!(beside <= 20 * 8 + 16, "{beside} bytes beside names and values");
}

#[test]
fn few_fields_and_many_are_found_alike() {
    let counts: &[usize] = if cfg!(miri) { &[2, 257] } else { &[1, 2, 255, 256, 257, 1_000] };
    for count in counts.iter().copied() {
        let names: Vec<String> = (0..count).map(|number| format!("field{number}")).collect();
        let block = Block::from_fields(names.iter().map(|name| (name.as_str(), ValueRef::Json(name))));
        assert_eq!(block.len(), count);
        for name in &names {
            assert_eq!(block.get(name), Some(ValueRef::Json(name)));
        }
        for absent in ["", "field", "field00", "fielc9", "zzz"] {
            assert_eq!(block.get(absent), None);
        }
    }
}

#[test]
fn debug_shows_no_value() {
    let mut rng = Rng(1);
    let block = Block::from_fields([("name", ValueRef::Json("\"secret\""))]);
    assert!(!format!("{block:?}").contains("secret"));
    let mut changes = Changes::new();
    changes.set_json("name", "\"secret\"");
    assert!(!format!("{changes:?}").contains("secret"));
    assert!(!format!("{:?}", random_value(&mut rng)).is_empty());
}
