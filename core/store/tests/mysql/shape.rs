//! Tables: made where they are missing, and refused with a reason where they are not as they must be.

use crate::made::{NOW, create, key, load, must, options, record, server, server_at, sized};
use holdall_engine::{FaultKind, Loaded, Verdict};
use holdall_layout::native_mysql::{self, Dialect};
use holdall_store::Store;
use holdall_store::mysql::driver::prelude::Queryable;
use holdall_store::mysql::{MysqlOptions, MysqlStore};
use holdall_test_databases::{Database, shared};

/// A database with the usual table, changed by one statement.
fn changed(statement: &str) -> Database {
    let database = shared().database();
    let mut conn = database.connect().expect("connects");
    for sql in native_mysql::create(Dialect::MariaDb, native_mysql::TABLE) {
        conn.query_drop(sql).expect("makes");
    }
    conn.query_drop(format!("ALTER TABLE holdall_sessions {statement}")).unwrap_or_else(|error| panic!("{statement}: {error}"));
    database
}

#[test]
fn another_shape_is_refused_and_named() {
    let cases = [
        ("MODIFY principal VARCHAR(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin", "principal has the character set utf8mb3"),
        ("MODIFY meta VARCHAR(1024) CHARACTER SET latin1", "meta has the character set latin1"),
        (
            "MODIFY application VARCHAR(255) COLLATE utf8mb4_bin NOT NULL",
            "application has the collation utf8mb4_bin, which folds or pads",
        ),
        ("MODIFY principal VARCHAR(255) COLLATE utf8mb4_general_ci", "principal has the collation utf8mb4_general_ci"),
        ("MODIFY `key` VARCHAR(64) NOT NULL", "key is of type varchar, not varbinary"),
        ("MODIFY `key` VARBINARY(20) NOT NULL", "key holds 20 only; it needs 32"),
        ("MODIFY accessed INT NOT NULL", "accessed is of type int"),
        ("MODIFY data TINYBLOB NOT NULL", "data is of type tinyblob"),
        ("MODIFY principal VARCHAR(255) COLLATE utf8mb4_nopad_bin NOT NULL", "principal must take NULL"),
        ("MODIFY meta VARCHAR(100) COLLATE utf8mb4_nopad_bin", "meta holds 100 only"),
        ("DROP COLUMN successor", "the column successor is missing"),
        ("ADD COLUMN tenant INT NOT NULL", "the further column tenant has no default"),
        ("DROP PRIMARY KEY", "there is no primary key key on key"),
        ("DROP PRIMARY KEY, ADD KEY (`key`)", "there is no primary key"),
        ("DROP KEY expires", "there is no index expires on application, state, expires"),
        ("DROP KEY expires, ADD KEY expires (state, expires)", "there is no index expires"),
        ("DROP KEY principal", "there is no index principal on application, principal"),
        ("COMMENT 'holdall sessions, version 2'", "version 2, newer than this holdall knows"),
        ("DROP KEY expires, DROP KEY principal, ENGINE = MyISAM", "not an InnoDB table"),
    ];
    for (statement, says) in cases {
        let database = changed(statement);
        let fault = MysqlStore::open(options(server(&database))).expect_err(statement);
        assert_eq!(fault.kind, FaultKind::Config, "{statement}");
        assert!(fault.message.contains(says) && fault.message.contains("holdall_sessions"), "{statement}: {}", fault.message);
    }
}

#[test]
fn what_does_no_harm_is_taken() {
    for statement in [
        "ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT 'x'",
        "ADD COLUMN at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP",
        "MODIFY data MEDIUMBLOB NOT NULL",
        "MODIFY `key` VARBINARY(255) NOT NULL",
        "MODIFY principal VARBINARY(400)",
        "ADD KEY accessed (accessed)",
        "COMMENT 'ours'",
    ] {
        let store = MysqlStore::open(options(server(&changed(statement)))).unwrap_or_else(|fault| panic!("{}", fault.message));
        must(&store, create(key(1), record(1)));
        assert_eq!(load(&store, key(1)), Loaded::Row(record(1)), "{statement}");
    }
}

