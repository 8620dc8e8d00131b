//! The world in virtual time counts rows as the engine's rules say.

use holdall_bench::sessions;
use holdall_bench::virtual_time::{World, rows};
use holdall_engine::{Changes, Config, Limits, Time};

const START: Time = Time(1_700_000_000_000);
const LIMITS: Limits = Limits { idle_ms: 1_800_000, deadline: Time::NEVER };

fn change(number: usize) -> Changes {
    let mut changes = Changes::new();
    changes.set_json("visits", &number.to_string());
    changes
}

#[test]
fn changes_within_the_linger_are_one_row() {
    let mut world = World::new(&Config::default(), START);
    let id = sessions::id(1);
    assert!(world.open(&id).expect("the engine answers").is_none());
    world.save(&id, &change(0), Some(LIMITS)).expect("it is begun");
    for second in 1..=5 {
        world.advance(START + second * 1_000);
        assert!(world.open(&id).expect("the engine answers").is_some());
        world.save(&id, &change(second as usize), None).expect("it is saved");
    }
    world.advance(START + 14_000);
    assert_eq!(rows(&world.stats()), 0, "nine seconds after the last change nothing is written");
    world.advance(START + 15_000);
    assert_eq!(rows(&world.stats()), 1);
    world.close();
    assert_eq!(rows(&world.stats()), 1, "nothing was left");
}

#[test]
fn a_session_that_never_rests_is_written_at_the_cap() {
    let mut world = World::new(&Config::default(), START);
    let id = sessions::id(1);
    world.save(&id, &change(0), Some(LIMITS)).expect("it is begun");
    for second in 1..=95 {
        world.advance(START + second * 1_000);
        world.save(&id, &change(second as usize), None).expect("it is saved");
    }
    assert_eq!(rows(&world.stats()), 3);
    world.close();
    assert_eq!(rows(&world.stats()), 4);
}

#[test]
fn an_expired_session_is_not_opened() {
    let mut world = World::new(&Config::default(), START);
    let id = sessions::id(1);
    world.save(&id, &change(0), Some(LIMITS)).expect("it is begun");
    // It has left memory: what is loaded again has a slack for uses that were on their way.
    world.advance(START + LIMITS.idle_ms + 120_000);
    assert!(world.open(&id).expect("the engine answers").is_none());
}
