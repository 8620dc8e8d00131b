//! The table behind the handles: stale and made-up handles, callers that are in each other's way, many threads.
//!
//! The sources are taken in as modules, since a crate that is only a C library can't be used by a test. Also run under miri:
//! `cargo +nightly miri test -p holdall-ffi --no-default-features --test slots`.
#![allow(dead_code, reason = "a test uses a part of the module")]

#[path = "../src/slots.rs"]
mod slots;

use slots::{Refused, Slots};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

fn table<T>() -> Slots<T> {
    Slots::new(3)
}

#[test]
fn a_value_is_found_by_its_handle_until_it_is_retired() {
    let slots = table();
    let alive = Arc::default();
    let handle = slots.insert(Counted::new(7, &alive), 0).unwrap();
    assert_eq!(slots.exclusive(handle, 0).ok().unwrap().number, 7);
    assert_eq!(slots.shared(handle).ok().unwrap().number, 7);
    assert!(slots.retire(handle));
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    assert_eq!(slots.exclusive(handle, 0).err(), Some(Refused::Closed));
    assert_eq!(slots.shared(handle).err(), Some(Refused::Closed));
    assert!(!slots.retire(handle), "retiring twice is harmless");
}

#[test]
fn a_stale_handle_never_finds_what_is_in_its_slot_now() {
    let slots = table();
    let mut old = Vec::new();
    for number in 0..100 {
        let handle = slots.insert(number, 0).unwrap();
        for stale in &old {
            assert_ne!(*stale, handle);
            assert_eq!(slots.exclusive(*stale, 0).err(), Some(Refused::Closed));
            assert!(!slots.retire(*stale));
        }
        assert_eq!(*slots.exclusive(handle, 0).ok().unwrap(), number);
        slots.retire(handle);
        old.push(handle);
    }
}

#[test]
fn made_up_handles_find_nothing() {
    let slots = table();
    let real = slots.insert(1, 0).unwrap();
    let mut made_up: Vec<usize> = vec![0, 1, 3, 7, 8, 11, usize::MAX, usize::MAX / 2, usize::MAX - 4, 1 << 63, 1 << 32];
    made_up.extend((0..64).map(|bit| real ^ (1 << bit)));
    for handle in made_up {
        assert_eq!(slots.exclusive(handle, 0).err(), Some(Refused::Closed), "{handle:#x}");
        assert_eq!(slots.shared(handle).err(), Some(Refused::Closed), "{handle:#x}");
        assert!(!slots.retire(handle), "{handle:#x}");
    }
    assert_eq!(*slots.shared(real).ok().unwrap(), 1);
}

#[test]
fn a_handle_of_another_kind_finds_nothing() {
    let (bags, sessions) = (Slots::new(1), Slots::new(3));
    let (bag, session) = (bags.insert(1, 0).unwrap(), sessions.insert(1, 0).unwrap());
    assert_eq!(bags.shared(session).err(), Some(Refused::Closed));
    assert_eq!(sessions.shared(bag).err(), Some(Refused::Closed));
}

#[test]
fn a_second_caller_is_refused_and_retiring_waits_for_the_first() {
    let slots = table();
    let alive = Arc::default();
    let handle = slots.insert(Counted::new(7, &alive), 5).unwrap();
    let inside = slots.exclusive(handle, 5).ok().unwrap();
    assert_eq!(slots.exclusive(handle, 5).err(), Some(Refused::Busy));
    assert_eq!(slots.exclusive(handle, 6).err(), Some(Refused::Forked), "in a child, nobody is inside");
    assert!(slots.retire(handle));
    assert_eq!(slots.exclusive(handle, 5).err(), Some(Refused::Closed));
    assert_eq!(inside.number, 7, "what is in use stays");
    assert_eq!(alive.load(Ordering::SeqCst), 1);
    drop(inside);
    assert_eq!(alive.load(Ordering::SeqCst), 0, "the last caller drops it");
    let next = slots.insert(Counted::new(8, &alive), 5).unwrap();
    assert_eq!(slots.exclusive(handle, 5).err(), Some(Refused::Closed));
    assert_eq!(slots.exclusive(next, 5).ok().unwrap().number, 8);
    slots.retire(next);
}

