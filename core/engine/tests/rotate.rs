//! Rotation: two rows in one transaction; until it is settled either id finds the session here.

mod common;

use common::*;
use holdall_engine::{
    Answer, Applied, Event, Fetch, Lane, Loaded, Reason, Record, Renamed, Save, Time, Verdict, Want, WriteKind,
};

/// `old` is stored, a rotation to `new` has begun.
fn rotating() -> (Bench, holdall_engine::Ask) {
    let mut b = Bench::fleet();
    b.open_row("old", row(10, &[("a", "1")]));
    let ask = b.rename("old", "new", 0);
    (b, ask)
}

#[test]
fn a_rotation_is_written_at_once_as_two_rows() {
    // Rule 14.
    let (mut b, ask) = rotating();
    let (op, writes) = b.commit();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].key, key("old"));
    let WriteKind::Rename { base, to, record, alias_until, until } = &writes[0].kind else { panic!("expected a rename") };
    assert_eq!((*base, to.clone()), (Some(row(10, &[]).stamp), key("new")));
    assert_eq!(record.block, block(&[("a", "1")]));
    assert_eq!(record.stamp.revision, 11, "rotation continues the revision");
    assert_eq!(*alias_until, Time::ZERO);
    assert!(*until > b.now);
    b.done(op);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 11 }));
    assert!(matches!(b.fetch("old", Want::ANY), Fetch::Dead(Reason::Rotated)));
    assert_eq!(b.view("new").block, block(&[("a", "1")]));
    assert!(matches!(b.apply("old", &set(&[]), &Save::default()), Applied::Dead(Reason::Rotated)));
}

#[test]
fn a_session_that_was_never_stored_is_rotated_in_the_store_too() {
    // Rule 18: relabelling it in memory alone would leave nothing dead under the old id.
    let mut b = Bench::fleet();
    b.create("old", &[("a", "1")]);
    b.rename("old", "new", 0);
    let (op, writes) = b.commit();
    assert_eq!(base(&writes[0]), None);
    assert!(matches!(writes[0].kind, WriteKind::Rename { base: None, .. }));
    b.done(op);
    assert_eq!(b.get("new", "a").as_deref(), Some("1"));
    assert!(matches!(b.create("old", &[]), Applied::Dead(Reason::Rotated)));
}

#[test]
fn until_it_is_settled_either_id_finds_the_session() {
    // Rule 16.
    let (mut b, _) = rotating();
    assert_eq!(b.view("old").block, b.view("new").block);
    assert!(matches!(b.apply("old", &set(&[]), &Save::default()), Applied::Dead(Reason::Rotated)), "but not for saving");
    b.set("new", &[("b", "2")]);
    assert_eq!(b.get("old", "b").as_deref(), Some("2"));
}

#[test]
fn once_pending_was_answered_the_old_id_is_dead_here() {
    // Rule 17.
    let (mut b, _) = rotating();
    let new = b.id("new");
    b.engine.close_old(new);
    assert!(matches!(b.fetch("old", Want::ANY), Fetch::Dead(Reason::Rotated)));
    b.view("new");
    assert_eq!(b.engine.unsaved().renames, 1);
}

#[test]
fn a_rotation_waits_for_the_write_in_flight_and_carries_later_changes() {
    let mut b = Bench::fleet();
    b.open_row("old", row(10, &[("a", "1")]));
    let save = b.set_stored("old", &[("a", "2")]);
    let (op, _) = b.commit();
    let ask = b.rename("old", "new", 0);
    b.set("new", &[("b", "3")]);
    assert!(b.op(Lane::Saves).is_none());
    b.done(op);
    assert!(matches!(b.answer(save), Some(Answer::Stored { revision: 11 })));
    let (op, writes) = b.commit();
    assert_eq!(stamp(&writes[0]).revision, 12);
    assert_eq!(writes[0].record().unwrap().block, block(&[("a", "2"), ("b", "3")]));
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { revision: 12 })));
}

#[test]
fn a_destroy_during_a_rotation_kills_both_ids() {
    // Rule 16: whether the rename has landed or not, one of the rows is live.
    for id in ["old", "new"] {
        let (mut b, rotation) = rotating();
        let (renaming, _) = b.commit();
        let ask = b.destroy(id);
        assert!(matches!(b.answer(rotation), Some(Answer::Ended(Reason::Destroyed))));
        let (op, mut writes) = b.ends();
        writes.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(writes.iter().map(|write| write.key.clone()).collect::<Vec<_>>(), [key("new"), key("old")]);
        b.reply(op, holdall_engine::Reply::Committed(vec![Verdict::DONE, Verdict::Unknown]));
        assert_eq!(b.answer(ask), None, "half is not enough");
        b.pass(60_000);
        let (op, _) = b.ends();
        b.done(op);
        assert!(matches!(b.answer(ask), Some(Answer::Destroyed { .. })));
        b.done(renaming);
        for id in ["old", "new"] {
            assert_ne!(name(&b.fetch(id, Want::ANY)), "ready");
        }
    }
}

