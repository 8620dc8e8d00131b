//! Rows that can't be read, rows that can't be written, files that can't grow.

use super::made::{
    LATER, NOW, create, destroy, filled, folder, key, literal, load, open, options, put, record, stamp, tamper, update, wide,
};
use holdall_engine::{FaultKind, Loaded, Reason, Record, Time, Verdict, Wanted, Write, WriteKind};
use holdall_store::{SqliteOptions, SqliteStore, Store};
use rusqlite::Connection;
use std::path::Path;

/// Everything in a row.
fn raw_row(path: &Path, number: u64) -> Vec<rusqlite::types::Value> {
    let connection = Connection::open(path).expect("opens");
    let sql = format!("SELECT * FROM holdall_sessions WHERE key = {}", literal(number));
    connection.query_row(&sql, [], |row| (0..16).map(|column| row.get(column)).collect()).expect("reads")
}

#[test]
fn rows_that_can_not_be_read_are_told_and_left() {
    let damages = [
        ("data = x'00ff'", "not UTF-8"),
        ("data = x''", "not JSON"),
        ("data = CAST('{\"json\":' AS BLOB)", "not JSON"),
        ("data = CAST('{\"json\":{\"a\":1,\"a\":2}}' AS BLOB)", "twice"),
        ("data = CAST('{\"bytes\":{\"a\":\"*\"}}' AS BLOB)", "base64"),
        ("format = 2", "newer holdall"),
        ("format = 0", "no holdall writes"),
        ("format = -1", "format"),
        ("format = 99999999999", "newer holdall"),
        ("state = 9", "state"),
        ("writer = x'01'", "writer"),
        ("revision = -5", "revision"),
        ("accessed = -1", "accessed"),
        ("idle = -1", "idle"),
    ];
    for (damage, expected) in damages {
        let (_folder, path) = folder();
        filled(&path, 2);
        tamper(&path, &format!("UPDATE holdall_sessions SET {damage} WHERE key = {}", literal(1)));
        let before = raw_row(&path, 1);
        let store = open(&path);
        let wanted = [1, 2].map(|number| Wanted { key: key(number), known: None });
        let rows = store.load(&wanted, NOW).expect("loads").rows;
        let Loaded::Corrupt(why) = &rows[0] else { panic!("{damage}: {:?}", rows[0]) };
        assert!(why.contains(expected), "{damage}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
        assert_eq!(rows[1], Loaded::Row(record(1)), "{damage}: the others are well");
        assert_ne!(put(&store, create(1, record(5))), Verdict::DONE, "{damage}");
        assert_ne!(put(&store, update(1, 77, record(5))), Verdict::DONE, "{damage}: an update that is not based on it");
        store.close().expect("closes");
        assert_eq!(raw_row(&path, 1), before, "{damage}: the row is left as it is");
    }
}

/// Whoever holds the content of exactly this stamp may write what follows from it: that mends the row.
#[test]
fn an_update_based_on_the_stamp_mends_damaged_data() {
    let (_folder, path) = folder();
    filled(&path, 1);
    tamper(&path, "UPDATE holdall_sessions SET data = x'00'");
    let store = open(&path);
    assert_eq!(put(&store, update(1, 1, record(2))), Verdict::DONE);
    assert_eq!(load(&store, 1), Loaded::Row(record(2)));
}

#[test]
fn the_check_tells_what_can_not_be_read() {
    let (_folder, path) = folder();
    filled(&path, 2500);
    let checked = open(&path).check().expect("checks");
    assert_eq!((checked.rows, checked.problems.len()), (2500, 0));
    tamper(&path, "UPDATE holdall_sessions SET data = x'00ff' WHERE rowid IN (3, 2400)");
    let checked = open(&path).check().expect("checks");
    assert_eq!(checked.rows, 2500);
    assert_eq!(checked.problems.len(), 1);
    assert!(checked.problems[0].contains("2 rows can't be read"), "{}", checked.problems[0]);
}

#[test]
fn a_damaged_file_is_a_fault() {
    let (_folder, path) = folder();
    filled(&path, 2000);
    let mut bytes = std::fs::read(&path).expect("reads");
    let len = bytes.len();
    bytes[8192..len].fill(0xa5);
    std::fs::write(&path, bytes).expect("writes");
    let fault = match SqliteStore::open(&path, options()) {
        Err(fault) => fault,
        Ok(store) => store.load(&[Wanted { key: key(1), known: None }], NOW).expect_err("can't be read"),
    };
    assert_eq!(fault.kind, FaultKind::Corrupt, "{}", fault.message);
    assert!(!fault.message.contains("hunter2"));
}

#[test]
fn a_full_disk_loses_nothing_and_is_told() {
    let (_folder, path) = folder();
    filled(&path, 1);
    let full = SqliteOptions { page_limit: Some(40), ..options() };
    let store = SqliteStore::open(&path, full).expect("opens");
    let mut number = 1;
    let fault = loop {
        number += 1;
        assert!(number < 1000, "the limit is never met");
        match store.commit(&[create(number, wide(1, 10_000))], NOW) {
            Ok(verdicts) => assert_eq!(verdicts, [Verdict::DONE]),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.kind, FaultKind::Full, "{}", fault.message);
    assert!(fault.message.contains("make room"), "{}", fault.message);
    // Nothing of the failed batch is there, all before it is, and the store works on when there is room.
    let batch = [create(900, record(1)), create(901, wide(1, 500_000)), destroy(1)];
    assert_eq!(store.commit(&batch, NOW).expect_err("is full").kind, FaultKind::Full);
    assert_eq!(load(&store, 900), Loaded::Absent);
    assert_eq!(load(&store, 1), Loaded::Row(record(1)));
    assert_eq!(load(&store, number), Loaded::Absent);
    assert_eq!(load(&store, number - 1), Loaded::Row(wide(1, 10_000)));
    assert_eq!(put(&store, destroy(2)), Verdict::Done { killed: vec![key(2)] });
    assert_eq!(put(&store, create(950, record(1))), Verdict::DONE);
}

#[test]
fn a_session_that_is_too_large_holds_up_nobody() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path, SqliteOptions { data_limit: 1000, ..options() }).expect("opens");
    let rename = Write {
        key: key(5),
        kind: WriteKind::Rename { base: None, to: key(6), record: wide(1, 2000), alias_until: Time::ZERO, until: LATER },
    };
    let batch = [create(1, wide(1, 980)), create(2, wide(1, 981)), create(3, record(1)), rename];
    let verdicts = store.commit(&batch, NOW).expect("commits");
    assert_eq!(verdicts[0], Verdict::DONE, "the limit itself");
    let Verdict::Rejected(why) = &verdicts[1] else { panic!("{:?}", verdicts[1]) };
    assert!(why.contains("1001 bytes") && why.contains("1000"), "{why}");
    assert_eq!(verdicts[2], Verdict::DONE);
    assert!(matches!(verdicts[3], Verdict::Rejected(_)));
    assert_eq!((load(&store, 5), load(&store, 6)), (Loaded::Absent, Loaded::Absent), "a rename is whole or not at all");
    assert!(matches!(put(&store, update(3, 1, wide(2, 5000))), Verdict::Rejected(_)));
    assert_eq!(load(&store, 3), Loaded::Row(record(1)));
}

