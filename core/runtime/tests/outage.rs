//! A database that is down, slow, full or broken: what is answered, what goes on, what is kept.

mod common;

use common::store::{Switch, Switched};
use common::{PATIENCE, existing, hasty, lazy, open, saved, wait_until};
use holdall::{Done, ErrorKind, Options};
use holdall_engine::FaultKind;
use std::sync::Arc;
use std::time::Duration;

const DOWN: Switch = Switch::Fails(FaultKind::Unreachable);

#[test]
fn an_open_fails_closed() {
    let store = Arc::new(Switched::default());
    let id = {
        let bag = open(&store, Options::new());
        saved(&bag).id().to_owned()
    };
    let bag = open(&store, hasty());
    for (kind, wanted) in [
        (FaultKind::Unreachable, ErrorKind::Unavailable),
        (FaultKind::Transient, ErrorKind::Unavailable),
        (FaultKind::Config, ErrorKind::Config),
        (FaultKind::Corrupt, ErrorKind::Corrupt),
        (FaultKind::Full, ErrorKind::Full),
    ] {
        store.set_load(Switch::Fails(kind));
        // No fresh session takes the place of one that can't be looked up.
        assert_eq!(bag.session(&id).map(drop).map_err(|error| error.kind()), Err(wanted), "{kind:?}");
    }
    store.set_load(Switch::Works);
    assert!(!bag.session(&id).expect("the store works").is_new());
}

#[test]
fn an_open_does_not_wait_for_ever() {
    let store = Arc::new(Switched::default());
    let id = {
        let bag = open(&store, Options::new());
        saved(&bag).id().to_owned()
    };
    let bag = open(&store, hasty());
    store.set_load(Switch::Hangs);
    let loading = {
        let (bag, id) = (bag.clone(), id.clone());
        std::thread::spawn(move || bag.session(&id).map(|session| session.is_new()))
    };
    wait_until("a load hangs", || store.counts().hanging == 1);
    // This one waits for the other's load, and gives up after store_timeout.
    assert_eq!(bag.session(&id).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    store.set_load(Switch::Works);
    assert_eq!(loading.join().expect("no thread panics"), Ok(false));
}

#[test]
fn what_is_in_memory_is_served_while_the_store_is_down() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty().linger(Duration::ZERO));
    let session = saved(&bag);
    store.set_all(DOWN);
    for number in 0..100 {
        let mut again = existing(&bag, session.id()).expect("the session is in memory");
        again.set("x", &number).expect("the name is right");
        assert_eq!(again.save(), Ok(Done::Done));
    }
    let names = || std::iter::from_fn(|| bag.next_event(Duration::ZERO)).map(|event| event.event.name()).collect::<Vec<_>>();
    wait_until("the bag is degraded", || names().contains(&"degraded"));
    assert!(bag.health().live && !bag.health().ready);
    store.set_all(Switch::Works);
    wait_until("the bag has recovered", || names().contains(&"recovered"));
    wait_until("all is saved", || bag.health().unsaved.is_empty());
    assert!(bag.health().ready);
    let other = open(&store, Options::new());
    assert_eq!(existing(&other, session.id()).and_then(|session| session.get::<u32>("x")), Ok(Some(99)));
}

#[test]
fn close_says_what_is_left_and_stays_open() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty());
    let mut sessions: Vec<_> = (0..3).map(|_| saved(&bag)).collect();
    let mut gone = saved(&bag);
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    store.set_all(DOWN);
    for session in &mut sessions {
        session.set("x", &2).expect("the name is right");
        assert_eq!(session.save(), Ok(Done::Done));
    }
    assert_eq!(gone.destroy(), Ok(Done::Pending));
    let before = store.counts().commits;
    let left = bag.close(Duration::from_millis(100)).expect("the bag is open");
    let tries = store.counts().commits - before;
    assert!(tries < 200, "close has tried {tries} times in 100 ms");
    assert_eq!((left.changes, left.destroys, left.renames), (3, 1, 0));
    assert_eq!(sessions[0].get::<u32>("x"), Ok(Some(2)));
    assert!(existing(&bag, sessions[0].id()).is_ok(), "the bag stays open");
    let left = bag.close(Duration::ZERO).expect("the bag is open");
    assert_eq!((left.changes, left.destroys), (3, 1), "and says it again");
    store.set_all(Switch::Works);
    assert!(bag.close(PATIENCE).expect("the bag is open").is_empty());
    assert_eq!(bag.close(PATIENCE).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Closed));
    let other = open(&store, Options::new());
    for session in &sessions {
        assert_eq!(existing(&other, session.id()).and_then(|session| session.get::<u32>("x")), Ok(Some(2)));
    }
    assert_eq!(existing(&other, gone.id()).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Gone));
}

