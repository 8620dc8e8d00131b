//! Law 3: destroy wins.

mod common;

use common::*;
use holdall_engine::{Answer, Applied, Event, Fetch, Key, Lane, Loaded, Reason, Reply, Save, Time, Verdict, Want, WriteKind};

#[test]
fn a_destroy_is_dead_here_at_once_and_answered_when_committed() {
    let mut b = Bench::single();
    b.stored("s", &[("a", "1")]);
    let ask = b.destroy("s");
    assert_eq!(name(&b.fetch("s", Want::ANY)), "dead");
    assert_eq!(b.answer(ask), None);
    let (op, writes) = b.ends();
    assert!(matches!(writes[0].kind, WriteKind::Destroy { reason: Reason::Destroyed, .. }));
    b.verdict(op, Verdict::Done { killed: vec![key("s")] });
    assert_eq!(b.answer(ask), Some(Answer::Destroyed { sessions: 1 }));
}

#[test]
fn a_destroy_does_not_linger() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.destroy("s");
    assert!(b.op(Lane::Ends).is_some(), "identity changes never wait behind");
}

#[test]
fn a_destroy_overtakes_the_write_in_flight_and_whoever_waits_for_that_is_told() {
    // Rule 11.
    let mut b = Bench::single();
    b.stored("s", &[("a", "1")]);
    let save = b.set_stored("s", &[("a", "2")]);
    let (saving, _) = b.commit();
    let destroy = b.destroy("s");
    assert_eq!(b.answer(save), Some(Answer::Ended(Reason::Destroyed)));
    let (ending, _) = b.ends();
    b.done(ending);
    assert!(matches!(b.answer(destroy), Some(Answer::Destroyed { .. })));
    b.done(saving);
    assert_eq!(name(&b.fetch("s", Want::ANY)), "dead", "the late verdict revives nothing");
    assert!(b.op(Lane::Saves).is_none());
}

#[test]
fn a_destroy_of_an_unsettled_create_leaves_a_dead_row() {
    // Rule 11: the create may land after the destroy; the dead row stops it.
    let mut b = Bench::fleet();
    b.create_stored("s", &[]);
    let (creating, _) = b.commit();
    let ask = b.destroy("s");
    let (ending, writes) = b.ends();
    assert_eq!(writes[0].key, key("s"));
    b.done(ending);
    assert!(matches!(b.answer(ask), Some(Answer::Destroyed { .. })));
    b.verdict(creating, Verdict::Unknown);
    b.pass(60_000);
    assert!(b.op(Lane::Saves).is_none(), "a create is not repeated after the destroy");
}

#[test]
fn a_session_that_was_never_sent_needs_no_dead_row() {
    let mut b = Bench::single();
    b.create("s", &[("a", "1")]);
    let ask = b.destroy("s");
    assert_eq!(b.answer(ask), Some(Answer::Destroyed { sessions: 0 }));
    assert!(b.is_quiet());
    assert_eq!(name(&b.fetch("s", Want::ANY)), "dead");
}

#[test]
fn a_destroy_of_an_unknown_id_is_written_all_the_same() {
    let mut b = Bench::single();
    let ask = b.destroy("nobody");
    let (op, writes) = b.ends();
    assert_eq!(writes[0].key, key("nobody"));
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Destroyed { .. })));
}

#[test]
fn a_destroy_is_retried_until_it_is_confirmed() {
    let mut b = Bench::with(|config| config.retry_cap_ms = 1_000);
    b.stored("s", &[]);
    let ask = b.destroy("s");
    let mut first = None;
    for _ in 0..10 {
        let (op, writes) = b.ends();
        assert_eq!(first.get_or_insert(writes.clone()), &writes);
        b.failed(op);
        assert_eq!(b.engine.unsaved().destroys, 1);
        assert_eq!(b.answer(ask), None);
        b.pass(120_000);
        assert_eq!(name(&b.fetch("s", Want::FRESH)), "dead");
    }
    let (op, _) = b.ends();
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Destroyed { .. })));
    assert!(b.engine.unsaved().is_empty());
}

#[test]
fn destroying_twice_answers_both() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    let (first, second) = (b.destroy("s"), b.destroy("s"));
    let (op, writes) = b.ends();
    assert_eq!(writes.len(), 1);
    let third = b.destroy("s");
    b.done(op);
    for ask in [first, second, third] {
        assert!(matches!(b.answer(ask), Some(Answer::Destroyed { .. })));
    }
}

#[test]
fn a_save_that_finds_its_row_gone_ends_the_session_here() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    let ask = b.set_stored("s", &[("a", "2")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Gone);
    assert_eq!(b.answer(ask), Some(Answer::Ended(Reason::Gone)));
    assert_eq!(name(&b.fetch("s", Want::ANY)), "dead");
    assert!(b.is_quiet(), "it is not inserted again");
    assert!(matches!(b.events()[..], [Event::ChangesLost { fields: 1, .. }]));
}

