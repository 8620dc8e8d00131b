//! No statement reads the whole table where it has an index, and many rows go in few round trips.

use crate::made::{IDLE_MS, LATER, NOW, create, destroy, key, options, record, server, stamp, touch, update};
use holdall_engine::{Record, Swept, Time, Verdict, Wanted, Write};
use holdall_layout::native_mysql::{Dialect, Sql};
use holdall_store::Store;
use holdall_store::mysql::driver::prelude::Queryable;
use holdall_store::mysql::driver::{Row, Value, from_value};
use holdall_store::mysql::{MysqlOptions, MysqlStore};
use holdall_test_databases::{Database, shared};

const ROWS: u64 = 4000;

fn filled() -> (Database, MysqlStore) {
    let database = shared().database();
    let store = MysqlStore::open(options(server(&database))).expect("opens");
    for first in (0..ROWS).step_by(500) {
        let writes: Vec<Write> = (first..first + 500).map(|number| create(key(number), record(1))).collect();
        store.commit(&writes, NOW).expect("commits");
    }
    (database, store)
}

#[test]
fn every_statement_uses_an_index() {
    let (database, _store) = filled();
    let mut conn = database.connect().expect("connects");
    conn.query_drop("ANALYZE TABLE holdall_sessions").expect("analyzes");
    let sql = Sql::new(Dialect::MariaDb, "`holdall_sessions`".to_owned());
    let one = |number: u64| Value::Bytes(key(number).as_bytes().to_vec());
    let keys = |count: u64| (0..count).map(one).collect::<Vec<_>>();
    let shop = || Value::from("shop");
    let due = || vec![shop(), Value::UInt(0), Value::UInt(NOW.0)];
    let with = |mut values: Vec<Value>, more: Vec<Value>| {
        values.extend(more);
        values
    };
    let until = || vec![shop(), Value::UInt(NOW.0), Value::UInt(NOW.0)];
    let cases: Vec<(String, Vec<Value>, &str)> = vec![
        (sql.load(1, 0), keys(1), "PRIMARY"),
        (sql.load(8, 2), with(vec![Value::from("w"), Value::from("v")], keys(8)), "PRIMARY"),
        (sql.fetch(), keys(1), "PRIMARY"),
        (sql.heads(64), keys(64), "PRIMARY"),
        (sql.sweep_oldest(), with(due(), vec![Value::UInt(100)]), "expires"),
        (sql.sweep_count(), with(due(), vec![Value::UInt(100)]), "expires"),
        (sql.sweep_probe(), with(due(), with(due(), due())), "expires"),
        (sql.key_after(), with(keys(1), vec![Value::UInt(100)]), "PRIMARY"),
        (sql.sweep_lock(64), with(until(), keys(64)), "PRIMARY"),
        (sql.sweep_delete(64), with(until(), keys(64)), "PRIMARY"),
        (sql.sweep_take(64), with(until(), keys(64)), "PRIMARY"),
        (sql.sweep_take_range(true), with(vec![one(1), one(2)], with(until(), vec![Value::UInt(100)])), "PRIMARY"),
        (sql.list(), vec![shop(), Value::from("anna")], "principal"),
    ];
    for (statement, values, index) in cases {
        let statement = statement.split(" RETURNING").next().unwrap_or_default();
        let plan: Vec<Row> = conn.exec(format!("EXPLAIN {statement}"), values).expect("explains");
        let steps: Vec<(Option<String>, Option<String>)> =
            plan.iter().map(|row| (from_value(row["table"].clone()), from_value(row["key"].clone()))).collect();
        let ours = |table: &str| !table.starts_with('<') && table != "always";
        for (table, used) in steps.iter().filter(|(table, _)| table.as_deref().is_some_and(ours)) {
            assert_eq!(used.as_deref(), Some(index), "{table:?} in {statement}");
        }
    }
}

/// Statements that the server got from this store while `work` ran.
fn statements(store: &MysqlStore, work: impl FnOnce()) -> u64 {
    let count = |conn: &mut holdall_test_databases::mysql::Conn| -> u64 {
        let sql = "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'QUESTIONS'";
        conn.query_first(sql).expect("asks").expect("a number")
    };
    let questions = || store.pool().run("asking", |connection| Ok(count(connection.conn()?))).expect("asks");
    let before = questions();
    work();
    questions() - before - 1
}

#[test]
fn a_batch_takes_few_round_trips() {
    let database = shared().database();
    for (bulk, most) in [(true, 4), (false, 8)] {
        let one = holdall_store::mysql::Server { connections: 1, ..server(&database) };
        let store = MysqlStore::open(MysqlOptions { bulk, ..options(one) }).expect("opens");
        let first = if bulk { 0 } else { 10_000 };
        let creates: Vec<Write> = (first..first + 500).map(|number| create(key(number), record(1))).collect();
        let updates = |revision| -> Vec<Write> {
            (first..first + 500).map(|number| update(key(number), stamp(revision), record(revision + 1))).collect()
        };
        let commit = |writes: &[Write]| {
            assert!(store.commit(writes, NOW).expect("commits").iter().all(|verdict| *verdict == Verdict::DONE));
        };
        commit(&creates);
        commit(&updates(1));
        let used = statements(&store, || commit(&updates(2)));
        assert!(used <= most, "500 updates took {used} statements (bulk: {bulk})");
        let touches: Vec<Write> = (first..first + 500).map(|number| touch(key(number), NOW + 1)).collect();
        commit(&touches);
        let touches: Vec<Write> = (first..first + 500).map(|number| touch(key(number), NOW + 2)).collect();
        let used = statements(&store, || commit(&touches));
        assert!(used <= most, "500 touches took {used} statements (bulk: {bulk})");
        let used_later = Record { accessed: NOW + 9, ..record(4) };
        let used = statements(&store, || commit(&[update(key(first), stamp(3), used_later)]));
        assert_eq!(used, 1, "one update is one statement");
        let wanted: Vec<Wanted> = (first..first + 500).map(|number| Wanted { key: key(number), known: None }).collect();
        let used = statements(&store, || assert_eq!(store.load(&wanted, NOW).expect("loads").rows.len(), 500));
        assert!(used <= 2, "loading 500 took {used} statements");
        let used = statements(&store, || assert_eq!(store.sweep(Time::ZERO, NOW, 100).expect("sweeps"), Swept::default()));
        assert!(used <= 2, "sweeping nothing took {used} statements");
    }
}

