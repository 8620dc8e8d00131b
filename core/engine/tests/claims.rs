//! Expired sessions are handed out once with their last content, those that nobody holds in memory too.

mod common;

use common::*;
use holdall_engine::{Event, Lane, Op, OpKind, Record, Reply, Swept};

fn claiming(shared: bool) -> Bench {
    Bench::with(|config| {
        config.claim_expired = true;
        config.sharing = if shared { holdall_engine::Sharing::Fleet } else { holdall_engine::Sharing::Single };
    })
}

fn expired(events: Vec<Event>) -> Vec<(holdall_engine::Key, Option<String>)> {
    let last = |event| match event {
        Event::Expired { key, last, .. } => Some((key, last.and_then(|last| json(&last.block, "cart")))),
        _ => None,
    };
    events.into_iter().filter_map(last).collect()
}

#[test]
fn what_expired_in_the_table_alone_is_handed_out_once() {
    for shared in [false, true] {
        let (mut b, mut store) = (claiming(shared), Store::default());
        store.put(&key("over"), row(7, &[("cart", "[1]")]));
        store.put(&key("live"), Record { accessed: START + 20 * IDLE_MS, ..row(1, &[]) });
        b.pass(20 * IDLE_MS);
        b.engine.sweep_now(b.now);
        b.run(&mut store);
        for _ in 0..20 {
            b.pass(1_000);
            b.run(&mut store);
        }
        assert_eq!(expired(b.events()), [(key("over"), Some("[1]".to_owned()))], "shared: {shared}");
        assert!(store.is_dead(&key("over")), "the row is claimed, so that nobody else hands it out");
        assert!(store.live(&key("live")).is_some());
        b.check_account();
    }
}

#[test]
fn a_use_that_came_before_the_claim_keeps_the_session() {
    let (mut b, mut store) = (claiming(true), Store::default());
    store.put(&key("s"), row(7, &[("cart", "[1]")]));
    b.pass(20 * IDLE_MS);
    b.engine.sweep_now(b.now);
    let Some(Op { id, kind: OpKind::Due { .. } }) = b.op(Lane::Care) else { panic!("it asks what is due") };
    b.reply(id, Reply::Due(vec![key("s")]));
    store.put(&key("s"), Record { accessed: b.now, ..row(7, &[("cart", "[1]")]) });
    for _ in 0..20 {
        b.run(&mut store);
        b.pass(1_000);
    }
    assert_eq!(expired(b.events()), []);
    assert!(store.live(&key("s")).is_some());
}

#[test]
fn without_room_for_events_nothing_is_claimed_or_swept() {
    let (mut b, mut store) = (claiming(false), Store::default());
    store.put(&key("over"), row(7, &[("cart", "[1]")]));
    b.engine.set_claim_room(0);
    b.pass(20 * IDLE_MS);
    b.engine.sweep_now(b.now);
    for _ in 0..5 {
        assert!(b.op(Lane::Care).is_none());
        b.pass(1_000);
    }
    b.engine.set_claim_room(10);
    for _ in 0..10 {
        b.run(&mut store);
        b.pass(1_000);
    }
    assert_eq!(expired(b.events()).len(), 1);
}

#[test]
fn claims_that_are_asked_for_report_no_sweep() {
    let (mut b, mut store) = (claiming(false), Store::default());
    store.put(&key("over"), row(7, &[("cart", "[1]")]));
    b.pass(20 * IDLE_MS);
    b.engine.claim_now(b.now);
    for _ in 0..10 {
        b.run(&mut store);
        b.pass(1_000);
    }
    let events = b.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Swept { .. })), "{events:?}");
    assert_eq!(expired(events).len(), 1);
    // A sweep of its own time reports itself as before.
    b.engine.sweep_now(b.now);
    for _ in 0..10 {
        b.run(&mut store);
        b.pass(1_000);
    }
    assert!(b.events().iter().any(|event| matches!(event, Event::Swept { .. })));
}

