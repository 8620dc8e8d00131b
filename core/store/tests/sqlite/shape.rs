//! Tables that are not as holdall made them.

use super::made::{create, filled, folder, load, open, put, record, refused, tamper, update};
use holdall_engine::{FaultKind, Loaded, Verdict};
use holdall_layout::native_sqlite::{COLUMNS, VERSION};
use holdall_store::Store;
use rusqlite::Connection;
use std::fs;

/// A file whose table is made by `change` of the original statements.
fn with_schema(change: impl Fn(&str) -> String) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, path) = folder();
    tamper(&path, &change(holdall_layout::native_sqlite::CREATE));
    (folder, path)
}

#[test]
fn the_committed_text_is_what_is_made() {
    let (_one, by_text) = with_schema(str::to_owned);
    let (_two, by_store) = folder();
    filled(&by_store, 1);
    let schema = |path| -> Vec<Option<String>> {
        let connection = Connection::open(path).expect("opens");
        let mut statement = connection.prepare("SELECT sql FROM sqlite_schema ORDER BY name").expect("prepares");
        let rows = statement.query_map([], |row| row.get(0)).expect("queries");
        rows.collect::<Result<_, _>>().expect("reads")
    };
    assert_eq!(schema(&by_text), schema(&by_store));
    assert_eq!(put(&open(&by_text), create(1, record(1))), Verdict::DONE);
}

#[test]
fn drift() {
    let mut changes: Vec<(String, &str, String)> = Vec::new();
    for column in
        COLUMNS.iter().filter(|column| !matches!(column.name, "key" | "application" | "state" | "expires" | "principal"))
    {
        let null = if column.required { " NOT NULL" } else { "" };
        let line = format!("    {:<11} {:<7}{null}", column.name, column.kind);
        let line = line.trim_end();
        let renamed = line.replacen(column.name, &format!("{}x", column.name), 1);
        changes.push((line.to_owned(), "has no column", renamed));
        let other = if column.kind == "TEXT" { "BLOB" } else { "TEXT" };
        changes.push((line.to_owned(), "is not", line.replace(column.kind, other)));
    }
    let fixed = [
        ("writer      BLOB    NOT NULL", "is not", "writer      BLOB"),
        ("successor   BLOB", "is not", "successor   BLOB    NOT NULL"),
        ("    data  ", "can't be left out", "    owner TEXT NOT NULL,\n    data  "),
        ("CREATE TABLE holdall_sessions", "there is no", "CREATE TABLE other"),
        (" PRIMARY KEY", "no index on key", ""),
        ("(application, state, expires)", "no index on application, state", "(expires)"),
        ("(application, state, expires)", "no index on application, state", "(application, state, expires) WHERE state = 0"),
        ("(application, principal)", "no index on application, principal", "(principal)"),
        ("STRICT", "does not take", "STRICT, WITHOUT ROWID"),
    ];
    changes.extend(fixed.map(|(from, expected, to)| (from.to_owned(), expected, to.to_owned())));
    for (from, expected, to) in changes {
        let (_folder, path) = with_schema(|sql| {
            assert!(sql.contains(&from), "{from:?} is in the text");
            let sql = sql.replacen(&from, &to, 1);
            if to == "CREATE TABLE other" { sql.replace("ON holdall_sessions", "ON other") } else { sql }
        });
        let before = fs::read(&path).expect("reads");
        let fault = refused(&path, FaultKind::Config);
        assert!(fault.message.contains("another shape") && fault.message.contains(expected), "{to}: {}", fault.message);
        assert!(fs::read(&path).expect("reads") == before, "{to}: the file is left as it is");
    }
}

#[test]
fn a_lost_index() {
    for index in ["holdall_sessions_expires", "holdall_sessions_principal"] {
        let (_folder, path) = folder();
        filled(&path, 1);
        tamper(&path, &format!("DROP INDEX {index}"));
        assert!(refused(&path, FaultKind::Config).message.contains("has no index on"));
    }
}

#[test]
fn other_versions() {
    for (version, expected) in [(VERSION + 1, "newer"), (0, "does not read"), (-1, "does not read")] {
        let (_folder, path) = folder();
        filled(&path, 1);
        tamper(&path, &format!("PRAGMA user_version = {version}"));
        let fault = refused(&path, FaultKind::Config);
        assert!(fault.message.contains(expected), "{}", fault.message);
        tamper(&path, &format!("PRAGMA user_version = {VERSION}"));
        assert_eq!(load(&open(&path), 1), Loaded::Row(record(1)));
    }
}

#[test]
fn columns_of_a_newer_version_are_kept() {
    let (_folder, path) = folder();
    filled(&path, 1);
    tamper(&path, "ALTER TABLE holdall_sessions ADD COLUMN later TEXT; UPDATE holdall_sessions SET later = 'kept'");
    let store = open(&path);
    assert_eq!(put(&store, update(1, 1, record(2))), Verdict::DONE);
    assert_eq!(put(&store, create(2, record(1))), Verdict::DONE);
    store.close().expect("closes");
    let connection = Connection::open(&path).expect("opens");
    let later: String =
        connection.query_row("SELECT later FROM holdall_sessions WHERE revision = 2", [], |row| row.get(0)).expect("reads");
    assert_eq!(later, "kept");
}

/// The table goes away under an open store: a fault that says so, no guess and no new table.
#[test]
fn a_table_that_goes_away() {
    let (_folder, path) = folder();
    let store = open(&path);
    assert_eq!(put(&store, create(1, record(1))), Verdict::DONE);
    assert_eq!(load(&store, 1), Loaded::Row(record(1)));
    tamper(&path, "ALTER TABLE holdall_sessions RENAME TO elsewhere");
    let fault = store.commit(&[create(2, record(1))], super::made::NOW).expect_err("fails");
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(fault.message.contains("no such table"), "{}", fault.message);
    let wanted = [holdall_engine::Wanted { key: super::made::key(1), known: None }];
    assert_eq!(store.load(&wanted, super::made::NOW).expect_err("fails").kind, FaultKind::Config);
    tamper(&path, "ALTER TABLE elsewhere RENAME TO holdall_sessions");
    assert_eq!(load(&store, 1), Loaded::Row(record(1)), "and works again when it is back");
    assert_eq!(put(&store, create(2, record(1))), Verdict::DONE);
}
