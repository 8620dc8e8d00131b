//! Back-off after failures.

mod common;

use common::*;
use holdall_engine::{Event, Lane, Time, Want};

/// Fails every batch for a while; answers the gaps between the tries.
fn gaps(b: &mut Bench, tries: usize) -> Vec<u64> {
    let mut gaps = Vec::new();
    for _ in 0..tries {
        let (op, _) = b.commit();
        b.failed(op);
        let sent = b.now;
        while b.engine.ready_at(Lane::Saves).is_none_or(|at| at > b.now) {
            b.pass(1);
        }
        gaps.push(b.now.since(sent));
    }
    gaps
}

#[test]
fn retries_come_later_and_later_up_to_the_cap() {
    let mut b = Bench::single();
    b.create_stored("s", &[]);
    let gaps = gaps(&mut b, 16);
    for (failures, gap) in gaps.iter().enumerate() {
        let limit = (100_u64 << failures).min(30_000);
        assert!((1..=limit).contains(gap), "try {failures} came after {gap} ms");
    }
    assert!(gaps.iter().any(|gap| *gap > 5_000), "{gaps:?}");
}

#[test]
fn jitter_is_full_and_differs_by_seed() {
    let by_seed = |seed| {
        let mut b = Bench::with(|config| config.seed = seed);
        b.create_stored("s", &[]);
        gaps(&mut b, 12)
    };
    assert_ne!(by_seed(1), by_seed(2), "servers must not come back in step");
    assert_eq!(by_seed(3), by_seed(3), "equal inputs, equal outputs");
    let all: Vec<u64> = (0..20).flat_map(|seed| by_seed(seed).split_off(9)).collect();
    assert!(all.iter().any(|gap| *gap < 5_000) && all.iter().any(|gap| *gap > 20_000), "{all:?}");
}

#[test]
fn nothing_is_sent_before_its_time() {
    let mut b = Bench::single();
    b.create_stored("s", &[]);
    let (op, _) = b.commit();
    b.failed(op);
    let at = b.engine.ready_at(Lane::Saves).unwrap();
    assert!(at > b.now);
    b.create_stored("t", &[]);
    assert!(b.op(Lane::Saves).is_none(), "the lane waits, whoever joins");
    assert!(b.engine.poll_timeout().is_some_and(|timeout| timeout <= at));
    b.now = at;
    b.commit();
}

#[test]
fn a_success_ends_the_waiting_and_is_reported_with_its_length() {
    let mut b = Bench::single();
    b.create_stored("s", &[]);
    gaps(&mut b, 5);
    let failing_since = START;
    let (op, _) = b.commit();
    b.done(op);
    let events = b.events();
    let degraded = events.iter().filter(|event| matches!(event, Event::Degraded { .. })).count();
    assert_eq!(degraded, 1, "once for the whole outage: {events:?}");
    assert!(events.contains(&Event::Recovered { after_ms: b.now.since(failing_since) }));
    b.create_stored("t", &[]);
    assert!(b.op(Lane::Saves).is_some());
}

#[test]
fn failing_saves_hold_up_neither_loads_nor_destroys() {
    let mut b = Bench::single();
    b.create_stored("s", &[]);
    let (op, _) = b.commit();
    b.failed(op);
    b.fetch("other", Want::ANY);
    assert!(b.op(Lane::Loads).is_some());
    b.destroy("third");
    assert!(b.op(Lane::Ends).is_some());
}

#[test]
fn someone_who_waits_is_tried_for_at_once() {
    let mut b = Bench::single();
    b.fetch("s", Want::ANY);
    let (op, _) = b.load();
    b.failed(op);
    b.fetch("t", Want::ANY);
    assert!(b.op(Lane::Loads).is_some(), "a new request does not wait for another's back-off");
}

#[test]
fn a_flush_tries_at_once() {
    let mut b = Bench::single();
    b.create_stored("s", &[]);
    let (op, _) = b.commit();
    b.failed(op);
    b.flush_now();
    b.commit();
}

#[test]
fn verdicts_that_settle_nothing_wait_too() {
    for verdict in [holdall_engine::Verdict::Unknown, holdall_engine::Verdict::NotDone] {
        let mut b = Bench::single();
        b.create_stored("s", &[]);
        let (op, _) = b.commit();
        b.verdict(op, verdict);
        assert!(b.op(Lane::Saves).is_none());
        assert!(b.engine.poll_timeout().is_some_and(|at| at > b.now && at <= b.now + 100));
        b.pass(100);
        b.commit();
    }
}

#[test]
fn an_idle_engine_asks_for_no_wake_up_soon() {
    let mut b = Bench::single();
    assert_eq!(b.engine.poll_timeout(), None);
    b.stored("s", &[]);
    let next = b.engine.poll_timeout().unwrap();
    assert!(next.since(b.now) >= 10_000, "{next:?}");
    assert!(next < Time::NEVER);
}
