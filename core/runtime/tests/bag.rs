//! A bag as a whole: what opening refuses, how it ends, what it tells.

mod common;

use common::store::Switched;
use common::{PATIENCE, existing, fresh_file, lazy, open, saved, sqlite_url};
use holdall::{Done, Error, ErrorKind, Holdall, Options, Result};
use std::sync::Arc;
use std::time::Duration;

fn refusal(url: &str) -> Error {
    Holdall::open(url, Options::new()).map(drop).expect_err("this URL is wrong")
}

#[test]
fn urls_that_are_wrong_in_every_part() {
    let folder = fresh_file("urls").parent().expect("it is in a folder").to_owned();
    let path = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let cases = [
        (String::new(), ErrorKind::Invalid),
        ("sessions.db".to_owned(), ErrorKind::Invalid),
        ("file:sessions.db".to_owned(), ErrorKind::Invalid),
        ("SQLITE:sessions.db".to_owned(), ErrorKind::Invalid),
        ("memory:sessions".to_owned(), ErrorKind::Invalid),
        ("sqlite:".to_owned(), ErrorKind::Invalid),
        ("sqlite::memory:".to_owned(), ErrorKind::Invalid),
        ("sqlite:a\0b".to_owned(), ErrorKind::Invalid),
        (path("x.db?mode=ro"), ErrorKind::Invalid),
        (path("no/such/folder/x.db"), ErrorKind::Config),
        (path(""), ErrorKind::Config),
        ("sqlite:/dev/null/x.db".to_owned(), ErrorKind::Config),
    ];
    for (url, kind) in cases {
        let error = refusal(&url);
        assert_eq!(error.kind(), kind, "{url:?}: {error}");
        assert!(error.message().len() > 20 && !error.message().contains('\n'), "{url:?}: {error}");
        assert_eq!(error.to_string(), error.message());
    }
}

