//! Saving only if nothing that is touched was changed since (`if_unchanged`).

mod common;

use common::*;
use holdall_engine::{Answer, Applied, Ask, Block, Changes, Lane, Loaded, Reason, Save, Verdict, Want};

fn only_if(shown: &Block) -> Save<'_> {
    Save { stored: true, shown: Some(shown), if_unchanged: true }
}

/// A loaded session of fleet, and a change with a condition on its way.
fn under_way() -> (Bench, Ask) {
    let mut b = Bench::fleet();
    let shown = b.open_row("s", row(10, &[("a", "1"), ("b", "2")])).block;
    let Applied::Asked(ask) = b.apply("s", &set(&[("a", "5")]), &only_if(&shown)) else { panic!("expected to wait") };
    (b, ask)
}

#[test]
fn alone_it_is_decided_at_once() {
    let mut b = Bench::single();
    b.stored("s", &[("a", "1"), ("b", "1")]);
    let shown = b.view("s").block;
    b.set("s", &[("b", "2")]);
    assert!(
        matches!(b.apply("s", &set(&[("a", "5")]), &only_if(&shown)), Applied::Done { .. }),
        "another field's change is none"
    );
    assert!(matches!(b.apply("s", &set(&[("b", "5")]), &only_if(&shown)), Applied::Conflict));
    assert_eq!(b.get("s", "b").as_deref(), Some("2"), "nothing was changed");
}

#[test]
fn fields_are_compared_by_content() {
    let mut b = Bench::single();
    b.stored("s", &[("a", "[1,2]")]);
    let shown = b.view("s").block;
    b.set("s", &[("a", "[1, 2]")]);
    assert!(matches!(b.apply("s", &set(&[("a", "5")]), &only_if(&shown)), Applied::Done { .. }));
}

#[test]
fn in_fleet_the_store_decides() {
    // Rule 31: it implies `stored`, and its change stays apart until it is settled.
    let (mut b, ask) = under_way();
    assert_eq!(b.get("s", "a").as_deref(), Some("1"), "not shown before it is settled");
    let (op, writes) = b.commit();
    assert_eq!(base(&writes[0]), Some(row(10, &[]).stamp));
    assert_eq!(changed(&writes[0]), ["a"]);
    assert_eq!(writes[0].record().unwrap().block, block(&[("a", "5"), ("b", "2")]));
    b.done(op);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 11 }));
    assert_eq!(b.get("s", "a").as_deref(), Some("5"));
    assert!(b.engine.unsaved().is_empty());
}

#[test]
fn after_a_conflict_it_is_checked_again() {
    for (theirs, answer) in [("1", None), ("9", Some(Answer::Conflict))] {
        let (mut b, ask) = under_way();
        let (op, _) = b.commit();
        b.verdict(op, Verdict::Conflict);
        let (op, _) = b.load();
        b.loaded(op, vec![Loaded::Row(row(11, &[("a", theirs), ("b", "7")]))]);
        let conflicts = answer.is_some();
        assert_eq!(b.answer(ask), answer);
        if conflicts {
            assert!(b.op(Lane::Saves).is_none(), "nothing is changed");
            assert_eq!(b.get("s", "a").as_deref(), Some("9"));
            continue;
        }
        let (op, writes) = b.commit();
        assert_eq!(writes[0].record().unwrap().block, block(&[("a", "5"), ("b", "7")]));
        b.done(op);
        assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 12 }));
    }
}

#[test]
fn after_an_unknown_outcome_it_is_never_laid_over() {
    // Rule 3.
    let (mut b, ask) = under_way();
    let (op, _) = b.commit();
    b.failed(op);
    assert_eq!(b.answer(ask), Some(Answer::Unknown));
    b.pass(60_000);
    assert!(b.op(Lane::Saves).is_none());
    assert_eq!(b.get("s", "a").as_deref(), Some("1"));
    // Had it landed, the next check meets its row.
    b.fetch("s", Want::FRESH);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(11, &[("a", "5"), ("b", "2")]))]);
    assert_eq!(b.get("s", "a").as_deref(), Some("5"));
}

#[test]
fn other_changes_are_not_held_back_by_it() {
    let (mut b, ask) = under_way();
    let (op, _) = b.commit();
    let other = b.set_stored("s", &[("c", "3")]);
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    assert_eq!(b.view("s").block, block(&[("a", "5"), ("b", "2"), ("c", "3")]));
    assert_eq!(b.answer(other), None);
    let (op, writes) = b.commit();
    assert_eq!(changed(&writes[0]), ["c"]);
    assert_eq!(writes[0].record().unwrap().block, block(&[("a", "5"), ("b", "2"), ("c", "3")]));
    b.done(op);
    assert!(matches!(b.answer(other), Some(Answer::Stored { revision: 12 })));
}

#[test]
fn a_second_one_waits_for_the_first() {
    let (mut b, _) = under_way();
    let shown = b.view("s").block;
    assert!(matches!(b.apply("s", &set(&[("b", "6")]), &only_if(&shown)), Applied::Busy));
}

#[test]
fn a_session_that_ended_meanwhile_is_told() {
    let (mut b, ask) = under_way();
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Gone);
    assert_eq!(b.answer(ask), Some(Answer::Ended(Reason::Gone)));
    let (mut b, ask) = under_way();
    b.destroy("s");
    assert_eq!(b.answer(ask), Some(Answer::Ended(Reason::Destroyed)));
}

#[test]
fn a_rejected_one_is_dropped() {
    let (mut b, ask) = under_way();
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Rejected("too large".into()));
    assert_eq!(b.answer(ask), Some(Answer::Rejected("too large".into())));
    assert!(b.engine.unsaved().is_empty());
    assert_eq!(b.get("s", "a").as_deref(), Some("1"));
}

#[test]
fn meta_and_idle_limit_travel_with_it() {
    let mut b = Bench::fleet();
    let shown = b.open_row("s", row(10, &[("a", "1")])).block;
    let mut changes: Changes = set(&[("a", "5")]);
    changes.meta = Some(Some("phone".into()));
    changes.idle_ms = Some(60_000);
    let ask = asked(b.apply("s", &changes, &only_if(&shown)));
    let (op, writes) = b.commit();
    let record = writes[0].record().unwrap();
    assert_eq!((record.meta.as_deref(), record.idle_ms), (Some("phone"), 60_000));
    assert_eq!(b.view("s").idle_ms, IDLE_MS);
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    let view = b.view("s");
    assert_eq!(view.idle_ms, 60_000);
    assert_eq!(view.attributes.unwrap().meta.as_deref(), Some("phone"));
}