#[test]
fn claims_that_are_asked_for_end_where_the_store_cannot_name_them() {
    let mut b = claiming(false);
    b.engine.claim_now(b.now);
    let Some(Op { id, kind: OpKind::Due { .. } }) = b.op(Lane::Care) else { panic!("it asks") };
    let fault = holdall_engine::Fault::new(holdall_engine::FaultKind::Unsupported, "no");
    b.reply(id, Reply::Failed(fault));
    assert!(b.op(Lane::Care).is_none() && b.events().is_empty());
}

#[test]
fn claims_are_not_asked_for_where_nothing_is_claimed() {
    let mut b = Bench::single();
    b.engine.claim_now(b.now);
    assert!(b.op(Lane::Care).is_none());
}

#[test]
fn rows_that_cannot_be_claimed_do_not_stop_the_sweep() {
    let mut b = claiming(false);
    b.pass(20 * IDLE_MS);
    b.engine.sweep_now(b.now);
    let mut looks = 0;
    let before = loop {
        match b.op(Lane::Care) {
            Some(Op { id, kind: OpKind::Due { .. } }) => {
                looks += 1;
                b.reply(id, Reply::Due(vec![key("damaged")]));
            }
            Some(Op { kind: OpKind::Sweep { before, .. }, .. }) => break before,
            Some(other) => panic!("unexpected {other:?}"),
            None => {}
        }
        while let Some(Op { id, .. }) = b.op(Lane::Loads) {
            b.loaded(id, vec![holdall_engine::Loaded::Corrupt("a damaged row".into())]);
        }
        b.pass(500);
        assert!(looks < 100, "it goes on");
    };
    let margin = b.engine.config().sweep_margin_ms();
    assert!(before < b.now - margin - 3_000_000, "what can't be claimed is given an hour before it is removed");
}

#[test]
fn a_store_that_cannot_name_them_is_swept_as_usual() {
    let mut b = claiming(false);
    b.pass(20 * IDLE_MS);
    b.engine.sweep_now(b.now);
    let Some(Op { id, kind: OpKind::Due { .. } }) = b.op(Lane::Care) else { panic!("it asks first") };
    let fault = holdall_engine::Fault::new(holdall_engine::FaultKind::Unsupported, "no");
    b.reply(id, Reply::Failed(fault));
    let Some(Op { id, kind: OpKind::Sweep { before, .. } }) = b.op(Lane::Care) else { panic!("then it sweeps") };
    assert_eq!(before, b.now - b.engine.config().sweep_margin_ms(), "nothing waits for a claim that can't come");
    b.reply(id, Reply::Swept(Swept::default()));
    b.engine.sweep_now(b.now);
    assert!(matches!(b.op(Lane::Care), Some(Op { kind: OpKind::Sweep { .. }, .. })), "it does not ask again");
}

#[test]
fn a_server_that_does_not_lead_says_nothing_and_tries_again_at_the_next_interval() {
    let mut b = Bench::with(|config| config.sweep_every_ms = 1_000_000);
    b.engine.sweep_now(b.now);
    let Some(Op { id, .. }) = b.op(Lane::Care) else { panic!("a sweep is due") };
    b.reply(id, Reply::Yielded);
    assert_eq!(b.events(), []);
    assert_eq!(b.engine.stats().sweeps_yielded, 1);
    assert!(b.engine.ready_at(Lane::Care).is_some_and(|at| at >= b.now + 900_000), "not before the interval has passed");
}

#[test]
fn the_pause_after_a_chunk_is_as_long_as_the_chunk_took() {
    let mut b = Bench::single();
    b.engine.sweep_now(b.now);
    for took in [0, 3, 250] {
        let Some(Op { id, .. }) = b.op(Lane::Care) else { panic!("a chunk is due") };
        b.pass_unseen(took);
        b.reply(id, Reply::Swept(Swept { expired: 1_000, more: true, ..Swept::default() }));
        assert_eq!(b.engine.ready_at(Lane::Care), Some(b.now + took));
        b.pass_unseen(took);
    }
}
