//! Law 5: at most one write of a session is in flight; replies older than what is known count for nothing.

mod common;

use common::*;
use holdall_engine::{Answer, Event, Lane, Loaded, Reason, Record, Verdict, Want};

#[test]
fn changes_join_the_next_write_while_one_is_in_flight() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.set_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    let waits: Vec<_> = (0..5).map(|value| b.set_stored("s", &[("a", &value.to_string())])).collect();
    b.flush_now();
    assert!(b.op(Lane::Saves).is_none(), "a second write must wait for the first");
    b.done(op);
    let (op, writes) = b.commit();
    assert_eq!(writes.len(), 1, "five saves share one commit");
    b.done(op);
    for ask in waits {
        assert_eq!(b.answer(ask), Some(Answer::Stored { revision: stamp(&writes[0]).revision }));
    }
}

#[test]
fn a_touch_waits_for_the_write_in_flight() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.set_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    b.pass(1_000);
    b.view("s");
    b.pass(300_000);
    assert!(b.op(Lane::Saves).is_none());
    b.done(op);
    let (_, writes) = b.commit();
    assert_eq!(touched(&writes[0]), Some(START + 1_000));
}

#[test]
fn a_load_sent_before_a_verdict_does_not_set_the_session_back() {
    // Rule 5.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    b.set_stored("s", &[("a", "2")]);
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    let (save, _) = b.commit();
    b.done(save);
    b.loaded(load, vec![Loaded::Row(row(10, &[("a", "1")]))]);
    assert_eq!(b.get("s", "a").as_deref(), Some("2"));
    assert_eq!(b.view("s").revision, Some(11));
    assert!(!b.events().iter().any(|event| matches!(event, Event::WentBack { .. })));
}

#[test]
fn a_load_sent_before_a_verdict_counts_if_its_revision_is_higher() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    b.set_stored("s", &[("a", "2")]);
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    let (save, _) = b.commit();
    b.done(save);
    b.loaded(load, vec![Loaded::Row(row(12, &[("a", "3")]))]);
    assert_eq!(b.get("s", "a").as_deref(), Some("3"));
    assert_eq!(b.view("s").revision, Some(12));
}

#[test]
fn an_absent_from_before_the_create_counts_for_nothing() {
    // Rule 5.
    let mut b = Bench::fleet();
    b.create_stored("s", &[("a", "1")]);
    let (save, _) = b.commit();
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    b.done(save);
    b.loaded(load, vec![Loaded::Absent]);
    assert_eq!(b.get("s", "a").as_deref(), Some("1"));
}

#[test]
fn an_absent_leaves_an_unsettled_create_be() {
    // Rule 9.
    let mut b = Bench::fleet();
    let ask = b.create_stored("s", &[("a", "1")]);
    let (save, _) = b.commit();
    assert_eq!(name(&b.fetch("s", Want::FRESH)), "load", "it is checked like any other");
    let (load, _) = b.load();
    b.loaded(load, vec![Loaded::Absent]);
    assert_eq!(b.get("s", "a").as_deref(), Some("1"));
    b.done(save);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
}

#[test]
fn an_absent_that_counts_ends_a_stored_session() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    b.loaded(load, vec![Loaded::Absent]);
    assert!(matches!(b.fetch("s", Want::ANY), holdall_engine::Fetch::Dead(Reason::Gone)));
}

#[test]
fn a_verdict_never_sets_the_base_back() {
    // Rule 5: the check has shown revision 12, which was built on our 11; then our verdict comes.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    b.set_stored("s", &[("a", "2")]);
    let (save, _) = b.commit();
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    b.loaded(load, vec![Loaded::Row(row(12, &[("a", "2"), ("b", "3")]))]);
    b.done(save);
    assert_eq!(b.view("s").revision, Some(12));
    b.set_stored("s", &[("c", "4")]);
    let (_, writes) = b.commit();
    assert_eq!(base(&writes[0]), Some(row(12, &[]).stamp));
}

#[test]
fn a_store_that_went_back_gets_the_newer_session_whole() {
    // Rule 21: fail-over to an older copy.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1"), ("b", "2")]));
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    b.loaded(load, vec![Loaded::Row(row(8, &[("a", "0"), ("old", "5")]))]);
    assert!(b.events().contains(&Event::WentBack { key: key("s"), known: 10, found: 8 }));
    assert_eq!(b.view("s").block, block(&[("a", "1"), ("b", "2")]), "memory is the newer");
    let (save, writes) = b.commit();
    assert_eq!(base(&writes[0]).unwrap().revision, 8);
    assert_eq!(writes[0].record().unwrap().block, block(&[("a", "1"), ("b", "2")]));
    b.done(save);
    assert_eq!(b.view("s").revision, Some(9));
    assert!(b.engine.unsaved().is_empty());
}

#[test]
fn going_back_restores_the_principal_too() {
    let mut b = Bench::fleet();
    b.open_row("s", Record { principal: principal("ann"), ..row(10, &[("a", "1")]) });
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    b.loaded(load, vec![Loaded::Row(row(8, &[("a", "1")]))]);
    let (_, writes) = b.commit();
    assert_eq!(writes[0].record().unwrap().principal.as_deref(), Some("ann"));
}

#[test]
fn a_hung_write_does_not_hold_up_another_session() {
    let mut b = Bench::single();
    b.create_stored("slow", &[]);
    let (slow, _) = b.commit();
    let ask = b.create_stored("other", &[]);
    let (op, writes) = b.commit();
    assert_eq!(writes[0].key, key("other"));
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    b.verdict(slow, Verdict::DONE);
    assert!(b.engine.unsaved().is_empty());
}
