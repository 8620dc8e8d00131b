//! Principals, values, keys, sizes, ends.

use super::made::{
    IDLE_MS, LATER, NOW, commit, create, destroy, key, load, must, owned_by, put, record, rename, stamp, touch, update,
};
use crate::Store;
use holdall_engine::{Block, Key, Listed, Loaded, Record, Stamp, Time, ValueRef, Wanted, Write, WriteKind, Writer};

fn keys_of(store: &dyn Store, principal: &str) -> Vec<Key> {
    store.list(principal).expect("lists").into_iter().map(|listed| listed.key).collect()
}

fn sorted(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort();
    keys
}

pub(super) fn list_by_principal(store: &dyn Store) {
    for number in 0..4 {
        must(store, create(key(number), owned_by("anna", number)));
    }
    must(store, create(key(10), owned_by("ann", 1)));
    must(store, create(key(11), owned_by("anna ", 1)));
    must(store, create(key(12), owned_by("Anna", 1)));
    must(store, create(key(13), record(1)));
    put(store, destroy(key(3), LATER));
    must(store, touch(key(1), NOW + 7));
    assert_eq!(keys_of(store, "anna"), sorted((0..3).map(key).collect()), "in the order of keys, nobody else's, no dead ones");
    assert_eq!(keys_of(store, "nobody"), []);
    assert_eq!(keys_of(store, ""), []);
    let listed = store.list("anna").expect("lists").into_iter().find(|listed| listed.key == key(1));
    let (accessed, meta) = (NOW + 7, Some("browser".into()));
    let expected = Listed { key: key(1), created: NOW, accessed, expires: accessed + IDLE_MS, meta };
    assert_eq!(listed, Some(expected));
}

pub(super) fn principal_changes(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    must(store, update(key(1), stamp(1), owned_by("anna", 2)));
    assert_eq!(keys_of(store, "anna"), [key(1)]);
    must(store, update(key(1), stamp(2), owned_by("berta", 3)));
    assert_eq!((keys_of(store, "anna"), keys_of(store, "berta")), (vec![], vec![key(1)]));
    must(store, update(key(1), stamp(3), owned_by("berta", 4)));
    assert_eq!(keys_of(store, "berta"), [key(1)]);
    must(store, rename(key(1), Some(stamp(4)), key(2), owned_by("berta", 5), NOW + 30_000));
    assert_eq!(keys_of(store, "berta"), [key(2)], "an alias is not another session");
    must(store, update(key(2), stamp(5), record(6)));
    assert_eq!(keys_of(store, "berta"), []);
}

pub(super) fn every_kind(store: &dyn Store) {
    let fields: Vec<(&str, ValueRef<'_>)> = vec![
        ("", ValueRef::Json("\"the empty name\"")),
        ("\"quoted\\\" \u{1}\n", ValueRef::Json("{ \"b\" :1, \"a\":2 }")),
        ("bytes", ValueRef::Bytes(&[0, 1, 2, 0xff, 0xfe])),
        ("empty", ValueRef::Bytes(b"")),
        ("big", ValueRef::Json("123456789012345678901234567890.5e400")),
        ("emoji 🧦", ValueRef::Json("\"🧦 \\ud83e\\udde6\"")),
        ("lone", ValueRef::Json("\"\\ud800\"")),
        ("foreign", ValueRef::Foreign { kind: "cfml:query", raw: b"\x00raw" }),
        ("foreign, empty", ValueRef::Foreign { kind: "", raw: b"" }),
        ("nul", ValueRef::Json("\"\\u0000\"")),
        ("\0later", ValueRef::Unknown(b"{\"of\": [ 1e400 ]}")),
    ];
    let block = Block::from_fields(fields);
    let full = Record { block, principal: Some("änna 🧦".into()), meta: Some("ü\n\"'".into()), ..record(1) };
    must(store, create(key(1), full.clone()));
    assert_eq!(load(store, key(1)), Loaded::Row(full.clone()));
    let again = Record { stamp: stamp(2), ..full };
    must(store, update(key(1), stamp(1), again.clone()));
    assert_eq!(load(store, key(1)), Loaded::Row(again));
    assert_eq!(keys_of(store, "änna 🧦"), [key(1)]);
    let bare = Record { block: Block::empty(), principal: None, meta: None, ..record(1) };
    must(store, create(key(2), bare.clone()));
    assert_eq!(load(store, key(2)), Loaded::Row(bare));
}

pub(super) fn keys_alike(store: &dyn Store) {
    let alike: [&[u8]; 9] = [b"abc", b"ABC", b"abc ", b"abc\0", b" abc", b"ab", b"\xffabc", b"a\xcc\x88", b"\xc3\xa4"];
    let writes: Vec<_> = alike.iter().zip(1..).map(|(bytes, number)| create(Key::new(bytes), record(number))).collect();
    assert!(commit(store, &writes).iter().all(|verdict| *verdict == holdall_engine::Verdict::DONE));
    for (bytes, number) in alike.iter().zip(1..) {
        assert_eq!(load(store, Key::new(bytes)), Loaded::Row(record(number)));
    }
}

pub(super) fn large(store: &dyn Store) {
    let text = format!("\"{}\"", "x".repeat(3 << 20));
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let block = Block::from_fields([("text", ValueRef::Json(&text)), ("bytes", ValueRef::Bytes(&bytes))]);
    let large = Record { block, ..record(1) };
    must(store, create(key(1), large.clone()));
    assert_eq!(load(store, key(1)), Loaded::Row(large));
    let changed = ["bytes", "cart", "raw", "text"].map(Box::from).into();
    let kind = WriteKind::Update { base: stamp(1), record: record(2), changed };
    must(store, Write { key: key(1), kind });
    assert_eq!(load(store, key(1)), Loaded::Row(record(2)));
}

pub(super) fn times_at_their_ends(store: &dyn Store) {
    let last = Stamp { revision: Stamp::REVISION_LIMIT - 1, writer: Writer { nonce: u64::MAX, number: u64::MAX } };
    let end = Record { stamp: last, idle_ms: 0, deadline: Time::NEVER, accessed: Time(Time::NEVER.0 - 1), ..record(1) };
    must(store, create(key(1), end.clone()));
    assert_eq!(load(store, key(1)), Loaded::Row(end.clone()));
    let next = last.next(Writer { nonce: 1, number: 1 });
    let start = Record { stamp: next, created: Time::ZERO, idle_ms: 1, ..end };
    must(store, update(key(1), last, start.clone()));
    assert_eq!(load(store, key(1)), Loaded::Row(start));
    let wanted = [Wanted { key: key(1), known: Some(next) }];
    let same = Loaded::Same { accessed: Time(Time::NEVER.0 - 1) };
    assert_eq!(store.load(&wanted, NOW).expect("loads").rows, [same]);
}

pub(super) fn closing(store: &dyn Store) {
    must(store, create(key(1), record(1)));
    store.close().expect("closes");
    store.close().expect("closes again");
    assert!(store.load(&[Wanted { key: key(1), known: None }], NOW).is_err());
    assert!(store.commit(&[create(key(2), record(1))], NOW).is_err());
    assert!(store.sweep(LATER, LATER, 1).is_err());
    assert!(store.list("anna").is_err());
}
