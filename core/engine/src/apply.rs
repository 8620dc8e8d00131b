//! Changing a session: per field, over whatever the session is by now.

use crate::block::{Block, NAME_LIMIT};
use crate::bugs::Bug;
use crate::change::Changes;
use crate::engine::Engine;
use crate::entry::{Attributes, Live, Slot, State};
use crate::event::Event;
use crate::expiry::Expiry;
use crate::id::IdRef;
use crate::op::{Answer, Ask};
use crate::pending::{Condition, Pending, Waiter};
use crate::rules::Rules;
use crate::time::Time;
use crate::verbs::Reason;
use core::hash::BuildHasher;
use std::sync::Arc;

/// How a change is saved.
#[derive(Clone, Debug, Default)]
pub struct Save<'a> {
    /// Write it at once and give out an [`Ask`] that is answered when it is committed.
    pub stored: bool,
    /// What the handle was shown, to tell which of its fields someone else changed since.
    pub shown: Option<&'a Block>,
    /// Change nothing if a field that is touched here is no longer what was shown.
    pub if_unchanged: bool,
}

/// A new session's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Idle limit in milliseconds; 0 for none.
    pub idle_ms: u64,
    /// When it ends in any case.
    pub deadline: Time,
}

/// The answer to a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is laid over the session in memory.
    Done {
        /// The session's fields afterwards.
        block: Block,
        /// Whether they were exactly what the handle was shown before, so that `block` is what it is shown next.
        as_shown: bool,
        /// Answered when the change is committed, if `stored` was asked for.
        ask: Option<Ask>,
    },
    /// Whether it can be laid over is decided by the store; the answer comes with this.
    Asked(Ask),
    /// The session is not in memory: fetch it, then apply again.
    NotLoaded,
    /// It ended.
    Dead(Reason),
    /// Nothing was changed, since a field is no longer what was shown.
    Conflict,
    /// A session with this id exists.
    Exists,
    /// Memory is full of unsaved sessions, or a change with a condition is under way: try again after a reply.
    Busy,
    /// A value, or the session as a whole, is over its limit.
    TooLarge {
        /// The size it would have, in bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Begins a session under a new id, with its first changes. Nothing else makes one: an open that nobody saves
    /// leaves no trace.
    pub fn create(&mut self, now: Time, id: IdRef<'_>, limits: Limits, changes: &Changes, save: &Save<'_>) -> Applied {
        if let Some(refusal) = self.too_large(&Block::empty(), changes) {
            return refusal;
        }
        if let Some(refusal) = self.no_room_for(changes, None) {
            return refusal;
        }
        let slot = self.slot_for(now, id);
        match &self.slots[slot].state {
            State::Live(_) | State::Alias { .. } => return Applied::Exists,
            State::Dead(dead) => return Applied::Dead(dead.reason),
            State::Moved(_) => return Applied::Dead(Reason::Rotated),
            State::Unknown | State::Absent { .. } => {}
        }
        let live = Live::new(now, limits.idle_ms, limits.deadline, self.seq);
        self.slots[slot].state = State::Live(live);
        self.lay_over(now, slot, changes, save, true)
    }

    /// Lays changes over a session.
    pub fn apply(&mut self, now: Time, id: IdRef<'_>, changes: &Changes, save: &Save<'_>) -> Applied {
        let Some(slot) = self.find(id) else { return Applied::NotLoaded };
        match &self.slots[slot].state {
            State::Live(live) => {
                match self.expiry_of(live, now) {
                    Expiry::Over(reason) => {
                        self.expire(now, slot, reason);
                        return Applied::Dead(reason);
                    }
                    Expiry::Ask(_) => return Applied::NotLoaded,
                    Expiry::Valid => {}
                }
                if let Some(refusal) = self.too_large(&live.block, changes).or_else(|| self.no_room_for(changes, Some(slot))) {
                    return refusal;
                }
                self.apply_live(now, slot, changes, save)
            }
            State::Dead(dead) => Applied::Dead(dead.reason),
            State::Moved(_) | State::Alias { .. } => Applied::Dead(Reason::Rotated),
            State::Unknown | State::Absent { .. } => Applied::NotLoaded,
        }
    }

    fn apply_live(&mut self, now: Time, slot: Slot, changes: &Changes, save: &Save<'_>) -> Applied {
        if save.if_unchanged
            && let Some(shown) = save.shown
        {
            if !self.is_unchanged(slot, changes, shown) {
                return Applied::Conflict;
            }
            let stored_before = self.live(slot).is_some_and(Live::was_sent);
            if self.is_shared() && stored_before && !self.bug(Bug::ConditionLaidOver) {
                return self.set_condition(now, slot, changes, shown);
            }
        }
        self.lay_over(now, slot, changes, save, false)
    }

    /// Whether the fields that `changes` touches are, by content, what the handle was shown.
    pub(crate) fn is_unchanged(&self, slot: Slot, changes: &Changes, shown: &Block) -> bool {
        let Some(live) = self.live(slot) else { return false };
        live.block.is_same(shown) || changes.fields().all(|(name, _)| self.same_field(live.block.get(name), shown.get(name)))
    }

    fn set_condition(&mut self, now: Time, slot: Slot, changes: &Changes, shown: &Block) -> Applied {
        let ask = self.new_ask();
        let Some(live) = self.slots[slot].live_mut() else { return Applied::NotLoaded };
        if live.pending.as_ref().is_some_and(|pending| pending.condition.is_some()) {
            return Applied::Busy;
        }
        live.touch(now);
        let pending = live.pending_or_new();
        pending.condition = Some(Box::new(Condition { changes: changes.clone(), shown: shown.clone(), ask }));
        pending.urgent = true;
        pending.quarantined = false;
        self.queue_save(slot);
        self.account(slot);
        Applied::Asked(ask)
    }

    fn lay_over(&mut self, now: Time, slot: Slot, changes: &Changes, save: &Save<'_>, creating: bool) -> Applied {
        if let Some(shown) = save.shown {
            self.report_overwrites(slot, changes, shown);
        }
        let ask = save.stored.then(|| self.new_ask());
        let rules = &self.rules;
        let entry = &mut self.slots[slot];
        entry.used = now;
        entry.visited = true;
        let Some(live) = entry.live_mut() else { return Applied::NotLoaded };
        live.touch(now);
        let as_shown = creating || save.shown.is_some_and(|shown| live.block.is_same(shown));
        let touched_only = live.note(now, rules, changes, creating);
        let block = live.block.clone();
        if let Some(ask) = ask {
            let (version, principal) = (live.version, changes.principal.is_some());
            let principal_only = principal && changes.is_principal_only();
            let pending = live.pending_or_new();
            pending.urgent = true;
            // Whoever waits gets an answer: a row that was set aside is tried once more.
            pending.quarantined = false;
            pending.waiters.push(Waiter { version, ask, principal, principal_only });
        }
        self.stats.changes += 1;
        self.plan_write(now, slot, touched_only);
        self.answer_settled(slot);
        if let Some(ask) = ask
            && self.bug(Bug::AnswerBeforeCommit)
        {
            self.answer(ask, Answer::Stored { revision: 0 });
        }
        Applied::Done { block, as_shown, ask }
    }

    /// Sees to it that what is pending will be written when its time comes.
    pub(crate) fn plan_write(&mut self, now: Time, slot: Slot, touched_only: bool) {
        let draining = self.draining;
        let entry = &mut self.slots[slot];
        let Some(live) = entry.live_mut() else { return };
        let (idle_ms, unwritten_use, created_here) = (live.idle_ms, live.unwritten_use, live.base().is_none());
        if let Some(pending) = &mut live.pending {
            let urgent = pending.urgent || draining || (created_here && self.config.sharing == crate::config::Sharing::Sticky);
            if !pending.is_settled() && urgent && !pending.quarantined {
                pending.urgent = true;
                self.queue_save(slot);
            } else if !pending.dirty.is_empty() && !touched_only {
                let due = self.write_due(slot);
                self.schedule(slot, due.max(now));
            }
        }
        if unwritten_use.is_set() {
            self.schedule_touch(slot, unwritten_use, idle_ms);
        }
        self.account(slot);
    }

    /// When the changes of a session are to be written: a linger after the last, and not later than the cap allows.
    pub(crate) fn write_due(&self, slot: Slot) -> Time {
        let Some(live) = self.live(slot) else { return Time::NEVER };
        let Some(pending) = live.pending.as_ref().filter(|pending| !pending.dirty.is_empty() && !pending.quarantined) else {
            return Time::NEVER;
        };
        let rested = pending.last + self.config.linger_for(live.idle_ms);
        rested.min(pending.first + self.config.linger_cap_for(live.idle_ms))
    }

    fn report_overwrites(&mut self, slot: Slot, changes: &Changes, shown: &Block) {
        let Some(live) = self.live(slot).filter(|live| !live.block.is_same(shown)) else { return };
        let overwritten = |(name, change): &(&str, &crate::change::FieldChange)| {
            let now_there = live.block.get(name);
            !self.same_field(now_there, shown.get(name)) && !self.same_field(now_there, change.value())
        };
        let fields = changes.fields().filter(overwritten).count() as u32;
        self.overwrote(slot, fields);
    }

    pub(crate) fn overwrote(&mut self, slot: Slot, fields: u32) {
        if fields > 0 {
            self.stats.overwrites += u64::from(fields);
            let key = self.key_of(slot);
            self.event(Event::Overwrote { key, fields });
        }
    }

    fn too_large(&self, block: &Block, changes: &Changes) -> Option<Applied> {
        let limit = self.config.field_bytes;
        if let Some((_, change)) = changes.fields().find(|(_, change)| change.size() > limit) {
            return Some(Applied::TooLarge { size: change.size(), limit });
        }
        if changes.fields().any(|(name, _)| name.len() > NAME_LIMIT) {
            let size = changes.fields().map(|(name, _)| name.len()).max().unwrap_or(0);
            return Some(Applied::TooLarge { size, limit: NAME_LIMIT });
        }
        let limit = self.config.session_bytes;
        if block.size() + changes.size() <= limit {
            return None;
        }
        let size = block.with(changes).size();
        (size > limit).then_some(Applied::TooLarge { size, limit })
    }

    /// Refuses a change that memory has no room for.
    fn no_room_for(&mut self, changes: &Changes, slot: Option<Slot>) -> Option<Applied> {
        let known = slot.map_or(0, |slot| self.slots[slot].cost as usize);
        // A clean session becomes unsaved with all it has; a changed one is held twice until it is committed.
        let growth = changes.size() + crate::memory::ENTRY_BYTES + crate::memory::BLOCKS + size_of::<Pending>() + known;
        let unsaved_full = self.unsaved + growth > self.config.unsaved_bytes && !self.bug(Bug::NoMemoryBound);
        if unsaved_full {
            self.write_everything();
        }
        if unsaved_full || !self.make_room(growth, slot) {
            self.stats.refused += 1;
            return Some(Applied::Busy);
        }
        None
    }
}

