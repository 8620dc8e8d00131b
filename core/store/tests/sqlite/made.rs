//! Things that the tests are made of.

use holdall_engine::{
    Block, Fault, FaultKind, Key, Loaded, Reason, Record, Stamp, Time, ValueRef, Verdict, Wanted, Write, WriteKind, Writer,
};
use holdall_store::{SqliteOptions, SqliteStore, Store};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

pub const NOW: Time = Time(1_790_000_000_000);
pub const LATER: Time = Time(NOW.0 + 86_400_000);

/// A folder of its own with a path for a database in it.
pub fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.db");
    (folder, path)
}

pub fn options() -> SqliteOptions {
    SqliteOptions { busy_timeout_ms: 50, ..SqliteOptions::new("shop") }
}

pub fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, options()).expect("opens")
}

/// A store with rows 1 to `count`, closed.
pub fn filled(path: &Path, count: u64) {
    let store = open(path);
    let writes: Vec<Write> = (1..=count).map(|number| create(number, record(1))).collect();
    assert!(store.commit(&writes, NOW).expect("commits").iter().all(|verdict| *verdict == Verdict::DONE));
    store.close().expect("closes");
}

/// Runs SQL on the file, as another program would.
pub fn tamper(path: &Path, sql: &str) {
    Connection::open(path).expect("opens").execute_batch(sql).expect(sql);
}

/// The fault of an opening that must be refused, which names the file and has the kind.
#[track_caller]
pub fn refused(path: &Path, kind: FaultKind) -> Fault {
    let fault = SqliteStore::open(path, options()).expect_err("is refused");
    assert_eq!(fault.kind, kind, "{}", fault.message);
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    assert!(fault.message.contains(name), "the message names the file: {}", fault.message);
    fault
}

pub fn key(number: u64) -> Key {
    Key::new(&[&[7; 24][..], &number.to_be_bytes()].concat())
}

/// The key as an SQL literal.
pub fn literal(number: u64) -> String {
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in key(number).as_bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    format!("x'{hex}'")
}

pub fn stamp(revision: u64) -> Stamp {
    Stamp { revision, writer: Writer { nonce: 1, number: revision } }
}

pub fn record(revision: u64) -> Record {
    Record {
        stamp: stamp(revision),
        created: NOW,
        accessed: NOW,
        idle_ms: 1_800_000,
        deadline: Time::NEVER,
        principal: Some("anna".into()),
        meta: None,
        block: Block::from_fields([("secret", ValueRef::Json("\"hunter2\""))]),
    }
}

/// A record whose data takes about `bytes`.
pub fn wide(revision: u64, bytes: usize) -> Record {
    let text = format!("\"{}\"", "x".repeat(bytes));
    Record { block: Block::from_fields([("wide", ValueRef::Json(&text))]), ..record(revision) }
}

pub fn create(number: u64, record: Record) -> Write {
    Write { key: key(number), kind: WriteKind::Create { record } }
}

pub fn update(number: u64, base: u64, record: Record) -> Write {
    Write { key: key(number), kind: WriteKind::Update { base: stamp(base), record, changed: Arc::from([]) } }
}

pub fn destroy(number: u64) -> Write {
    let kind = WriteKind::Destroy { reason: Reason::Destroyed, writer: stamp(99).writer, until: LATER };
    Write { key: key(number), kind }
}

pub fn load(store: &dyn Store, number: u64) -> Loaded {
    let wanted = [Wanted { key: key(number), known: None }];
    store.load(&wanted, NOW).expect("loads").rows.remove(0)
}

pub fn put(store: &dyn Store, write: Write) -> Verdict {
    store.commit(&[write], NOW).expect("commits").remove(0)
}
