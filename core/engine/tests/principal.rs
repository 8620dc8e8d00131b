//! Principals: whose session it is, and "log out everywhere".

mod common;

use common::*;
use holdall_engine::{
    Answer, Applied, Ask, Changes, Fault, FaultKind, Fetch, Lane, Listed, Loaded, Op, OpKind, Reason, Record, Reply, Save,
    Verdict, Want,
};
use std::sync::Arc;

fn of(who: &str) -> Changes {
    let mut changes = Changes::new();
    changes.principal = Some(Some(who.into()));
    changes
}

fn set_principal(b: &mut Bench, id: &str, who: &str) -> Ask {
    asked(b.apply(id, &of(who), &Save { stored: true, ..Save::default() }))
}

fn listed(id: &str) -> Listed {
    Listed { key: key(id), created: START, accessed: START, expires: START + IDLE_MS, meta: None }
}

#[test]
fn set_principal_is_one_update_with_all_that_is_dirty() {
    // Rule 22.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    b.set("s", &[("a", "2")]);
    let ask = set_principal(&mut b, "s", "ann");
    let (op, writes) = b.commit();
    let record = writes[0].record().unwrap();
    assert_eq!(record.principal.as_deref(), Some("ann"));
    assert_eq!(record.block, block(&[("a", "2")]));
    assert_eq!(changed(&writes[0]), ["a"]);
    b.done(op);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 11 }));
    assert!(b.engine.unsaved().is_empty());
}

#[test]
fn if_that_is_rejected_the_principal_goes_alone_over_the_last_committed_content() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    b.set("s", &[("a", "2")]);
    let mut changes = Changes::new();
    changes.meta = Some(Some("phone".into()));
    let all = asked(b.apply("s", &changes, &Save { stored: true, ..Save::default() }));
    let ask = set_principal(&mut b, "s", "ann");
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Rejected("too large".into()));
    assert_eq!(b.answer(ask), None);
    let (op, writes) = b.commit();
    let record = writes[0].record().unwrap();
    assert_eq!(record.principal.as_deref(), Some("ann"));
    assert_eq!(record.block, block(&[("a", "1")]));
    assert_eq!(record.meta, None, "the meta text may be what was rejected");
    b.done(op);
    assert_eq!(b.answer(ask), Some(Answer::Stored { revision: 11 }));
    assert_eq!(b.answer(all), None, "who waits for more than the principal waits on");
    assert_eq!(b.engine.unsaved().changes, 1, "the content is unsaved still");
    assert_eq!(b.get("s", "a").as_deref(), Some("2"));
}

#[test]
fn a_principal_that_someone_else_changed_is_a_conflict() {
    // Rule 22: two log-ins on one session are never laid over each other.
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[("a", "1")]));
    b.set("s", &[("a", "2")]);
    let ask = set_principal(&mut b, "s", "ann");
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Conflict);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(Record { principal: principal("bob"), ..row(11, &[("a", "1")]) })]);
    assert_eq!(b.answer(ask), Some(Answer::Conflict));
    let (_, writes) = b.commit();
    let record = writes[0].record().unwrap();
    assert_eq!(record.principal.as_deref(), Some("bob"));
    assert_eq!(record.block, block(&[("a", "2")]), "the fields are merged as ever");
}

#[test]
fn the_same_principal_by_two_is_no_conflict() {
    let mut b = Bench::fleet();
    b.open_row("s", row(10, &[]));
    let ask = set_principal(&mut b, "s", "ann");
    let (op, _) = b.commit();
    b.verdict(op, Verdict::Conflict);
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(Record { principal: principal("ann"), ..row(11, &[]) })]);
    let mut store = Store::default();
    store.put(&key("s"), Record { principal: principal("ann"), ..row(11, &[]) });
    b.run(&mut store);
    assert!(matches!(b.answer(ask), Some(Answer::Stored { .. })));
}

#[test]
fn log_out_everywhere_repeats_until_the_list_is_empty() {
    // Rule 23: a log-in that was acknowledged while the first list was made is in the second.
    let mut b = Bench::fleet();
    let ann: Arc<str> = "ann".into();
    let ask = b.engine.destroy_principal(b.now, &ann, None);
    for ids in [&["one", "two"][..], &["three"]] {
        let Some(Op { id, kind: OpKind::List { principal } }) = b.op(Lane::Care) else { panic!("expected a list") };
        assert_eq!(principal, ann);
        b.reply(id, Reply::Listed(ids.iter().map(|id| listed(id)).collect()));
        assert!(b.op(Lane::Care).is_none(), "the destroys come first");
        let (op, writes) = b.ends();
        assert_eq!(writes.len(), ids.len());
        b.reply(op, Reply::Committed(writes.iter().map(|write| Verdict::Done { killed: vec![write.key.clone()] }).collect()));
        assert_eq!(b.answer(ask), None);
    }
    let Some(Op { id, .. }) = b.op(Lane::Care) else { panic!("expected a list") };
    b.reply(id, Reply::Listed(Vec::new()));
    assert_eq!(b.answer(ask), Some(Answer::Destroyed { sessions: 3 }));
    assert!(b.is_quiet());
}

