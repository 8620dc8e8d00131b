//! Changes: recorded, merged, and found between two states.

mod model;

use holdall_engine::{Changes, FieldChange, ValueRef};
use model::{Rng, block_of, fields_of, random_changes, random_fields};
use std::collections::BTreeMap;

const ROUNDS: u64 = if cfg!(miri) { 2 } else { 3_000 };

#[test]
fn the_changes_between_two_states_turn_one_into_the_other() {
    for seed in 0..ROUNDS {
        let mut rng = Rng(seed);
        let from = random_fields(&mut rng);
        // Half the time close to each other, half the time anything.
        let to = if rng.below(2) == 0 {
            random_fields(&mut rng)
        } else {
            fields_of(&block_of(&from).with(&random_changes(&mut rng, &from)))
        };
        let changes = Changes::between(&block_of(&from), &block_of(&to), |a, b| a == b);
        assert_eq!(fields_of(&block_of(&from).with(&changes)), to);
        let differing = from.keys().chain(to.keys()).filter(|name| from.get(*name) != to.get(*name));
        let differing: Vec<&String> = differing.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        assert_eq!(changes.fields().map(|(name, _)| name).collect::<Vec<_>>(), differing, "no more than what differs");
    }
}

#[test]
fn between_equal_states_there_are_none() {
    for seed in 0..ROUNDS / 10 {
        let fields = random_fields(&mut Rng(seed));
        assert!(Changes::between(&block_of(&fields), &block_of(&fields), |a, b| a == b).is_empty());
    }
}

#[test]
fn what_counts_as_the_same_is_the_layouts_to_say() {
    let from = block_of(&BTreeMap::from([("a".into(), ValueRef::Json("[1,2]").to_value())]));
    let to = block_of(&BTreeMap::from([("a".into(), ValueRef::Json("[1, 2]").to_value())]));
    let packed = |value: ValueRef<'_>| match value {
        ValueRef::Json(text) => text.replace(' ', ""),
        _ => String::new(),
    };
    assert!(Changes::between(&from, &to, |a, b| packed(a) == packed(b)).is_empty());
    assert_eq!(Changes::between(&from, &to, |a, b| a == b).fields().len(), 1);
}

#[test]
fn merging_is_the_same_as_one_after_the_other() {
    for seed in 0..ROUNDS {
        let mut rng = Rng(seed);
        let fields = random_fields(&mut rng);
        let (first, second) = (random_changes(&mut rng, &fields), random_changes(&mut rng, &fields));
        let mut both = first.clone();
        both.merge(&second);
        let block = block_of(&fields);
        assert_eq!(block.with(&both), block.with(&first).with(&second));
    }
}

#[test]
fn merging_keeps_what_lies_beside_the_fields() {
    let mut first = Changes::new();
    first.principal = Some(Some("ann".into()));
    first.meta = Some(Some("phone".into()));
    first.idle_ms = Some(1);
    let mut second = Changes::new();
    second.principal = Some(None);
    second.idle_ms = Some(2);
    first.merge(&second);
    assert_eq!(first.principal, Some(None), "taken away by the later");
    assert_eq!(first.meta, Some(Some("phone".into())), "kept from the earlier");
    assert_eq!(first.idle_ms, Some(2));
}

#[test]
fn a_later_change_of_a_field_replaces_the_earlier() {
    let mut changes = Changes::new();
    changes.set_json("b", "1");
    changes.set_json("a", "1");
    changes.remove("b");
    assert_eq!(changes.fields().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(changes.get("b"), Some(&FieldChange::Remove));
    changes.forget("b");
    assert_eq!(changes.get("b"), None);
    changes.forget("never there");
    changes.retain_fields(|name, _| name != "a");
    assert!(changes.is_empty());
}

#[test]
fn anything_beside_the_fields_is_a_change_too() {
    for change in [
        |changes: &mut Changes| changes.principal = Some(None),
        |changes: &mut Changes| changes.meta = Some(None),
        |changes: &mut Changes| changes.idle_ms = Some(0),
    ] {
        let mut changes = Changes::new();
        assert!(changes.is_empty());
        change(&mut changes);
        assert!(!changes.is_empty());
    }
}

#[test]
fn sizes_grow_with_names_and_values() {
    let mut changes = Changes::new();
    assert_eq!(changes.size(), 0);
    changes.set_json("abc", "12345");
    let one = changes.size();
    assert!(one >= 8);
    changes.remove("def");
    assert!(changes.size() > one);
    changes.meta = Some(Some("0123456789".into()));
    assert!(changes.size() >= one + 10);
}
