//! Law 2: a commit carries the fields that changed and the stamp they were based on; on conflict our fields are laid
//! over the row that is there.

mod common;

use common::*;
use holdall_engine::{Answer, Changes, Event, Lane, Loaded, Record, Save, Verdict, Want};

fn overwrites(events: &[Event]) -> u32 {
    events.iter().map(|event| if let Event::Overwrote { fields, .. } = event { *fields } else { 0 }).sum()
}

/// A loaded session whose write met another's: the row of revision 11 is read, and the second write is answered.
fn conflict(ours: &Changes, theirs: Record) -> (Bench, Record) {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1"), ("b", "2")]));
    b.apply("s", ours, &Save { stored: true, ..Save::default() });
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Conflict);
    let (op, wanted) = b.load();
    assert_eq!(wanted[0].known, None, "the whole row is wanted");
    b.loaded(op, vec![Loaded::Row(theirs)]);
    let (op, writes) = b.commit();
    assert_eq!(base(&writes[0]).unwrap().revision, 11);
    b.done(op);
    let record = writes[0].record().unwrap().clone();
    (b, record)
}

#[test]
fn a_commit_names_the_fields_it_changes_and_its_base() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1"), ("b", "2")]));
    b.set_stored("s", &[("b", "3")]);
    let (_, writes) = b.commit();
    assert_eq!(base(&writes[0]), Some(row(10, &[]).stamp));
    assert_eq!(changed(&writes[0]), ["b"]);
    assert_eq!(stamp(&writes[0]).revision, 11);
}

#[test]
fn on_conflict_both_sides_fields_survive() {
    let (mut b, record) = conflict(&set(&[("b", "3")]), row(11, &[("a", "9"), ("b", "2"), ("c", "4")]));
    assert_eq!(record.block, block(&[("a", "9"), ("b", "3"), ("c", "4")]));
    assert_eq!(b.engine.peek(b.id("s")), Some(&record.block));
    assert_eq!(overwrites(&b.events()), 0, "different fields overwrite nothing");
}

#[test]
fn overwriting_what_someone_else_changed_is_an_event() {
    let (mut b, record) = conflict(&set(&[("a", "3")]), row(11, &[("a", "9"), ("b", "2")]));
    assert_eq!(json(&record.block, "a").as_deref(), Some("3"), "the later commit wins");
    assert_eq!(overwrites(&b.events()), 1);
}

#[test]
fn a_field_that_someone_else_removed_is_overwritten_too() {
    let (mut b, record) = conflict(&set(&[("a", "3")]), row(11, &[("b", "2")]));
    assert_eq!(json(&record.block, "a").as_deref(), Some("3"));
    assert_eq!(overwrites(&b.events()), 1);
}

#[test]
fn a_removal_is_laid_over_like_any_change() {
    let mut remove = Changes::new();
    remove.remove("a");
    let (_, record) = conflict(&remove, row(11, &[("a", "1"), ("b", "2"), ("c", "3")]));
    assert_eq!(record.block, block(&[("b", "2"), ("c", "3")]));
}

#[test]
fn equal_values_need_no_write_and_are_no_event() {
    // Rule 30.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    let ask = b.set_stored("s", &[("a", "5")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Conflict);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(11, &[("a", "5")]))]);
    assert!(b.op(Lane::Saves).is_none(), "the row says already what we wanted");
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 11 }));
    assert_eq!(overwrites(&b.events()), 0);
}

#[test]
fn values_compare_by_content_not_by_text() {
    let (mut b, _) = conflict(&set(&[("a", "[1,2]")]), row(11, &[("a", "[1, 2]"), ("b", "2")]));
    assert_eq!(overwrites(&b.events()), 0);
}

#[test]
fn a_removal_that_both_made_is_no_event() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    let mut remove = Changes::new();
    remove.remove("a");
    let ask = asked(b.apply("s", &remove, &Save { stored: true, ..Save::default() }));
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Conflict);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(11, &[]))]);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 11 }));
    assert_eq!(overwrites(&b.events()), 0);
}

#[test]
fn a_handles_late_save_that_overwrites_is_an_event() {
    // Two requests opened the same state here; the second to save overwrites the first's field.
    let mut b = Bench::single();
    b.stored("s", &[("a", "1"), ("b", "1")]);
    let shown = b.view("s").block;
    b.set("s", &[("a", "2")]);
    let late = Save { shown: Some(&shown), ..Save::default() };
    b.apply("s", &set(&[("b", "5")]), &late);
    assert_eq!(overwrites(&b.events()), 0);
    b.apply("s", &set(&[("a", "3")]), &late);
    assert_eq!(overwrites(&b.events()), 1);
    assert_eq!(b.get("s", "a").as_deref(), Some("3"));
}

#[test]
fn changes_made_while_the_row_is_read_are_laid_over_it() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    b.set_stored("s", &[("a", "2")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Conflict);
    let (op, _) = b.load();
    let ask = b.set_stored("s", &[("b", "7")]);
    b.loaded(op, vec![Loaded::Row(row(11, &[("a", "1"), ("c", "3")]))]);
    let (op, writes) = b.commit();
    assert_eq!(writes[0].record().unwrap().block, block(&[("a", "2"), ("b", "7"), ("c", "3")]));
    assert_eq!(changed(&writes[0]), ["a", "b"]);
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { revision: 12 })));
}

#[test]
fn a_conflict_known_from_a_load_before_the_verdict_ends_in_a_commit() {
    // A check brings the row of revision 11 while our write on revision 10 is in flight; then its verdict comes.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    let ask = b.set_stored("s", &[("b", "2")]);
    let (save, _) = b.commit();
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    b.loaded(load, vec![Loaded::Row(row(11, &[("a", "9")]))]);
    assert_eq!(b.view("s").block, block(&[("a", "9"), ("b", "2")]));
    b.verdict(save, Verdict::Conflict);
    let (load, _) = b.load();
    b.loaded(load, vec![Loaded::Row(row(11, &[("a", "9")]))]);
    let (save, writes) = b.commit();
    assert_eq!(base(&writes[0]).unwrap().revision, 11, "a write on the old base would conflict for ever");
    assert_eq!(writes[0].record().unwrap().block, block(&[("a", "9"), ("b", "2")]));
    b.done(save);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 12 }));
}

#[test]
fn a_row_built_on_our_write_is_what_memory_shows_once_the_write_is_known() {
    // Ours lands as revision 11, another server builds 12 on it; the check is answered before our verdict.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    let ask = b.set_stored("s", &[("a", "2")]);
    let (save, _) = b.commit();
    b.fetch("s", Want::FRESH);
    let (load, _) = b.load();
    b.loaded(load, vec![Loaded::Row(row(12, &[("a", "3")]))]);
    b.done(save);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    assert_eq!(b.get("s", "a").as_deref(), Some("3"), "the store has 3, and no write of ours is left that would change it");
    assert_eq!(b.view("s").revision, Some(12));
    assert!(b.engine.unsaved().is_empty());
}

#[test]
fn meta_and_idle_limit_are_merged_like_fields() {
    let mut changes = Changes::new();
    changes.meta = Some(Some("phone".into()));
    let theirs = Record { idle_ms: 60_000, ..row(11, &[("a", "1"), ("b", "2")]) };
    let (_, record) = conflict(&changes, theirs);
    assert_eq!(record.meta.as_deref(), Some("phone"));
    assert_eq!(record.idle_ms, 60_000, "the other's idle limit stays");
}