#[test]
fn sessions_in_memory_end_at_once_others_stay() {
    let mut b = Bench::fleet();
    for (id, who) in [("one", "ann"), ("two", "ann"), ("three", "bob")] {
        b.open_row(id, Record { principal: principal(who), ..row(10, &[]) });
    }
    let except = key("two");
    b.engine.destroy_principal(b.now, &"ann".into(), Some(&except));
    assert!(matches!(b.fetch("one", Want::ANY), Fetch::Dead(Reason::Principal)));
    b.view("two");
    b.view("three");
    let (_, writes) = b.ends();
    assert_eq!(writes.len(), 1);
}

#[test]
fn the_excepted_session_stays_in_the_store_too() {
    let mut b = Bench::fleet();
    let except = key("two");
    let ask = b.engine.destroy_principal(b.now, &"ann".into(), Some(&except));
    let Some(Op { id, .. }) = b.op(Lane::Care) else { panic!("expected a list") };
    b.reply(id, Reply::Listed(vec![listed("two")]));
    assert_eq!(b.answer(ask), Some(Answer::Destroyed { sessions: 0 }));
    assert!(b.op(Lane::Ends).is_none());
}

#[test]
fn with_the_store_down_it_is_kept_and_done_later() {
    let (mut b, mut store) = (Bench::fleet(), Store::default());
    store.put(&key("one"), Record { principal: principal("ann"), ..row(10, &[]) });
    let ask = b.engine.destroy_principal(b.now, &"ann".into(), None);
    for _ in 0..5 {
        let Some(Op { id, .. }) = b.op(Lane::Care) else { panic!("expected a list") };
        b.failed(id);
        assert!(b.engine.poll_timeout().is_some());
        b.pass(31_000);
    }
    assert_eq!(b.answer(ask), None);
    b.run(&mut store);
    assert_eq!(b.answer(ask), Some(Answer::Destroyed { sessions: 1 }));
    assert!(store.is_dead(&key("one")));
}

#[test]
fn a_store_that_cannot_list_says_so() {
    let mut b = Bench::fleet();
    let ask = b.engine.destroy_principal(b.now, &"ann".into(), None);
    let Some(Op { id, .. }) = b.op(Lane::Care) else { panic!("expected a list") };
    b.reply(id, Reply::Failed(Fault::new(FaultKind::Unsupported, "no principals here")));
    assert_eq!(b.answer(ask), Some(Answer::Unsupported("no principals here".into())));
}

#[test]
fn a_listed_session_that_is_being_rotated_ends_under_both_ids_and_the_list_goes_on() {
    // Its principal was changed here and not stored yet, so that only the list names it.
    let mut b = Bench::fleet();
    b.open_row("old", Record { principal: principal("ann"), ..row(10, &[]) });
    assert!(matches!(b.apply("old", &of("bob"), &Save::default()), Applied::Done { .. }));
    b.rename("old", "new", 0);
    let ask = b.engine.destroy_principal(b.now, &"ann".into(), None);
    let Some(Op { id, .. }) = b.op(Lane::Care) else { panic!("expected a list") };
    b.reply(id, Reply::Listed(vec![listed("old")]));
    let (op, writes) = b.ends();
    assert_eq!(writes.len(), 2);
    b.reply(op, Reply::Committed(vec![Verdict::DONE; 2]));
    let Some(Op { id, .. }) = b.op(Lane::Care) else { panic!("the list must be asked for again") };
    b.reply(id, Reply::Listed(Vec::new()));
    assert!(matches!(b.answer(ask), Some(Answer::Destroyed { .. })));
}

#[test]
fn the_principal_can_be_taken_away() {
    let mut b = Bench::fleet();
    b.open_row("s", Record { principal: principal("ann"), ..row(10, &[]) });
    let mut changes = Changes::new();
    changes.principal = Some(None);
    b.apply("s", &changes, &Save { stored: true, ..Save::default() });
    let (_, writes) = b.commit();
    assert_eq!(writes[0].record().unwrap().principal, None);
}
