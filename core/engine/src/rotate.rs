//! Rotation: a new id for the same session.

use crate::bugs::Bug;
use crate::engine::Engine;
use crate::entry::{Entry, Slot, State};
use crate::expiry::Expiry;
use crate::id::IdRef;
use crate::op::Ask;
use crate::pending::Rename;
use crate::rules::Rules;
use crate::time::Time;
use crate::verbs::Reason;
use core::hash::BuildHasher;

/// The answer to a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// The session is under the new id here; this is answered when the store has it too.
    Asked(Ask),
    /// The session is not in memory: fetch it, then rename again.
    NotLoaded,
    /// It ended.
    Dead(Reason),
    /// An earlier rotation is not settled yet, or memory is full: try again after a reply.
    Busy,
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Gives a session the id `new`, which must never have been used. Its changes travel along. For `grace_ms` the
    /// old id can still be read in the store; 0 for no grace.
    pub fn rename(&mut self, now: Time, old: IdRef<'_>, new: IdRef<'_>, grace_ms: u64) -> Renamed {
        let Some(old_slot) = self.find(old) else { return Renamed::NotLoaded };
        match &self.slots[old_slot].state {
            State::Live(live) => {
                if live.pending.as_ref().is_some_and(|pending| pending.rename.is_some()) {
                    return Renamed::Busy;
                }
                match self.expiry_of(live, now) {
                    Expiry::Over(reason) => {
                        self.expire(now, old_slot, reason);
                        return Renamed::Dead(reason);
                    }
                    Expiry::Ask(_) => return Renamed::NotLoaded,
                    Expiry::Valid => {}
                }
            }
            State::Dead(dead) => return Renamed::Dead(dead.reason),
            State::Moved(_) | State::Alias { .. } => return Renamed::Dead(Reason::Rotated),
            State::Unknown | State::Absent { .. } => return Renamed::NotLoaded,
        }
        if self.find(new).is_some() || !self.make_room(crate::memory::ENTRY_BYTES, Some(old_slot)) {
            return Renamed::Busy;
        }
        let slot = self.move_session(now, old_slot, new);
        let ask = self.new_ask();
        let relabel = self.bug(Bug::RelabelInMemory) && self.live(slot).is_some_and(|live| !live.was_sent());
        if relabel {
            self.remove_entry_when_idle(now, old_slot);
            self.answer(ask, crate::op::Answer::Stored { revision: 0 });
            return Renamed::Asked(ask);
        }
        let old_key = self.key_of(old_slot);
        let alias_until = if grace_ms == 0 { Time::ZERO } else { now + grace_ms };
        if let Some(live) = self.slots[slot].live_mut() {
            live.touch(now);
            let pending = live.pending_or_new();
            let waiters = vec![ask];
            pending.rename = Some(Rename { old_slot, old_key, began: now, alias_until, old_closed: false, waiters });
            pending.urgent = true;
            pending.quarantined = false;
        }
        self.queue_save(slot);
        self.account(slot);
        self.account(old_slot);
        Renamed::Asked(ask)
    }

    /// The caller was told that the rotation is pending: from now on the old id is dead here, as it will be in the
    /// store.
    pub fn close_old(&mut self, new: IdRef<'_>) {
        let Some(slot) = self.find(new) else { return };
        if let Some(rename) = self.slots[slot].pending_mut().and_then(|pending| pending.rename.as_mut()) {
            rename.old_closed = true;
        }
    }

    fn move_session(&mut self, now: Time, old_slot: Slot, new: IdRef<'_>) -> Slot {
        let slot = self.slot_for(now, new);
        let state = core::mem::replace(&mut self.slots[old_slot].state, State::Moved(slot));
        let accepted = self.slots[old_slot].accepted;
        let entry: &mut Entry = &mut self.slots[slot];
        entry.set_id(new.bytes);
        entry.state = state;
        entry.accepted = accepted;
        entry.used = now;
        entry.visited = true;
        slot
    }

    /// A rename is settled: the old id ends here, or lives on in the store as an alias.
    pub(crate) fn finish_rename(&mut self, now: Time, slot: Slot) {
        let Some(live) = self.slots[slot].live_mut() else { return };
        let base = live.base();
        let Some(rename) = live.pending.as_mut().and_then(|pending| pending.rename.take()) else { return };
        let revision = base.map_or(0, |base| base.revision);
        for ask in rename.waiters {
            self.answer(ask, crate::op::Answer::Stored { revision });
        }
        let old = rename.old_slot;
        self.slots[old].accepted = self.seq;
        if rename.alias_until > now {
            self.slots[old].state = State::Unknown;
            self.remove_entry_when_idle(now, old);
        } else if !self.bug(Bug::OldIdStaysOpen) {
            self.entomb(now, old, Reason::Rotated);
        }
    }
}
