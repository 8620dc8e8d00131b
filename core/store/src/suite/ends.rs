//! Destroying and rotating.

use super::made::{
    LATER, NOW, assert_killed, create, dead, destroy, is_over, key, load, must, owned_by, put, record, rename, stamp, update,
    writer,
};
use crate::Store;
use holdall_engine::{Loaded, Reason, Time, Verdict, Write, WriteKind};

fn rotated(to: u64) -> Loaded {
    Loaded::Dead { reason: Reason::Rotated, successor: Some(key(to)) }
}

/// A session that has been rotated from 1 to 2 to 3.
fn rotate_twice(store: &dyn Store, alias_until: Time) {
    must(store, create(key(1), record(1)));
    must(store, rename(key(1), Some(stamp(1)), key(2), record(2), alias_until));
    must(store, rename(key(2), Some(stamp(2)), key(3), record(3), alias_until));
}

pub(super) fn late_create(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    assert_killed(put(store, destroy(key(1), LATER)), &[key(1)]);
    assert!(is_over(&load(store, key(1))));
    assert_eq!(put(store, create(key(1), record(1))), Verdict::Gone, "a create that comes late");
    assert_eq!(put(store, update(key(1), stamp(1), record(2))), Verdict::Gone);
    assert!(is_over(&load(store, key(1))));
}

pub(super) fn rename_moves(store: &dyn Store) {
    rotate_twice(store, Time::ZERO);
    assert!(is_over(&load(store, key(1))) && is_over(&load(store, key(2))));
    assert_eq!(load(store, key(3)), Loaded::Row(record(3)));
    assert_eq!(put(store, update(key(1), stamp(1), record(9))), Verdict::Gone);
    assert_eq!(put(store, create(key(1), record(9))), Verdict::Gone);
    must(store, update(key(3), stamp(3), record(4)));
    must(store, create(key(5), record(5)));
    assert_eq!(put(store, rename(key(3), Some(stamp(4)), key(5), record(6), Time::ZERO)), Verdict::Exists);
    assert_eq!(put(store, rename(key(3), Some(stamp(9)), key(6), record(6), Time::ZERO)), Verdict::Conflict);
    assert_eq!(load(store, key(3)), Loaded::Row(record(4)), "a refused rename changes nothing");
    assert_eq!(load(store, key(5)), Loaded::Row(record(5)));
    assert_killed(put(store, destroy(key(1), LATER)), &[key(1), key(2), key(3)]);
    assert!(is_over(&load(store, key(3))), "a destroy follows to where the session went on");
}

pub(super) fn destroy_plants(store: &dyn Store) {
    assert_killed(put(store, destroy(key(1), LATER)), &[key(1)]);
    assert_eq!(load(store, key(1)), dead(Reason::Destroyed));
    assert_eq!(put(store, create(key(1), record(1))), Verdict::Gone, "a create that comes late finds the dead row");
    assert_eq!(put(store, update(key(1), stamp(1), record(2))), Verdict::Gone);
}

pub(super) fn destroy_takes_content(store: &dyn Store) {
    must(store, create(key(1), owned_by("anna", 1)));
    assert_killed(put(store, destroy(key(1), LATER)), &[key(1)]);
    assert_eq!(load(store, key(1)), dead(Reason::Destroyed));
    assert_eq!(store.list("anna").expect("lists"), []);
}

pub(super) fn repeated_destroy(store: &dyn Store) {
    rotate_twice(store, Time::ZERO);
    let write = destroy(key(1), LATER);
    let first = put(store, write.clone());
    assert_eq!(put(store, write), first, "whoever lost the first answer learns the same keys");
}

pub(super) fn destroy_follows_chain(store: &dyn Store) {
    rotate_twice(store, Time::ZERO);
    assert_killed(put(store, destroy(key(1), LATER)), &[key(1), key(2), key(3)]);
    for number in [1, 2, 3] {
        let is = load(store, key(number));
        assert!(matches!(is, Loaded::Dead { reason: Reason::Destroyed, .. }), "row {number} is {is:?}");
    }
    // From the middle, and from the end: what comes before is dead anyway.
    must(store, create(key(11), record(1)));
    must(store, rename(key(11), Some(stamp(1)), key(12), record(2), Time::ZERO));
    assert_killed(put(store, destroy(key(12), LATER)), &[key(12)]);
    assert_eq!(load(store, key(11)), rotated(12));
}

