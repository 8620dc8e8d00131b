//! Ending all sessions of a principal: "log out everywhere".

use crate::bugs::Bug;
use crate::engine::{Engine, Flight};
use crate::entry::{Attributes, Slot};
use crate::id::Key;
use crate::op::{Answer, Ask, OpKind, Reply};
use crate::rules::Rules;
use crate::time::Time;
use crate::verbs::{FaultKind, Reason};
use core::hash::BuildHasher;
use std::sync::Arc;

/// A principal's sessions are listed and destroyed until the list is empty (rule 23).
pub(crate) struct Purge {
    principal: Arc<str>,
    /// The one session that stays.
    except: Option<Key>,
    ask: Ask,
    /// Destroys of the current list that are not confirmed.
    waiting_for: Vec<Ask>,
    listing: bool,
    sessions: u32,
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// Ends every session of a principal, but for the one under `except`: those in memory at once, those in the
    /// store by listing and destroying them until none is left. With the store down it is kept and done later.
    pub fn destroy_principal(&mut self, now: Time, principal: &Arc<str>, except: Option<&Key>) -> Ask {
        let waiting_for = self.end_principal(now, principal, except);
        let ask = self.new_ask();
        let purge = Purge {
            principal: principal.clone(),
            except: except.cloned(),
            ask,
            waiting_for: waiting_for.clone(),
            listing: false,
            sessions: 0,
        };
        match self.purges.iter().position(Option::is_none) {
            Some(place) => self.purges[place] = Some(purge),
            None => self.purges.push(Some(purge)),
        }
        self.tick_off_answered(&waiting_for);
        ask
    }

    /// Ends the sessions of a principal that are in memory here. A driver with several engines calls it on each, and
    /// [`Engine::destroy_principal`] on one. What it gives out is answered like every destroy.
    pub fn end_principal(&mut self, now: Time, principal: &Arc<str>, except: Option<&Key>) -> Vec<Ask> {
        let theirs: Vec<Slot> = self
            .slots
            .iter()
            .filter(|(_, entry)| {
                let attributes = entry.live().and_then(|live| live.attributes.as_ref());
                Attributes::principal_of(attributes) == Some(principal)
                    && except.is_none_or(|except| entry.key(&self.rules) != *except)
            })
            .map(|(slot, _)| slot)
            .collect();
        theirs.into_iter().map(|slot| self.destroy_slot(now, slot, Reason::Principal)).collect()
    }

    pub(crate) fn has_purge_to_list(&self) -> bool {
        self.purges.iter().flatten().any(Purge::is_ready_to_list)
    }

    pub(crate) fn next_list(&mut self, now: Time) -> Option<(OpKind, Flight)> {
        if !self.loads_retry.is_open(now) {
            return None;
        }
        let place = self.purges.iter().position(|purge| purge.as_ref().is_some_and(Purge::is_ready_to_list))?;
        let purge = self.purges[place].as_mut()?;
        purge.listing = true;
        Some((OpKind::List { principal: purge.principal.clone() }, Flight::List(place)))
    }

    pub(crate) fn on_listed(&mut self, now: Time, place: usize, reply: Reply) {
        let Some(purge) = self.purges[place].as_mut() else { return };
        purge.listing = false;
        let rows = match reply {
            Reply::Listed(rows) => rows,
            Reply::Failed(fault) if fault.kind == FaultKind::Unsupported => {
                let ask = purge.ask;
                self.purges[place] = None;
                self.answer(ask, Answer::Unsupported(fault.message));
                return;
            }
            _ => {
                self.loads_retry.failed(now, &self.config, &mut self.random);
                return;
            }
        };
        self.loads_retry.succeeded(now);
        let except = purge.except.clone();
        let keys: Vec<Key> = rows.into_iter().map(|row| row.key).filter(|key| Some(key) != except.as_ref()).collect();
        let asks: Vec<Ask> = keys.iter().map(|key| self.destroy_key(now, key, Reason::Principal)).collect();
        if let Some(purge) = self.purges[place].as_mut() {
            purge.waiting_for.extend(&asks);
        }
        self.tick_off_answered(&asks);
        if asks.is_empty() || self.bug(Bug::PurgeOnce) {
            self.finish_purge(place);
        }
    }

    /// A destroy that needed no write is answered already, in the queue where the caller would look for it.
    fn tick_off_answered(&mut self, asks: &[Ask]) {
        for (ask, answer) in self.answers.extract_if_in(asks) {
            let sessions = if let Answer::Destroyed { sessions } = answer { sessions } else { 0 };
            self.purge_part_done(ask, sessions);
        }
    }

    fn finish_purge(&mut self, place: usize) {
        if let Some(purge) = self.purges[place].take() {
            self.answer(purge.ask, Answer::Destroyed { sessions: purge.sessions });
        }
    }

    /// Whether `ask` is part of a purge; if so it is ticked off, and the list is asked for again after the last.
    pub(crate) fn purge_part_done(&mut self, ask: Ask, sessions: u32) -> bool {
        let Some(purge) = self.purges.iter_mut().flatten().find(|purge| purge.waiting_for.contains(&ask)) else { return false };
        purge.waiting_for.retain(|other| *other != ask);
        purge.sessions += sessions;
        true
    }
}

impl Purge {
    fn is_ready_to_list(&self) -> bool {
        !self.listing && self.waiting_for.is_empty()
    }
}

/// Taking single answers out of the queue.
trait ExtractAnswers {
    fn extract_if_in(&mut self, asks: &[Ask]) -> Vec<(Ask, Answer)>;
}

impl ExtractAnswers for std::collections::VecDeque<(Ask, Answer)> {
    fn extract_if_in(&mut self, asks: &[Ask]) -> Vec<(Ask, Answer)> {
        let (taken, kept): (Vec<_>, Vec<_>) = core::mem::take(self).into_iter().partition(|(ask, _)| asks.contains(ask));
        *self = kept.into();
        taken
    }
}
