//! What the tests are made of.

use holdall_engine::{Block, Key, Loaded, Reason, Record, Stamp, Time, ValueRef, Verdict, Wanted, Write, WriteKind, Writer};
use holdall_store::Store;
use holdall_store::mysql::{Host, MysqlOptions, MysqlStore, Server, Tls};
use holdall_test_databases::{Database, Login, MariaDb};
use std::sync::Arc;

pub const NOW: Time = Time(1_790_000_000_000);
pub const IDLE_MS: u64 = 1_800_000;
pub const LATER: Time = Time(NOW.0 + 10 * IDLE_MS);

/// How `login` reaches a database, by a port that may be a proxy's.
pub fn server_at(database: &Database, login: &Login, port: u16) -> Server {
    Server { tls: Tls::Off, ..Server::new(Host::new("127.0.0.1", port), &login.user, &login.password, &database.name) }
}

pub fn server(database: &Database) -> Server {
    server_at(database, &database.owner, database.port)
}

pub fn options(server: Server) -> MysqlOptions {
    MysqlOptions::new("shop", server)
}

/// A store over a new, empty database.
pub fn store(on: &MariaDb) -> MysqlStore {
    MysqlStore::open(options(server(&on.database()))).expect("opens")
}

pub fn key(number: u64) -> Key {
    let mut bytes = [0; 32];
    for (place, part) in bytes.chunks_mut(8).enumerate() {
        let mixed = (number + place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        part.copy_from_slice(&(mixed ^ (mixed >> 29)).to_be_bytes());
    }
    Key::new(&bytes)
}

pub fn stamp(revision: u64) -> Stamp {
    Stamp { revision, writer: Writer { nonce: 7, number: revision } }
}

/// The usual record, with a text of `size` letters.
pub fn sized(revision: u64, size: usize) -> Record {
    let text = format!("\"{}\"", "x".repeat(size));
    Record {
        stamp: stamp(revision),
        created: NOW,
        accessed: NOW,
        idle_ms: IDLE_MS,
        deadline: NOW + 86_400_000,
        principal: None,
        meta: Some("browser".into()),
        block: Block::from_fields([("text", ValueRef::Json(&text)), ("bytes", ValueRef::Bytes(b"\0\xff"))]),
    }
}

pub fn record(revision: u64) -> Record {
    sized(revision, 20)
}

pub fn create(key: Key, record: Record) -> Write {
    Write { key, kind: WriteKind::Create { record } }
}

pub fn update(key: Key, base: Stamp, record: Record) -> Write {
    Write { key, kind: WriteKind::Update { base, record, changed: Arc::from([Box::from("text")]) } }
}

pub fn touch(key: Key, accessed: Time) -> Write {
    Write { key, kind: WriteKind::Touch { accessed } }
}

pub fn destroy(key: Key) -> Write {
    let writer = Writer { nonce: 8, number: 1 };
    Write { key, kind: WriteKind::Destroy { reason: Reason::Destroyed, writer, until: LATER } }
}

pub fn load(store: &dyn Store, key: Key) -> Loaded {
    store.load(&[Wanted { key, known: None }], NOW).expect("loads").rows.remove(0)
}

/// Commits one write that must go through.
#[track_caller]
pub fn must(store: &dyn Store, write: Write) {
    assert_eq!(store.commit(&[write], NOW).expect("commits"), [Verdict::DONE]);
}
