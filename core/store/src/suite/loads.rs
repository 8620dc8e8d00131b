//! What loading answers.

use super::made::{LATER, NOW, create, dead, destroy, is_over, key, load, load_at, must, put, record, rename, stamp, touch};
use crate::Store;
use holdall_engine::{Loaded, Reason, Record, Time, Wanted};

pub(super) fn in_order(store: &dyn Store) {
    for number in 0..20 {
        must(store, create(key(number), record(number)));
    }
    put(store, destroy(key(100), LATER));
    let wanted: Vec<Wanted> = [7, 3, 55, 100, 19, 3].map(|number| Wanted { key: key(number), known: None }).into();
    let reply = store.load(&wanted, NOW).expect("loads");
    let row = |number| Loaded::Row(record(number));
    assert!(is_over(&reply.rows[3]), "the one that was destroyed");
    let expected = [row(7), row(3), Loaded::Absent, reply.rows[3].clone(), row(19), row(3)];
    assert_eq!(reply.rows, expected);
    assert_eq!(store.load(&[], NOW).expect("loads").rows, []);
}

pub(super) fn known_stamp(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    let ask = |known| store.load(&[Wanted { key: key(1), known }], NOW).expect("loads").rows.remove(0);
    assert_eq!(ask(Some(stamp(1))), Loaded::Same { accessed: NOW });
    must(store, touch(key(1), NOW + 500));
    assert_eq!(ask(Some(stamp(1))), Loaded::Same { accessed: NOW + 500 }, "a touch by someone else is told");
    assert_eq!(ask(Some(stamp(2))), Loaded::Row(Record { accessed: NOW + 500, ..record(1) }));
    let both = [Wanted { key: key(1), known: Some(stamp(1)) }, Wanted { key: key(2), known: Some(stamp(1)) }];
    let rows = store.load(&both, NOW).expect("loads").rows;
    assert_eq!(rows, [Loaded::Same { accessed: NOW + 500 }, Loaded::Absent]);
}

pub(super) fn alias_reads_successor(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, rename(key(1), Some(stamp(1)), key(2), record(2), NOW + 30_000));
    assert_eq!(load_at(store, key(1), NOW + 29_999), Loaded::Alias(record(2)));
    let rotated = Loaded::Dead { reason: Reason::Rotated, successor: Some(key(2)) };
    assert_eq!(load_at(store, key(1), NOW + 30_000), rotated);
    let known = [Wanted { key: key(1), known: Some(stamp(1)) }, Wanted { key: key(1), known: Some(stamp(2)) }];
    for answer in store.load(&known, NOW).expect("loads").rows {
        assert_eq!(answer, Loaded::Alias(record(2)), "an alias is never the same as a row held");
    }
}

pub(super) fn alias_of_alias(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, rename(key(1), Some(stamp(1)), key(2), record(2), NOW + 30_000));
    must(store, rename(key(2), Some(stamp(2)), key(3), record(3), NOW + 20_000));
    assert_eq!(load_at(store, key(1), NOW), Loaded::Alias(record(3)));
    let rotated = Loaded::Dead { reason: Reason::Rotated, successor: Some(key(3)) };
    assert_eq!(load_at(store, key(1), NOW + 25_000), rotated, "each in its own grace only");
}

pub(super) fn alias_of_dead(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, rename(key(1), Some(stamp(1)), key(2), record(2), NOW + 30_000));
    put(store, destroy(key(2), LATER));
    assert_eq!(load(store, key(1)), dead(Reason::Destroyed));
}

pub(super) fn alias_of_swept(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, rename(key(1), Some(stamp(1)), key(2), record(2), LATER));
    assert_eq!(store.sweep(LATER, NOW, 10).expect("sweeps").keys, [key(2)]);
    let rotated = Loaded::Dead { reason: Reason::Rotated, successor: Some(key(2)) };
    assert_eq!(load(store, key(1)), rotated);
}

/// The caller's, or that of a server with a clock of its own; never nothing.
pub(super) fn tells_time(store: &dyn Store) {
    let reply = store.load(&[], NOW).expect("loads");
    assert!(reply.now > Time::ZERO && reply.now.is_set());
}
