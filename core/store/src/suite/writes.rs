//! What each kind of write does, and how verdicts come back.

use super::made::{
    IDLE_MS, LATER, NOW, commit, create, destroy, expire, is_over, key, load, must, owned_by, put, record, rename, stamp, touch,
    update, writer,
};
use crate::Store;
use holdall_engine::{Block, Loaded, Reason, Record, Stamp, Time, ValueRef, Verdict, Wanted};

/// The states that a row can be in before a write based on `stamp(1)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Before {
    Absent,
    Live,
    LiveOther,
    Dead,
    Alias,
}

fn prepare(store: &dyn Store, number: u64, before: Before) {
    let to = key(number + 50_000);
    match before {
        Before::Absent => {}
        Before::Live => must(store, create(key(number), record(1))),
        Before::LiveOther => must(store, create(key(number), record(7))),
        Before::Dead => {
            must(store, create(key(number), record(1)));
            put(store, destroy(key(number), LATER));
        }
        Before::Alias => {
            must(store, create(key(number), record(1)));
            must(store, rename(key(number), Some(stamp(1)), to, record(2), NOW + 30_000));
        }
    }
}

pub(super) fn each_write_on_each_state(store: &dyn Store) {
    use Before::{Absent, Alias, Dead, Live, LiveOther};
    each_write(store, &[Absent, Live, LiveOther, Dead, Alias]);
}

pub(super) fn each_write_on_rows_and_none(store: &dyn Store) {
    each_write(store, &[Before::Absent, Before::Live, Before::LiveOther]);
}

fn each_write(store: &dyn Store, states: &[Before]) {
    use Before::Alias;
    use Verdict::{Conflict, Exists, Gone};
    let done = || Verdict::DONE;
    let table = [
        ("create", [done(), Exists, Exists, Gone, Gone]),
        ("update", [Gone, done(), Conflict, Gone, Gone]),
        ("touch", [Gone, done(), done(), Gone, Gone]),
        ("rename", [Gone, done(), Conflict, Gone, Gone]),
        ("rename without base", [done(), Conflict, Conflict, Gone, Gone]),
        ("expire", [Gone, done(), Conflict, Gone, Gone]),
    ];
    let mut number = 0;
    for (name, expected) in table {
        for (before, expected) in states.iter().copied().zip(expected) {
            number += 1;
            prepare(store, number, before);
            let was = load(store, key(number));
            let new = key(number + 90_000);
            let write = match name {
                "create" => create(key(number), record(3)),
                "update" => update(key(number), stamp(1), record(3)),
                "touch" => touch(key(number), NOW + 5),
                "rename" => rename(key(number), Some(stamp(1)), new.clone(), record(3), Time::ZERO),
                "rename without base" => rename(key(number), None, new.clone(), record(3), Time::ZERO),
                _ => expire(key(number), stamp(1), LATER),
            };
            let verdict = put(store, write);
            assert_eq!(verdict, expected, "{name} on a row that is {before:?}");
            let is = load(store, key(number));
            // Of a session that was never stored only a dead row could tell.
            if before != Before::Absent || expected != Verdict::DONE || name == "create" {
                assert_eq!(is == was, expected != Verdict::DONE, "{name} on a row that is {before:?} changes it");
            }
            let made = load(store, new) != Loaded::Absent;
            assert_eq!(made, name.starts_with("rename") && expected == Verdict::DONE, "{name} on {before:?}: the new row");
        }
    }
    for before in states.iter().copied() {
        number += 1;
        prepare(store, number, before);
        let Verdict::Done { killed } = put(store, destroy(key(number), LATER)) else { panic!("destroy on {before:?}") };
        assert_eq!(killed[0], key(number));
        assert_eq!(killed.len(), if before == Alias { 2 } else { 1 }, "destroy on {before:?}");
        assert!(is_over(&load(store, key(number))), "destroy on {before:?}");
    }
}

pub(super) fn verdicts_in_order(store: &dyn Store) {
    let writes: Vec<_> = (0..100).map(|number| create(key(number), record(number))).collect();
    assert!(commit(store, &writes).iter().all(|verdict| *verdict == Verdict::DONE));
    let mixed: Vec<_> = (0..100).map(|number| update(key(number), stamp(number - number % 2), record(200 + number))).collect();
    for (number, verdict) in commit(store, &mixed).into_iter().enumerate() {
        let expected = if number % 2 == 0 { Verdict::DONE } else { Verdict::Conflict };
        assert_eq!(verdict, expected, "write number {number}");
    }
}

pub(super) fn mixed_batch(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, create(key(2), record(2)));
    must(store, create(key(3), record(3)));
    put(store, destroy(key(4), LATER));
    let verdicts = commit(
        store,
        &[
            create(key(1), record(9)),
            update(key(2), stamp(2), record(10)),
            update(key(3), stamp(99), record(11)),
            create(key(4), record(12)),
            touch(key(5), NOW),
            destroy(key(3), LATER),
            create(key(6), record(13)),
        ],
    );
    let killed = Verdict::Done { killed: vec![key(3)] };
    let expected =
        [Verdict::Exists, Verdict::DONE, Verdict::Conflict, Verdict::Gone, Verdict::Gone, killed, Verdict::DONE].to_vec();
    assert_eq!(verdicts, expected);
    assert_eq!(load(store, key(2)), Loaded::Row(record(10)));
    assert_eq!(load(store, key(6)), Loaded::Row(record(13)));
    assert_eq!(load(store, key(1)), Loaded::Row(record(1)));
}

pub(super) fn empty_batch(store: &dyn Store) {
    assert_eq!(commit(store, &[]), []);
}