#[test]
fn checks_read_both_rows_in_one_snapshot() {
    let (mut b, _) = rotating();
    b.fetch("new", Want::FRESH);
    let (_, wanted) = b.load();
    assert_eq!(wanted.iter().map(|wanted| wanted.key.clone()).collect::<Vec<_>>(), [key("new"), key("old")]);
}

#[test]
fn a_conflict_reloads_the_old_id_and_rotates_again() {
    let (mut b, ask) = rotating();
    b.set("new", &[("b", "2")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Conflict);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Absent, Loaded::Row(row(11, &[("a", "9")]))]);
    let (op, writes) = b.commit();
    assert_eq!(base(&writes[0]).unwrap().revision, 11);
    assert_eq!(writes[0].record().unwrap().block, block(&[("a", "9"), ("b", "2")]));
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { revision: 12 })));
}

#[test]
fn gone_after_an_unknown_rename_is_settled_by_the_new_row() {
    // Rule 16: the first try had landed.
    let (mut b, ask) = rotating();
    let (op, writes) = b.commit();
    b.verdict(op, Verdict::Unknown);
    b.pass(1_000);
    let (op, again) = b.commit();
    assert_eq!(again, writes);
    b.verdict(op, Verdict::Gone);
    assert_eq!(b.answer(ask), None, "gone proves nothing yet");
    let (op, _) = b.load();
    let landed = writes[0].record().unwrap().clone();
    b.loaded(op, vec![Loaded::Row(landed), dead(Reason::Rotated)]);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { revision: 11 })));
    b.view("new");
    assert!(matches!(b.fetch("old", Want::ANY), Fetch::Dead(Reason::Rotated)));
}

#[test]
fn a_row_that_someone_built_on_the_rename_proves_the_rename_and_what_it_carried() {
    // Nobody else can have made the row under the new id: ours landed, with `b`, and whoever wrote after it removed `b`.
    let (mut b, ask) = rotating();
    b.set("new", &[("b", "2")]);
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Unknown);
    b.fetch("new", Want::FRESH);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(12, &[("a", "1"), ("c", "3")])), dead(Reason::Rotated)]);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    assert_eq!(b.get("new", "b"), None);
    assert_eq!(b.get("new", "c").as_deref(), Some("3"));
    b.pass(59_000);
    assert!(b.op(Lane::Saves).is_none(), "there is nothing left to write");
}

#[test]
fn a_session_that_someone_else_rotated_meanwhile_has_ended() {
    // Two servers rotate one session; ours comes second. It must come to an end, not be read again and again.
    for left in [dead(Reason::Rotated), Loaded::Alias(row(11, &[]))] {
        let (mut b, ask) = rotating();
        let (op, _) = b.commit();
        b.verdict(op, Verdict::Gone);
        let (op, _) = b.load();
        b.loaded(op, vec![Loaded::Absent, left]);
        assert!(matches!(b.answer(ask), Some(Answer::Ended(Reason::Rotated))));
        assert!(b.op(Lane::Loads).is_none());
        assert_ne!(name(&b.fetch("new", Want::ANY)), "ready");
        assert_ne!(name(&b.fetch("old", Want::ANY)), "ready");
    }
}

#[test]
fn a_load_of_the_old_id_from_before_does_not_end_the_session() {
    let mut b = Bench::fleet();
    b.open_row("old", row(10, &[("a", "1")]));
    b.fetch("old", Want::FRESH);
    let (load, _) = b.load();
    let ask = b.rename("old", "new", 0);
    let (op, _) = b.commit();
    b.loaded(load, vec![dead(Reason::Rotated)]);
    b.view("new");
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
}

#[test]
fn a_load_of_the_old_id_from_before_revives_nothing_under_it() {
    // Rule 6, with a grace: the old id leaves memory when the rename is settled, the load's answer comes after.
    let mut b = Bench::fleet();
    b.open_row("old", row(10, &[("a", "1")]));
    b.fetch("old", Want::FRESH);
    let (load, _) = b.load();
    b.rename("old", "new", 30_000);
    let (op, _) = b.commit();
    b.done(op);
    b.loaded(load, vec![Loaded::Row(row(10, &[("a", "1")]))]);
    assert!(!matches!(b.apply("old", &set(&[("a", "2")]), &Save::default()), Applied::Done { .. }));
    assert_eq!(name(&b.fetch("old", Want::ANY)), "load");
}

