//! Single-flight, and how fresh a copy must be.

mod common;

use common::*;
use holdall_engine::{Fetch, Lane, Loaded, Want};

fn within(ms: u64) -> Want {
    Want { fresh_ms: ms, ..Want::FRESH }
}

#[test]
fn opens_that_miss_together_share_one_load() {
    let mut b = Bench::single();
    let Fetch::Load(first) = b.fetch("s", Want::ANY) else { panic!("expected a load") };
    let Fetch::Wait(second) = b.fetch("s", Want::ANY) else { panic!("expected to wait") };
    let (op, wanted) = b.load();
    assert_eq!(wanted.len(), 1);
    let Fetch::Wait(third) = b.fetch("s", Want::ANY) else { panic!("expected to wait") };
    b.loaded(op, vec![Loaded::Row(row(1, &[]))]);
    for mark in [first, second, third] {
        ready(b.fetch("s", Want { asked: Some(mark), ..Want::ANY }));
    }
    assert!(b.op(Lane::Loads).is_none());
}

#[test]
fn a_fresh_open_joins_no_load_that_was_sent_before_it() {
    // Rule 7: what another server committed and acknowledged before this open must be seen by it.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    let Fetch::Load(first) = b.fetch("s", Want::FRESH) else { panic!("expected a check") };
    let (op, _) = b.load();
    let Fetch::Wait(second) = b.fetch("s", Want::FRESH) else { panic!("expected to wait") };
    b.loaded(op, vec![Loaded::Same { accessed: START }]);
    ready(b.fetch("s", Want { asked: Some(first), ..Want::FRESH }));
    let Fetch::Load(second) = b.fetch("s", Want { asked: Some(second), ..Want::FRESH }) else {
        panic!("the check was sent before this open began")
    };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(11, &[]))]);
    assert_eq!(ready(b.fetch("s", Want { asked: Some(second), ..Want::FRESH })).revision, Some(11));
}

#[test]
fn a_fresh_open_takes_no_absent_from_a_load_that_was_sent_before_it() {
    let mut b = Bench::fleet();
    b.fetch("s", Want::FRESH);
    let (op, _) = b.load();
    let Fetch::Wait(second) = b.fetch("s", Want::FRESH) else { panic!("expected to wait") };
    b.loaded(op, vec![Loaded::Absent]);
    assert_eq!(name(&b.fetch("s", Want { asked: Some(second), ..Want::FRESH })), "load");
}

#[test]
fn a_fresh_open_takes_no_commit_of_ours_that_was_sent_before_it() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.set_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    let Fetch::Load(mark) = b.fetch("s", Want::FRESH) else { panic!("expected a check") };
    b.done(op);
    assert_ne!(name(&b.fetch("s", Want { asked: Some(mark), ..Want::FRESH })), "ready");
}

#[test]
fn a_fresh_open_that_waits_is_content_with_a_check_sent_after_it() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    let Fetch::Load(first) = b.fetch("s", Want::FRESH) else { panic!("expected a check") };
    let Fetch::Wait(second) = b.fetch("s", Want::FRESH) else { panic!("expected to wait") };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Same { accessed: START }]);
    for mark in [first, second] {
        ready(b.fetch("s", Want { asked: Some(mark), ..Want::FRESH }));
    }
    assert!(b.op(Lane::Loads).is_none());
    assert_eq!(name(&b.fetch("s", Want::FRESH)), "load", "the next open asks again");
}

#[test]
fn freshness_is_measured_from_sending_the_load() {
    // Rule 8: the answer took three seconds, so the copy is three seconds old when it comes.
    let mut b = Bench::fleet();
    let Fetch::Load(mark) = b.fetch("s", within(5_000)) else { panic!("expected a load") };
    let (op, _) = b.load();
    b.pass_unseen(3_000);
    b.loaded(op, vec![Loaded::Row(row(10, &[]))]);
    ready(b.fetch("s", Want { asked: Some(mark), ..within(5_000) }));
    b.pass_unseen(1_999);
    ready(b.fetch("s", within(5_000)));
    b.pass_unseen(1);
    assert_eq!(name(&b.fetch("s", within(5_000))), "load");
}

#[test]
fn a_duration_joins_loads_that_are_younger() {
    let mut b = Bench::fleet();
    b.fetch("s", within(5_000));
    let (op, _) = b.load();
    let Fetch::Wait(mark) = b.fetch("s", within(5_000)) else { panic!("expected to wait") };
    b.loaded(op, vec![Loaded::Row(row(10, &[]))]);
    ready(b.fetch("s", Want { asked: Some(mark), ..within(5_000) }));
}

#[test]
fn any_copy_will_do_where_one_process_owns_its_sessions() {
    let mut b = Bench::single();
    b.open_row("s", row(10, &[]));
    for _ in 0..100 {
        b.pass_unseen(10_000);
        b.view("s");
    }
    assert!(b.op(Lane::Loads).is_none());
    assert_eq!(b.engine.stats().hits, 100);
}

#[test]
fn a_session_that_the_store_was_never_told_about_needs_no_check() {
    let mut b = Bench::fleet();
    b.create("s", &[]);
    assert_eq!(name(&b.fetch("s", Want::FRESH)), "ready");
    b.flush_now();
    b.commit();
    assert_eq!(name(&b.fetch("s", Want::FRESH)), "load", "rule 9: while its create is unsettled it is checked");
}

#[test]
fn a_check_names_the_stamp_that_is_known() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.fetch("s", Want::FRESH);
    let (op, wanted) = b.load();
    assert_eq!(wanted[0].known, Some(row(10, &[]).stamp));
    b.loaded(op, vec![Loaded::Row(row(11, &[("a", "1")]))]);
    assert_eq!(b.get("s", "a").as_deref(), Some("1"));
}

#[test]
fn a_look_is_no_use() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.pass(1_000);
    ready(b.fetch("s", Want { touch: false, ..Want::ANY }));
    assert_eq!(b.engine.unwritten_uses(), 0);
    b.view("s");
    assert_eq!(b.engine.unwritten_uses(), 1);
}
