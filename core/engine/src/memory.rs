//! What memory is used for, and how room is made.

use crate::bugs::Bug;
use crate::engine::Engine;
use crate::entry::{Entry, Live, Slot, State};
use crate::pending::Pending;
use crate::rules::Rules;
use core::hash::BuildHasher;

/// What an entry takes besides its contents: its place in the slab, in two indexes and in the timers. Measured with
/// a counting allocator over 100,000 sessions.
pub const ENTRY_BYTES: usize = 328;
/// What an allocation takes besides its bytes: the counts of an `Arc` and the allocator's own header.
const ALLOCATION: usize = 32;
/// What the blocks of a changed session take besides its fields: one as it is, and one as it was stored.
pub(crate) const BLOCKS: usize = 2 * (ALLOCATION + 16);

/// The bytes that an entry is charged with.
pub(crate) fn cost(entry: &Entry) -> usize {
    let state = match &entry.state {
        State::Live(live) => live_cost(live),
        State::Alias { record, .. } => record.size() + ALLOCATION,
        State::Dead(dead) => {
            let claimed = dead.destroying.as_ref().and_then(|destroying| destroying.claim.as_ref());
            ALLOCATION + claimed.map_or(0, |record| record.size())
        }
        State::Unknown | State::Absent { .. } | State::Moved(_) => 0,
    };
    ENTRY_BYTES + entry.name_heap_bytes() + state
}

fn live_cost(live: &Live) -> usize {
    let attributes = live.attributes.as_ref().map_or(0, |attributes| {
        let text = |text: &Option<std::sync::Arc<str>>| text.as_ref().map_or(0, |text| text.len() + ALLOCATION);
        ALLOCATION + text(&attributes.principal) + text(&attributes.meta)
    });
    live.block.size() + ALLOCATION + attributes + live.pending.as_ref().map_or(0, |pending| pending_cost(live, pending))
}

fn pending_cost(live: &Live, pending: &Pending) -> usize {
    let mut cost = size_of::<Pending>() + pending.dirty.fields.iter().map(|name| name.len() + ALLOCATION).sum::<usize>();
    if !pending.stored_block.is_same(&live.block) {
        cost += pending.stored_block.size() + ALLOCATION;
    }
    if let Some(record) = pending.attempt.as_ref().and_then(|attempt| attempt.write.record())
        && !record.block.is_same(&live.block)
        && !record.block.is_same(&pending.stored_block)
    {
        cost += record.block.size() + ALLOCATION;
    }
    cost + pending.condition.as_ref().map_or(0, |condition| condition.changes.size() + condition.shown.size())
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Bytes in use, and the limit.
    pub fn memory(&self) -> (usize, usize) {
        (self.memory, self.config.memory_bytes)
    }

    /// Bytes in use, and how many of them are unsaved sessions.
    pub fn used(&self) -> (usize, usize) {
        (self.memory, self.unsaved)
    }

    /// Sets the limits anew: a driver with several engines lends one budget to them in parts.
    pub fn set_memory(&mut self, memory_bytes: usize, unsaved_bytes: usize) {
        self.nothing_to_evict &= memory_bytes <= self.config.memory_bytes;
        self.config.memory_bytes = memory_bytes;
        self.config.unsaved_bytes = unsaved_bytes;
    }

    /// Brings the account of an entry up to date. Called after every change of an entry.
    pub(crate) fn account(&mut self, slot: Slot) {
        let entry = &mut self.slots[slot];
        let (before, unsaved_before) = (entry.cost as usize, entry.unsaved_cost());
        entry.cost = u32::try_from(cost(entry)).unwrap_or(u32::MAX);
        entry.counted_unsaved = entry.live().is_some_and(Live::is_dirty);
        let (now, unsaved_now) = (entry.cost as usize, entry.unsaved_cost());
        self.stats.unsaved += u64::from(unsaved_now > 0);
        self.stats.unsaved -= u64::from(unsaved_before > 0);
        self.memory = self.memory - before + now;
        self.unsaved = self.unsaved - unsaved_before + unsaved_now;
        if unsaved_before > 0 && unsaved_now == 0 {
            self.nothing_to_evict = false;
        }
        let quarantined = entry.pending().is_some_and(|pending| pending.quarantined);
        self.stats.quarantined += u64::from(quarantined);
        self.stats.quarantined -= u64::from(entry.counted_quarantined);
        entry.counted_quarantined = quarantined;
    }

    /// Makes room for `bytes`, by letting go of sessions that are written and not in use. Answers whether it is there.
    pub(crate) fn make_room(&mut self, bytes: usize, spare: Option<Slot>) -> bool {
        let fits = |engine: &Self| engine.memory + bytes <= engine.config.memory_bytes;
        if fits(self) || self.bug(Bug::NoMemoryBound) {
            return true;
        }
        if self.nothing_to_evict || self.slots.capacity() == 0 {
            return false;
        }
        // Twice round: the first pass clears the marks of use (SIEVE), the second finds what has none.
        for _ in 0..2 * self.slots.capacity() {
            self.hand = (self.hand + 1) % self.slots.capacity();
            if Some(self.hand) != spare && self.evict(self.hand) && fits(self) {
                return true;
            }
        }
        self.nothing_to_evict = true;
        self.write_everything();
        false
    }

    /// Lets one entry go, if nothing would be lost and it was not used since the hand's last turn.
    fn evict(&mut self, slot: Slot) -> bool {
        let evict_dirty = self.bug(Bug::EvictDirty);
        let Some(entry) = self.slots.get_mut(slot) else { return false };
        if core::mem::take(&mut entry.visited) || !is_idle(entry) {
            return false;
        }
        let clean = match &entry.state {
            State::Live(live) => evict_dirty || (!live.is_dirty() && !live.unwritten_use.is_set()),
            State::Unknown | State::Absent { .. } | State::Alias { .. } => true,
            State::Dead(dead) => dead.destroying.is_none(),
            State::Moved(_) => false,
        };
        if !clean {
            return false;
        }
        self.stats.evictions += 1;
        self.remove_entry(slot);
        true
    }

    /// Queues every unsaved session: memory is short, or the bag is being flushed.
    pub(crate) fn write_everything(&mut self) {
        let unsaved: Vec<Slot> =
            self.slots.iter().filter(|(_, entry)| has_something_to_write(entry)).map(|(slot, _)| slot).collect();
        for slot in unsaved {
            if let Some(pending) = self.slots[slot].live_mut().map(Live::pending_or_new) {
                pending.urgent = true;
            }
            self.account(slot);
            self.queue_save(slot);
        }
    }
}

fn has_something_to_write(entry: &Entry) -> bool {
    entry.live().is_some_and(|live| live.is_dirty() || live.unwritten_use.is_set())
}

/// Whether no op and no queue refers to the entry.
pub(crate) fn is_idle(entry: &Entry) -> bool {
    entry.load.is_none() && entry.outstanding == 0 && !entry.queued && !entry.load_queued
}