impl Live {
    /// Lays changes over the fields and notes what was changed; equal values are no change. Answers whether only
    /// fields were changed that are mere touches.
    fn note(&mut self, now: Time, rules: &impl Rules, changes: &Changes, creating: bool) -> bool {
        let old_block = self.block.clone();
        let pending = self.pending_or_new();
        let mut touched_only = !creating;
        let mut any = creating;
        for (name, change) in changes.fields() {
            if !creating && old_block.get(name) == change.value() {
                continue;
            }
            any = true;
            touched_only &= rules.is_touch(name);
            pending.dirty.add_field(name);
        }
        let beside = changes.principal.is_some() || changes.meta.is_some() || changes.idle_ms.is_some();
        pending.dirty.principal |= changes.principal.is_some();
        pending.dirty.meta |= changes.meta.is_some();
        pending.dirty.idle |= changes.idle_ms.is_some();
        if any || beside {
            pending.first = pending.first.min(now);
            pending.last = now;
            pending.quarantined = false;
            self.version += 1;
        }
        if any {
            self.block = old_block.with(changes);
        }
        if beside {
            self.set_beside(changes);
            touched_only = false;
        }
        if self.pending.as_ref().is_some_and(|pending| pending.is_settled()) && !creating {
            self.pending = None;
        }
        if creating && let Some(pending) = &mut self.pending {
            pending.stored_block = Block::empty();
            // An empty session is dirty too: its row is what has to be made.
            pending.dirty.idle = true;
        }
        touched_only
    }

    pub(crate) fn set_beside(&mut self, changes: &Changes) {
        let attributes = self.attributes.as_ref();
        let principal = changes.principal.clone().unwrap_or_else(|| Attributes::principal_of(attributes).cloned());
        let meta: Option<Arc<str>> = changes.meta.clone().unwrap_or_else(|| Attributes::meta_of(attributes).cloned());
        self.attributes = Attributes::boxed(principal, meta);
        self.idle_ms = changes.idle_ms.unwrap_or(self.idle_ms);
    }
}
