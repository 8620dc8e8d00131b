//! Many threads on one bag.

mod common;

use common::store::{Switch, Switched};
use common::{PATIENCE, existing, fresh_file, lazy, open, saved, sqlite_url, wait_until};
use holdall::{Durability, Holdall, Options, Save};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

#[test]
fn a_thousand_cold_opens_are_one_load() {
    let store = Arc::new(Switched::default());
    let id = {
        let bag = open(&store, Options::new());
        saved(&bag).id().to_owned()
    };
    let bag = open(&store, lazy());
    store.set_load(Switch::Hangs);
    let started = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..1_000)
        .map(|_| {
            let (bag, id, started) = (bag.clone(), id.clone(), started.clone());
            let work = move || {
                started.fetch_add(1, Ordering::Relaxed);
                existing(&bag, &id).and_then(|session| session.get::<u32>("x"))
            };
            std::thread::Builder::new().stack_size(128 << 10).spawn(work).expect("there is room for a thread")
        })
        .collect();
    wait_until("all threads are under way", || started.load(Ordering::Relaxed) == 1_000 && store.counts().hanging == 1);
    store.set_load(Switch::Works);
    for thread in threads {
        assert_eq!(thread.join().expect("no thread panics"), Ok(Some(1)));
    }
    assert_eq!(store.counts().loads, 1);
}

/// Each thread counts in a session of its own, and in a field of its own of a session that all share.
fn hammer(bag: &Holdall, shared: &str, number: usize, rounds: u32) -> String {
    let field = format!("thread {number}");
    let own = saved(bag).id().to_owned();
    for round in 1..=rounds {
        for (id, field) in [(own.as_str(), "x"), (shared, field.as_str())] {
            let mut session = existing(bag, id).expect("the session lives");
            assert_eq!(session.get::<u32>(field).map(|old| old.unwrap_or(1)), Ok(if round == 1 { 1 } else { round - 1 }));
            session.set(field, &round).expect("the name is right");
            let durability = (round % 50 == 0).then_some(Durability::Stored);
            let _ = session.save_with(Save { durability, if_unchanged: round % 7 == 0 }).expect("the session lives");
        }
        if round % 20 == 0 {
            let mut passing = saved(bag);
            let old = passing.id().to_owned();
            let _ = passing.rotate().expect("the session lives");
            let _ = passing.destroy().expect("the session lives");
            assert!(existing(bag, &old).is_err() && existing(bag, passing.id()).is_err());
        }
    }
    own
}

#[test]
fn sixteen_threads_lose_nothing() {
    let file = fresh_file("hammer");
    let options = || Options::new().linger(Duration::from_millis(5)).linger_cap(Duration::from_millis(20)).keep(Duration::ZERO);
    let bag = Holdall::open(&sqlite_url(&file), options()).expect("the file can be made");
    let shared = saved(&bag).id().to_owned();
    let start = Arc::new(Barrier::new(16));
    let rounds = 200;
    let threads: Vec<_> = (0..16)
        .map(|number| {
            let (bag, shared, start) = (bag.clone(), shared.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                hammer(&bag, &shared, number, rounds)
            })
        })
        .collect();
    let own: Vec<String> = threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect();
    assert!(bag.close(PATIENCE).expect("the bag is open").is_empty());

    let bag = Holdall::open(&sqlite_url(&file), options()).expect("the file is there");
    for id in &own {
        assert_eq!(existing(&bag, id).and_then(|session| session.get::<u32>("x")), Ok(Some(rounds)));
    }
    let session = existing(&bag, &shared).expect("the session was saved");
    for number in 0..16 {
        assert_eq!(session.get::<u32>(&format!("thread {number}")), Ok(Some(rounds)));
    }
}

#[test]
fn close_while_threads_are_at_work() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, Options::new());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let bag = bag.clone();
            std::thread::spawn(move || {
                let mut acknowledged = Vec::new();
                while let Ok(mut session) = bag.new_session() {
                    session.set("x", &1).expect("the name is right");
                    if session.save().is_err() {
                        break;
                    }
                    acknowledged.push(session.id().to_owned());
                }
                acknowledged
            })
        })
        .collect();
    wait_until("the threads are at work", || bag.stats().changes > 1_000);
    assert!(bag.close(PATIENCE).expect("the bag is open").is_empty());
    let other = open(&store, lazy());
    let mut count = 0;
    for thread in threads {
        for id in thread.join().expect("no thread panics") {
            assert!(existing(&other, &id).is_ok(), "an acknowledged save is missing after close");
            count += 1;
        }
    }
    assert!(count > 1_000);
}

#[test]
fn waiting_for_an_event_ends_with_the_bag() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, lazy());
    let waiting = {
        let bag = bag.clone();
        std::thread::spawn(move || std::iter::from_fn(|| bag.next_event(PATIENCE * 10)).count())
    };
    let _ = saved(&bag);
    assert!(bag.close(PATIENCE).expect("the bag is open").is_empty());
    // The thread gets what there was, and then nothing: it doesn't wait out its time.
    wait_until("the waiting thread has ended", || waiting.is_finished());
}