/// One row that is not what it was taken to be makes the batch go another way, with the same result.
#[test]
fn a_batch_with_surprises() {
    for bulk in [true, false] {
        let database = shared().database();
        let store = MysqlStore::open(MysqlOptions { bulk, ..options(server(&database)) }).expect("opens");
        let creates: Vec<Write> = (0..100).map(|number| create(key(number), record(1))).collect();
        store.commit(&creates, NOW).expect("commits");
        store.commit(&[update(key(40), stamp(1), record(7)), destroy(key(50)), touch(key(60), NOW + 9)], NOW).expect("commits");
        let mut writes: Vec<Write> = (0..100).map(|number| update(key(number), stamp(1), record(2))).collect();
        writes.push(update(key(1000), stamp(1), record(2)));
        writes.push(create(key(1001), record(1)));
        writes.push(touch(key(1002), NOW));
        let verdicts = store.commit(&writes, NOW).expect("commits");
        for (place, verdict) in verdicts.iter().enumerate() {
            let wanted = match place {
                40 => Verdict::Conflict,
                50 | 100 | 102 => Verdict::Gone,
                _ => Verdict::DONE,
            };
            assert_eq!(*verdict, wanted, "write {place} (bulk: {bulk})");
        }
        let rows = store.load(&[Wanted { key: key(1000), known: None }], NOW).expect("loads").rows;
        assert_eq!(rows, [holdall_engine::Loaded::Absent], "an update never makes a row");
        let touched = store.load(&[Wanted { key: key(60), known: Some(stamp(2)) }], NOW).expect("loads").rows;
        assert_eq!(touched, [holdall_engine::Loaded::Same { accessed: NOW + 9 }], "accessed never goes back");
    }
}

#[test]
fn sweeping_removes_many_and_few() {
    for bulk in [true, false] {
        let (database, filled) = filled();
        drop(filled);
        let store = MysqlStore::open(MysqlOptions { bulk, ..options(server(&database)) }).expect("opens");
        let others =
            MysqlStore::open(MysqlOptions { application: "other".to_owned(), ..options(server(&database)) }).expect("opens");
        let foreign: Vec<Write> = (100_000..100_100).map(|number| create(key(number), record(1))).collect();
        others.commit(&foreign, NOW).expect("commits");
        let mut removed = 0;
        loop {
            let swept = store.sweep(LATER, NOW, 300).expect("sweeps");
            assert!(swept.expired <= 300);
            removed += u64::from(swept.expired);
            if !swept.more {
                break;
            }
        }
        assert_eq!(removed, ROWS, "bulk: {bulk}");
        let few: Vec<Write> = (0..5).map(|number| create(key(number), record(1))).collect();
        store.commit(&few, NOW).expect("commits");
        assert_eq!(store.sweep(NOW + 2 * IDLE_MS, NOW, 300).expect("sweeps").expired, 5);
        assert_eq!(others.check().expect("checks").rows, 100, "another application's rows stay");
    }
}

/// Each surprise by itself is noticed in a batch that is otherwise as expected.
#[test]
fn one_surprise_in_a_batch() {
    let surprises: [(Write, Verdict, Time); 4] = [
        (update(key(40), stamp(1), record(7)), Verdict::Conflict, NOW),
        (destroy(key(40)), Verdict::Gone, NOW),
        (touch(key(40), NOW + 9), Verdict::DONE, NOW + 9),
        (create(key(1000), record(5)), Verdict::DONE, NOW),
    ];
    for (surprise, verdict, accessed) in surprises {
        for bulk in [true, false] {
            let store = MysqlStore::open(MysqlOptions { bulk, ..options(server(&shared().database())) }).expect("opens");
            let creates: Vec<Write> = (0..60).map(|number| create(key(number), record(1))).collect();
            store.commit(&creates, NOW).expect("commits");
            store.commit(std::slice::from_ref(&surprise), NOW).expect("commits");
            let mut writes: Vec<Write> = (0..60).map(|number| update(key(number), stamp(1), record(2))).collect();
            // Repeated, it finds itself in the table.
            writes.push(create(key(1000), record(1)));
            let verdicts = store.commit(&writes, NOW).expect("commits");
            let last = if surprise.key == key(1000) { Verdict::Exists } else { Verdict::DONE };
            assert_eq!((&verdicts[40], &verdicts[60]), (&verdict, &last), "{surprise:?} (bulk: {bulk})");
            assert!((0..60).all(|place| place == 40 || verdicts[place] == Verdict::DONE), "{surprise:?} (bulk: {bulk})");
            if verdict == Verdict::DONE {
                let wanted = [Wanted { key: key(40), known: Some(stamp(2)) }];
                let rows = store.load(&wanted, NOW).expect("loads").rows;
                assert_eq!(rows, [holdall_engine::Loaded::Same { accessed }], "{surprise:?} (bulk: {bulk})");
            }
        }
    }
}