#[test]
fn a_password_in_a_url_is_not_repeated() {
    for url in ["mysql://root:hunter2@localhost/db", "postgres://root:hunter2@localhost/db", "root:hunter2@localhost"] {
        let error = refusal(url);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_database_stays_as_it_is() {
    let file = fresh_file("no_database");
    let text = "This is a letter to my grandmother, and not a database at all. ".repeat(40);
    std::fs::write(&file, &text).expect("the folder can be written");
    let error = refusal(&sqlite_url(&file));
    assert!(matches!(error.kind(), ErrorKind::Config | ErrorKind::Corrupt), "{error}");
    assert_eq!(std::fs::read_to_string(&file).expect("the file is there"), text);
}

#[test]
fn options_that_make_no_sense_say_why() {
    let cases: Vec<(&str, Options)> = vec![
        ("application", Options::new().application(String::new())),
        ("application", Options::new().application("a".repeat(256))),
        ("linger_cap", Options::new().linger(Duration::from_mins(1))),
        ("batch_rows", Options::new().batch_rows(0)),
        ("batch_rows", Options::new().batch_rows(65_537)),
        ("batch_bytes", Options::new().batch_bytes(4_095)),
        ("memory", Options::new().memory((1 << 20) - 1)),
        ("unsaved", Options::new().unsaved(0)),
        ("unsaved", Options::new().unsaved(usize::MAX)),
        ("session_limit", Options::new().session_limit(65 << 20)),
        ("session_limit", Options::new().session_limit(usize::MAX)),
        ("value_limit", Options::new().value_limit(5 << 20)),
        ("rotation_grace", Options::new().rotation_grace(Duration::from_millis(30_001))),
        ("idle", Options::new().idle(Duration::from_millis(1))),
        ("idle", Options::new().sharing(holdall::Sharing::Sticky).idle(Duration::from_secs(29))),
        ("dead", Options::new().dead(Duration::ZERO)),
        ("store_timeout", Options::new().store_timeout(Duration::ZERO)),
        ("retry", Options::new().retry(Duration::ZERO)),
        ("retry_cap", Options::new().retry_cap(Duration::from_millis(1))),
        ("shards", Options::new().shards(0)),
        ("shards", Options::new().shards(12)),
        ("sweep_rows", Options::new().sweep_rows(0)),
        ("durability", Options::new().sharing(holdall::Sharing::Fleet).durability(Some(holdall::Durability::Behind))),
    ];
    for (name, options) in cases {
        let error = Holdall::open("memory:", options).map(drop).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
        assert!(error.message().contains(name), "{name}: {error}");
    }
    let journal = Options::new().durability(Some(holdall::Durability::Journal));
    assert_eq!(Holdall::open("memory:", journal).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Unsupported));
}

#[test]
fn extreme_options_are_borne() {
    let options = Options::new()
        .linger(Duration::MAX)
        .linger_cap(Duration::MAX)
        .keep(Duration::MAX)
        .idle(Duration::MAX)
        .absolute(Duration::MAX)
        .touch(Duration::MAX)
        .sweep_every(Duration::MAX)
        .dead(Duration::MAX)
        .max_stale(Duration::MAX)
        .busy_wait(Duration::MAX)
        .store_timeout(Duration::MAX)
        .retry(Duration::MAX)
        .retry_cap(Duration::MAX)
        .freshness(Some(Duration::MAX))
        .events(usize::MAX);
    let file = fresh_file("extreme");
    let bag = Holdall::open(&sqlite_url(&file), options).expect("long is not senseless");
    let mut session = saved(&bag);
    assert_eq!(session.rotate(), Ok(Done::Done));
    assert_eq!(session.set_principal(Some("anna")), Ok(Done::Done));
    assert!(bag.flush(Duration::MAX).expect("the bag is open").is_empty());
    assert!(existing(&bag, session.id()).is_ok());
    assert_eq!(session.destroy(), Ok(Done::Done));
    assert!(bag.sweep().is_ok());
    assert!(bag.close(Duration::MAX).expect("the bag is open").is_empty());
}

#[test]
fn dropping_the_last_user_of_a_bag_closes_it() {
    let file = fresh_file("drop");
    let mut session = {
        let bag = Holdall::open(&sqlite_url(&file), lazy()).expect("the file can be made");
        saved(&bag)
    };
    // The session keeps the bag open.
    session.set("x", &2).expect("the name is right");
    assert_eq!(session.save(), Ok(Done::Done));
    let id = session.id().to_owned();
    drop(session);
    let bag = Holdall::open(&sqlite_url(&file), lazy()).expect("the file is there");
    assert_eq!(existing(&bag, &id).and_then(|session| session.get::<u32>("x")), Ok(Some(2)));
}

#[test]
fn handles_can_be_freed_in_any_order() {
    for order in 0..24_usize {
        let store = Arc::new(Switched::default());
        let bag = open(&store, lazy());
        let first = saved(&bag);
        let second = existing(&bag, first.id()).expect("the session lives");
        let third = saved(&bag);
        let mut things: Vec<Box<dyn std::any::Any>> =
            vec![Box::new(bag.clone()), Box::new(first), Box::new(second), Box::new(third)];
        let mut order = order;
        for left in (1..=4).rev() {
            drop(things.remove(order % left));
            order /= left;
        }
        assert!(bag.close(PATIENCE).expect("the bag is open").is_empty());
        assert_eq!(store.rows(), 2);
    }
}

#[test]
fn a_bag_goes_on_after_prepare_fork() {
    let file = fresh_file("fork");
    let bag = Holdall::open(&sqlite_url(&file), lazy()).expect("the file can be made");
    let mut session = saved(&bag);
    for round in 2..6 {
        assert_eq!(bag.prepare_fork(), Ok(()));
        session.set("x", &round).expect("the name is right");
        assert_eq!(session.save(), Ok(Done::Done));
        assert_eq!(existing(&bag, session.id()).and_then(|again| again.get::<u32>("x")), Ok(Some(round)));
    }
    // Nothing is open now: another bag may own the file.
    assert_eq!(bag.prepare_fork(), Ok(()));
    {
        let other = Holdall::open(&sqlite_url(&file), lazy()).expect("the file is free");
        assert_eq!(existing(&other, session.id()).and_then(|again| again.get::<u32>("x")), Ok(Some(5)));
    }
    // Several threads may be the first to call after it.
    let threads: Vec<_> = (0..8)
        .map(|_| (bag.clone(), session.id().to_owned()))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(bag, id)| std::thread::spawn(move || existing(&bag, &id).map(|session| session.get::<u32>("x"))))
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no thread panics"), Ok(Ok(Some(5))));
    }
    assert!(bag.close(PATIENCE).expect("the bag is open").is_empty());
}

