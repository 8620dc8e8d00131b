//! What memory is charged with, and how room is made.

mod common;

use common::*;
use holdall_engine::{Applied, Config, ENTRY_BYTES, Event, Fetch, Lane, Limits, Loaded, Save, Time, Verdict, Want};

fn load(b: &mut Bench, id: &str) -> bool {
    let Fetch::Load(_) = b.fetch(id, Want::FRESH) else { return false };
    let (op, _) = b.load();
    b.loaded(op, vec![Loaded::Row(row(1, &[("a", "1")]))]);
    true
}

#[test]
fn each_session_is_charged_with_its_bytes() {
    let mut b = Bench::single();
    let text = format!("\"{}\"", "x".repeat(10_000));
    b.stored("s", &[("a", &text)]);
    let (used, _) = b.engine.memory();
    assert!((10_000 + ENTRY_BYTES..11_000 + ENTRY_BYTES).contains(&used), "{used}");
    b.set("s", &[("a", "1")]);
    assert!(b.engine.memory().0 > 10_000, "the committed content is held until the change is committed");
    b.flush_now();
    let (op, _) = b.commit();
    b.done(op);
    assert!(b.engine.memory().0 < 1_000);
    b.check_account();
}

#[test]
fn clean_sessions_make_room_and_the_bound_is_kept() {
    let mut b = Bench::with(|config| config.memory_bytes = 20_000);
    for number in 0..200 {
        assert!(load(&mut b, &format!("s{number}")));
        let (used, limit) = b.engine.memory();
        assert!(used <= limit + 1_000, "{used} of {limit}");
    }
    assert!(b.engine.stats().evictions > 100);
    b.check_account();
}

#[test]
fn what_was_used_since_the_hands_last_turn_stays_longer() {
    let mut b = Bench::with(|config| config.memory_bytes = 20_000);
    load(&mut b, "hot");
    for number in 0..200 {
        let id = b.id("hot");
        let look = Want { touch: false, ..Want::ANY };
        assert!(matches!(b.engine.fetch(b.now, id, look), Fetch::Ready(_)), "evicted after {number} others");
        load(&mut b, &format!("s{number}"));
    }
}

#[test]
fn unsaved_sessions_have_a_bound_of_their_own() {
    let mut b = Bench::with(|config| config.unsaved_bytes = 20_000);
    let made = (0..100).take_while(|number| matches!(b.create(&format!("s{number}"), &[]), Applied::Done { .. })).count();
    assert!((5..60).contains(&made), "{made}");
    assert!(b.engine.stats().unsaved_bytes <= 20_000);
    assert!(b.engine.stats().refused > 0);
    assert!(load(&mut b, "reading goes on"));
    let mut store = Store::default();
    b.run(&mut store);
    assert_eq!(b.engine.stats().unsaved_bytes, 0);
    assert!(matches!(b.create("one more", &[]), Applied::Done { .. }));
}

#[test]
fn a_busy_bag_takes_changes_again_after_a_reply() {
    let mut b = Bench::with(|config| config.memory_bytes = 8_000);
    while matches!(b.create(&format!("s{}", b.engine.stats().changes), &[]), Applied::Done { .. }) {}
    assert!(matches!(b.create("one more", &[]), Applied::Busy));
    let (op, writes) = b.commit();
    b.reply(op, holdall_engine::Reply::Committed(vec![Verdict::DONE; writes.len()]));
    assert!(matches!(b.create("one more", &[]), Applied::Done { .. }));
}

#[test]
fn the_budget_can_be_lent_in_parts() {
    let mut b = Bench::with(|config| config.memory_bytes = 0);
    assert_eq!(name(&b.fetch("s", Want::ANY)), "busy");
    b.engine.set_memory(100_000, 50_000);
    assert_eq!(name(&b.fetch("s", Want::ANY)), "load");
    assert_eq!(b.engine.memory().1, 100_000);
}

#[test]
fn values_and_sessions_over_their_limit_are_refused() {
    let mut b = Bench::with(|config| {
        config.field_bytes = 100;
        config.session_bytes = 1_000;
    });
    let at_limit = format!("\"{}\"", "x".repeat(98));
    let over = format!("\"{}\"", "x".repeat(99));
    assert!(matches!(b.create("s", &[("a", &at_limit)]), Applied::Done { .. }));
    assert_eq!(b.apply("s", &set(&[("a", &over)]), &Save::default()), Applied::TooLarge { size: 101, limit: 100 });
    let many: Vec<(String, &str)> = (0..10).map(|number| (format!("f{number}"), at_limit.as_str())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let Applied::TooLarge { size, limit: 1_000 } = b.apply("s", &set(&many), &Save::default()) else {
        panic!("expected a refusal")
    };
    assert!(size > 1_000);
    assert_eq!(b.view("s").block, block(&[("a", &at_limit)]), "nothing was changed");
    let name = "n".repeat(256);
    assert_eq!(b.apply("s", &set(&[(&name, "1")]), &Save::default()), Applied::TooLarge { size: 256, limit: 255 });
    assert!(matches!(b.apply("s", &set(&[(&name[1..], "1")]), &Save::default()), Applied::Done { .. }));
    assert!(matches!(b.create("t", &[("a", &over)]), Applied::TooLarge { .. }));
}

#[test]
fn events_that_nobody_polls_are_dropped_and_counted() {
    let mut b = Bench::with(|config| config.events = 3);
    for number in 0..5 {
        b.create_stored(&format!("s{number}"), &[]);
        let (op, _) = b.commit();
        b.done(op);
    }
    let events: Vec<Event> = core::iter::from_fn(|| b.engine.poll_event()).collect();
    assert_eq!(events[0], Event::Dropped { events: 2 });
    assert_eq!(events.len(), 4);
}

#[test]
fn everything_is_given_back() {
    let mut b = Bench::with(|config| *config = Config { keep_ms: 1_000, sweep_every_ms: 0, ..Config::default() });
    let mut store = Store::default();
    for number in 0..100 {
        let id = format!("s{number}");
        b.create(&id, &[("a", "1")]);
        if number % 3 == 0 {
            b.rename(&id, &format!("r{number}"), 1_000);
        }
        if number % 5 == 0 {
            b.destroy(&id);
        }
        b.fetch(&format!("nobody{number}"), Want::FRESH);
    }
    for _ in 0..100 {
        b.run(&mut store);
        b.check_account();
        b.pass(10_000);
    }
    assert_eq!(b.engine.stats().sessions, 0);
    assert_eq!(b.engine.memory().0, 0);
}

#[test]
fn a_value_of_zero_bytes_and_an_empty_id_are_values_like_others() {
    let mut b = Bench::single();
    let id = b.id("");
    let limits = Limits { idle_ms: 0, deadline: Time::NEVER };
    let applied = b.engine.create(b.now, id, limits, &set(&[("", "")]), &Save::default());
    assert!(matches!(applied, Applied::Done { .. }));
    assert_eq!(b.get("", "").as_deref(), Some(""));
    assert!(b.op(Lane::Saves).is_none());
}
