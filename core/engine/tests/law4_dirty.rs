//! Law 4: dirty until the commit is known; what is unsaved is never evicted.

mod common;

use common::*;
use holdall_engine::{Answer, Applied, Lane, Loaded, Save, Verdict, Want};

#[test]
fn sent_is_not_saved() {
    let mut b = Bench::single();
    let ask = b.create_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    assert_eq!(b.engine.unsaved().changes, 1);
    assert_eq!(b.answer(ask), None);
    b.done(op);
    assert!(b.engine.unsaved().is_empty());
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
}

#[test]
fn a_commit_clears_only_what_it_carried() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    let first = b.set_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    let second = b.set_stored("s", &[("a", "2")]);
    b.done(op);
    assert!(matches!(b.answer(first), Some(Answer::Stored { .. })));
    assert_eq!(b.answer(second), None, "the later value of the same field is not stored yet");
    assert_eq!(b.engine.unsaved().changes, 1);
    let (op, writes) = b.commit();
    assert_eq!(changed(&writes[0]), ["a"]);
    b.done(op);
    assert!(matches!(b.answer(second), Some(Answer::Stored { .. })));
}

#[test]
fn a_failed_commit_leaves_the_session_dirty() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.set("s", &[("a", "1")]);
    b.pass(20_000);
    let (op, _) = b.commit();
    b.failed(op);
    assert_eq!(b.engine.unsaved().changes, 1);
    assert_eq!(b.get("s", "a").as_deref(), Some("1"));
}

/// Room for about ten small sessions.
fn small() -> Bench {
    Bench::with(|config| {
        config.memory_bytes = 10 * 1_400;
        config.unsaved_bytes = 10 * config.memory_bytes;
    })
}

#[test]
fn unsaved_sessions_are_refused_room_not_forgotten() {
    let mut b = small();
    let mut made = Vec::new();
    for number in 0..100 {
        let id = format!("s{number}");
        match b.create(&id, &[("a", "1")]) {
            Applied::Done { .. } => made.push(id),
            Applied::Busy => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((3..100).contains(&made.len()), "{} sessions were taken", made.len());
    for id in &made {
        assert_eq!(b.get(id, "a").as_deref(), Some("1"));
    }
    assert_eq!(name(&b.fetch("other", Want::ANY)), "busy");
    let (used, limit) = b.engine.memory();
    assert!(used <= limit, "{used} of {limit}");
    // Being full makes them be written; then there is room again.
    let mut store = Store::default();
    b.run(&mut store);
    assert_eq!(store.rows.len(), made.len());
    assert!(matches!(b.create("one more", &[]), Applied::Done { .. }));
    b.check_account();
}

#[test]
fn unwritten_uses_are_not_evicted() {
    // A pending touch is dirt: forgetting it would end the session early.
    let mut b = small();
    b.open_row("s", row(10, &[]));
    b.pass(5_000);
    b.view("s");
    assert_eq!(b.engine.unwritten_uses(), 1);
    for number in 0..40 {
        let id = format!("t{number}");
        if let holdall_engine::Fetch::Load(_) = b.fetch(&id, Want::FRESH) {
            let (op, _) = b.load();
            b.loaded(op, vec![Loaded::Row(row(1, &[]))]);
        }
    }
    assert!(b.engine.stats().evictions > 0);
    assert!(b.engine.peek(b.id("s")).is_some());
    b.pass(60_000);
    let (op, writes) = b.commit();
    assert_eq!(touched(&writes[0]), Some(START + 5_000));
    b.done(op);
}

#[test]
fn a_session_leaves_memory_only_when_it_is_written_and_rested() {
    let mut b = Bench::with(|config| config.keep_ms = 60_000);
    b.create("s", &[("a", "1")]);
    b.pass(20_000);
    let (op, _) = b.commit();
    b.pass(600_000);
    assert!(b.engine.peek(b.id("s")).is_some(), "its write is not known yet");
    b.verdict(op, Verdict::Unknown);
    b.pass(60_000);
    let (op, _) = b.commit();
    b.done(op);
    b.pass(60_000);
    assert_eq!(b.engine.stats().sessions, 0);
    assert_eq!(b.engine.stats().released, 1);
    b.check_account();
}

#[test]
fn keep_0_leaves_memory_when_written() {
    let mut b = Bench::with(|config| {
        config.keep_ms = 0;
        config.negative_ms = 0;
    });
    b.create("s", &[("a", "1")]);
    b.pass(10_000);
    assert!(b.engine.peek(b.id("s")).is_some());
    let (op, _) = b.commit();
    b.done(op);
    assert_eq!(b.engine.stats().sessions, 0);
}

#[test]
fn a_session_stays_while_a_load_of_it_is_under_way() {
    // Rule 6.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.fetch("s", Want::FRESH);
    let (op, _) = b.load();
    b.pass(3_000_000);
    b.loaded(op, vec![Loaded::Same { accessed: START + 2_900_000 }]);
    assert!(b.engine.peek(b.id("s")).is_some());
}

#[test]
fn equal_values_are_no_change() {
    let mut b = Bench::single();
    b.stored("s", &[("a", "1")]);
    b.set("s", &[("a", "1")]);
    assert!(b.engine.unsaved().is_empty());
    let ask = b.set_stored("s", &[("a", "1")]);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })), "there is nothing to wait for");
    assert!(b.op(Lane::Saves).is_none());
    b.check_account();
}

#[test]
fn an_empty_new_session_is_dirty_too() {
    let mut b = Bench::single();
    b.create_with("s", &set(&[]), &Save::default());
    assert_eq!(b.engine.unsaved().changes, 1);
    b.pass(10_000);
    let (_, writes) = b.commit();
    assert!(is_create(&writes[0]));
}
