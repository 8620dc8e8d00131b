//! Law 1: failed means unknown. Only the stamp of exactly this attempt proves that it has landed; otherwise it is
//! repeated, byte for byte.

mod common;

use common::*;
use holdall_engine::{Answer, Event, Lane, Loaded, Op, OpKind, Record, Reply, Save, Stamp, Time, Verdict, Want, Writer};

#[test]
fn an_unknown_write_is_repeated_byte_for_byte() {
    let mut b = Bench::single();
    b.stored("s", &[("a", "1")]);
    let ask = b.set_stored("s", &[("a", "2")]);
    let (op, first) = b.commit();
    b.set("s", &[("a", "3"), ("b", "4")]);
    b.verdict(op, Verdict::Unknown);
    b.pass(60_000);
    let (op, again) = b.commit();
    assert_eq!(first, again, "what came later must wait for its own write");
    assert_eq!(b.answer(ask), None);
    b.done(op);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: stamp(&first[0]).revision }));
    b.pass(60_000);
    let (_, later) = b.commit();
    assert_eq!(base(&later[0]), Some(stamp(&first[0])));
    assert_eq!(json(&later[0].record().unwrap().block, "a").as_deref(), Some("3"));
    assert_eq!(changed(&later[0]), ["a", "b"]);
}

#[test]
fn a_failed_batch_is_unknown_for_each_of_its_writes() {
    let mut b = Bench::single();
    b.create_stored("s", &[("a", "1")]);
    b.create_stored("t", &[("a", "1")]);
    let (op, first) = b.commit();
    b.failed(op);
    b.pass(60_000);
    let mut again = b.commit().1;
    b.pass(60_000);
    again.extend(b.commit().1);
    assert_eq!(first, again);
    assert_eq!(b.engine.stats().unknown_outcomes, 2);
}

#[test]
fn the_exact_stamp_in_the_row_proves_the_write() {
    let mut b = Bench::fleet();
    b.stored("s", &[("a", "1")]);
    let ask = b.set_stored("s", &[("a", "2")]);
    let (op, writes) = b.commit();
    b.verdict(op, Verdict::Unknown);
    assert_eq!(name(&b.fetch("s", Want::FRESH)), "load");
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(writes[0].record().unwrap().clone())]);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: stamp(&writes[0]).revision }));
    assert!(b.engine.unsaved().is_empty());
    b.pass(60_000);
    assert!(b.op(Lane::Saves).is_none(), "nothing is left to write");
}

#[test]
fn our_writer_from_the_write_before_proves_nothing() {
    // Rule 1. The row still carries our stamp of the write before; the attempt has not landed.
    let mut b = Bench::fleet();
    let before = b.stored("s", &[("a", "1")]);
    assert_eq!(before.writer.nonce, NONCE);
    let ask = b.set_stored("s", &[("a", "2")]);
    let (op, writes) = b.commit();
    b.verdict(op, Verdict::Conflict);
    let (op, _) = b.load();
    let old = Record { stamp: before, ..row(0, &[("a", "1")]) };
    b.loaded(op, vec![Loaded::Row(old)]);
    assert_eq!(b.answer(ask), None);
    let (_, again) = b.commit();
    assert_eq!(again, writes);
}

#[test]
fn the_right_revision_by_another_writer_proves_nothing() {
    let mut b = Bench::fleet();
    b.stored("s", &[("a", "1")]);
    let ask = b.set_stored("s", &[("a", "2")]);
    let (op, writes) = b.commit();
    b.verdict(op, Verdict::Unknown);
    b.fetch("s", Want::FRESH);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(stamp(&writes[0]).revision, &[("a", "9"), ("c", "3")]))]);
    assert_eq!(b.answer(ask), None, "another's row must not be taken for ours");
    b.pass(1_000);
    let (_, over) = b.commit();
    let record = over[0].record().unwrap();
    assert_eq!((json(&record.block, "a").as_deref(), json(&record.block, "c").as_deref()), (Some("2"), Some("3")));
}

#[test]
fn a_writer_is_never_used_for_two_contents() {
    let mut b = Bench::single();
    let mut seen: Vec<Writer> = vec![b.stored("s", &[("a", "0")]).writer];
    for value in 1..20 {
        b.set_stored("s", &[("a", &value.to_string())]);
        let (op, writes) = b.commit();
        let Stamp { writer, .. } = stamp(&writes[0]);
        assert!(!seen.contains(&writer));
        seen.push(writer);
        b.done(op);
    }
}