#[test]
fn a_destroy_by_another_server_ends_lingering_changes_with_an_event() {
    // Rule 24.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    b.set("s", &[("a", "2"), ("b", "3")]);
    b.fetch("s", Want::FRESH);
    let (op, _) = b.load();
    b.loaded(op, vec![dead(Reason::Destroyed)]);
    assert_eq!(b.events(), [Event::ChangesLost { key: key("s"), fields: 2, reason: Reason::Destroyed }]);
    assert!(matches!(b.apply("s", &set(&[]), &Save::default()), Applied::Dead(Reason::Destroyed)));
}

#[test]
fn a_create_over_a_dead_row_ends_here() {
    // Rule 13.
    let mut b = Bench::fleet();
    let ask = b.create_stored("s", &[]);
    let (op, writes) = b.commit();
    assert!(is_create(&writes[0]), "creation is insert-if-absent");
    b.verdict(op, Verdict::Gone);
    assert!(matches!(b.answer(ask), Some(Answer::Ended(_))));
    assert!(matches!(b.create("s", &[]), Applied::Dead(_)));
}

#[test]
fn a_create_that_finds_the_id_taken_touches_nothing() {
    let mut b = Bench::fleet();
    let ask = b.create_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Exists);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(taken(4, &[("theirs", "1")]))]);
    assert_eq!(b.answer(ask), Some(Answer::Exists));
    assert!(b.op(Lane::Saves).is_none());
}

#[test]
fn with_adopt_a_create_merges_into_the_row_that_is_there() {
    let mut b = Bench::with(|config| {
        config.sharing = holdall_engine::Sharing::Fleet;
        config.adopt = true;
    });
    let ask = b.create_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Exists);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(taken(4, &[("theirs", "1")]))]);
    let (op, writes) = b.commit();
    assert_eq!(base(&writes[0]).unwrap().revision, 4);
    assert_eq!(writes[0].record().unwrap().block, block(&[("a", "1"), ("theirs", "1")]));
    b.done(op);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 5 }));
}

#[test]
fn keys_killed_through_a_rotation_get_their_tombstones() {
    // Rule 15: a log-out in one tab, under the old id, during another tab's rotation.
    let mut b = Bench::fleet();
    b.open_row("new", row(10, &[("a", "1")]));
    let waits = b.set_stored("new", &[("a", "2")]);
    let ask = b.destroy("old");
    let (op, _) = b.ends();
    b.verdict(op, Verdict::Done { killed: vec![key("old"), key("new")] });
    assert_eq!(b.answer(ask), Some(Answer::Destroyed { sessions: 2 }));
    assert_eq!(b.answer(waits), Some(Answer::Ended(Reason::Destroyed)));
    assert_eq!(name(&b.fetch("new", Want::ANY)), "dead");
    let told: Vec<(Key, Reason)> = core::iter::from_fn(|| b.engine.poll_killed()).collect();
    assert_eq!(told, [(key("new"), Reason::Destroyed)]);
}

#[test]
fn a_tombstone_outlives_a_load_that_is_under_way() {
    // Rule 6: the row that the load read is from before the destroy.
    let mut b = Bench::fleet();
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    b.destroy("s");
    let (op, _) = b.ends();
    b.done(op);
    b.pass(3_600_000);
    b.loaded(load, vec![Loaded::Row(row(10, &[("a", "1")]))]);
    assert_eq!(b.engine.peek(b.id("s")), None);
    assert!(!matches!(b.fetch("s", Want::ANY), Fetch::Ready(_)));
}

#[test]
fn a_tombstone_outlives_a_load_that_waits_to_be_sent() {
    let mut b = Bench::fleet();
    b.fetch("s", Want::FRESH);
    b.destroy("s");
    let (op, _) = b.ends();
    b.done(op);
    b.pass(3_600_000);
    b.create("other", &[]);
    assert!(b.op(Lane::Loads).is_none(), "what is dead here is not asked for");
    b.pass(3_600_000);
    assert_eq!(b.engine.peek(b.id("s")), None);
}

#[test]
fn a_tombstone_leaves_memory_when_nothing_needs_it() {
    let mut b = Bench::single();
    b.stored("s", &[]);
    b.destroy("s");
    let (op, _) = b.ends();
    b.pass(100_000);
    assert_eq!(b.engine.stats().sessions, 1, "not before it is confirmed");
    b.done(op);
    b.pass(100_000);
    assert_eq!(b.engine.stats().sessions, 0);
    b.check_account();
}

#[test]
fn a_destroy_is_never_busy() {
    let mut b = Bench::with(|config| config.memory_bytes = 0);
    assert_eq!(name(&b.fetch("s", Want::ANY)), "busy");
    let ask = b.destroy("s");
    let (op, _) = b.ends();
    b.reply(op, Reply::Committed(vec![Verdict::DONE]));
    assert!(matches!(b.answer(ask), Some(Answer::Destroyed { .. })));
}

#[test]
fn the_dead_row_stays_as_long_as_configured() {
    let mut b = Bench::with(|config| config.dead_ms = 5_000);
    b.stored("s", &[]);
    b.destroy("s");
    let (_, writes) = b.ends();
    let WriteKind::Destroy { until, .. } = writes[0].kind else { panic!("expected a destroy") };
    assert_eq!(until, Time(b.now.0 + 5_000));
}