#[test]
fn closing_a_bag_that_was_prepared_for_a_fork() {
    let file = fresh_file("fork_close");
    let bag = Holdall::open(&sqlite_url(&file), lazy()).expect("the file can be made");
    let session = saved(&bag);
    assert_eq!(bag.prepare_fork(), Ok(()));
    assert!(bag.close(PATIENCE).expect("closing opens it again").is_empty());
    assert_eq!(existing(&bag, session.id()).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Closed));
    let bag = Holdall::open(&sqlite_url(&file), lazy()).expect("the file is there");
    assert_eq!(bag.prepare_fork(), Ok(()));
    bag.abandon();
    assert_eq!(existing(&bag, session.id()).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Closed));
}

#[test]
fn statistics_and_health_agree() -> Result<()> {
    let store = Arc::new(Switched::default());
    let bag = open(&store, lazy());
    let mut sessions: Vec<_> = (0..10).map(|_| saved(&bag)).collect();
    let json: serde_json::Value = serde_json::from_str(&bag.stats_json()).expect("statistics are JSON");
    let numbers = json.as_object().expect("an object");
    assert_eq!(numbers.len(), bag.stats().entries().len());
    for (name, value) in bag.stats().entries() {
        assert_eq!(numbers[name].as_u64(), Some(value), "{name}");
    }
    assert_eq!(json["unsaved"], 10);
    let health = bag.health();
    assert!(health.live && health.ready);
    assert_eq!(health.unsaved.changes, 10);
    assert!(bag.flush(PATIENCE)?.is_empty());
    assert_eq!((bag.health().unsaved.changes, bag.health().oldest_ms), (0, 0));
    for session in &mut sessions {
        assert_eq!(session.destroy(), Ok(Done::Done));
    }
    assert_eq!(bag.stats().rows_destroyed, 10);
    Ok(())
}

#[test]
fn the_age_of_the_oldest_change_is_told() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, lazy());
    let _ = saved(&bag);
    bag.advance_clock(Duration::from_secs(100));
    let _ = saved(&bag);
    let age = bag.health().oldest_ms;
    assert!((100_000..160_000).contains(&age), "{age} ms");
}

#[test]
fn a_panic_inside_fails_the_bag_and_close_still_writes_the_rest() {
    let url = sqlite_url(&fresh_file("panic_inside"));
    let bag = Holdall::open(&url, lazy()).expect("opens");
    let ids: Vec<String> = (0..64).map(|_| saved(&bag).id().to_owned()).collect();
    bag.panic_inside(&ids[0]);
    let error = bag.session(&ids[0]).map(drop).expect_err("its engine is broken");
    assert_eq!(error.kind(), ErrorKind::Panic);
    for id in &ids {
        assert_eq!(bag.session(id).map(drop).expect_err("the bag is broken").kind(), ErrorKind::Panic);
    }
    assert!(!bag.health().live);
    // What the broken engine held is not to be trusted; everything else is written.
    let _ = bag.close(PATIENCE).expect("a broken bag can be closed");
    bag.abandon();
    let again = Holdall::open(&url, lazy()).expect("opens again");
    let kept = ids.iter().filter(|id| existing(&again, id).is_ok()).count();
    assert!((32..64).contains(&kept), "{kept} of 64 sessions in 16 shards were written");
}
