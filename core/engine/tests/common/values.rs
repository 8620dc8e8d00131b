//! Made-up rows, changes and replies, and short looks at writes and answers.

use super::{IDLE_MS, Plain, START};
use holdall_engine::{
    Applied, Ask, Block, Changes, Fault, FaultKind, Fetch, Key, Loaded, Reason, Record, Reply, Rules, Stamp, Time, ValueRef,
    View, Write, WriteKind, Writer,
};
use std::sync::Arc;

pub fn key(id: &str) -> Key {
    Plain.key(id.as_bytes())
}

/// Changes that set fields to JSON.
pub fn set(fields: &[(&str, &str)]) -> Changes {
    let mut changes = Changes::new();
    for (name, text) in fields {
        changes.set_json(name, text);
    }
    changes
}

pub fn block(fields: &[(&str, &str)]) -> Block {
    Block::from_fields(fields.iter().map(|(name, text)| (*name, ValueRef::Json(text))))
}

pub fn json(block: &Block, field: &str) -> Option<String> {
    match block.get(field)? {
        ValueRef::Json(text) => Some(text.into()),
        other => panic!("expected JSON, got {other:?}"),
    }
}

/// A row as another server wrote it.
pub fn row(revision: u64, fields: &[(&str, &str)]) -> Record {
    Record {
        stamp: Stamp { revision, writer: Writer { nonce: 99, number: revision } },
        created: START,
        accessed: START,
        idle_ms: IDLE_MS,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block: block(fields),
    }
}

/// Someone else's session under an id that was thought to be free: it began at another time.
pub fn taken(revision: u64, fields: &[(&str, &str)]) -> Record {
    Record { created: START - 1_000, ..row(revision, fields) }
}

pub fn stamp(write: &Write) -> Stamp {
    write.record().expect("a write with content").stamp
}

pub fn base(write: &Write) -> Option<Stamp> {
    match &write.kind {
        WriteKind::Update { base, .. } => Some(*base),
        WriteKind::Rename { base, .. } => *base,
        _ => None,
    }
}

pub fn is_create(write: &Write) -> bool {
    matches!(write.kind, WriteKind::Create { .. })
}

pub fn is_update(write: &Write) -> bool {
    matches!(write.kind, WriteKind::Update { .. })
}

pub fn touched(write: &Write) -> Option<Time> {
    if let WriteKind::Touch { accessed } = write.kind { Some(accessed) } else { None }
}

/// The names that an update says it changes.
pub fn changed(write: &Write) -> Vec<String> {
    let WriteKind::Update { changed, .. } = &write.kind else { panic!("expected an update") };
    changed.iter().map(ToString::to_string).collect()
}

pub fn dead(reason: Reason) -> Loaded {
    Loaded::Dead { reason, successor: None }
}

pub fn unreachable_store() -> Reply {
    Reply::Failed(Fault::new(FaultKind::Unreachable, "the made-up store can't be reached"))
}

pub fn asked(applied: Applied) -> Ask {
    match applied {
        Applied::Done { ask: Some(ask), .. } | Applied::Asked(ask) => ask,
        other => panic!("expected something to wait for, got {other:?}"),
    }
}

pub fn ready(fetch: Fetch) -> View {
    match fetch {
        Fetch::Ready(view) => view,
        other => panic!("expected a session, got {}", name(&other)),
    }
}

/// What an open was answered, in a word.
pub fn name(fetch: &Fetch) -> &'static str {
    match fetch {
        Fetch::Ready(_) => "ready",
        Fetch::Load(_) => "load",
        Fetch::Wait(_) => "wait",
        Fetch::Absent => "absent",
        Fetch::Dead(_) => "dead",
        Fetch::Busy => "busy",
        Fetch::Failed(_) => "failed",
    }
}

#[allow(clippy::unnecessary_wraps, reason = "a record's field, as it is written")]
pub fn principal(name: &str) -> Option<Arc<str>> {
    Some(name.into())
}
