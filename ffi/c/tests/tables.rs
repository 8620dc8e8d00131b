//! The tables behind the handles: stale and made-up handles, callers that are in each other's way, many threads.
//!
//! The sources are taken in as modules, since a crate that is only a C library can't be used by a test. Also run under miri:
//! `MIRIFLAGS=-Zmiri-ignore-leaks cargo +nightly miri test -p holdall-ffi --no-default-features --test tables` (the slots of a
//! table live as long as the process).
#![allow(dead_code, reason = "a test uses a part of the modules")]

#[path = "../src/alone.rs"]
mod alone;
#[path = "../src/slots.rs"]
mod slots;
#[path = "../src/together.rs"]
mod together;

use alone::Alone;
use slots::Refused;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use together::Together;

/// Rounds of the threaded tests; miri is some thousand times slower.
const ROUNDS: usize = if cfg!(miri) { 20 } else { 5_000 };
const THREADS: usize = if cfg!(miri) { 3 } else { 8 };

/// A value that counts how many of its kind live.
struct Counted {
    number: usize,
    alive: Arc<AtomicUsize>,
}

impl Counted {
    fn new(number: usize, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self { number, alive: alive.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn add<T>(table: &Alone<T>, value: T) -> usize {
    table.room().expect("there is room").fill(value, 0)
}

fn refused<T>(table: &Alone<T>, handle: usize) -> Option<Refused> {
    table.enter(handle, 0).err()
}

#[test]
fn a_value_is_found_by_its_handle_until_it_is_retired() {
    let (alone, together, alive) = (Alone::new(3), Together::new(3), Arc::default());
    let (one, many) = (add(&alone, Counted::new(7, &alive)), together.insert(Counted::new(8, &alive)).unwrap());
    assert_eq!(alone.enter(one, 0).ok().unwrap().number, 7);
    assert_eq!(together.enter(many).ok().unwrap().number, 8);
    assert!(alone.retire(one, 0) && together.retire(many));
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    assert_eq!(refused(&alone, one), Some(Refused::Closed));
    assert_eq!(together.enter(many).err(), Some(Refused::Closed));
    assert!(!alone.retire(one, 0) && !together.retire(many), "twice is harmless");
}

#[test]
fn a_stale_handle_never_finds_what_is_in_its_slot_now() {
    let (alone, together) = (Alone::new(3), Together::new(3));
    let mut old = Vec::new();
    for number in 0..100 {
        let (one, many) = (add(&alone, number), together.insert(number).unwrap());
        for (stale_one, stale_many) in &old {
            assert!(*stale_one != one && *stale_many != many);
            assert_eq!(refused(&alone, *stale_one), Some(Refused::Closed));
            assert_eq!(together.enter(*stale_many).err(), Some(Refused::Closed));
            assert!(!alone.retire(*stale_one, 0) && !together.retire(*stale_many));
        }
        assert_eq!(*alone.enter(one, 0).ok().unwrap(), number);
        assert_eq!(*together.enter(many).ok().unwrap(), number);
        assert!(alone.retire(one, 0) && together.retire(many));
        old.push((one, many));
    }
}

#[test]
fn made_up_handles_find_nothing() {
    let (alone, together) = (Alone::new(3), Together::new(3));
    let (one, many) = (add(&alone, 1), together.insert(1).unwrap());
    let mut made_up: Vec<usize> = vec![0, 1, 3, 7, 8, 11, usize::MAX, usize::MAX / 2, usize::MAX - 4, 1 << 63, 1 << 32];
    made_up.extend((0..64).flat_map(|bit| [one ^ (1 << bit), many ^ (1 << bit)]));
    for handle in made_up.into_iter().filter(|handle| *handle != one && *handle != many) {
        assert_eq!(refused(&alone, handle), Some(Refused::Closed), "{handle:#x}");
        assert_eq!(together.enter(handle).err(), Some(Refused::Closed), "{handle:#x}");
        assert!(!alone.retire(handle, 0) && !together.retire(handle), "{handle:#x}");
    }
    assert_eq!((*alone.enter(one, 0).ok().unwrap(), *together.enter(many).ok().unwrap()), (1, 1));
}

#[test]
fn a_handle_of_another_kind_finds_nothing() {
    let (bags, sessions) = (Together::new(1), Alone::new(3));
    let (bag, session) = (bags.insert(1).unwrap(), add(&sessions, 1));
    assert_eq!(bags.enter(session).err(), Some(Refused::Closed));
    assert_eq!(refused(&sessions, bag), Some(Refused::Closed));
}

#[test]
fn room_that_is_not_filled_is_used_by_the_next() {
    let table = Alone::new(3);
    for _ in 0..1_000 {
        drop(table.room().expect("there is room"));
    }
    let place = (add(&table, 1) as u32 >> 3) as usize;
    assert!(place < 1_000, "slots were used up: the next one is number {place}");
}

#[test]
fn a_second_caller_is_refused() {
    let (table, alive) = (Alone::new(3), Arc::default());
    let handle = add(&table, Counted::new(7, &alive));
    let inside = table.enter(handle, 0).ok().unwrap();
    assert_eq!(refused(&table, handle), Some(Refused::Busy));
    assert_eq!(table.enter(handle, 1).err(), Some(Refused::Forked), "in a child nobody is inside");
    assert!(!table.retire(handle, 1), "nor can anybody wait for him");
    drop(inside);
    assert_eq!(refused(&table, handle), None);
    assert!(table.retire(handle, 0));
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn freeing_waits_for_the_caller_inside() {
    let (table, alive) = (Alone::new(3), Arc::default());
    let handle = add(&table, Counted::new(7, &alive));
    let left = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let inside = table.enter(handle, 0).ok().unwrap();
        let freeing = scope.spawn(|| {
            assert!(table.retire(handle, 0));
            assert!(left.load(Ordering::SeqCst), "it was freed under the caller inside");
        });
        for _ in 0..ROUNDS / 10 {
            assert_eq!(inside.alive.load(Ordering::SeqCst), 1, "what is in use stays");
            std::thread::yield_now();
        }
        left.store(true, Ordering::SeqCst);
        drop(inside);
        freeing.join().expect("it ends");
    });
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn callers_are_inside_together_and_the_last_one_drops_the_value() {
    let (table, alive) = (Together::new(3), Arc::default());
    let handle = table.insert(Counted::new(7, &alive)).unwrap();
    let (first, second) = (table.enter(handle).ok().unwrap(), table.enter(handle).ok().unwrap());
    assert!(table.retire(handle));
    drop(first);
    assert_eq!((second.number, alive.load(Ordering::SeqCst)), (7, 1));
    assert_eq!(table.enter(handle).err(), Some(Refused::Closed));
    drop(second);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn a_panic_inside_poisons_the_handle_and_it_can_still_be_freed() {
    let (table, alive) = (Alone::new(3), Arc::default());
    let handle = add(&table, Counted::new(7, &alive));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _inside = table.enter(handle, 0).ok().unwrap();
        panic!("planted by a test");
    }));
    assert!(panicked.is_err());
    assert_eq!(refused(&table, handle), Some(Refused::Poisoned));
    assert!(table.retire(handle, 0));
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    let next = add(&table, Counted::new(8, &alive));
    assert_eq!(table.enter(next, 0).ok().unwrap().number, 8, "the slot is as new");
    assert!(table.retire(next, 0));
}

#[test]
fn each_visits_what_is_there() {
    let table = Together::new(3);
    let handles: Vec<usize> = (0..200).map(|number| table.insert(number).unwrap()).collect();
    for handle in handles.iter().step_by(2) {
        assert!(table.retire(*handle));
    }
    let mut seen = Vec::new();
    table.each(|number| seen.push(*number));
    seen.sort_unstable();
    assert_eq!(seen, (1..200).step_by(2).collect::<Vec<i32>>());
}

#[test]
fn threads_that_open_and_free_never_meet_in_a_slot() {
    let (alone, together, alive) = (Alone::new(3), Together::new(1), Arc::default());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (alone, together, alive) = (&alone, &together, &alive);
            scope.spawn(move || {
                let mut held = Vec::new();
                for round in 0..ROUNDS {
                    let number = thread << 32 | round;
                    let many = together.insert(Counted::new(number, alive)).unwrap();
                    held.push((add(alone, Counted::new(number, alive)), many, number));
                    let (one, many, number) = held[round * 7 % held.len()];
                    assert_eq!(alone.enter(one, 0).ok().unwrap().number, number);
                    assert_eq!(together.enter(many).ok().unwrap().number, number);
                    if held.len() > 10 {
                        let (one, many, _) = held.swap_remove(round % 10);
                        assert!(alone.retire(one, 0) && together.retire(many));
                    }
                }
                for (one, many, _) in held {
                    assert!(alone.retire(one, 0) && together.retire(many));
                }
            });
        }
    });
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn threads_that_share_a_handle_use_it_one_at_a_time_until_it_is_freed() {
    let (table, alive) = (Alone::new(3), Arc::default());
    let handle = add(&table, Counted::new(0, &alive));
    let used = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (table, used) = (&table, &used);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    match table.enter(handle, 0) {
                        Ok(mut inside) => {
                            inside.number += 1;
                            // A second caller inside would have changed one of the two meanwhile.
                            assert_eq!(inside.number, used.fetch_add(1, Ordering::SeqCst) + 1);
                        }
                        Err(refused) => assert!(matches!(refused, Refused::Busy | Refused::Closed)),
                    }
                    if thread == 0 && round == ROUNDS / 2 {
                        assert!(table.retire(handle, 0));
                    }
                }
            });
        }
    });
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn a_shared_value_outlives_its_handle_as_long_as_someone_is_inside() {
    for _ in 0..ROUNDS / 10 {
        let (table, alive) = (Together::new(3), Arc::default());
        let handle = table.insert(Counted::new(7, &alive)).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let table = &table;
                scope.spawn(move || {
                    for round in 0..10 {
                        if let Ok(inside) = table.enter(handle) {
                            assert_eq!((inside.number, inside.alive.load(Ordering::SeqCst)), (7, 1));
                        }
                        if thread == 0 && round == 5 {
                            assert!(table.retire(handle));
                        }
                    }
                });
            }
        });
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}