#[test]
fn not_done_is_no_unknown() {
    // Rule 4. What was refused before anything was sent is simply sent again, for as long as a create may be.
    let mut b = Bench::fleet();
    let ask = b.create_stored("s", &[("a", "1")]);
    let (op, first) = b.commit();
    b.verdict(op, Verdict::NotDone);
    b.pass(600_000);
    let retries = core::iter::from_fn(|| b.op(Lane::Saves)).count();
    assert_eq!(retries, 1, "it waits to be written still");
    assert_eq!(b.engine.stats().unknown_outcomes, 0);
    assert!(is_create(&first[0]));
    assert_eq!(b.answer(ask), None);
}

#[test]
fn each_op_is_answered_once_and_a_second_reply_counts_for_nothing() {
    let mut b = Bench::single();
    let ask = b.create_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    b.set("s", &[("a", "2")]);
    b.verdict(op, Verdict::Gone);
    assert_eq!(b.get("s", "a").as_deref(), Some("2"));
    b.check_account();
}

#[test]
fn verdicts_that_do_not_fit_the_batch_are_unknown() {
    let mut b = Bench::single();
    b.create_stored("s", &[("a", "1")]);
    let (op, first) = b.commit();
    b.reply(op, Reply::Committed(vec![Verdict::DONE, Verdict::DONE]));
    assert!(matches!(b.events()[..], [Event::Degraded { .. }]));
    b.pass(60_000);
    assert_eq!(b.commit().1, first);
}

#[test]
fn a_create_that_stayed_unknown_too_long_is_settled_by_reading() {
    // Rule 12. After half of a dead row's life a repeated create could bring back what another server destroyed.
    let mut b = Bench::fleet();
    let ask = b.create_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    b.failed(op);
    b.pass_unseen(1_800_000);
    b.engine.on_timeout(b.now);
    assert!(b.op(Lane::Saves).is_none(), "it must not be sent again");
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Absent]);
    assert!(b.events().iter().any(|event| matches!(event, Event::CreateLost { .. })));
    assert!(matches!(b.answer(ask), Some(Answer::Ended(_))));
    assert!(b.op(Lane::Saves).is_none());
}

#[test]
fn a_create_that_stayed_unknown_too_long_and_landed_is_found_by_reading() {
    let mut b = Bench::fleet();
    let ask = b.create_stored("s", &[("a", "1")]);
    let (op, writes) = b.commit();
    b.failed(op);
    b.pass_unseen(1_800_000);
    assert!(b.op(Lane::Saves).is_none());
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(writes[0].record().unwrap().clone())]);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
}

#[test]
fn a_row_that_someone_built_on_our_unknown_create_is_no_taken_id() {
    let mut b = Bench::fleet();
    let ask = b.create_stored("s", &[("a", "1")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Unknown);
    b.pass(1_000);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Exists);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(12, &[("a", "1"), ("b", "2")]))]);
    while let Some(op) = b.op(Lane::Saves) {
        b.done(op.id);
    }
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    assert_eq!(b.view("s").block, block(&[("a", "1"), ("b", "2")]));
}

#[test]
fn alone_a_create_is_repeated_after_any_outage() {
    let mut b = Bench::with(|config| config.retry_cap_ms = 1_000);
    b.create_with("s", &set(&[("a", "1")]), &Save::default());
    b.set("s", &[("a", "2")]);
    b.pass(20_000);
    let (op, first) = b.commit();
    b.failed(op);
    b.pass_unseen(1_700_000);
    b.view("s");
    b.pass_unseen(1_700_000);
    b.view("s");
    assert!(b.now > Time(START.0 + 3_400_000));
    assert_eq!(b.commit().1, first);
}

#[test]
fn a_quarantined_write_of_unknown_outcome_is_still_the_one_to_settle() {
    // Set aside after failing alone while others were written: yet one of its tries may have landed.
    let mut b = Bench::fleet();
    b.create_stored("bad", &[("a", "1")]);
    for round in 0..4 {
        b.create_stored(&format!("good{round}"), &[]);
        for _ in 0..10 {
            b.pass(60_000);
            let Some(Op { id, kind: OpKind::Commit(writes) }) = b.op(Lane::Saves) else { break };
            if writes.iter().any(|write| write.key == key("bad")) {
                b.failed(id);
            } else {
                b.reply(id, Reply::Committed(vec![Verdict::DONE; writes.len()]));
            }
        }
    }
    assert!(b.events().iter().any(|event| matches!(event, Event::Quarantined { .. })));
    // A destroy must now reach the store.
    b.destroy("bad");
    let (_, ends) = b.ends();
    assert_eq!(ends[0].key, key("bad"));
}
