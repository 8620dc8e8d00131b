//! Errors of a real server, provoked: what the store makes of each.

use crate::made::{
    IDLE_MS, LATER, NOW, create, destroy, key, load, must, options, record, server, server_at, sized, stamp, store, touch, update,
};
use holdall_engine::{FaultKind, Loaded, Record, Verdict};
use holdall_store::Store;
use holdall_store::mysql::driver::prelude::Queryable;
use holdall_store::mysql::{MysqlOptions, MysqlStore, Server};
use holdall_test_databases::{MariaDb, mysql::Conn, pause, shared, wait_until};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// Two sessions, in the order of their keys.
fn two() -> (u64, u64) {
    if key(1) < key(2) { (1, 2) } else { (2, 1) }
}

fn lock(conn: &mut Conn, number: u64) {
    let sql = "SELECT 1 FROM holdall_sessions WHERE `key` = ? FOR UPDATE";
    conn.exec_drop(sql, (key(number).as_bytes(),)).expect("locks");
}

/// Waits until a statement of the database's sessions waits for a lock.
fn wait_for_a_waiter() {
    let mut admin = shared().admin().expect("an admin");
    wait_until("somebody waited for a lock", SOON, || {
        // The server looks anew only if nobody has asked for a tenth of a second.
        pause(Duration::from_millis(150));
        let sql = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
        admin.query_first::<u64, _>(sql).expect("asks") > Some(0)
    })
    .expect("somebody waits");
}

/// A test that watches for waiters must be the only one that has any.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn a_deadlock_leaves_nothing_done() {
    let _alone = alone();
    let database = shared().database();
    let store = MysqlStore::open(options(server(&database))).expect("opens");
    let (first, second) = two();
    let many: Vec<_> = (1..200).map(|number| create(key(number), record(1))).collect();
    store.commit(&many, NOW).expect("commits");
    let mut other = database.connect().expect("connects");
    other.query_drop("BEGIN").expect("begins");
    // Whoever has changed more rows is spared.
    other
        .query_drop(format!("UPDATE holdall_sessions SET meta = 'x' WHERE `key` NOT IN (x'{}', x'{}')", hex(first), hex(second)))
        .expect("updates");
    lock(&mut other, second);
    let writes = [update(key(first), stamp(1), record(2)), update(key(second), stamp(1), record(2)), destroy(key(999))];
    std::thread::scope(|scope| {
        let committing = scope.spawn(|| store.commit(&writes, NOW).expect("answers"));
        wait_for_a_waiter();
        lock(&mut other, first);
        assert_eq!(committing.join().expect("ends"), vec![Verdict::NotDone; 3]);
    });
    other.query_drop("ROLLBACK").expect("rolls back");
    assert_eq!(load(&store, key(first)), Loaded::Row(record(1)));
    assert_eq!(load(&store, key(999)), Loaded::Absent);
    let again = store.commit(&writes, NOW).expect("commits");
    assert_eq!(again[..2], [Verdict::DONE, Verdict::DONE]);
}

fn hex(number: u64) -> String {
    key(number).as_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn a_lock_that_lasts_leaves_nothing_done() {
    let _alone = alone();
    let database = shared().database();
    let store = MysqlStore::open(options(Server { lock_wait_seconds: 1, ..server(&database) })).expect("opens");
    must(&store, create(key(1), record(1)));
    let mut other = database.connect().expect("connects");
    other.query_drop("BEGIN").expect("begins");
    lock(&mut other, 1);
    let one = update(key(1), stamp(1), record(2));
    let batches = [
        vec![one.clone()],
        vec![one.clone(), create(key(2), record(1))],
        vec![touch(key(1), NOW + 5), create(key(3), record(1))],
    ];
    for writes in &batches {
        assert_eq!(store.commit(writes, NOW).expect("answers"), vec![Verdict::NotDone; writes.len()]);
    }
    other.query_drop("ROLLBACK").expect("rolls back");
    assert_eq!(load(&store, key(2)), Loaded::Absent, "nothing of the batch was applied");
    must(&store, one);
}

#[test]
fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let _alone = alone();
    let database = shared().database();
    let store = MysqlStore::open(options(Server { statement_timeout_ms: 300, ..server(&database) })).expect("opens");
    must(&store, create(key(1), record(1)));
    let mut other = database.connect().expect("connects");
    other.query_drop("BEGIN").expect("begins");
    lock(&mut other, 1);
    let writes = [update(key(1), stamp(1), record(2)), create(key(2), record(1))];
    assert_eq!(store.commit(&writes, NOW).expect("answers"), [Verdict::NotDone, Verdict::NotDone]);
    other.query_drop("ROLLBACK").expect("rolls back");
    assert_eq!(store.commit(&writes, NOW).expect("answers"), [Verdict::DONE, Verdict::DONE]);
}