/// What the column can't hold is refused, not cut.
#[test]
fn a_short_column_sets_the_limit() {
    let store = MysqlStore::open(options(server(&changed("MODIFY data BLOB NOT NULL")))).expect("opens");
    must(&store, create(key(1), sized(1, 65_000)));
    let verdicts = store.commit(&[create(key(2), sized(1, 65_536)), create(key(3), record(1))], NOW).expect("answers");
    assert!(matches!(&verdicts[0], Verdict::Rejected(why) if why.contains("65535")), "{:?}", verdicts[0]);
    assert_eq!(verdicts[1], Verdict::DONE);
    assert_eq!(load(&store, key(2)), Loaded::Absent);
}

#[test]
fn names_that_are_no_identifiers_are_refused() {
    let database = shared().database();
    for name in ["", "a b", "a.b", "a`b", "a;DROP TABLE x", "ä", &"x".repeat(65)] {
        let fault = MysqlStore::open(MysqlOptions { table: name.to_owned(), ..options(server(&database)) }).expect_err(name);
        assert!(fault.kind == FaultKind::Config && fault.message.contains("identifier"), "{name:?}: {}", fault.message);
    }
}

#[test]
fn a_missing_table_is_made_only_if_that_is_wanted() {
    let database = shared().database();
    let fault = MysqlStore::open(MysqlOptions { create: false, ..options(server(&database)) }).expect_err("it is missing");
    assert!(fault.kind == FaultKind::Config && fault.message.contains("holdall create-table"), "{}", fault.message);
    drop(MysqlStore::open(options(server(&database))).expect("makes it"));
    // Afterwards an account that may only read and write is enough.
    let reach = server_at(&database, &database.application, database.port);
    drop(MysqlStore::open(MysqlOptions { create: false, ..options(reach) }).expect("opens"));
}

#[test]
fn a_table_that_goes_away_is_told() {
    let database = shared().database();
    let store = MysqlStore::open(options(server(&database))).expect("opens");
    let mut conn = database.connect().expect("connects");
    conn.query_drop("ALTER TABLE holdall_sessions DROP COLUMN meta").expect("alters");
    let fault = store.commit(&[create(key(1), record(1)), create(key(2), record(1))], NOW).expect_err("a column is missing");
    assert!(fault.kind == FaultKind::Config && fault.message.contains("1054"), "{}", fault.message);
    assert!(store.check().expect("checks").problems[0].contains("meta is missing"));
    conn.query_drop("DROP TABLE holdall_sessions").expect("drops");
    let fault = store.commit(&[create(key(1), record(1))], NOW).expect_err("the table is missing");
    assert!(fault.kind == FaultKind::Config && fault.message.contains("1146"), "{}", fault.message);
}

/// Rows that somebody damaged are kept as they are, and reported.
#[test]
fn damaged_rows_are_reported_and_left() {
    let database = shared().database();
    let store = MysqlStore::open(options(server(&database))).expect("opens");
    let damage =
        ["data = 'no json'", "format = 99", "state = 9", "writer = x'00', accessed = 5, principal = NULL", "data = x'ff'"];
    let mut conn = database.connect().expect("connects");
    for (number, set) in (1..).zip(damage) {
        must(&store, create(key(number), record(1)));
        conn.exec_drop(format!("UPDATE holdall_sessions SET {set} WHERE `key` = ?"), (key(number).as_bytes(),)).expect("damages");
    }
    must(&store, create(key(100), record(1)));
    for number in [1, 2, 3, 5] {
        assert!(matches!(load(&store, key(number)), Loaded::Corrupt(_)), "row {number}");
    }
    let checked = store.check().expect("checks");
    assert_eq!((checked.rows, checked.problems.len()), (5, 1));
    assert!(checked.problems[0].starts_with("3 rows can't be read"), "{}", checked.problems[0]);
    let verdicts = store.commit(&[crate::made::destroy(key(3)), create(key(101), record(1))], NOW).expect("answers");
    assert!(matches!(verdicts[0], Verdict::Rejected(_)) && verdicts[1] == Verdict::DONE, "{verdicts:?}");
}
