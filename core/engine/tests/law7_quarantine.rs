//! Law 7: a row that can't be written is isolated, counted and reported, and holds up nobody.

mod common;

use common::*;
use holdall_engine::{Answer, Changes, Event, Lane, Op, OpKind, Reply, Save, Verdict, Write};

/// A store in which every batch with one of the bad keys fails as a whole; answers how many batches it took.
fn run_with_bad(b: &mut Bench, bad: &[&str], rounds: usize) -> usize {
    let is_bad = |write: &Write| bad.iter().any(|id| write.key == key(id));
    let mut batches = 0;
    for _ in 0..rounds {
        while let Some(Op { id, kind: OpKind::Commit(writes) }) = b.op(Lane::Saves) {
            batches += 1;
            if writes.iter().any(is_bad) {
                b.failed(id);
            } else {
                b.reply(id, Reply::Committed(vec![Verdict::DONE; writes.len()]));
            }
        }
        b.pass(31_000);
    }
    batches
}

fn quarantined(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Quarantined { .. })).count()
}

#[test]
fn a_batch_that_fails_is_bisected_until_the_bad_row_stands_alone() {
    let mut b = Bench::single();
    let good: Vec<_> = (0..64).map(|number| b.create_stored(&format!("good{number}"), &[])).collect();
    b.create_stored("bad", &[]);
    let more: Vec<_> = (64..128).map(|number| b.create_stored(&format!("good{number}"), &[])).collect();
    let batches = run_with_bad(&mut b, &["bad"], 20);
    for ask in good.into_iter().chain(more) {
        assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })), "a good row was held up");
    }
    assert!(batches < 64, "{batches} batches for 129 rows");
    assert_eq!(b.engine.unsaved().changes, 1);
}

#[test]
fn a_row_that_fails_alone_while_others_are_written_is_set_aside() {
    let mut b = Bench::single();
    let ask = b.create_stored("bad", &[]);
    for round in 0.. {
        b.create_stored(&format!("good{round}"), &[]);
        run_with_bad(&mut b, &["bad"], 1);
        if quarantined(&b.events()) == 1 {
            break;
        }
        assert!(round < 10, "it was tried for longer than it should");
    }
    assert_eq!(b.engine.stats().quarantined, 1);
    assert!(matches!(b.answer(ask), Some(Answer::Rejected(_))));
    run_with_bad(&mut b, &[], 1);
    assert_eq!(run_with_bad(&mut b, &[], 7), 0, "it is left alone for ten times the longest back-off");
    assert_eq!(b.engine.unsaved().changes, 1, "it stays in memory, unsaved");
    // It was set aside on suspicion alone, so it gets another try.
    run_with_bad(&mut b, &[], 5);
    assert!(b.engine.unsaved().is_empty());
    assert_eq!(b.engine.stats().quarantined, 0);
}

#[test]
fn a_store_that_takes_nothing_is_no_reason_to_set_rows_aside() {
    let mut b = Bench::single();
    b.create_stored("a", &[]);
    b.create_stored("b", &[]);
    run_with_bad(&mut b, &["a", "b"], 40);
    assert_eq!(quarantined(&b.events()), 0);
    run_with_bad(&mut b, &[], 3);
    assert!(b.engine.unsaved().is_empty());
}

#[test]
fn a_rejected_row_is_set_aside_at_once() {
    let mut b = Bench::single();
    let bad = b.create_stored("bad", &[("a", "1")]);
    let good = b.create_stored("good", &[]);
    let (op, _) = b.commit();
    b.reply(op, Reply::Committed(vec![Verdict::Rejected("too large".into()), Verdict::DONE]));
    assert!(matches!(b.answer(good), Some(Answer::Stored { .. })));
    assert_eq!(b.answer(bad), Some(Answer::Rejected("too large".into())));
    assert!(matches!(&b.events()[..], [Event::Quarantined { why, .. }, Event::Created { .. }] if &**why == "too large"));
    b.pass(300_000);
    assert!(b.op(Lane::Saves).is_none());
    assert_eq!(b.get("bad", "a").as_deref(), Some("1"));
}

#[test]
fn a_change_gives_a_quarantined_row_another_try() {
    let mut b = Bench::single();
    b.create_stored("bad", &[("a", "1"), ("b", "2")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Rejected("too large".into()));
    let mut smaller = Changes::new();
    smaller.remove("a");
    let ask = asked(b.apply("bad", &smaller, &Save { stored: true, ..Save::default() }));
    let (op, writes) = b.commit();
    assert_eq!(writes[0].record().unwrap().block, block(&[("b", "2")]));
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    assert!(b.engine.unsaved().is_empty());
    b.check_account();
}

#[test]
fn a_flush_gives_a_quarantined_row_another_try() {
    let mut b = Bench::single();
    b.create_stored("bad", &[("a", "1")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Rejected("bad charset".into()));
    b.flush_now();
    assert_eq!(b.engine.stats().quarantined, 0);
    let (op, _) = b.commit();
    b.done(op);
    assert!(b.engine.unsaved().is_empty());
}

#[test]
fn a_rejected_rotation_is_told_to_who_waits_for_it() {
    let mut b = Bench::single();
    b.stored("old", &[]);
    let ask = b.rename("old", "new", 0);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Rejected("too large".into()));
    assert_eq!(b.answer(ask), Some(Answer::Rejected("too large".into())));
    assert_eq!(b.engine.unsaved().renames, 1);
}

#[test]
fn a_destroy_of_a_quarantined_session_clears_its_count() {
    let mut b = Bench::single();
    b.create_stored("bad", &[]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Rejected("too large".into()));
    b.destroy("bad");
    assert_eq!(b.engine.stats().quarantined, 0);
}
