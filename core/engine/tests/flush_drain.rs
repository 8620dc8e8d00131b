//! Flush, drain, and what is left.

mod common;

use common::*;
use holdall_engine::{Answer, Lane, Time, Unsaved, Verdict};

#[test]
fn a_flush_writes_changes_and_uses_at_once() {
    let (mut b, mut store) = (Bench::single(), Store::default());
    b.create("s", &[("a", "1")]);
    b.create("t", &[]);
    b.flush_now();
    b.run(&mut store);
    assert_eq!(store.rows.len(), 2);
    assert!(b.engine.unsaved().is_empty());
    b.pass(5_000);
    b.view("s");
    b.flush_now();
    b.run(&mut store);
    assert_eq!(store.live(&key("s")).unwrap().accessed, START + 5_000);
    assert_eq!(b.engine.unwritten_uses(), 0);
    assert_eq!(b.engine.stats().rows_touched, 1);
    b.flush_now();
    assert!(b.is_quiet(), "there is nothing left to write");
}

#[test]
fn a_draining_bag_goes_on_serving_and_writes_through() {
    let (mut b, mut store) = (Bench::single(), Store::default());
    b.create("s", &[]);
    b.engine.drain(b.now);
    b.run(&mut store);
    b.set("s", &[("a", "1")]);
    assert!(b.op(Lane::Saves).is_some(), "nothing lingers any more");
    b.create("t", &[]);
    b.run(&mut store);
    assert!(store.live(&key("t")).is_some());
    b.view("s");
}

#[test]
fn what_is_left_is_counted_by_kind() {
    let mut b = Bench::fleet();
    for id in ["a", "b", "c"] {
        b.open_row(id, row(10, &[]));
    }
    assert_eq!(b.engine.unsaved(), Unsaved { oldest: Time::NEVER, ..Unsaved::default() });
    b.set("a", &[("x", "1")]);
    b.pass(1_000);
    b.rename("b", "b2", 0);
    b.destroy("c");
    let unsaved = b.engine.unsaved();
    assert_eq!((unsaved.changes, unsaved.renames, unsaved.destroys), (1, 1, 1));
    assert_eq!(unsaved.oldest, START);
}

#[test]
fn the_age_of_the_oldest_survives_the_sending() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.set("s", &[("a", "1")]);
    b.pass(10_000);
    let (op, _) = b.commit();
    b.pass(100_000);
    assert!(b.engine.unsaved().oldest <= START + 10_000);
    b.verdict(op, Verdict::Unknown);
    b.pass(100_000);
    let (op, _) = b.commit();
    assert!(b.engine.unsaved().oldest <= START + 10_000);
    b.done(op);
    assert_eq!(b.engine.unsaved().oldest, Time::NEVER);
}

#[test]
fn after_a_fork_new_stamps_carry_the_new_nonce() {
    let mut b = Bench::single();
    let before = b.stored("s", &[]);
    b.engine.reseed(1_234, 5);
    let ask = b.set_stored("s", &[("a", "1")]);
    let (op, writes) = b.commit();
    assert_eq!(before.writer.nonce, NONCE);
    assert_eq!(stamp(&writes[0]).writer.nonce, 1_234);
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
}

#[test]
fn totals_of_several_engines_add_up() {
    let mut sum = Unsaved { oldest: Time::NEVER, ..Unsaved::default() };
    sum.add(&Unsaved { changes: 1, destroys: 2, renames: 3, oldest: Time(5) });
    sum.add(&Unsaved { changes: 10, destroys: 20, renames: 30, oldest: Time(4) });
    assert_eq!(sum, Unsaved { changes: 11, destroys: 22, renames: 33, oldest: Time(4) });
    assert!(!sum.is_empty());
}
