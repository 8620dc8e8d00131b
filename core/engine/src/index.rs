//! Finds slots by the hash of an id or a key.

use crate::entry::Slot;

/// In place of a slot: nothing lies here.
const EMPTY: Slot = Slot::MAX;
/// The first table; each later one is twice as large.
const FIRST: usize = 16;

/// One place of the table: 32 bits of the hash, and the slot.
#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    slot: Slot,
}

/// A table from hashes to slots with linear probing: 8 bytes a place, at most three quarters of them taken, and one cache
/// line for most look-ups. The id itself lies in the slot: the caller says whether a slot is the right one, so that two
/// ids with one hash are told apart. The hashes are keyed, so nobody can make ids that crowd together.
#[derive(Default)]
pub(crate) struct Index {
    places: Vec<Place>,
    taken: usize,
}

impl Index {
    #[inline]
    pub(crate) fn find(&self, hash: u64, right: impl Fn(Slot) -> bool) -> Option<Slot> {
        let hash = shorten(hash);
        let mut at = self.home(hash)?;
        loop {
            let place = self.places[at];
            if place.slot == EMPTY {
                return None;
            }
            if place.hash == hash && right(place.slot) {
                return Some(place.slot);
            }
            at = self.after(at);
        }
    }

    pub(crate) fn insert(&mut self, hash: u64, slot: Slot) {
        if (self.taken + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        self.taken += 1;
        self.put(Place { hash: shorten(hash), slot });
    }

    pub(crate) fn remove(&mut self, hash: u64, slot: Slot) {
        let Some(mut at) = self.home(shorten(hash)) else { return };
        while self.places[at].slot != slot {
            if self.places[at].slot == EMPTY {
                return;
            }
            at = self.after(at);
        }
        self.taken -= 1;
        self.close_gap(at);
    }

    /// Moves the places that were pushed past the gap back over it, so that no look-up ends at it too early.
    fn close_gap(&mut self, mut gap: usize) {
        let mut at = gap;
        loop {
            at = self.after(at);
            let place = self.places[at];
            if place.slot == EMPTY {
                break;
            }
            let distance = |from: usize| at.wrapping_sub(from) & (self.places.len() - 1);
            if self.home(place.hash).is_some_and(|home| distance(home) >= distance(gap)) {
                self.places[gap] = place;
                gap = at;
            }
        }
        self.places[gap].slot = EMPTY;
    }

    fn grow(&mut self) {
        let empty = vec![Place { hash: 0, slot: EMPTY }; (self.places.len() * 2).max(FIRST)];
        for place in core::mem::replace(&mut self.places, empty) {
            if place.slot != EMPTY {
                self.put(place);
            }
        }
    }

    fn put(&mut self, place: Place) {
        let Some(mut at) = self.home(place.hash) else { return };
        while self.places[at].slot != EMPTY {
            at = self.after(at);
        }
        self.places[at] = place;
    }

    /// Where a hash is looked for first; none if there is no table yet.
    #[inline]
    fn home(&self, hash: u32) -> Option<usize> {
        (!self.places.is_empty()).then(|| hash as usize & (self.places.len() - 1))
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.places.len() - 1)
    }
}

/// The low half; the driver takes the shard from the high one.
#[inline]
fn shorten(hash: u64) -> u32 {
    hash as u32
}
