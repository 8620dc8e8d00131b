//! What waits for the database: combined commits, answers that are pending, identity changes.

mod common;

use common::store::{Switch, Switched};
use common::{PATIENCE, existing, hasty, lazy, open, saved, wait_until};
use holdall::{Done, Durability, ErrorKind, Options, Save, Which};
use holdall_engine::FaultKind;
use std::sync::Arc;

const DOWN: Switch = Switch::Fails(FaultKind::Unreachable);

fn stored() -> Save {
    Save { durability: Some(Durability::Stored), if_unchanged: false }
}

#[test]
fn parallel_stored_saves_share_commits() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, lazy());
    store.set_commit(Switch::Hangs);
    let threads: Vec<_> = (0..64)
        .map(|number| {
            let bag = bag.clone();
            std::thread::spawn(move || {
                let mut session = bag.new_session().expect("the bag is open");
                session.set("number", &number).expect("the name is right");
                assert_eq!(session.save_with(stored()), Ok(Done::Done));
                session.id().to_owned()
            })
        })
        .collect();
    // All have asked, while the first commit hangs: the others must wait in one batch.
    wait_until("64 unsaved", || bag.health().unsaved.changes == 64 && store.counts().hanging > 0);
    store.set_commit(Switch::Works);
    for thread in threads {
        let id = thread.join().expect("no thread panics");
        assert!(existing(&bag, &id).is_ok());
    }
    let counts = store.counts();
    assert!(counts.commits <= 4, "64 saves took {} commits", counts.commits);
    assert_eq!(store.rows(), 64);
}

#[test]
fn a_stored_save_is_pending_while_the_store_is_down_and_lands_later() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty());
    let mut session = saved(&bag);
    let ticket = session.ticket();
    store.set_all(DOWN);
    session.set("x", &2).expect("the name is right");
    assert_eq!(session.save_with(stored()), Ok(Done::Pending));
    assert_eq!(session.ticket(), ticket, "a ticket names what was committed");
    assert_eq!(session.get::<u32>("x"), Ok(Some(2)));
    assert!(!bag.health().ready);
    store.set_all(Switch::Works);
    wait_until("the change has landed", || bag.health().unsaved.is_empty());
    let other = open(&store, Options::new());
    assert_eq!(existing(&other, session.id()).and_then(|session| session.get::<u32>("x")), Ok(Some(2)));
}

#[test]
fn a_lost_answer_is_settled_and_nothing_is_doubled() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty());
    let mut session = bag.new_session().expect("the bag is open");
    session.set("x", &1).expect("the name is right");
    store.set_commit(Switch::Deceives);
    assert_eq!(session.save_with(stored()), Ok(Done::Pending));
    store.set_commit(Switch::Works);
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    assert_eq!((store.rows(), bag.stats().overwrites), (1, 0));
    let mut again = existing(&bag, session.id()).expect("the session is there");
    again.set("x", &2).expect("the name is right");
    assert_eq!(again.save_with(stored()), Ok(Done::Done));
}

#[test]
fn destroy_is_pending_and_confirmed_later() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty());
    let mut session = saved(&bag);
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    let id = session.id().to_owned();
    store.set_all(DOWN);
    assert_eq!(session.destroy(), Ok(Done::Pending));
    // Here it is in force at once, whatever the database does.
    assert_eq!(existing(&bag, &id).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Gone));
    assert_eq!(bag.health().unsaved.destroys, 1);
    store.set_all(Switch::Works);
    wait_until("the destroy has landed", || bag.health().unsaved.is_empty());
    let other = open(&store, Options::new());
    assert_eq!(existing(&other, &id).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Gone));
}

#[test]
fn rotate_is_pending_and_confirmed_later() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty());
    let mut session = saved(&bag);
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    let old = session.id().to_owned();
    store.set_all(DOWN);
    assert_eq!(session.rotate(), Ok(Done::Pending));
    let new = session.id().to_owned();
    assert_ne!(old, new);
    assert_eq!(existing(&bag, &old).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Gone));
    assert!(existing(&bag, &new).is_ok());
    assert_eq!(bag.health().unsaved.renames, 1);
    // The handle works on under the new id.
    session.set("x", &2).expect("the name is right");
    let _ = session.save().expect("the session lives");
    store.set_all(Switch::Works);
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    let other = open(&store, Options::new());
    assert_eq!(existing(&other, &old).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Gone));
    assert_eq!(existing(&other, &new).and_then(|session| session.get::<u32>("x")), Ok(Some(2)));
}

#[test]
fn set_principal_is_pending_and_confirmed_later() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty());
    let mut session = saved(&bag);
    store.set_all(DOWN);
    assert_eq!(session.set_principal(Some("anna")), Ok(Done::Pending));
    assert_eq!(session.principal(), Some("anna"));
    assert_eq!(bag.list_principal("anna", None).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    store.set_all(Switch::Works);
    wait_until("the principal has landed", || bag.health().unsaved.is_empty());
    assert_eq!(bag.list_principal("anna", None).map(|listed| listed.len()), Ok(1));
}

#[test]
fn destroy_principal_is_pending_and_confirmed_later() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty());
    let mut here = saved(&bag);
    assert_eq!(here.set_principal(Some("anna")), Ok(Done::Done));
    let other = open(&store, hasty());
    let mut there = saved(&other);
    assert_eq!(there.set_principal(Some("anna")), Ok(Done::Done));
    store.set_all(DOWN);
    assert_eq!(bag.destroy_principal("anna", Which::All), Ok(Done::Pending));
    // What is in memory here ends at once.
    assert_eq!(existing(&bag, here.id()).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Gone));
    store.set_all(Switch::Works);
    let third = open(&store, hasty());
    wait_until("all sessions have ended", || third.list_principal("anna", None).is_ok_and(|listed| listed.is_empty()));
    wait_until("nothing is unsaved", || bag.health().unsaved.is_empty());
    assert_eq!(existing(&third, there.id()).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Gone));
}

#[test]
fn a_logout_overtakes_a_save_that_hangs() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, lazy());
    let mut victim = saved(&bag);
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    let mut stuck = saved(&bag);
    store.set_commit(Switch::HangsSaves);
    let thread = {
        let id = stuck.id().to_owned();
        let bag = bag.clone();
        std::thread::spawn(move || {
            let mut handle = existing(&bag, &id).expect("the session is in memory");
            handle.set("x", &2).expect("the name is right");
            handle.save_with(stored()).map_err(|error| error.kind())
        })
    };
    wait_until("a save hangs", || store.counts().hanging > 0);
    assert_eq!(victim.destroy(), Ok(Done::Done), "another session's logout");
    assert_eq!(stuck.destroy(), Ok(Done::Done), "the logout of the session whose save hangs");
    store.set_commit(Switch::Works);
    assert_eq!(thread.join().expect("no thread panics"), Err(ErrorKind::Gone));
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    let other = open(&store, Options::new());
    assert_eq!(existing(&other, stuck.id()).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Gone));
}
