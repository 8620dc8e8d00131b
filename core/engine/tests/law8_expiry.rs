//! Law 8: expiry is never early, an expired session is never served, and the last use never goes back.

mod common;

use common::*;
use holdall_engine::{
    Applied, Event, Fetch, Lane, Limits, Loaded, OpKind, Reason, Record, Renamed, Save, Time, Verdict, Want, WriteKind,
};

#[test]
fn within_one_bag_expiry_is_exact() {
    let mut b = Bench::single();
    b.create("s", &[]);
    b.pass_unseen(IDLE_MS - 1);
    b.view("s");
    b.pass_unseen(IDLE_MS - 1);
    b.view("s");
    b.pass_unseen(IDLE_MS);
    assert!(matches!(b.fetch("s", Want::ANY), Fetch::Dead(Reason::Idle)));
}

#[test]
fn an_open_that_is_no_use_does_not_prolong() {
    let mut b = Bench::single();
    b.create("s", &[]);
    b.pass_unseen(IDLE_MS - 1);
    ready(b.fetch("s", Want { touch: false, ..Want::ANY }));
    b.pass_unseen(1);
    assert!(matches!(b.fetch("s", Want::ANY), Fetch::Dead(Reason::Idle)));
}

#[test]
fn nothing_moves_the_deadline() {
    let mut b = Bench::single();
    let id = b.id("s");
    b.engine.create(b.now, id, Limits { idle_ms: IDLE_MS, deadline: b.now + 100_000 }, &set(&[]), &Save::default());
    for _ in 0..9 {
        b.pass_unseen(11_111);
        b.set("s", &[("a", &b.now.0.to_string())]);
        b.view("s");
    }
    b.pass_unseen(1);
    assert!(matches!(b.fetch("s", Want::ANY), Fetch::Dead(Reason::Deadline)));
}

#[test]
fn an_expired_session_can_neither_be_saved_nor_rotated() {
    let over: [fn(&mut Bench) -> bool; 2] = [
        |b| matches!(b.apply("s", &set(&[("a", "1")]), &Save::default()), Applied::Dead(Reason::Idle)),
        |b| {
            let (old, new) = (b.id("s"), b.id("new"));
            matches!(b.engine.rename(b.now, old, new, 0), Renamed::Dead(Reason::Idle))
        },
    ];
    for is_refused in over {
        let mut b = Bench::single();
        b.stored("s", &[]);
        b.pass_unseen(IDLE_MS);
        assert!(is_refused(&mut b));
        assert!(matches!(b.fetch("s", Want::ANY), Fetch::Dead(Reason::Idle)));
    }
}

#[test]
fn in_fleet_the_row_is_read_again_before_a_session_is_called_expired() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    let slack = b.engine.config().slack_for(IDLE_MS);
    b.pass_unseen(IDLE_MS + slack);
    assert!(matches!(b.apply("s", &set(&[]), &Save::default()), Applied::NotLoaded));
    let Fetch::Load(mark) = b.fetch("s", Want::ANY) else { panic!("expected a check") };
    let (op, _) = b.load();
    // Another server has used it five minutes ago.
    b.loaded(op, vec![Loaded::Same { accessed: b.now - 300_000 }]);
    ready(b.fetch("s", Want { asked: Some(mark), ..Want::ANY }));
}

#[test]
fn after_the_row_has_said_so_it_is_over() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    let slack = b.engine.config().slack_for(IDLE_MS);
    b.pass_unseen(IDLE_MS + slack);
    let Fetch::Load(mark) = b.fetch("s", Want::ANY) else { panic!("expected a check") };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Same { accessed: START }]);
    assert_ne!(name(&b.fetch("s", Want { asked: Some(mark), ..Want::ANY })), "ready");
    assert_ne!(name(&b.fetch("s", Want::ANY)), "ready");
}

#[test]
fn same_brings_the_uses_by_other_servers() {
    // Rule 10.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.pass_unseen(1_000_000);
    let Fetch::Load(mark) = b.fetch("s", Want { touch: false, ..Want::FRESH }) else { panic!("expected a check") };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Same { accessed: b.now }]);
    b.pass_unseen(IDLE_MS - 1);
    ready(b.fetch("s", Want { asked: Some(mark), touch: false, ..Want::FRESH }));
}

#[test]
fn a_loaded_session_lives_through_the_slack() {
    // Uses of it by another server, or by this bag's last run, may not have reached the row.
    for mut b in [Bench::single(), Bench::fleet()] {
        let slack = b.engine.config().slack_for(IDLE_MS);
        b.pass_unseen(IDLE_MS + slack - 1);
        let Fetch::Load(_) = b.fetch("s", Want::ANY) else { panic!("expected a load") };
        let (op, _) = b.load();
        b.loaded(op, vec![Loaded::Row(row(10, &[]))]);
        b.view("s");
    }
}

#[test]
fn an_expired_row_is_not_served_swept_or_not() {
    for mut b in [Bench::single(), Bench::fleet()] {
        let slack = b.engine.config().slack_for(IDLE_MS);
        b.pass_unseen(IDLE_MS + slack);
        let Fetch::Load(mark) = b.fetch("s", Want::ANY) else { panic!("expected a load") };
        let (op, _) = b.load();
        b.loaded(op, vec![Loaded::Row(row(10, &[]))]);
        assert!(matches!(b.fetch("s", Want { asked: Some(mark), ..Want::ANY }), Fetch::Dead(Reason::Idle)));
    }
    let mut b = Bench::fleet();
    let record = Record { deadline: START, ..row(10, &[]) };
    b.fetch("s", Want::ANY);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(record)]);
    assert!(matches!(b.fetch("s", Want::ANY), Fetch::Dead(Reason::Deadline)));
}

