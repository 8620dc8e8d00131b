//! Values behind handles that one caller uses at a time: sessions, options.
//!
//! Using one costs a compare-and-exchange on the way in and a plain store on the way out. A caller who finds another one
//! inside is refused; one who frees the handle meanwhile waits.

use crate::slots::{GENERATION, Place, Refused, Slots};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The slot holds a value.
const LIVE: u64 = 1;
/// A caller is inside.
const BUSY: u64 = 2;
/// A caller panicked inside: the value may be half changed.
const POISONED: u64 = 4;

/// How often freeing looks again, while another caller is inside, before it starts to wait.
const LOOKS: u32 = 100;
/// How long it waits between looks then.
const PAUSE: Duration = Duration::from_millis(1);

/// A table of values that are used by one caller at a time.
pub(crate) struct Alone<T>(Slots<T>);

// SAFETY: a value is moved in, used and dropped by one thread at a time, whichever that is, hence `Send`.
unsafe impl<T: Send> Sync for Alone<T> {}

/// Room for one more value; given back if it is not filled.
pub(crate) struct Room<'a, T> {
    table: &'a Slots<T>,
    place: Place<'a, T>,
}

impl<T> Room<'_, T> {
    /// Takes the value in; answers its handle.
    #[inline]
    pub(crate) fn fill(self, value: T, forks: u64) -> usize {
        let (table, place) = (self.table, self.place);
        std::mem::forget(self);
        // SAFETY: the slot was taken off the free list or is new: it holds no value, and no handle leads to it.
        unsafe { (*place.slot.value.get()).write(value) };
        place.slot.born.store(forks, Ordering::Relaxed);
        let mut generation = place.slot.word.load(Ordering::Relaxed) >> GENERATION;
        if generation == 0 {
            generation = place.first_generation();
        }
        let word = generation << GENERATION | LIVE;
        place.slot.word.store(word, Ordering::Release);
        table.handle(place, word)
    }
}

impl<T> Drop for Room<'_, T> {
    fn drop(&mut self) {
        self.table.give_back(self.place);
    }
}

impl<T> Alone<T> {
    /// A table whose handles are told from those of others by `kind`: an odd number below 8.
    pub(crate) const fn new(kind: usize) -> Self {
        Self(Slots::new(kind))
    }

    /// Room for one more value, if there is any.
    #[inline]
    pub(crate) fn room(&self) -> Option<Room<'_, T>> {
        Some(Room { table: &self.0, place: self.0.take()? })
    }

    /// Uses a value. A second caller is refused instead of waiting.
    #[inline]
    pub(crate) fn enter(&self, handle: usize, forks: u64) -> Result<Inside<'_, T>, Refused> {
        let (place, generation) = self.0.find(handle)?;
        let idle = generation | LIVE;
        match place.slot.word.compare_exchange(idle, idle | BUSY, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(Inside { place, idle }),
            Err(word) => Err(refusal(place, word, generation, forks)),
        }
    }

    /// Ends a handle and drops its value; waits until nobody is inside. Answers whether it was a live handle.
    pub(crate) fn retire(&self, handle: usize, forks: u64) -> bool {
        let Ok((place, generation)) = self.0.find(handle) else { return false };
        let mut looks = 0;
        let mut word = generation | LIVE;
        loop {
            // From here on the handle is stale, and nobody has got another one: the slot is this caller's.
            let free = generation.wrapping_add(1 << GENERATION);
            match place.slot.word.compare_exchange(word, free, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) if now & !(BUSY | POISONED) != generation | LIVE => return false,
                Err(now) if now & BUSY == 0 => word = now,
                // In a child of a fork the caller inside does not exist, and what he was changing is left alone.
                Err(_) if place.slot.born.load(Ordering::Relaxed) != forks => return false,
                Err(_) => {
                    place.slot.doomed.store(true, Ordering::Relaxed);
                    wait(&mut looks);
                }
            }
        }
        place.slot.doomed.store(false, Ordering::Relaxed);
        // SAFETY: the slot was live and nobody was inside, so it holds a value; with the generation gone nobody gets in.
        unsafe { (*place.slot.value.get()).assume_init_drop() };
        // A slot that has used up its generations stays out of use: an old handle must never fit again.
        if generation >> GENERATION < u64::from(u32::MAX) {
            self.0.give_back(place);
        }
        true
    }
}

#[cold]
fn wait(looks: &mut u32) {
    *looks += 1;
    if *looks < LOOKS {
        std::thread::yield_now();
        return;
    }
    let (never, pause) = (Mutex::new(()), Condvar::new());
    drop(pause.wait_timeout(never.lock().unwrap_or_else(PoisonError::into_inner), PAUSE));
}

#[cold]
fn refusal<T>(place: Place<'_, T>, word: u64, generation: u64, forks: u64) -> Refused {
    if word & !(BUSY | POISONED) != generation | LIVE {
        Refused::Closed
    } else if word & POISONED != 0 {
        Refused::Poisoned
    } else if place.slot.born.load(Ordering::Relaxed) != forks {
        Refused::Forked
    } else if place.slot.doomed.load(Ordering::Relaxed) {
        Refused::Closed
    } else {
        Refused::Busy
    }
}

/// A value in use by one caller.
pub(crate) struct Inside<'a, T> {
    place: Place<'a, T>,
    /// The slot's word when nobody is inside.
    idle: u64,
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the slot is live and this caller is inside, so the value is there and stays; no other caller is.
        unsafe { (*self.place.slot.value.get()).assume_init_ref() }
    }
}

impl<T> DerefMut for Inside<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; this was given to one caller only, who borrows it mutably.
        unsafe { (*self.place.slot.value.get()).assume_init_mut() }
    }
}

impl<T> Drop for Inside<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let poisoned = if std::thread::panicking() { POISONED } else { 0 };
        // Stored: while a caller is inside, nobody else changes the word.
        self.place.slot.word.store(self.idle | poisoned, Ordering::Release);
    }
}