#[test]
fn a_killed_statement_leaves_nothing_done() {
    let _alone = alone();
    let database = shared().database();
    let store = MysqlStore::open(options(server(&database))).expect("opens");
    must(&store, create(key(1), record(1)));
    let mut other = database.connect().expect("connects");
    for (kill, is_settled) in [("KILL QUERY", true), ("KILL", true)] {
        other.query_drop("BEGIN").expect("begins");
        lock(&mut other, 1);
        let writes = [update(key(1), stamp(1), record(2)), create(key(2), record(1))];
        std::thread::scope(|scope| {
            let committing = scope.spawn(|| store.commit(&writes, NOW));
            wait_for_a_waiter();
            let mut admin = shared().admin().expect("an admin");
            let waiter: Option<u64> = admin
                .query_first("SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'")
                .expect("asks");
            admin.query_drop(format!("{kill} {}", waiter.expect("somebody waits"))).expect("kills");
            match committing.join().expect("ends") {
                Ok(verdicts) => assert!(is_settled && verdicts == [Verdict::NotDone, Verdict::NotDone], "{kill}: {verdicts:?}"),
                Err(fault) => assert_eq!((fault.kind, kill), (FaultKind::Unreachable, "KILL"), "{}", fault.message),
            }
        });
        other.query_drop("ROLLBACK").expect("rolls back");
        assert_eq!(load(&store, key(1)), Loaded::Row(record(1)), "after {kill}");
        assert_eq!(load(&store, key(2)), Loaded::Absent, "after {kill}");
    }
}

/// Somebody else creates the session between this store's look and its insert.
#[test]
fn a_row_that_comes_in_between_is_seen() {
    let _alone = alone();
    let database = shared().database();
    for bulk in [true, false] {
        let store = MysqlStore::open(MysqlOptions { bulk, ..options(server(&database)) }).expect("opens");
        let (taken, free) = if bulk { (1, 2) } else { (3, 4) };
        let mut other = database.connect().expect("connects");
        other.query_drop("BEGIN").expect("begins");
        let sql = "INSERT INTO holdall_sessions VALUES (?, 'shop', 0, NULL, NULL, 1, 5, ?, 0, 0, 0, 1, 1, NULL, NULL, '{}')";
        other.exec_drop(sql, (key(taken).as_bytes(), [0_u8; 16].as_slice())).expect("inserts");
        let writes = [create(key(taken), record(1)), create(key(free), record(1)), destroy(key(90 + free))];
        std::thread::scope(|scope| {
            let committing = scope.spawn(|| store.commit(&writes, NOW).expect("answers"));
            wait_for_a_waiter();
            other.query_drop("COMMIT").expect("commits");
            let verdicts = committing.join().expect("ends");
            assert_eq!(verdicts[..2], [Verdict::Exists, Verdict::DONE], "bulk: {bulk}");
        });
    }
}

/// Somebody uses an expired session between the sweep's look and its delete.
#[test]
fn a_session_touched_during_a_sweep_stays() {
    let _alone = alone();
    for bulk in [true, false] {
        let database = shared().database();
        let store = MysqlStore::open(MysqlOptions { bulk, ..options(server(&database)) }).expect("opens");
        let writes: Vec<_> = (0..5).map(|number| create(key(number), record(1))).collect();
        store.commit(&writes, NOW).expect("commits");
        let mut other = database.connect().expect("connects");
        other.query_drop("BEGIN").expect("begins");
        let sql = "UPDATE holdall_sessions SET accessed = ?, expires = ? WHERE `key` = ?";
        other.exec_drop(sql, (LATER.0, LATER.0 + IDLE_MS, key(3).as_bytes())).expect("touches");
        std::thread::scope(|scope| {
            let sweeping = scope.spawn(|| store.sweep(LATER, NOW, 100).expect("sweeps"));
            wait_for_a_waiter();
            other.query_drop("COMMIT").expect("commits");
            let mut keys = sweeping.join().expect("ends").keys;
            keys.sort();
            let mut expired = [0, 1, 2, 4].map(key);
            expired.sort();
            assert_eq!(keys, expired, "bulk: {bulk}");
        });
        assert_eq!(load(&store, key(3)), Loaded::Row(Record { accessed: LATER, ..record(1) }));
    }
}