#[test]
fn a_use_here_after_the_load_makes_a_single_bag_exact() {
    let mut b = Bench::single();
    b.open_row("s", row(10, &[]));
    b.pass_unseen(1_000);
    b.view("s");
    b.pass_unseen(IDLE_MS);
    assert!(matches!(b.fetch("s", Want::ANY), Fetch::Dead(Reason::Idle)));
}

#[test]
fn the_last_use_never_goes_back() {
    // Rule 20: a late check with an older use, and a touch that is sent again.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.pass_unseen(600_000);
    b.view("s");
    b.fetch("s", Want::FRESH);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Same { accessed: START }]);
    b.pass_unseen(IDLE_MS - 1);
    b.view("s");
    // A clock that is set back does not set the use back either.
    b.now = START;
    b.view("s");
    b.now = START + 600_000 + 2 * IDLE_MS - 2;
    b.view("s");
}

#[test]
fn touches_are_written_at_most_once_an_interval() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    let mut touches = Vec::new();
    for _ in 0..600 {
        b.pass(1_000);
        b.view("s");
        if let Some(op) = b.op(Lane::Saves) {
            let OpKind::Commit(writes) = op.kind else { panic!("expected a commit") };
            touches.push(touched(&writes[0]).expect("nothing but uses"));
            b.done(op.id);
        }
    }
    assert!((9..=10).contains(&touches.len()), "{} touches in ten minutes at 60 s", touches.len());
    assert!(touches.is_sorted());
}

#[test]
fn a_touch_of_unknown_outcome_is_sent_again() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.pass(1_000);
    b.view("s");
    b.pass(60_000);
    let (op, writes) = b.commit();
    assert_eq!(touched(&writes[0]), Some(START + 1_000));
    b.verdict(op, Verdict::Unknown);
    b.pass(60_000);
    let (op, again) = b.commit();
    assert!(touched(&again[0]) >= touched(&writes[0]));
    b.done(op);
    assert_eq!(b.engine.unwritten_uses(), 0);
}

#[test]
fn a_save_carries_the_use() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.pass(5_000);
    b.set_stored("s", &[("a", "1")]);
    let (op, writes) = b.commit();
    assert_eq!(writes[0].record().unwrap().accessed, START + 5_000);
    b.done(op);
    assert_eq!(b.engine.unwritten_uses(), 0, "no touch is needed beside it");
}

#[test]
fn a_change_of_touch_fields_alone_waits_for_the_touch() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.set("s", &[("lastvisit", "1")]);
    b.pass(11_000);
    assert!(b.op(Lane::Saves).is_none(), "written no sooner than a touch");
    assert_eq!(b.engine.unsaved().changes, 1);
}

#[test]
fn an_expired_session_is_reported_once() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.pass(3 * IDLE_MS);
    b.fetch("s", Want::ANY);
    let expired = b.events().into_iter().filter(|event| matches!(event, Event::Expired { .. })).count();
    assert!(expired <= 1);
}

#[test]
fn a_claim_hands_out_the_last_content_only_when_it_is_won() {
    for (verdict, handed_out) in
        [(Verdict::DONE, true), (Verdict::Conflict, false), (Verdict::Gone, false), (Verdict::Unknown, false)]
    {
        let mut b = Bench::with(|config| {
            config.claim_expired = true;
            config.keep_ms = 10 * IDLE_MS;
        });
        let stamp = b.stored("s", &[("a", "1")]);
        b.pass(IDLE_MS);
        let (op, writes) = b.ends();
        let WriteKind::Expire { base, before, reason, .. } = writes[0].kind else { panic!("expected a claim") };
        assert_eq!((base, before, reason), (stamp, b.now, Reason::Idle));
        assert!(b.events().is_empty(), "not before the claim is won");
        b.verdict(op, verdict);
        let events = b.events();
        assert_eq!(events.len(), usize::from(handed_out), "{events:?}");
        if let Some(Event::Expired { last, .. }) = events.first() {
            assert_eq!(last.as_ref().unwrap().block, block(&[("a", "1")]));
        }
        b.pass(60_000);
        assert!(b.op(Lane::Ends).is_none(), "a claim is not tried twice");
    }
}

#[test]
fn linger_and_touch_are_bounded_by_the_idle_limit() {
    let b = Bench::single();
    let config = b.engine.config();
    assert_eq!(config.linger_for(20_000), 5_000);
    assert_eq!(config.linger_cap_for(20_000), 5_000);
    assert_eq!(config.touch_for(20_000), 2_000);
    assert_eq!((config.linger_for(0), config.touch_for(0)), (10_000, 60_000));
    let slack = config.slack_for(IDLE_MS);
    assert_eq!(slack, 60_000 + 30_000 + 10_000 + 5_000);
    assert!(config.sweep_margin_ms() >= 2 * slack + 5_000);
}

#[test]
fn without_limits_a_session_never_expires() {
    let mut b = Bench::single();
    let id = b.id("s");
    b.engine.create(b.now, id, Limits { idle_ms: 0, deadline: Time::NEVER }, &set(&[]), &Save::default());
    b.pass_unseen(1 << 40);
    b.view("s");
}
