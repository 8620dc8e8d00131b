//! Tickets: a copy at least as new as the visitor's cookie says needs no check.

mod common;

use common::*;
use holdall_engine::{Answer, Fetch, Lane, Loaded, Verdict, Want};

fn ticket(revision: u64) -> Want {
    Want { at_least: Some(revision), ..Want::FRESH }
}

/// Opens with a ticket, and answers the check that follows.
fn check(b: &mut Bench, revision: u64, reply: Loaded) -> holdall_engine::View {
    let Fetch::Load(mark) = b.fetch("s", ticket(revision)) else { panic!("expected a check") };
    let (op, _) = b.load();
    b.loaded(op, vec![reply]);
    ready(b.fetch("s", Want { asked: Some(mark), ..ticket(revision) }))
}

#[test]
fn a_copy_as_new_as_the_ticket_needs_no_check() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    for revision in [9, 10] {
        assert_eq!(name(&b.fetch("s", ticket(revision))), "ready");
    }
    assert_eq!(check(&mut b, 11, Loaded::Row(row(11, &[]))).revision, Some(11));
}

#[test]
fn someone_elses_revocation_is_seen_after_max_stale() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.pass_unseen(4_999);
    assert_eq!(name(&b.fetch("s", ticket(10))), "ready");
    b.pass_unseen(1);
    assert_eq!(name(&b.fetch("s", ticket(10))), "load");
}

#[test]
fn a_ticket_never_names_an_uncommitted_revision() {
    // Rule 27.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    let ask = b.set_stored("s", &[("a", "1")]);
    assert_eq!(b.view("s").revision, Some(10));
    let (op, _) = b.commit();
    assert_eq!(b.view("s").revision, Some(10));
    b.verdict(op, Verdict::Unknown);
    assert_eq!(b.view("s").revision, Some(10));
    b.pass(1_000);
    let (op, _) = b.commit();
    b.done(op);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 11 }));
    assert_eq!(b.view("s").revision, Some(11));
}

#[test]
fn a_new_session_has_no_ticket_before_it_is_stored() {
    let mut b = Bench::fleet();
    b.create("s", &[]);
    assert_eq!(b.view("s").revision, None);
}

#[test]
fn a_ticket_never_enters_the_engines_own_revision() {
    // Rule 27: a forged one would make the next write fail, or hide the store's real state.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    let view = check(&mut b, 1_000, Loaded::Same { accessed: START });
    assert_eq!(view.revision, Some(10));
    b.set_stored("s", &[("a", "1")]);
    let (_, writes) = b.commit();
    assert_eq!(base(&writes[0]), Some(row(10, &[]).stamp));
    assert_eq!(stamp(&writes[0]).revision, 11);
}

#[test]
fn a_forged_ticket_costs_one_check_per_max_stale() {
    // Rule 28.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    check(&mut b, 1_000, Loaded::Same { accessed: START });
    for revision in [1_000, 1_001, u64::MAX] {
        assert_eq!(name(&b.fetch("s", ticket(revision))), "ready", "the store was asked a moment ago, and has less");
    }
    assert_eq!(name(&b.fetch("s", ticket(999))), "load", "a lower value may be a real one");
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Same { accessed: START }]);
    b.pass_unseen(5_000);
    assert_eq!(name(&b.fetch("s", ticket(1_000))), "load");
}

#[test]
fn an_unknown_id_with_a_ticket_is_loaded_like_any() {
    let mut b = Bench::fleet();
    let Fetch::Load(mark) = b.fetch("s", ticket(5)) else { panic!("expected a load") };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Absent]);
    assert_eq!(name(&b.fetch("s", Want { asked: Some(mark), ..ticket(5) })), "absent");
    assert!(b.op(Lane::Loads).is_none());
}
