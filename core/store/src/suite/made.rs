//! Things that the cases are made of.

use crate::Store;
use holdall_engine::{Block, Key, Loaded, Reason, Record, Stamp, Time, ValueRef, Verdict, Wanted, Write, WriteKind, Writer};
use std::sync::Arc;

/// When the cases play.
pub(super) const NOW: Time = Time(1_790_000_000_000);
/// The idle limit of the usual record.
pub(super) const IDLE_MS: u64 = 1_800_000;
/// Past everything that the usual record says.
pub(super) const LATER: Time = Time(NOW.0 + 10 * IDLE_MS);

pub(super) fn key(number: u64) -> Key {
    // Spread out like hashes, so that order of numbers is not order of keys. Text, as every table can hold it.
    let part = |place: u64| {
        let mixed = (number + place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:016x}", mixed ^ (mixed >> 29))
    };
    Key::new([part(0), part(1)].concat().as_bytes())
}

pub(super) fn writer(number: u64) -> Writer {
    Writer { nonce: 0xfeed_f00d_dead_beef, number }
}

pub(super) fn stamp(revision: u64) -> Stamp {
    Stamp { revision, writer: writer(revision) }
}

/// The usual record, in the state that `stamp(revision)` names.
pub(super) fn record(revision: u64) -> Record {
    let text = format!("{{\"revision\":{revision}}}");
    Record {
        stamp: stamp(revision),
        created: NOW,
        accessed: NOW,
        idle_ms: IDLE_MS,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block: Block::from_fields([("cart", ValueRef::Json(&text)), ("raw", ValueRef::Bytes(b"\0\xff"))]),
    }
}

/// A record with everything that not every table can hold.
pub(super) fn owned_by(principal: &str, revision: u64) -> Record {
    let (principal, meta) = (Some(Arc::from(principal)), Some("browser".into()));
    Record { principal, meta, deadline: NOW + 86_400_000, ..record(revision) }
}

pub(super) fn create(key: Key, record: Record) -> Write {
    Write { key, kind: WriteKind::Create { record } }
}

pub(super) fn update(key: Key, base: Stamp, record: Record) -> Write {
    let changed = Arc::from([Box::from("cart")]);
    Write { key, kind: WriteKind::Update { base, record, changed } }
}

pub(super) fn touch(key: Key, accessed: Time) -> Write {
    Write { key, kind: WriteKind::Touch { accessed } }
}

pub(super) fn destroy(key: Key, until: Time) -> Write {
    Write { key, kind: WriteKind::Destroy { reason: Reason::Destroyed, writer: writer(900), until } }
}

pub(super) fn rename(key: Key, base: Option<Stamp>, to: Key, record: Record, alias_until: Time) -> Write {
    Write { key, kind: WriteKind::Rename { base, to, record, alias_until, until: NOW + 3_600_000 } }
}

pub(super) fn expire(key: Key, base: Stamp, before: Time) -> Write {
    let kind = WriteKind::Expire { base, before, reason: Reason::Idle, writer: writer(901), until: before + 3_600_000 };
    Write { key, kind }
}

pub(super) fn commit(store: &dyn Store, writes: &[Write]) -> Vec<Verdict> {
    let verdicts = store.commit(writes, NOW).expect("the commit goes through");
    assert_eq!(verdicts.len(), writes.len(), "one verdict per write");
    verdicts
}

/// Commits one write.
pub(super) fn put(store: &dyn Store, write: Write) -> Verdict {
    commit(store, &[write]).remove(0)
}

/// Commits one write that must go through.
pub(super) fn must(store: &dyn Store, write: Write) {
    assert_eq!(put(store, write), Verdict::DONE);
}

pub(super) fn load_at(store: &dyn Store, key: Key, now: Time) -> Loaded {
    let wanted = [Wanted { key, known: None }];
    store.load(&wanted, now).expect("the load goes through").rows.remove(0)
}

pub(super) fn load(store: &dyn Store, key: Key) -> Loaded {
    load_at(store, key, NOW)
}

/// Whether there is no session: no row, or a dead one.
pub(super) fn is_over(loaded: &Loaded) -> bool {
    matches!(loaded, Loaded::Absent | Loaded::Dead { .. })
}

pub(super) fn dead(reason: Reason) -> Loaded {
    Loaded::Dead { reason, successor: None }
}

/// A destroy went through and named these keys, in any order.
#[track_caller]
pub(super) fn assert_killed(verdict: Verdict, keys: &[Key]) {
    let Verdict::Done { mut killed } = verdict else { panic!("destroy answered {verdict:?}") };
    let mut keys = keys.to_vec();
    keys.sort();
    killed.sort();
    assert_eq!(killed, keys, "the keys killed");
}
