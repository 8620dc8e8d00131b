//! What goes into a batch, and when.

mod common;

use common::*;
use holdall_engine::{Answer, Config, Lane, Op, OpKind, Reply, Room, Sharing, Time, Verdict};

fn sizes(b: &mut Bench) -> Vec<usize> {
    let batches = core::iter::from_fn(|| b.op(Lane::Saves));
    batches.map(|op| if let OpKind::Commit(writes) = op.kind { writes.len() } else { 0 }).collect()
}

#[test]
fn changes_linger_and_are_written_together() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    for value in 0..5 {
        b.set("s", &[("a", &value.to_string())]);
        b.pass(1_000);
        assert!(b.op(Lane::Saves).is_none());
    }
    b.pass(8_999);
    assert!(b.op(Lane::Saves).is_none(), "ten seconds after the last change, not before");
    b.pass(1);
    let (_, writes) = b.commit();
    assert_eq!(json(&writes[0].record().unwrap().block, "a").as_deref(), Some("4"));
}

#[test]
fn a_session_that_never_rests_is_written_at_the_cap() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    let mut written = Vec::new();
    for second in 0..100 {
        b.set("s", &[("a", &second.to_string())]);
        b.pass(1_000);
        if let Some(op) = b.op(Lane::Saves) {
            written.push(second + 1);
            b.done(op.id);
        }
    }
    assert_eq!(written, [30, 60, 90]);
}

#[test]
fn linger_and_keep_are_separate_clocks() {
    let mut b = Bench::with(|config| {
        config.linger_ms = 60_000;
        config.linger_cap_ms = 60_000;
        config.keep_ms = 1_000;
    });
    b.create("s", &[]);
    b.pass(59_999);
    assert!(b.engine.peek(b.id("s")).is_some());
    let mut store = Store::default();
    b.pass(1);
    b.run(&mut store);
    b.pass(2_000);
    assert!(b.engine.peek(b.id("s")).is_none());
    assert_eq!(store.rows.len(), 1);
}

#[test]
fn the_timeout_tells_when_the_write_is_due() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.set("s", &[("a", "1")]);
    let due = b.engine.poll_timeout().unwrap();
    assert_eq!(due, b.now + 10_000);
    b.now = due;
    b.engine.on_timeout(due);
    assert_eq!(b.engine.ready_at(Lane::Saves), Some(Time::ZERO));
    b.commit();
    assert_eq!(b.engine.ready_at(Lane::Saves), None);
}

#[test]
fn batches_are_bounded_by_rows() {
    let mut b = Bench::single();
    for number in 0..1_300 {
        b.create_stored(&format!("s{number}"), &[]);
    }
    assert_eq!(sizes(&mut b), [512, 512, 276]);
}

#[test]
fn batches_are_bounded_by_bytes_and_a_larger_row_goes_alone() {
    let mut b = Bench::with(|config| config.batch_bytes = 10_000);
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    for (id, bytes) in [("a", 4_000), ("b", 4_000), ("c", 4_000), ("d", 50_000), ("e", 10)] {
        b.create_stored(id, &[("a", &text(bytes))]);
    }
    assert_eq!(sizes(&mut b), [2, 1, 1, 1]);
}

#[test]
fn a_driver_can_give_less_room() {
    let mut b = Bench::single();
    for number in 0..10 {
        b.create_stored(&format!("s{number}"), &[]);
    }
    let room = Room { rows: 3, bytes: 1 << 20 };
    let Some(Op { kind: OpKind::Commit(writes), .. }) = b.engine.poll_op_within(b.now, Lane::Saves, room) else {
        panic!("expected a batch")
    };
    assert_eq!(writes.len(), 3);
    assert_eq!(sizes(&mut b), [7]);
}

#[test]
fn a_key_is_in_a_batch_once() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.set_stored("s", &[("a", "1")]);
    b.set_stored("s", &[("b", "1")]);
    b.flush_now();
    b.rename("s", "t", 0);
    let (_, writes) = b.commit();
    assert_eq!(writes.len(), 1);
}

#[test]
fn stored_saves_of_parallel_requests_share_a_commit() {
    let mut b = Bench::fleet();
    let asks: Vec<_> = (0..20).map(|number| b.create_stored(&format!("s{number}"), &[])).collect();
    let (op, writes) = b.commit();
    assert_eq!(writes.len(), 20);
    b.reply(op, Reply::Committed(vec![Verdict::DONE; 20]));
    assert!(asks.into_iter().all(|ask| matches!(b.answer(ask), Some(Answer::Stored { .. }))));
}

#[test]
fn sticky_stores_a_new_session_by_its_first_save() {
    let mut b = Bench::with(|config| config.sharing = Sharing::Sticky);
    b.create("s", &[]);
    let (op, _) = b.commit();
    b.done(op);
    b.set("s", &[("a", "1")]);
    assert!(b.op(Lane::Saves).is_none(), "later changes linger");
    b.pass(10_000);
    b.commit();
}

#[test]
fn a_plain_new_session_may_linger_alone() {
    let mut b = Bench::single();
    b.create("s", &[]);
    assert!(b.op(Lane::Saves).is_none());
    b.pass(10_000);
    assert!(is_create(&b.commit().1[0]));
}

#[test]
fn hot_sessions_cost_few_rows() {
    // The bench's goal: 1,000 hot sessions at 10 changes a second, linger 1 s, cap 10 s: at most 0.011 rows a change.
    let mut b = Bench::with(|config| {
        *config = Config { linger_ms: 1_000, linger_cap_ms: 10_000, sweep_every_ms: 0, ..Config::default() }
    });
    let mut store = Store::default();
    let ids: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    for id in &ids {
        b.create(id, &[]);
    }
    b.flush_now();
    b.run(&mut store);
    let before = b.engine.stats();
    for step in 0..1_000 {
        for id in &ids {
            b.set(id, &[("n", &step.to_string())]);
        }
        b.pass(100);
        b.run(&mut store);
    }
    let after = b.engine.stats();
    let (rows, changes) = (after.rows_sent - before.rows_sent, after.changes - before.changes);
    assert_eq!(changes, 20_000);
    assert!(rows * 1_000 <= changes * 11, "{rows} rows for {changes} changes");
}