pub(super) fn destroy_follows_alias(store: &dyn Store) {
    rotate_twice(store, NOW + 30_000);
    assert_killed(put(store, destroy(key(1), LATER)), &[key(1), key(2), key(3)]);
    for number in [1, 2, 3] {
        let is = load(store, key(number));
        assert!(matches!(is, Loaded::Dead { reason: Reason::Destroyed, .. }), "row {number} is {is:?}");
    }
}

pub(super) fn earlier_reason_stays(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    let end = |reason| Write { key: key(1), kind: WriteKind::Destroy { reason, writer: writer(8), until: LATER } };
    assert_killed(put(store, end(Reason::Principal)), &[key(1)]);
    assert_killed(put(store, end(Reason::Destroyed)), &[key(1)]);
    assert_eq!(load(store, key(1)), dead(Reason::Principal));
}

pub(super) fn longest_keeping_counts(store: &dyn Store) {
    put(store, destroy(key(1), NOW + 100));
    put(store, destroy(key(1), NOW + 50));
    assert_eq!(store.sweep(Time::ZERO, NOW + 99, 10).expect("sweeps").dead, 0);
    assert_eq!(store.sweep(Time::ZERO, NOW + 100, 10).expect("sweeps").dead, 1);
}

pub(super) fn rename_leaves_dead(store: &dyn Store) {
    must(store, create(key(1), owned_by("anna", 1)));
    must(store, rename(key(1), Some(stamp(1)), key(2), owned_by("anna", 2), Time::ZERO));
    assert_eq!(load(store, key(1)), rotated(2));
    assert_eq!(load(store, key(2)), Loaded::Row(owned_by("anna", 2)));
    let listed: Vec<_> = store.list("anna").expect("lists").into_iter().map(|listed| listed.key).collect();
    assert_eq!(listed, [key(2)]);
    assert_eq!(put(store, update(key(1), stamp(1), record(9))), Verdict::Gone);
    assert_eq!(put(store, create(key(1), record(9))), Verdict::Gone);
}

pub(super) fn rename_without_base(store: &dyn Store) {
    must(store, rename(key(1), None, key(2), record(2), Time::ZERO));
    assert_eq!(load(store, key(1)), rotated(2));
    assert_eq!(load(store, key(2)), Loaded::Row(record(2)));
    assert_eq!(put(store, create(key(1), record(1))), Verdict::Gone, "nothing comes up under the old id");
    must(store, rename(key(3), None, key(4), record(4), NOW + 30_000));
    assert_eq!(load(store, key(3)), Loaded::Alias(record(4)));
}

pub(super) fn refused_rename_changes_nothing(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, create(key(2), record(5)));
    put(store, destroy(key(3), LATER));
    for (what, to) in [("live", 2), ("dead", 3), ("the same", 1)] {
        let write = rename(key(1), Some(stamp(1)), key(to), record(6), Time::ZERO);
        assert_eq!(put(store, write), Verdict::Exists, "the new id is {what}");
    }
    assert_eq!(load(store, key(1)), Loaded::Row(record(1)));
    assert_eq!(load(store, key(2)), Loaded::Row(record(5)));
    assert_eq!(load(store, key(3)), dead(Reason::Destroyed));
    assert_eq!(put(store, rename(key(7), None, key(2), record(6), Time::ZERO)), Verdict::Exists);
    assert_eq!(load(store, key(7)), Loaded::Absent, "no dead row is planted");
}

pub(super) fn repeated_rename(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    let write = rename(key(1), Some(stamp(1)), key(2), record(2), Time::ZERO);
    must(store, write.clone());
    assert_eq!(put(store, write), Verdict::Gone);
    assert_eq!(load(store, key(2)), Loaded::Row(record(2)), "the live row under the new id proves it");
    let planted = rename(key(3), None, key(4), record(4), Time::ZERO);
    must(store, planted.clone());
    assert_eq!(put(store, planted), Verdict::Gone);
    assert_eq!(load(store, key(4)), Loaded::Row(record(4)));
}
