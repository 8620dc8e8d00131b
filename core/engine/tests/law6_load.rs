//! Law 6: a load has four outcomes; failed is never taken for absent.

mod common;

use common::*;
use holdall_engine::{Applied, FaultKind, Fetch, Lane, Loaded, Reason, Record, Reply, Save, Time, Want};

/// Opens `s`, answers the load, and opens again.
fn open(b: &mut Bench, reply: Loaded) -> Fetch {
    let Fetch::Load(mark) = b.fetch("s", Want::FRESH) else { panic!("expected a load") };
    let (op, wanted) = b.load();
    assert_eq!((wanted[0].key.clone(), wanted[0].known), (key("s"), None));
    b.loaded(op, vec![reply]);
    b.fetch("s", Want { asked: Some(mark), ..Want::FRESH })
}

#[test]
fn found() {
    let mut b = Bench::fleet();
    let record = Record { principal: principal("ann"), meta: Some("phone".into()), ..row(10, &[("a", "1")]) };
    let view = ready(open(&mut b, Loaded::Row(record)));
    assert_eq!(view.block, block(&[("a", "1")]));
    assert_eq!(view.revision, Some(10));
    assert!(!view.alias);
    let attributes = view.attributes.unwrap();
    assert_eq!((attributes.principal.as_deref(), attributes.meta.as_deref()), (Some("ann"), Some("phone")));
}

#[test]
fn absent() {
    let mut b = Bench::fleet();
    assert!(matches!(open(&mut b, Loaded::Absent), Fetch::Absent));
    assert!(matches!(b.apply("s", &set(&[]), &Save::default()), Applied::NotLoaded));
}

#[test]
fn dead_tells_why() {
    for reason in [Reason::Destroyed, Reason::Rotated, Reason::Principal, Reason::Idle] {
        let mut b = Bench::fleet();
        let Fetch::Dead(told) = open(&mut b, dead(reason)) else { panic!("expected dead") };
        assert_eq!(told, reason);
        assert!(matches!(b.create("s", &[]), Applied::Dead(_)), "its id is not used again");
    }
}

#[test]
fn failed_is_not_absent() {
    let mut b = Bench::fleet();
    let Fetch::Load(mark) = b.fetch("s", Want::FRESH) else { panic!("expected a load") };
    let (op, _) = b.load();
    b.failed(op);
    let Fetch::Failed(fault) = b.fetch("s", Want { asked: Some(mark), ..Want::FRESH }) else { panic!("expected failed") };
    assert_eq!(fault.kind, FaultKind::Unreachable);
    // Another request tries again at once, however little it asks for.
    let Fetch::Load(mark) = b.fetch("s", Want::ANY) else { panic!("expected a load") };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(1, &[]))]);
    ready(b.fetch("s", Want { asked: Some(mark), ..Want::FRESH }));
}

#[test]
fn a_failed_check_does_not_end_the_copy() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    let Fetch::Load(mark) = b.fetch("s", Want::FRESH) else { panic!("expected a load") };
    let (op, _) = b.load();
    b.failed(op);
    assert!(matches!(b.fetch("s", Want { asked: Some(mark), ..Want::FRESH }), Fetch::Failed(_)));
    assert_eq!(b.view("s").block, block(&[("a", "1")]), "who is content with any copy gets it");
}

#[test]
fn answers_that_do_not_fit_the_question_are_a_failure() {
    let mut b = Bench::fleet();
    let Fetch::Load(mark) = b.fetch("s", Want::FRESH) else { panic!("expected a load") };
    let (op, _) = b.load();
    b.reply(op, Reply::Loaded { rows: Vec::new(), now: START });
    assert!(matches!(b.fetch("s", Want { asked: Some(mark), ..Want::FRESH }), Fetch::Failed(_)));
}

#[test]
fn a_corrupt_row_is_reported_and_never_overwritten() {
    let mut b = Bench::fleet();
    let Fetch::Failed(fault) = open(&mut b, Loaded::Corrupt("no JSON".into())) else { panic!("expected failed") };
    assert_eq!(fault.kind, FaultKind::Corrupt);
    assert!(matches!(b.apply("s", &set(&[]), &Save::default()), Applied::NotLoaded));
    b.pass(100_000);
    assert!(b.op(Lane::Saves).is_none());
}

#[test]
fn misses_that_come_together_are_loaded_together() {
    let mut b = Bench::fleet();
    for id in ["a", "b", "c"] {
        assert_eq!(name(&b.fetch(id, Want::FRESH)), "load");
    }
    let (op, wanted) = b.load();
    assert_eq!(wanted.len(), 3);
    b.loaded(op, vec![Loaded::Absent, Loaded::Row(row(1, &[])), dead(Reason::Idle)]);
    assert!(b.engine.peek(b.id("b")).is_some());
    assert_eq!(name(&b.fetch("c", Want::ANY)), "dead");
}

#[test]
fn absence_is_remembered_shortly() {
    let mut b = Bench::with(|config| config.negative_ms = 1_000);
    let Fetch::Load(_) = b.fetch("s", Want::ANY) else { panic!("expected a load") };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Absent]);
    assert!(matches!(b.fetch("s", Want::ANY), Fetch::Absent));
    b.pass(1_001);
    assert_eq!(name(&b.fetch("s", Want::ANY)), "load");
    b.pass(100_000);
    assert_eq!(b.engine.stats().sessions, 1, "the load is under way still");
}

#[test]
fn an_open_that_nobody_saves_leaves_no_trace() {
    let mut b = Bench::single();
    assert!(matches!(open(&mut b, Loaded::Absent), Fetch::Absent));
    b.pass(10_000);
    assert_eq!(b.engine.stats().sessions, 0);
    assert!(b.is_quiet());
    b.check_account();
}

#[test]
fn last_uses_from_the_future_are_capped_at_the_stores_time() {
    // Rule 33: a server whose clock is an hour ahead must not keep sessions alive.
    let mut b = Bench::fleet();
    let Fetch::Load(_) = b.fetch("s", Want::FRESH) else { panic!("expected a load") };
    let (op, _) = b.load();
    let record = Record { accessed: START + 3_600_000, ..row(1, &[]) };
    b.reply(op, Reply::Loaded { rows: vec![Loaded::Row(record)], now: START });
    let slack = b.engine.config().slack_for(IDLE_MS);
    b.pass_unseen(5_000 + IDLE_MS + slack);
    assert_ne!(name(&b.fetch("s", Want::ANY)), "ready");
    assert!(b.now > Time(0));
}
