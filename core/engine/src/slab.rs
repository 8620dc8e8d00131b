//! Entries in numbered slots.

use crate::entry::{Entry, Slot};
use core::ops::{Index, IndexMut};

/// Slots come in chunks, so that growing moves nothing and wastes at most one chunk.
const CHUNK: usize = 64;

/// Where the entries lie. Freed slots are used again, the last freed first.
#[derive(Default)]
pub(crate) struct Slab {
    chunks: Vec<Vec<Option<Entry>>>,
    free: Vec<Slot>,
    len: usize,
}

impl Slab {
    pub(crate) fn insert(&mut self, entry: Entry) -> Slot {
        if let Some(slot) = self.free.pop() {
            *self.place(slot) = Some(entry);
            return slot;
        }
        let slot = self.len;
        if slot.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks[slot / CHUNK].push(Some(entry));
        self.len += 1;
        slot as Slot
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Entry {
        let entry = self.place(slot).take().expect("a slot is freed once");
        self.free.push(slot);
        entry
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Entry> {
        self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.chunks.get_mut(slot as usize / CHUNK)?.get_mut(slot as usize % CHUNK)?.as_mut()
    }

    /// How many slots there are, free ones included.
    pub(crate) fn capacity(&self) -> Slot {
        self.len as Slot
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Entry)> {
        let entries = self.chunks.iter().flatten().enumerate();
        entries.filter_map(|(slot, entry)| entry.as_ref().map(|entry| (slot as Slot, entry)))
    }

    fn place(&mut self, slot: Slot) -> &mut Option<Entry> {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

impl Index<Slot> for Slab {
    type Output = Entry;
    fn index(&self, slot: Slot) -> &Entry {
        self.get(slot).expect("slots in use are never freed")
    }
}

impl IndexMut<Slot> for Slab {
    fn index_mut(&mut self, slot: Slot) -> &mut Entry {
        self.get_mut(slot).expect("slots in use are never freed")
    }
}
