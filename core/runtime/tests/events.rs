//! Events: each is one JSON object, none names an id, and a queue that nobody reads stays bounded.

mod common;

use common::store::Switched;
use common::{PATIENCE, existing, lazy, open, saved};
use holdall::{Done, Event, Reason, Time, TimedEvent};
use holdall_engine::{Block, Event as E, Fault, FaultKind, Key, Record, Stamp, Writer};
use std::sync::Arc;
use std::time::Duration;

fn record() -> Record {
    let mut changes = holdall_engine::Changes::new();
    changes.set_json("a \"quoted\" name", "{\"x\": [1, 2]}");
    changes.set_json("ä", "\"text\\n\"");
    Record {
        stamp: Stamp { revision: 7, writer: Writer { nonce: 1, number: 2 } },
        created: Time(1),
        accessed: Time(2),
        idle_ms: 3,
        deadline: Time::NEVER,
        principal: Some("anna".into()),
        meta: Some("phone".into()),
        block: Block::empty().with(&changes),
    }
}

fn all_kinds() -> Vec<Event> {
    let key = || Key::new(&[0xab; 32]);
    let why = || Arc::<str>::from("too \"large\"\n\u{1}");
    let engine = [
        E::Created { key: key() },
        E::Expired { key: key(), reason: Reason::Idle, last: None },
        E::Expired { key: key(), reason: Reason::Deadline, last: Some(Box::new(record())) },
        E::Overwrote { key: key(), fields: 2 },
        E::ChangesLost { key: key(), fields: 3, reason: Reason::Destroyed },
        E::WentBack { key: key(), known: 9, found: 8 },
        E::Quarantined { key: key(), why: why() },
        E::CreateLost { key: key() },
        E::Degraded { fault: Fault::new(FaultKind::Full, why()) },
        E::Recovered { after_ms: 5 },
        E::Swept { expired: 1, dead: 2, began: Time(3) },
        E::Dropped { events: 4 },
    ];
    let own = [
        Event::Clock { doubtful: true },
        Event::Clock { doubtful: false },
        Event::HandlesFull { bytes: 6, oldest_ms: 7 },
        Event::StorePanicked,
    ];
    engine.into_iter().map(Event::Engine).chain(own).collect()
}

#[test]
fn every_event_is_one_json_object() {
    for event in all_kinds() {
        let name = event.name();
        let text = TimedEvent { event, at: Time(1_700_000_000_000) }.to_json();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(json["event"], name);
        assert_eq!(json["at"], 1_700_000_000_000_u64);
        assert!(!text.contains('\n'), "{text}");
        if let Some(session) = json.get("session") {
            assert_eq!(session.as_str(), Some("ab".repeat(32).as_str()));
        }
    }
}

#[test]
fn the_last_content_of_an_expired_session_comes_with_its_event() {
    let event = Event::Engine(E::Expired { key: Key::new(&[1]), reason: Reason::Idle, last: Some(Box::new(record())) });
    let json: serde_json::Value = serde_json::from_str(&TimedEvent { event, at: Time(1) }.to_json()).expect("it is JSON");
    assert_eq!(json["reason"], "idle");
    assert_eq!(json["last"]["a \"quoted\" name"]["x"][1], 2);
    assert_eq!(json["last"]["ä"], "text\n");
}

#[test]
fn expired_sessions_are_claimed_once() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, lazy().claim_expired(true).idle(Duration::from_mins(10)));
    let session = saved(&bag);
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    bag.advance_clock(Duration::from_hours(2));
    assert!(existing(&bag, session.id()).is_err());
    let mut claimed = Vec::new();
    while let Some(event) = bag.next_event(if claimed.is_empty() { PATIENCE } else { Duration::ZERO }) {
        if event.event.name() == "expired" {
            claimed.push(event.to_json());
        }
    }
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    assert!(claimed[0].ends_with(",\"last\":{\"x\":1}}"), "{}", claimed[0]);
}

#[test]
fn sessions_that_left_memory_are_claimed_by_the_sweep() {
    let store = Arc::new(Switched::default());
    let first = open(&store, lazy().idle(Duration::from_mins(10)));
    for _ in 0..200 {
        let _ = saved(&first);
    }
    assert!(first.flush(PATIENCE).expect("the bag is open").is_empty());
    let bag =
        open(&store, lazy().claim_expired(true).events(100).idle(Duration::from_mins(10)).sweep_every(Duration::from_mins(1)));
    bag.advance_clock(Duration::from_hours(2));
    let (mut claimed, mut looks) = (std::collections::BTreeSet::new(), 0);
    while claimed.len() < 200 {
        // The first sweep comes at a random point of the first interval after the keeper began.
        let Some(event) = bag.next_event(Duration::from_millis(100)) else {
            bag.advance_clock(Duration::from_mins(1));
            looks += 1;
            assert!(looks < 200, "the sweep goes on as events are fetched: {}", bag.stats_json());
            continue;
        };
        assert_ne!(event.event.name(), "dropped", "the sweep waits for room");
        if let Event::Engine(E::Expired { key, last, .. }) = event.event {
            assert!(last.is_some_and(|last| last.block.get("x").is_some()), "with its last content");
            assert!(claimed.insert(key), "each once");
        }
    }
}

#[test]
fn a_sweep_that_is_asked_for_hands_out_what_it_would_remove() {
    let store = Arc::new(Switched::default());
    let first = open(&store, lazy().idle(Duration::from_mins(10)));
    for _ in 0..5 {
        let _ = saved(&first);
    }
    assert!(first.flush(PATIENCE).expect("the bag is open").is_empty());
    // The margin of a sweep follows from how long a use may wait to be written.
    let prompt = lazy().linger(Duration::from_secs(10)).linger_cap(Duration::from_secs(30));
    let bag = open(&store, prompt.claim_expired(true).idle(Duration::from_mins(10)));
    bag.advance_clock(Duration::from_mins(40));
    assert_eq!(bag.sweep().expect("sweeps").expired, 0, "nothing is removed before it was handed out");
    let mut claimed = 0;
    while claimed < 5 {
        let event = bag.next_event(PATIENCE).expect("it is handed out");
        claimed += usize::from(matches!(event.event, Event::Engine(E::Expired { last: Some(_), .. })));
    }
}

#[test]
fn a_queue_that_nobody_reads_is_bounded() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, lazy().events(10));
    for _ in 0..100 {
        let _ = saved(&bag);
    }
    assert!(bag.flush(PATIENCE).expect("the bag is open").is_empty());
    let events: Vec<_> = std::iter::from_fn(|| bag.next_event(Duration::ZERO)).map(|event| event.event).collect();
    let dropped: u64 =
        events.iter().map(|event| if let Event::Engine(E::Dropped { events }) = event { *events } else { 0 }).sum();
    let created = events.iter().filter(|event| event.name() == "created").count() as u64;
    assert!(created <= 10, "{created} events were kept");
    assert_eq!(created + dropped, 100, "what was dropped is counted");
}

#[test]
fn events_come_with_the_bags_time() {
    let store = Arc::new(Switched::default());
    let bag = open(&store, lazy());
    bag.advance_clock(Duration::from_secs(1_000_000));
    let mut session = saved(&bag);
    assert_eq!(session.set_principal(Some("anna")), Ok(Done::Done));
    let event = bag.next_event(PATIENCE).expect("a session was created");
    assert!(bag.now().0.abs_diff(event.at.0) < 60_000);
}