/// The other rows of the batch go through, and nothing is cut.
#[test]
fn a_row_that_does_not_fit_is_refused_alone() {
    for (mode, bulk) in [("STRICT_TRANS_TABLES", true), ("STRICT_TRANS_TABLES", false), ("", true)] {
        let loose = MariaDb::options().set("sql_mode", mode).start().expect("a server");
        let store = MysqlStore::open(MysqlOptions { bulk, ..options(server(&loose.database())) }).expect("opens");
        let long = Record { meta: Some("m".repeat(2000).into()), ..record(1) };
        let mut writes: Vec<_> = (0..20).map(|number| create(key(number), record(1))).collect();
        writes[7] = create(key(7), long.clone());
        let verdicts = store.commit(&writes, NOW).expect("answers");
        for (number, verdict) in (0..).zip(&verdicts) {
            match verdict {
                Verdict::Rejected(why) => assert!(number == 7 && why.contains("1406") && why.contains("too long"), "{why}"),
                verdict => assert!(number != 7 && *verdict == Verdict::DONE, "row {number}: {verdict:?}"),
            }
        }
        assert_eq!(load(&store, key(7)), Loaded::Absent, "mode {mode:?}");
        let alone = store.commit(&[update(key(3), stamp(1), Record { stamp: stamp(2), ..long })], NOW).expect("answers");
        assert!(matches!(&alone[0], Verdict::Rejected(_)), "{alone:?}");
        assert_eq!(load(&store, key(3)), Loaded::Row(record(1)));
    }
}

#[test]
fn packets_keep_to_the_servers_limit() {
    let small = MariaDb::options().set("max_allowed_packet", "1M").start().expect("a server");
    for bulk in [true, false] {
        let store = MysqlStore::open(MysqlOptions { bulk, ..options(server(&small.database())) }).expect("opens");
        let mut writes: Vec<_> = (0..40).map(|number| create(key(number), sized(1, 100_000))).collect();
        writes.push(create(key(100), sized(1, 1 << 20)));
        writes.push(create(key(101), sized(1, 900_000)));
        let verdicts = store.commit(&writes, NOW).expect("answers");
        let refused: Vec<usize> = (0..writes.len()).filter(|place| verdicts[*place] != Verdict::DONE).collect();
        assert_eq!(refused, [40], "bulk: {bulk}");
        assert!(matches!(&verdicts[40], Verdict::Rejected(why) if why.contains("max_allowed_packet")), "{:?}", verdicts[40]);
        assert_eq!(load(&store, key(101)), Loaded::Row(sized(1, 900_000)));
        let updates: Vec<_> = (0..40).map(|number| update(key(number), stamp(1), sized(2, 100_000))).collect();
        assert!(store.commit(&updates, NOW).expect("answers").iter().all(|verdict| *verdict == Verdict::DONE));
    }
}

#[test]
fn a_full_disk_says_so_and_nothing_is_lost() {
    let small = MariaDb::options().disk(16).start().expect("a server");
    let store = MysqlStore::open(options(server(&small.database()))).expect("opens");
    must(&store, create(key(0), record(1)));
    let full = (1..200).find_map(|number| {
        let writes = [create(key(2 * number), sized(1, 100_000)), create(key(2 * number + 1), sized(1, 100_000))];
        store.commit(&writes, NOW).err()
    });
    let fault = full.expect("16 MiB are full at last");
    assert_eq!(fault.kind, FaultKind::Full, "{}", fault.message);
    assert_eq!(load(&store, key(0)), Loaded::Row(record(1)));
}

#[test]
fn an_account_without_rights_is_told_so() {
    let database = shared().database();
    let mut admin = shared().admin().expect("an admin");
    let reach = |login| options(server_at(&database, login, database.port));
    let missing = MysqlStore::open(reach(&database.application)).expect_err("the table is missing");
    assert_eq!(missing.kind, FaultKind::Config);
    assert!(missing.message.contains("holdall create-table"), "{}", missing.message);
    drop(MysqlStore::open(reach(&database.owner)).expect("makes the table"));
    let store = MysqlStore::open(reach(&database.application)).expect("four rights are enough");
    must(&store, create(key(1), record(1)));
    must(&store, update(key(1), stamp(1), record(2)));
    let user = &database.application.user;
    admin.query_drop(format!("REVOKE INSERT ON {}.* FROM {user}", database.name)).expect("revokes");
    // Connections keep the rights that they began with.
    let store = MysqlStore::open(reach(&database.application)).expect("reading is enough to open");
    for writes in [vec![create(key(2), record(1))], vec![create(key(2), record(1)), create(key(3), record(1))]] {
        let fault = store.commit(&writes, NOW).expect_err("may not insert");
        assert_eq!(fault.kind, FaultKind::Config);
        assert!(fault.message.contains("1142") && fault.message.contains("right"), "{}", fault.message);
    }
    assert_eq!(load(&store, key(1)), Loaded::Row(record(2)));
}

#[test]
fn an_account_with_too_few_connections_waits() {
    let database = shared().database();
    let store = store(shared());
    drop(store);
    let user = &database.owner.user;
    shared().execute(&format!("GRANT USAGE ON *.* TO {user} WITH MAX_USER_CONNECTIONS 1")).expect("grants");
    let only = database.connect().expect("connects");
    let fault = MysqlStore::open(options(server(&database))).expect_err("no connection is left");
    assert_eq!(fault.kind, FaultKind::Transient, "{}", fault.message);
    drop(only);
    wait_until("the connection was free", SOON, || MysqlStore::open(options(server(&database))).is_ok()).expect("opens");
}
