//! When expired rows are removed.

mod common;

use common::*;
use holdall_engine::{Event, Lane, Op, OpId, OpKind, Reason, Record, Reply, Swept, Time, Want};

fn sweep(b: &mut Bench) -> Option<(OpId, Time, u32)> {
    match b.op(Lane::Care) {
        Some(Op { id, kind: OpKind::Sweep { before, limit } }) => Some((id, before, limit)),
        None => None,
        other => panic!("expected a sweep, got {other:?}"),
    }
}

fn swept(expired: u32, more: bool) -> Reply {
    Reply::Swept(Swept { expired, dead: 1, keys: Vec::new(), more })
}

#[test]
fn a_sweep_restates_its_predicate_with_twice_the_slack() {
    // Rule 33: a session opened in the slack must not be swept before its touch arrives.
    let mut b = Bench::fleet();
    b.engine.sweep_now(b.now);
    let (_, before, limit) = sweep(&mut b).unwrap();
    let slack = b.engine.config().slack_for(IDLE_MS);
    assert!(before <= b.now - (2 * slack + 5_000));
    assert_eq!(limit, 1_000);
}

#[test]
fn chunk_follows_chunk_and_the_end_is_reported() {
    let mut b = Bench::single();
    b.engine.sweep_now(b.now);
    for _ in 0..3 {
        let (op, _, _) = sweep(&mut b).unwrap();
        assert!(sweep(&mut b).is_none(), "one chunk at a time");
        b.reply(op, swept(1_000, true));
        assert!(b.events().is_empty());
    }
    let (op, _, _) = sweep(&mut b).unwrap();
    b.reply(op, swept(7, false));
    assert_eq!(b.events(), [Event::Swept { expired: 3_007, dead: 4, began: START }]);
    assert!(sweep(&mut b).is_none());
    assert_eq!(b.engine.stats().swept_expired, 3_007);
}

#[test]
fn sweeps_come_every_hour_with_jitter() {
    let times = |seed| {
        let mut b = Bench::with(|config| {
            config.sweep_every_ms = 3_600_000;
            config.seed = seed;
        });
        let mut times = Vec::new();
        while times.len() < 5 {
            if let Some((op, _, _)) = sweep(&mut b) {
                times.push(b.now);
                b.reply(op, swept(0, false));
            }
            b.pass(60_000);
        }
        times
    };
    let one = times(1);
    assert!(one[0] <= START + 3_660_000);
    for pair in one.windows(2) {
        let gap = pair[1].since(pair[0]);
        assert!((3_240_000..=3_960_000 + 60_000).contains(&gap), "{gap}");
    }
    assert_ne!(one, times(2), "many servers must not sweep at once");
}

#[test]
fn with_a_doubtful_clock_nothing_is_swept() {
    let mut b = Bench::single();
    b.engine.doubt_clock(true);
    b.engine.sweep_now(b.now);
    assert!(sweep(&mut b).is_none());
    b.engine.doubt_clock(false);
    assert!(sweep(&mut b).is_some());
}

#[test]
fn a_failed_sweep_is_tried_again_later() {
    let mut b = Bench::single();
    b.engine.sweep_now(b.now);
    let (op, _, _) = sweep(&mut b).unwrap();
    b.failed(op);
    assert!(sweep(&mut b).is_none());
    b.pass(60_001);
    assert!(sweep(&mut b).is_some());
}

#[test]
fn an_interval_of_0_never_sweeps() {
    let mut b = Bench::with(|config| config.sweep_every_ms = 0);
    assert!(sweep(&mut b).is_none());
    b.pass(100_000_000);
    assert!(sweep(&mut b).is_none());
}

#[test]
fn a_live_session_is_never_swept_and_a_dead_one_is() {
    let (mut b, mut store) = (Bench::fleet(), Store::default());
    store.put(&key("live"), Record { accessed: START + 10 * IDLE_MS, ..row(1, &[]) });
    store.put(&key("over"), row(1, &[]));
    store.commit(&holdall_engine::Write {
        key: key("dead"),
        kind: holdall_engine::WriteKind::Destroy {
            reason: Reason::Destroyed,
            writer: row(1, &[]).stamp.writer,
            until: START + 5_000,
        },
    });
    b.pass(10 * IDLE_MS);
    b.engine.sweep_now(b.now);
    b.run(&mut store);
    assert_eq!(store.rows.keys().collect::<Vec<_>>(), [&key("live")]);
}

#[test]
fn a_swept_session_that_is_in_memory_is_looked_at_before_it_is_served() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.engine.sweep_now(b.now);
    let (op, _, _) = sweep(&mut b).unwrap();
    b.reply(op, Reply::Swept(Swept { expired: 1, keys: vec![key("s")], ..Swept::default() }));
    assert_eq!(name(&b.fetch("s", Want { fresh_ms: 3_600_000, ..Want::FRESH })), "load");
}
