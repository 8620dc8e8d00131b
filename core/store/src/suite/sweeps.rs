//! Sweeping. Stores may keep the expiry in buckets, so these look a bucket away from the exact time.

use super::made::{IDLE_MS, LATER, NOW, commit, create, destroy, key, load, must, put, record, rename, stamp, touch};
use crate::Store;
use holdall_engine::{Fault, FaultKind, Key, Loaded, Record, Swept, Time};

/// Longer than any bucket of the usual record.
const BUCKET_MS: u64 = 300_000;

/// Sweeps until there is no more, and adds up.
fn sweep_all(store: &dyn Store, before: Time, now: Time, limit: u32) -> Swept {
    let mut all = Swept::default();
    for _ in 0..10_000 {
        let swept = store.sweep(before, now, limit).expect("sweeps");
        assert!(swept.expired + swept.dead <= limit, "no more than the limit");
        assert_eq!(swept.keys.len(), swept.expired as usize, "the keys of the expired ones");
        all.expired += swept.expired;
        all.dead += swept.dead;
        all.keys.extend(swept.keys);
        if !swept.more {
            return all;
        }
    }
    panic!("the sweep never ends");
}

fn sorted(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort();
    keys
}

pub(super) fn removes_what_is_due(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, create(key(2), Record { accessed: NOW + 2 * BUCKET_MS, ..record(1) }));
    must(store, create(key(3), Record { deadline: NOW + 10, ..record(1) }));
    put(store, destroy(key(4), NOW + 1000));
    put(store, destroy(key(5), NOW + 2000));
    must(store, rename(key(6), None, key(7), Record { accessed: LATER, ..record(1) }, NOW + 30_000));
    let end = NOW + IDLE_MS;
    assert_eq!(sweep_all(store, NOW + 9, NOW + 999, 10), Swept::default(), "nothing is due yet");
    assert_eq!(sweep_all(store, end - 1, NOW, 10).keys, [key(3)], "the one with the deadline");
    assert_eq!(sweep_all(store, Time::ZERO, NOW + 1000, 10), Swept { dead: 1, ..Swept::default() });
    assert_eq!(load(store, key(4)), Loaded::Absent);
    assert_eq!(sweep_all(store, end + BUCKET_MS, NOW, 10).keys, [key(1)], "the one that idled");
    assert!(matches!(load(store, key(2)), Loaded::Row(_)));
    assert_eq!(sweep_all(store, Time::ZERO, NOW + 3_600_000, 10).dead, 2, "the other dead row and the alias");
    assert_eq!(load(store, key(6)), Loaded::Absent);
    assert!(matches!(load(store, key(7)), Loaded::Row(_)));
}

pub(super) fn names_what_is_due(store: &dyn Store) {
    for (number, used_ms) in [(1, 2 * BUCKET_MS), (2, 0), (3, 4 * BUCKET_MS), (4, 40 * BUCKET_MS)] {
        must(store, create(key(number), Record { accessed: NOW + used_ms, ..record(1) }));
    }
    let before = NOW + IDLE_MS + 5 * BUCKET_MS;
    let due = |limit| match store.due(before, limit) {
        // A store need not know; its bag then sweeps without claiming.
        Err(Fault { kind: FaultKind::Unsupported, .. }) => None,
        due => Some(due.expect("names them")),
    };
    let Some(all) = due(10) else { return };
    assert_eq!(all, [key(2), key(1), key(3)], "the longest overdue first");
    assert_eq!(due(2), Some(vec![key(2), key(1)]), "no more than the limit");
    assert!(matches!(load(store, key(2)), Loaded::Row(_)), "nothing is changed by it");
    assert_eq!(store.due(NOW, 10), Ok(vec![]), "nobody is named too early");
}

pub(super) fn keeps_to_limit(store: &dyn Store) {
    let writes: Vec<_> = (0..25).map(|number| create(key(number), record(1))).collect();
    commit(store, &writes);
    let first = store.sweep(LATER, LATER, 10).expect("sweeps");
    assert!(first.more && first.expired <= 10);
    let rest = sweep_all(store, LATER, LATER, 10);
    let all = sorted(first.keys.into_iter().chain(rest.keys).collect());
    assert_eq!(all, sorted((0..25).map(key).collect()), "each row once");
}

pub(super) fn many(store: &dyn Store) {
    let live = |number: u64| Record { accessed: if number.is_multiple_of(3) { LATER } else { NOW }, ..record(number) };
    for chunk in 0..6 {
        let numbers = chunk * 500..(chunk + 1) * 500;
        commit(
            store,
            &numbers.map(|number| create(key(number), Record { deadline: Time::NEVER, ..live(number) })).collect::<Vec<_>>(),
        );
    }
    let dead: Vec<_> = (10_000..10_500).map(|number| destroy(key(number), NOW)).collect();
    commit(store, &dead);
    let swept = sweep_all(store, NOW + IDLE_MS + BUCKET_MS, NOW, 100);
    assert_eq!((swept.expired, swept.dead), (2000, 500));
    assert_eq!(sorted(swept.keys), sorted((0..3000).filter(|number| number % 3 != 0).map(key).collect()));
    for number in 0..3000 {
        assert_eq!(load(store, key(number)) == Loaded::Absent, number % 3 != 0, "row {number}");
    }
    assert_eq!(sweep_all(store, NOW + IDLE_MS + BUCKET_MS, NOW, 100), Swept::default());
}

pub(super) fn spares_touched(store: &dyn Store) {
    let writes: Vec<_> = (0..20).map(|number| create(key(number), record(1))).collect();
    commit(store, &writes);
    let due = NOW + IDLE_MS + BUCKET_MS;
    let first = store.sweep(due, NOW, 5).expect("sweeps");
    for number in 0..20 {
        // Whoever is still there comes back to life.
        let touched = put(store, touch(key(number), due));
        assert_eq!(touched == holdall_engine::Verdict::Gone, first.keys.contains(&key(number)));
    }
    assert_eq!(sweep_all(store, due, NOW, 5).expired, 0);
    assert_eq!((0..20).filter(|number| load(store, key(*number)) != Loaded::Absent).count(), 20 - first.keys.len());
}

pub(super) fn nothing(store: &dyn Store) {
    assert_eq!(store.sweep(LATER, LATER, 1000).expect("sweeps"), Swept::default());
    must(store, create(key(1), record(1)));
    assert_eq!(store.sweep(NOW, NOW, 1000).expect("sweeps"), Swept::default());
    assert_eq!(store.sweep(LATER, LATER, 0).expect("sweeps").expired, 0);
    assert_eq!(load(store, key(1)), Loaded::Row(record(1)));
    assert_eq!(put(store, holdall_write(1)), holdall_engine::Verdict::DONE);
}

fn holdall_write(number: u64) -> holdall_engine::Write {
    super::made::update(key(number), stamp(1), record(2))
}

pub(super) fn without_end(store: &dyn Store) {
    must(store, create(key(1), Record { idle_ms: 0, deadline: Time::NEVER, ..record(1) }));
    assert_eq!(sweep_all(store, Time(Time::NEVER.0 - 1), LATER, 10), Swept::default());
}