/// Rows that name each other can't come from the verbs, only from a hand; destroying and loading must still end.
#[test]
fn successors_in_a_circle() {
    let (_folder, path) = folder();
    let store = open(&path);
    for (from, to) in [(1, 2), (3, 4)] {
        let kind = WriteKind::Rename { base: None, to: key(to), record: record(1), alias_until: LATER, until: LATER };
        assert_eq!(put(&store, Write { key: key(from), kind }), Verdict::DONE);
    }
    let (one, three) = (literal(1), literal(3));
    tamper(
        &path,
        &format!(
            "UPDATE holdall_sessions SET successor = {three} WHERE key = {one};
             UPDATE holdall_sessions SET successor = {one} WHERE key = {three}"
        ),
    );
    assert!(matches!(load(&store, 1), Loaded::Dead { .. }));
    assert_eq!(put(&store, destroy(1)), Verdict::Done { killed: vec![key(1), key(3)] });
    assert_eq!(put(&store, destroy(3)), Verdict::Done { killed: vec![key(3), key(1)] });
}

/// Someone's own trigger refuses dead rows: the second half of a rename fails, and the first is taken back.
#[test]
fn a_trigger_that_refuses_rows() {
    let (_folder, path) = folder();
    filled(&path, 2);
    tamper(
        &path,
        "CREATE TRIGGER no BEFORE UPDATE OF state ON holdall_sessions WHEN new.state = 1 \
         BEGIN SELECT raise(ABORT, 'hunter2'); END",
    );
    let store = open(&path);
    let rename = WriteKind::Rename { base: Some(stamp(1)), to: key(9), record: record(2), alias_until: Time::ZERO, until: LATER };
    let batch = [Write { key: key(1), kind: rename }, update(2, 1, record(2))];
    let verdicts = store.commit(&batch, NOW).expect("commits");
    let Verdict::Rejected(why) = &verdicts[0] else { panic!("{:?}", verdicts[0]) };
    assert!(why.contains("trigger") && !why.contains("hunter2"), "{why}");
    assert_eq!(verdicts[1], Verdict::DONE);
    assert_eq!(load(&store, 1), Loaded::Row(record(1)));
    assert_eq!(load(&store, 9), Loaded::Absent);
    assert_eq!(load(&store, 2), Loaded::Row(record(2)));
}

#[test]
fn applications_keep_to_their_own_rows() {
    let (_folder, path) = folder();
    let shop = open(&path);
    let blog = SqliteStore::open(&path, SqliteOptions { application: "blog".into(), ..options() }).expect("opens");
    let due = |revision| Record { accessed: Time(1), ..record(revision) };
    assert_eq!(put(&shop, create(1, due(1))), Verdict::DONE);
    assert_eq!(put(&blog, create(2, due(1))), Verdict::DONE);
    assert_eq!(blog.list("anna").expect("lists").len(), 1);
    assert_eq!(blog.sweep(NOW, NOW, 10).expect("sweeps").keys, [key(2)]);
    assert_eq!(load(&shop, 1), Loaded::Row(due(1)));
}

