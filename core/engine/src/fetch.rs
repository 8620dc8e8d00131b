//! Opening a session: from memory if the copy is good enough, by a load if not.

use crate::block::Block;
use crate::bugs::Bug;
use crate::config::Sharing;
use crate::engine::{Engine, Flight};
use crate::entry::{Attributes, Live, Loading, Slot, State};
use crate::expiry::Expiry;
use crate::id::IdRef;
use crate::op::OpKind;
use crate::pending::Status;
use crate::record::Record;
use crate::rules::Rules;
use crate::stamp::Stamp;
use crate::time::Time;
use crate::verbs::{Fault, Reason, Wanted};
use core::hash::BuildHasher;
use std::sync::Arc;

/// How good a copy must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// How old the last check of the copy may be, in milliseconds: 0 asks the store at each open, `u64::MAX` never.
    pub fresh_ms: u64,
    /// The revision on the visitor's ticket: a copy at least that new needs no check (for `max_stale`).
    pub at_least: Option<u64>,
    /// Whether this is a use of the session, which keeps it from expiring.
    pub touch: bool,
    /// What [`Fetch::Load`] or [`Fetch::Wait`] gave out at the first try of this open.
    pub asked: Option<Asked>,
}

impl Want {
    /// Any copy will do.
    pub const ANY: Self = Self { fresh_ms: u64::MAX, at_least: None, touch: true, asked: None };
    /// The store is asked.
    pub const FRESH: Self = Self { fresh_ms: 0, at_least: None, touch: true, asked: None };
}

/// When an open began, so that a load that was sent before it does not count as fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked(pub(crate) u64);

/// A session as it is now.
#[derive(Clone, PartialEq, Eq)]
pub struct View {
    /// The fields.
    pub block: Block,
    /// Principal and meta.
    pub attributes: Option<Arc<Attributes>>,
    /// The revision of the last committed state; none if nothing is committed. Good for a ticket.
    pub revision: Option<u64>,
    /// When it ends in any case.
    pub deadline: Time,
    /// Its idle limit in milliseconds.
    pub idle_ms: u64,
    /// The id is an old one in its grace: the content can be read, and not saved.
    pub alias: bool,
}

/// The answer to an open.
pub enum Fetch {
    /// Here it is.
    Ready(View),
    /// An op was made for it: poll [`crate::Lane::Loads`], and fetch again, with this mark, after the reply.
    Load(Asked),
    /// A load is on its way: fetch again, with this mark, after any reply.
    Wait(Asked),
    /// There is no such session.
    Absent,
    /// It ended.
    Dead(Reason),
    /// Memory is full of unsaved sessions: try again after a reply.
    Busy,
    /// The load failed: nothing is known.
    Failed(Fault),
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Opens a session. Never blocks: where the store must be asked first the answer says so.
    pub fn fetch(&mut self, now: Time, id: IdRef<'_>, want: Want) -> Fetch {
        if let Some(view) = self.fetch_cached(now, id, want) {
            return Fetch::Ready(view);
        }
        let asked = want.asked.unwrap_or(Asked(self.seq));
        let Some(slot) = self.find(id) else { return self.fetch_unknown(now, id, asked) };
        match self.open_slot(slot) {
            Ok(slot) => self.fetch_slowly(now, slot, want, asked),
            Err(reason) => Fetch::Dead(reason),
        }
    }

    /// The session, if it is in memory and its copy needs no question: all there is to an open that hits. Allocates
    /// nothing. None says only that [`Engine::fetch`] must be asked.
    #[inline]
    pub fn fetch_cached(&mut self, now: Time, id: IdRef<'_>, want: Want) -> Option<View> {
        let found = self.find(id)?;
        let slot = if self.is_plainly_good(now, found, want) {
            found
        } else {
            let slot = self.open_slot(found).ok()?;
            let ready = self.is_ready(now, slot, want, want.asked.unwrap_or(Asked(self.seq)));
            ready.then_some(slot)?
        };
        let ticket_before_commit = self.bug(Bug::TicketBeforeCommit);
        let ticket_sets_revision = self.bug(Bug::TicketSetsRevision);
        let touch_deadline = self.bug(Bug::TouchMovesDeadline);
        let max_stale_ms = self.config.max_stale_ms;
        let entry = self.slots.get_mut(slot)?;
        let State::Live(live) = &mut entry.state else { return None };
        entry.visited = true;
        entry.used = now;
        if let Some(at_least) = want.at_least.filter(|_| ticket_sets_revision)
            && let Some(base) = live.base()
        {
            live.set_base(Some(Stamp { revision: base.revision.max(at_least), ..base }));
        }
        live.note_ticket(want, max_stale_ms);
        let mut first_use = false;
        if want.touch {
            first_use = live.touch(now);
            if touch_deadline && live.deadline.is_set() {
                live.deadline = live.deadline.max(now + live.idle_ms);
            }
        }
        let mut view = live.view();
        if ticket_before_commit {
            view.revision = view.revision.map(|revision| revision + u64::from(live.is_dirty()));
        }
        if first_use {
            let idle_ms = live.idle_ms;
            self.schedule_touch(slot, now, idle_ms);
        }
        self.stats.hits += u64::from(want.asked.is_none());
        Some(view)
    }