#[test]
fn in_its_grace_the_old_id_reads_and_cannot_save() {
    let mut b = Bench::fleet();
    b.open_row("old", row(10, &[("a", "1")]));
    b.rename("old", "new", 30_000);
    let (op, writes) = b.commit();
    let WriteKind::Rename { alias_until, .. } = writes[0].kind else { panic!("expected a rename") };
    assert_eq!(alias_until, b.now + 30_000);
    b.done(op);
    let Fetch::Load(mark) = b.fetch("old", Want::ANY) else { panic!("expected a load") };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Alias(writes[0].record().unwrap().clone())]);
    let view = ready(b.fetch("old", Want { asked: Some(mark), ..Want::ANY }));
    assert!(view.alias);
    assert_eq!(view.revision, None, "it never tells a ticket");
    assert!(matches!(b.apply("old", &set(&[("a", "2")]), &Save::default()), Applied::Dead(Reason::Rotated)));
    // Rule 18: an alias is not cached.
    assert_eq!(name(&b.fetch("old", Want::ANY)), "load");
}

#[test]
fn a_rotation_of_an_alias_or_during_a_rotation_is_refused() {
    let (mut b, _) = rotating();
    let (old, new, third) = (b.id("old"), b.id("new"), b.id("third"));
    assert!(matches!(b.engine.rename(b.now, new, third, 0), Renamed::Busy));
    assert!(matches!(b.engine.rename(b.now, old, third, 0), Renamed::Dead(Reason::Rotated)));
    let nobody = b.id("nobody");
    assert!(matches!(b.engine.rename(b.now, nobody, third, 0), Renamed::NotLoaded));
}

#[test]
fn a_rotation_by_another_server_ends_lingering_changes_with_an_event() {
    // Rule 24.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    b.set("s", &[("a", "1")]);
    b.fetch("s", Want::FRESH);
    let (op, _) = b.load();
    b.loaded(op, vec![dead(Reason::Rotated)]);
    assert_eq!(b.events(), [Event::ChangesLost { key: key("s"), fields: 1, reason: Reason::Rotated }]);
}

#[test]
fn with_the_store_down_a_rotation_is_kept_and_done_later() {
    let (mut b, ask) = rotating();
    for _ in 0..5 {
        let (op, _) = b.commit();
        b.failed(op);
        b.pass(31_000);
    }
    assert_eq!(b.answer(ask), None);
    let (op, _) = b.commit();
    b.done(op);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
    b.check_account();
}

#[test]
fn a_logout_through_the_rotated_id_reaches_the_new_one() {
    // Rule 15, against a store: another server rotated, this one gets the old id.
    let (mut b, mut store) = (Bench::fleet(), Store::default());
    store.put(&key("old"), row(10, &[]));
    store.commit(&holdall_engine::Write {
        key: key("old"),
        kind: WriteKind::Rename {
            base: Some(row(10, &[]).stamp),
            to: key("new"),
            record: Record { block: block(&[]), ..row(11, &[]) },
            alias_until: Time::ZERO,
            until: Time::NEVER,
        },
    });
    b.fetch("new", Want::FRESH);
    b.run(&mut store);
    b.view("new");
    let ask = b.destroy("old");
    b.run(&mut store);
    assert_eq!(b.answer(ask), Some(Answer::Destroyed { sessions: 2 }));
    assert!(store.is_dead(&key("new")));
    assert_eq!(name(&b.fetch("new", Want::ANY)), "dead");
}

#[test]
fn a_rotation_of_a_new_session_whose_id_is_taken_comes_to_nothing() {
    let mut b = Bench::fleet();
    let create = b.create_stored("old", &[("mine", "1")]);
    let (op, _) = b.commit();
    let ask = b.rename("old", "new", 0);
    b.verdict(op, Verdict::Exists);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Absent, Loaded::Row(taken(4, &[("theirs", "1")]))]);
    assert_eq!(b.answer(create), Some(Answer::Exists));
    assert_eq!(b.answer(ask), Some(Answer::Exists));
    assert_ne!(name(&b.fetch("new", Want::ANY)), "ready", "the other's session is not under our new id");
    assert_eq!(name(&b.fetch("old", Want::ANY)), "load");
    assert!(b.op(Lane::Saves).is_none());
    b.check_account();
}
