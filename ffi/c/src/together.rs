//! Values behind handles that several callers use at once: bags, errors.
//!
//! Each caller is counted in and out. Freeing a handle doesn't wait for those inside: the last one drops the value.

use crate::slots::{GENERATION, Place, Refused, Slots};
use std::ops::Deref;
use std::sync::atomic::Ordering;

/// The slot holds a value.
const LIVE: u64 = 1 << 31;
/// The handle is freed; whoever leaves the slot last drops the value.
const RETIRED: u64 = 1 << 30;
/// How many callers are inside.
const CALLERS: u64 = RETIRED - 1;

/// A table of values that several callers use at once.
pub(crate) struct Together<T>(Slots<T>);

// SAFETY: a value is moved in and dropped by whichever thread makes and last uses its handle, hence `Send`; several threads
// see it at once, hence `Sync`.
unsafe impl<T: Send + Sync> Sync for Together<T> {}

impl<T> Together<T> {
    /// A table whose handles are told from those of others by `kind`: an odd number below 8.
    pub(crate) const fn new(kind: usize) -> Self {
        Self(Slots::new(kind))
    }

    /// Takes a value in; answers its handle, or none if there is no room for another.
    pub(crate) fn insert(&self, value: T) -> Option<usize> {
        let place = self.0.take()?;
        // SAFETY: the slot was taken off the free list or is new: it holds no value, and no handle leads to it.
        unsafe { (*place.slot.value.get()).write(value) };
        let mut added = LIVE;
        if place.slot.word.load(Ordering::Relaxed) >> GENERATION == 0 {
            added |= place.first_generation() << GENERATION;
        }
        // Added rather than stored: a late caller with a stale handle may be on its way out of the slot.
        let word = place.slot.word.fetch_add(added, Ordering::AcqRel) + added;
        Some(self.0.handle(place, word))
    }

    /// Uses a value.
    #[inline]
    pub(crate) fn enter(&self, handle: usize) -> Result<Inside<'_, T>, Refused> {
        let (place, generation) = self.0.find(handle)?;
        let fits = |word: u64| word & !CALLERS == generation | LIVE;
        // Looked at first, so that a stale handle does not disturb the slot's present owner.
        if !fits(place.slot.word.load(Ordering::Relaxed)) {
            return Err(Refused::Closed);
        }
        let inside = Inside { table: &self.0, place };
        if fits(place.slot.word.fetch_add(1, Ordering::AcqRel)) { Ok(inside) } else { Err(Refused::Closed) }
    }

    /// Ends a handle. The value is dropped at once, or by the last caller inside. Answers whether it was a live handle.
    pub(crate) fn retire(&self, handle: usize) -> bool {
        let Ok((place, generation)) = self.0.find(handle) else { return false };
        let mut word = place.slot.word.load(Ordering::Acquire);
        loop {
            if word & !CALLERS != generation | LIVE {
                return false;
            }
            match place.slot.word.compare_exchange_weak(word, word | RETIRED, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(other) => word = other,
            }
        }
        release(&self.0, place);
        true
    }

    /// Uses every value in turn. Those that come meanwhile may be left out.
    pub(crate) fn each(&self, mut call: impl FnMut(&T)) {
        self.0.each(|place| {
            let word = place.slot.word.load(Ordering::Acquire);
            if let Ok(value) = self.enter(self.0.handle(place, word)) {
                call(&value);
            }
        });
    }
}

/// Drops the value of a retired slot that nobody is inside of, and gives the slot back.
fn release<T>(table: &Slots<T>, place: Place<'_, T>) {
    let word = place.slot.word.load(Ordering::Acquire);
    if word & (LIVE | RETIRED | CALLERS) != LIVE | RETIRED {
        return;
    }
    // Whoever takes LIVE away has the value. All who fail saw a caller inside, who will come here himself.
    if place.slot.word.compare_exchange(word, word & !LIVE, Ordering::AcqRel, Ordering::Acquire).is_err() {
        return;
    }
    // SAFETY: the slot was live, so it holds a value; nobody is inside, and with LIVE gone nobody gets in.
    unsafe { (*place.slot.value.get()).assume_init_drop() };
    // A slot that has used up its generations stays out of use: an old handle must never fit again.
    if word >> GENERATION < u64::from(u32::MAX) {
        place.slot.word.fetch_add((1 << GENERATION) - RETIRED, Ordering::AcqRel);
        table.give_back(place);
    }
}

/// A value in use by one of several callers.
pub(crate) struct Inside<'a, T> {
    table: &'a Slots<T>,
    place: Place<'a, T>,
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the slot is live and this caller is inside, so the value is there and stays; callers only read it.
        unsafe { (*self.place.slot.value.get()).assume_init_ref() }
    }
}

impl<T> Drop for Inside<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let before = self.place.slot.word.fetch_sub(1, Ordering::AcqRel);
        if before & RETIRED != 0 {
            release(self.table, self.place);
        }
    }
}