#[test]
fn abandon_ends_at_once_with_the_store_down() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty());
    let mut session = saved(&bag);
    store.set_all(DOWN);
    bag.abandon();
    bag.abandon();
    assert_eq!(session.save().map_err(|error| error.kind()), Err(ErrorKind::Closed));
    assert_eq!(session.destroy().map_err(|error| error.kind()), Err(ErrorKind::Closed));
    assert!(!bag.health().live);
    assert_eq!(store.rows(), 0);
}

#[test]
fn a_panic_in_the_store_is_reported_and_the_work_is_tried_again() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, hasty().linger(Duration::ZERO));
    let session = saved(&bag);
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    store.set_all(Switch::Panics);
    let mut again = existing(&bag, session.id()).expect("the session is in memory");
    again.set("x", &2).expect("the name is right");
    assert_eq!(again.save(), Ok(Done::Done));
    wait_until("the store has panicked twice", || store.counts().panics >= 2);
    // The thread that loads catches it, too.
    let unknown = "A".repeat(32);
    assert_eq!(bag.session(&unknown).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Panic));
    assert!(existing(&bag, session.id()).is_ok(), "the bag goes on");
    assert!(bag.list_principal("anna", None).is_err(), "a list is no way for a panic to get out");
    store.set_all(Switch::Works);
    wait_until("the change has landed", || bag.health().unsaved.is_empty());
    let events: Vec<_> = std::iter::from_fn(|| bag.next_event(Duration::ZERO)).map(|event| event.event.name()).collect();
    assert!(events.contains(&"store_panicked"), "{events:?}");
    assert!(bag.session(&unknown).expect("the store works").is_new());
    assert!(bag.close(PATIENCE).expect("the bag is open").is_empty());
}

#[test]
fn a_full_memory_refuses_and_forgets_nothing() {
    let store = Arc::new(Switched::default());
    let options = hasty().memory(4 << 20).unsaved(1 << 20).session_limit(256 << 10).value_limit(128 << 10).linger(Duration::ZERO);
    let bag = open(&store, options);
    store.set_commit(DOWN);
    let text = "x".repeat(100_000);
    let mut kept = Vec::new();
    let refused = loop {
        let mut session = bag.new_session().expect("the bag is open");
        session.set("text", &text).expect("within the limits");
        match session.save() {
            Ok(_) => kept.push(session.id().to_owned()),
            Err(error) => break (error, session),
        }
        assert!(kept.len() < 50, "the limit for unsaved changes is not kept");
    };
    let (error, mut session) = refused;
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.is_transient() && kept.len() > 5, "{} sessions", kept.len());
    assert!(bag.stats().refused > 0);
    for id in &kept {
        assert!(existing(&bag, id).is_ok(), "acknowledged changes are never forgotten");
    }
    let mut logout = existing(&bag, &kept[0]).expect("the session is in memory");
    assert!(logout.destroy().is_ok(), "a logout is never refused");
    store.set_commit(Switch::Works);
    // The handle has kept its changes; now there is room.
    wait_until("the save is taken", || session.save().is_ok());
    assert!(bag.close(PATIENCE).expect("the bag is open").is_empty());
    let other = open(&store, lazy());
    for id in &kept[1..] {
        assert!(existing(&other, id).is_ok());
    }
    assert!(existing(&other, session.id()).is_ok());
}

#[test]
fn leaked_handles_are_refused_and_reported() {
    let store = Arc::new(Switched::default());
    let options = lazy().memory(2 << 20).unsaved(1 << 20).session_limit(256 << 10).value_limit(128 << 10);
    let bag = open(&store, options);
    let mut session = bag.new_session().expect("the bag is open");
    session.set("text", &"x".repeat(100_000)).expect("within the limits");
    assert_eq!(session.save(), Ok(Done::Done));
    let mut handles = Vec::new();
    let error = loop {
        match existing(&bag, session.id()) {
            Ok(handle) => handles.push(handle),
            Err(error) => break error,
        }
        assert!(handles.len() < 100, "the limit for handles is not kept");
    };
    assert_eq!(error.kind(), ErrorKind::Busy);
    let events: Vec<_> = std::iter::from_fn(|| bag.next_event(Duration::ZERO)).map(|event| event.event.name()).collect();
    assert!(events.contains(&"handles_full"), "{events:?}");
    drop(handles);
    assert!(existing(&bag, session.id()).is_ok());
}