    /// The usual case, decided by one look: a session that is far from its end, and any copy will do.
    #[inline]
    fn is_plainly_good(&self, now: Time, slot: Slot, want: Want) -> bool {
        let Some(live) = self.live(slot) else { return false };
        want.fresh_ms == u64::MAX && now < live.deadline && (live.idle_ms == 0 || now < live.accessed + live.idle_ms)
    }

    /// Whether the entry is a live session whose copy needs no question.
    fn is_ready(&self, now: Time, slot: Slot, want: Want, asked: Asked) -> bool {
        let Some(live) = self.live(slot) else { return false };
        let serve = matches!(self.expiry_of(live, now), Expiry::Valid) || self.bug(Bug::ServeExpired);
        serve && self.is_fresh(live, now, want, asked)
    }

    fn is_fresh(&self, live: &Live, now: Time, want: Want, asked: Asked) -> bool {
        if want.fresh_ms == u64::MAX {
            return true;
        }
        let joined = live.checked_seq >= asked.0 || self.bug(Bug::JoinOlderLoad);
        if !live.was_sent() || (want.asked.is_some() && joined) {
            return true;
        }
        if let Some(at_least) = want.at_least {
            return self.ticket_vouches(live, now, at_least);
        }
        // A duration of 0 is never met by a check from before.
        want.fresh_ms > 0 && live.checked_at + want.fresh_ms > now
    }

    /// Whether a ticket makes the copy good enough: the copy is as new as the ticket says, or the ticket was found to
    /// ask for more than there is. Either way someone else's change is seen after `max_stale`.
    fn ticket_vouches(&self, live: &Live, now: Time, at_least: u64) -> bool {
        let new_enough = live.base().is_some_and(|base| base.revision >= at_least);
        if new_enough {
            return live.checked_at + self.config.max_stale_ms > now;
        }
        live.ticket_excess.as_ref().is_some_and(|excess| at_least >= excess.0 && now < excess.1)
    }

    fn fetch_unknown(&mut self, now: Time, id: IdRef<'_>, asked: Asked) -> Fetch {
        if !self.make_room(crate::memory::ENTRY_BYTES, None) {
            self.stats.refused += 1;
            return Fetch::Busy;
        }
        let slot = self.slot_for(now, id);
        match self.open_slot(slot) {
            // A tombstone under the key alone: another's session that is being destroyed.
            Err(reason) => Fetch::Dead(reason),
            Ok(slot) => self.fetch_slowly(now, slot, Want { asked: Some(asked), ..Want::ANY }, asked),
        }
    }

    /// The slot to read from; or why the id is dead here.
    fn open_slot(&self, slot: Slot) -> Result<Slot, Reason> {
        match &self.slots[slot].state {
            State::Dead(dead) => Err(dead.reason),
            State::Moved(to) => {
                let rename = self.slots[*to].pending().and_then(|pending| pending.rename.as_ref());
                let closed = rename.is_none_or(|rename| rename.old_closed);
                if closed && !self.bug(Bug::OldIdStaysOpen) { Err(Reason::Rotated) } else { Ok(*to) }
            }
            _ => Ok(slot),
        }
    }

    fn fetch_slowly(&mut self, now: Time, slot: Slot, want: Want, asked: Asked) -> Fetch {
        if let Some(failed) = &self.slots[slot].failed
            && want.asked.is_some()
            && failed.seq >= asked.0
        {
            return Fetch::Failed(failed.fault.clone());
        }
        match &self.slots[slot].state {
            State::Absent { seq, .. } if want.asked.is_some() && *seq >= asked.0 => return Fetch::Absent,
            State::Absent { at, .. } if want.fresh_ms > 0 && now < *at + self.config.negative_ms => return Fetch::Absent,
            State::Alias { seq, record } if (want.asked.is_some() && *seq >= asked.0) || self.bug(Bug::CacheAlias) => {
                return Fetch::Ready(View::of_alias(record));
            }
            State::Live(live) => {
                let checked = want.asked.is_some() && live.checked_seq >= asked.0;
                match self.expiry_of(live, now) {
                    Expiry::Over(reason) => return self.expire(now, slot, reason),
                    Expiry::Ask(reason) if checked && live.checked_at >= self.expiry_due(live) => {
                        return self.expire(now, slot, reason);
                    }
                    Expiry::Valid | Expiry::Ask(_) => {}
                }
            }
            _ => {}
        }
        self.load_or_wait(slot, asked)
    }