pub(super) fn repeated_create(store: &dyn Store) {
    let write = create(key(1), record(5));
    must(store, write.clone());
    assert_eq!(put(store, write), Verdict::Exists);
    assert_eq!(load(store, key(1)), Loaded::Row(record(5)), "the row carries the stamp that the create would have written");
}

pub(super) fn repeated_update(store: &dyn Store) {
    must(store, create(key(1), record(5)));
    let write = update(key(1), stamp(5), record(6));
    must(store, write.clone());
    assert_eq!(put(store, write), Verdict::Conflict);
    assert_eq!(load(store, key(1)), Loaded::Row(record(6)), "the row carries the stamp that the update would have written");
    // The same revision by another writer is another state.
    let same_number = Stamp { writer: writer(77), ..stamp(6) };
    assert_eq!(put(store, update(key(1), same_number, record(7))), Verdict::Conflict);
}

pub(super) fn repeated_touch(store: &dyn Store) {
    must(store, create(key(1), record(5)));
    must(store, touch(key(1), NOW + 50));
    let once = load(store, key(1));
    must(store, touch(key(1), NOW + 50));
    assert_eq!(load(store, key(1)), once);
    assert_eq!(once, Loaded::Row(Record { accessed: NOW + 50, ..record(5) }), "a touch moves nothing else");
}

pub(super) fn accessed_never_goes_back(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, touch(key(1), NOW + 900_000));
    must(store, touch(key(1), NOW + 100_000));
    assert_eq!(load(store, key(1)), Loaded::Row(Record { accessed: NOW + 900_000, ..record(1) }));
    must(store, update(key(1), stamp(1), Record { accessed: NOW + 200_000, ..record(2) }));
    assert_eq!(load(store, key(1)), Loaded::Row(Record { accessed: NOW + 900_000, ..record(2) }));
    must(store, update(key(1), stamp(2), Record { accessed: NOW + 950_000, ..record(3) }));
    assert_eq!(load(store, key(1)), Loaded::Row(Record { accessed: NOW + 950_000, ..record(3) }));
    // By a little, too, so that nothing but accessed changes.
    must(store, touch(key(1), NOW + 950_010));
    must(store, update(key(1), stamp(3), Record { accessed: NOW + 950_001, ..record(4) }));
    assert_eq!(load(store, key(1)), Loaded::Row(Record { accessed: NOW + 950_010, ..record(4) }));
    // The expiry went along: it would be due by the update's own time.
    let swept = store.sweep(NOW + 200_000 + IDLE_MS + 400_000, NOW, 10).expect("sweeps");
    assert_eq!(swept.expired, 0, "the row expires by the larger time");
}

pub(super) fn touch_moves_expiry(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, create(key(2), Record { idle_ms: 0, deadline: NOW + 1000, ..record(1) }));
    for number in [1, 2] {
        must(store, touch(key(number), NOW + IDLE_MS));
    }
    let before = NOW + IDLE_MS + IDLE_MS / 2;
    let swept = store.sweep(before, NOW, 10).expect("sweeps");
    assert_eq!(swept.keys, [key(2)], "a touch can't move a deadline");
    assert!(matches!(load(store, key(1)), Loaded::Row(_)));
}

pub(super) fn update_replaces_everything(store: &dyn Store) {
    must(store, create(key(1), owned_by("zoe", 1)));
    let new = Record {
        idle_ms: 60_000,
        deadline: Time::NEVER,
        principal: Some("anna".into()),
        meta: None,
        block: Block::from_fields([("other", ValueRef::Json("null"))]),
        ..record(2)
    };
    must(store, update(key(1), stamp(1), new.clone()));
    assert_eq!(load(store, key(1)), Loaded::Row(new));
    must(store, update(key(1), stamp(2), owned_by("berta", 3)));
    assert_eq!(load(store, key(1)), Loaded::Row(owned_by("berta", 3)));
}

pub(super) fn expire_claims_idle(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, touch(key(1), NOW + 1000));
    let end = NOW + 1000 + IDLE_MS;
    assert_eq!(put(store, expire(key(1), stamp(1), end - 1)), Verdict::Conflict, "not yet");
    assert_eq!(put(store, expire(key(1), stamp(2), end)), Verdict::Conflict, "another stamp");
    must(store, expire(key(1), stamp(1), end));
    assert_eq!(put(store, expire(key(1), stamp(1), end)), Verdict::Gone, "claimed by whoever came first");
    assert!(is_over(&load(store, key(1))));
}

pub(super) fn expire_claims_once(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, create(key(2), Record { deadline: NOW + 10, ..record(1) }));
    must(store, create(key(3), Record { idle_ms: 0, deadline: Time::NEVER, ..record(1) }));
    let end = NOW + IDLE_MS;
    assert_eq!(put(store, expire(key(1), stamp(1), end - 1)), Verdict::Conflict, "not yet");
    assert_eq!(put(store, expire(key(1), stamp(2), end)), Verdict::Conflict, "another stamp");
    assert_eq!(put(store, expire(key(3), stamp(1), LATER)), Verdict::Conflict, "never");
    must(store, expire(key(1), stamp(1), end));
    must(store, expire(key(2), stamp(1), NOW + 10));
    assert_eq!(put(store, expire(key(1), stamp(1), end)), Verdict::Gone, "claimed by whoever came first");
    assert!(matches!(load(store, key(1)), Loaded::Dead { reason: Reason::Idle, .. }));
    let known = [Wanted { key: key(1), known: Some(stamp(1)) }];
    let answer = store.load(&known, NOW).expect("loads").rows.remove(0);
    assert!(matches!(answer, Loaded::Dead { .. }), "a dead row is never the same as a live one: {answer:?}");
}