#[test]
fn an_ended_row_holds_nothing_of_the_visitor() {
    let (_folder, path) = folder();
    let store = open(&path);
    let told = |revision| Record { meta: Some("his browser".into()), ..record(revision) };
    for number in [1, 2, 3] {
        assert_eq!(put(&store, create(number, told(1))), Verdict::DONE);
    }
    put(&store, destroy(1));
    let rename = WriteKind::Rename { base: Some(stamp(1)), to: key(9), record: told(2), alias_until: LATER, until: LATER };
    assert_eq!(put(&store, Write { key: key(2), kind: rename }), Verdict::DONE);
    let (before, until) = (LATER, LATER);
    let (reason, writer) = (Reason::Idle, stamp(7).writer);
    let expire = WriteKind::Expire { base: stamp(1), before, reason, writer, until };
    assert_eq!(put(&store, Write { key: key(3), kind: expire }), Verdict::DONE);
    let connection = Connection::open(&path).expect("opens");
    let sql = "SELECT count(*) FROM holdall_sessions
        WHERE state <> 0 AND principal IS NULL AND meta IS NULL AND length(data) = 0 AND expires = ?1";
    let until = i64::try_from(LATER.0).expect("fits");
    let bare: i64 = connection.query_row(sql, [until], |row| row.get(0)).expect("reads");
    assert_eq!(bare, 3);
}

/// Rows that expire the earlier the later they were made, so that both orders can be told apart.
fn backwards(path: &Path, count: u64, due: u64) -> SqliteStore {
    let store = open(path);
    let made = |number| {
        let accessed = if number <= due { Time(9_000_000_000 - number * 1_000_000) } else { LATER };
        create(number, Record { accessed, ..record(1) })
    };
    let writes: Vec<Write> = (1..=count).map(made).collect();
    assert!(store.commit(&writes, NOW).expect("commits").iter().all(|verdict| *verdict == Verdict::DONE));
    store
}

#[test]
fn a_few_are_swept_in_the_order_of_the_index() {
    let (_folder, path) = folder();
    let store = backwards(&path, 6000, 40);
    for call in 0..4 {
        let swept = store.sweep(NOW, NOW, 10).expect("sweeps");
        assert!(swept.more, "call {call}");
        let mut expected: Vec<_> = (31 - call * 10..=40 - call * 10).map(key).collect();
        let mut keys = swept.keys;
        keys.sort();
        expected.sort();
        assert_eq!(keys, expected, "call {call}: the oldest first");
    }
    assert_eq!(store.sweep(NOW, NOW, 10).expect("sweeps"), holdall_engine::Swept::default());
}

#[test]
fn many_are_swept_in_the_order_of_the_table() {
    let (_folder, path) = folder();
    let store = backwards(&path, 3000, 2000);
    let first = store.sweep(NOW, NOW, 10).expect("sweeps");
    assert_eq!(first.keys, (1..=10).map(key).collect::<Vec<_>>());
    // What is made behind the walk is found by the next one.
    assert_eq!(put(&store, create(1, Record { accessed: Time(1), ..record(1) })), Verdict::DONE);
    let mut expired = first.expired;
    for _ in 0..1000 {
        let swept = store.sweep(NOW, NOW, 10).expect("sweeps");
        expired += swept.expired;
        if !swept.more {
            break;
        }
    }
    expired += store.sweep(NOW, NOW, 10).expect("sweeps").expired;
    assert_eq!(expired, 2001);
    assert_eq!(store.check().expect("checks").rows, 1000);
}

/// The index on expires is left alone by most saves, and followed when the bucket changes.
#[test]
fn expires_is_coarse() {
    let (_folder, path) = folder();
    let store = open(&path);
    assert_eq!(put(&store, create(1, record(1))), Verdict::DONE);
    let expires = || -> i64 {
        let connection = Connection::open(&path).expect("opens");
        connection.query_row("SELECT expires FROM holdall_sessions", [], |row| row.get(0)).expect("reads")
    };
    let first = expires();
    let exact = i64::try_from(record(1).expires().0).expect("fits");
    assert!(first >= exact && first - exact < 225_000, "rounded up by less than an eighth of the idle limit");
    let mut moves = 0;
    for revision in 1..=100 {
        let before = expires();
        let accessed = NOW + revision * 9000;
        let next = Record { accessed, ..record(revision + 1) };
        assert_eq!(put(&store, update(1, revision, next.clone())), Verdict::DONE);
        assert!(expires() >= i64::try_from(next.expires().0).expect("fits"), "never early");
        moves += u32::from(expires() != before);
    }
    assert_eq!(moves, 4, "fifteen minutes of saves move it once per bucket of 225 s");
}
