//! Finds slots by the hash of an id or a key.

use crate::entry::Slot;
use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

/// The hashes are keyed already; hashing them again would only cost time.
#[derive(Default)]
pub(crate) struct PassThrough(u64);

impl Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are looked up");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A map from hashes to slots: 16 bytes an entry, since the id itself lies in the slot. The caller says whether a
/// slot is the right one, so two ids with one hash are told apart.
#[derive(Default)]
pub(crate) struct Index {
    map: HashMap<u64, Slot, BuildHasherDefault<PassThrough>>,
    /// Slots whose hash was taken already. With keyed 64-bit hashes it stays empty in practice.
    overflow: Vec<(u64, Slot)>,
}

impl Index {
    pub(crate) fn find(&self, hash: u64, right: impl Fn(Slot) -> bool) -> Option<Slot> {
        let slot = *self.map.get(&hash)?;
        if right(slot) {
            return Some(slot);
        }
        self.overflow.iter().find(|(other, slot)| *other == hash && right(*slot)).map(|(_, slot)| *slot)
    }

    pub(crate) fn insert(&mut self, hash: u64, slot: Slot) {
        if let Some(taken) = self.map.insert(hash, slot) {
            self.overflow.push((hash, taken));
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, slot: Slot) {
        let next = self.overflow.iter().position(|(other, other_slot)| *other == hash && *other_slot != slot);
        if self.map.get(&hash) == Some(&slot) {
            match next {
                Some(place) => {
                    self.map.insert(hash, self.overflow.swap_remove(place).1);
                }
                None => {
                    self.map.remove(&hash);
                }
            }
        } else {
            self.overflow.retain(|other| *other != (hash, slot));
        }
    }
}