    fn load_or_wait(&mut self, slot: Slot, asked: Asked) -> Fetch {
        let entry = &self.slots[slot];
        if entry.load.is_some() || entry.load_queued {
            return Fetch::Wait(asked);
        }
        if entry.live().is_some() {
            self.stats.checks += 1;
        } else {
            self.stats.misses += 1;
        }
        self.loads_retry.hurry();
        self.queue_load(slot);
        Fetch::Load(asked)
    }

    /// Queues a load, unless one is queued or in flight.
    pub(crate) fn queue_load(&mut self, slot: Slot) {
        let entry = &mut self.slots[slot];
        if entry.load.is_none() && !entry.load_queued {
            entry.load_queued = true;
            self.loads.push_back(slot);
        }
    }

    /// The next load: all that are queued, up to the size of a batch.
    pub(crate) fn next_load(&mut self, now: Time) -> Option<(OpKind, Flight)> {
        if !self.loads_retry.is_open(now) {
            return None;
        }
        let (mut wanted, mut slots) = (Vec::new(), Vec::new());
        while wanted.len() < self.config.batch_rows {
            let Some(slot) = self.loads.pop_front() else { break };
            let entry = &mut self.slots[slot];
            entry.load_queued = false;
            if entry.load.is_some() || matches!(entry.state, State::Dead(_) | State::Moved(_)) {
                continue;
            }
            let known = entry.live().and_then(Live::known);
            wanted.push(Wanted { key: entry.key(&self.rules), known });
            let rename = entry.pending().and_then(|pending| pending.rename.as_ref());
            if let Some(rename) = rename {
                wanted.push(Wanted { key: rename.old_key.clone(), known });
            }
            slots.push((slot, rename.is_some()));
        }
        if wanted.is_empty() {
            return None;
        }
        self.stats.loaded += slots.len() as u64;
        Some((OpKind::Load(wanted), Flight::Load(slots)))
    }

    pub(crate) fn note_load_sent(&mut self, now: Time, slots: &[(Slot, bool)]) {
        let sent_seq = self.seq;
        for (slot, _) in slots {
            let entry = &mut self.slots[*slot];
            entry.load = Some(Box::new(Loading { sent_seq, sent_at: now }));
            entry.outstanding += 1;
        }
    }

    /// Whether a reply to a load that was sent at `sent_seq` is newer than all that is known.
    pub(crate) fn is_current(&self, slot: Slot, sent_seq: u64) -> bool {
        sent_seq >= self.slots[slot].accepted
    }

    pub(crate) fn schedule_touch(&mut self, slot: Slot, unwritten_use: Time, idle_ms: u64) {
        let due = unwritten_use + self.config.touch_for(idle_ms).max(1);
        self.schedule(slot, due);
    }

    /// Whether sessions are shared with other bags.
    pub(crate) fn is_shared(&self) -> bool {
        self.config.sharing != Sharing::Single
    }
}

impl Live {
    /// Rule 28: the store was asked and has less than the ticket says. For a while such a ticket, or a higher one,
    /// makes nobody ask again, so that a forged one costs no more than an unknown id.
    fn note_ticket(&mut self, want: Want, max_stale_ms: u64) {
        let (Some(_), Some(at_least)) = (want.asked, want.at_least) else { return };
        let until = self.checked_at + max_stale_ms;
        // Before the first commit is known every ticket would ask for more: that says nothing.
        let less = self.base().is_some_and(|base| base.revision < at_least);
        if less && self.ticket_excess.as_ref().is_none_or(|excess| at_least < excess.0 || until > excess.1) {
            self.ticket_excess = Some(Box::new((at_least, until)));
        }
    }

    #[inline]
    pub(crate) fn view(&self) -> View {
        View {
            block: self.block.clone(),
            attributes: self.attributes.clone(),
            revision: self.base().map(|base| base.revision),
            deadline: self.deadline,
            idle_ms: self.idle_ms,
            alias: false,
        }
    }

    /// The stamp to compare with at a check. While a write must be settled by reading, the whole row is wanted.
    fn known(&self) -> Option<crate::stamp::Stamp> {
        let settling = self.pending.as_ref().and_then(|pending| pending.attempt.as_ref());
        if settling.is_some_and(|attempt| attempt.status == Status::Settle) { None } else { self.base() }
    }
}

impl View {
    fn of_alias(record: &Record) -> Self {
        Self {
            block: record.block.clone(),
            attributes: Attributes::boxed(record.principal.clone(), record.meta.clone()),
            revision: None,
            deadline: record.deadline,
            idle_ms: record.idle_ms,
            alias: true,
        }
    }
}