#[test]
fn shared_callers_are_inside_together() {
    let slots = table();
    let alive = Arc::default();
    let handle = slots.insert(Counted::new(7, &alive), 0).unwrap();
    let (first, second) = (slots.shared(handle).ok().unwrap(), slots.shared(handle).ok().unwrap());
    assert!(slots.retire(handle));
    drop(first);
    assert_eq!((second.number, alive.load(Ordering::SeqCst)), (7, 1));
    assert_eq!(slots.shared(handle).err(), Some(Refused::Closed));
    drop(second);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn a_panic_inside_poisons_the_handle_and_it_can_still_be_freed() {
    let slots = table();
    let alive = Arc::default();
    let handle = slots.insert(Counted::new(7, &alive), 0).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _inside = slots.exclusive(handle, 0).ok().unwrap();
        panic!("planted by a test");
    }));
    assert!(panicked.is_err());
    assert_eq!(slots.exclusive(handle, 0).err(), Some(Refused::Poisoned));
    assert!(slots.retire(handle));
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    let next = slots.insert(Counted::new(8, &alive), 0).unwrap();
    assert_eq!(slots.exclusive(next, 0).ok().unwrap().number, 8, "the slot is as new");
    slots.retire(next);
}

#[test]
fn each_visits_what_is_there() {
    let slots = table();
    let handles: Vec<usize> = (0..200).map(|number| slots.insert(number, 0).unwrap()).collect();
    for handle in handles.iter().step_by(2) {
        slots.retire(*handle);
    }
    let mut seen = Vec::new();
    slots.each(|number| seen.push(*number));
    seen.sort_unstable();
    assert_eq!(seen, (1..200).step_by(2).collect::<Vec<i32>>());
}

#[test]
fn threads_that_open_and_free_never_meet_in_a_slot() {
    let slots = table();
    let alive = Arc::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (slots, alive) = (&slots, &alive);
            scope.spawn(move || {
                let mut held = Vec::new();
                for round in 0..ROUNDS {
                    let number = thread << 32 | round;
                    held.push((slots.insert(Counted::new(number, alive), 0).unwrap(), number));
                    let (handle, number) = held[round * 7 % held.len()];
                    assert_eq!(slots.exclusive(handle, 0).ok().unwrap().number, number);
                    if held.len() > 10 {
                        let (handle, number) = held.swap_remove(round % 10);
                        assert_eq!(slots.shared(handle).ok().unwrap().number, number);
                        assert!(slots.retire(handle));
                    }
                }
                for (handle, _) in held {
                    assert!(slots.retire(handle));
                }
            });
        }
    });
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn threads_that_share_a_handle_use_it_one_at_a_time_until_it_is_freed() {
    let slots = table();
    let alive = Arc::default();
    let handle = slots.insert(Counted::new(0, &alive), 0).unwrap();
    let used = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (slots, used) = (&slots, &used);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    match slots.exclusive(handle, 0) {
                        Ok(mut inside) => {
                            inside.number += 1;
                            used.fetch_add(1, Ordering::SeqCst);
                            // A second caller inside would have changed it meanwhile.
                            assert_eq!(inside.number, used.load(Ordering::SeqCst));
                        }
                        Err(refused) => assert!(matches!(refused, Refused::Busy | Refused::Closed)),
                    }
                    if thread == 0 && round == ROUNDS / 2 {
                        assert!(slots.retire(handle));
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
        let slots = table();
        let alive = Arc::default();
        let handle = slots.insert(Counted::new(7, &alive), 0).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let slots = &slots;
                scope.spawn(move || {
                    for round in 0..10 {
                        if let Ok(inside) = slots.shared(handle) {
                            assert_eq!(inside.number, 7);
                            assert_eq!(inside.alive.load(Ordering::SeqCst), 1);
                        }
                        if thread == 0 && round == 5 {
                            assert!(slots.retire(handle));
                        }
                    }
                });
            }
        });
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}
