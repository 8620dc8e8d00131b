//! The sessions of a principal: listing them, ending them.

use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::event::reference;
use crate::holdall::Holdall;
use crate::save::{Done, refusal};
use crate::session::Session;
use holdall_engine::{Answer, Ask, Key, Listed, Reason, Rules as _, Time};
use std::sync::Arc;

/// One session of a principal, for a list such as "signed in on these devices".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// Names the session for [`Which::One`]; it is no id and opens nothing.
    pub reference: String,
    /// When it began.
    pub created: Time,
    /// When it was last used, as the table says: uses are written at most every `touch`.
    pub accessed: Time,
    /// When it expires, as the table says.
    pub expires: Time,
    /// The host's text.
    pub meta: Option<String>,
    /// Whether it is the session that was given as the current one.
    pub is_current: bool,
}

/// Which sessions of a principal are ended.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// All of them.
    All,
    /// All but this one.
    AllBut(&'a Session),
    /// The one with this reference.
    One(&'a str),
}

impl Holdall {
    /// The sessions of a principal that the database has; `current` is marked in the list.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if the table has no principals; [`ErrorKind::Unavailable`].
    pub fn list_principal(&self, principal: &str, current: Option<&Session>) -> Result<Vec<ListedSession>> {
        let bag = self.bag();
        bag.check_open()?;
        let current = current.map(|session| bag.rules.key(session.id_bytes()));
        let rows = bag.ask_store(|store, _| store.list(principal))?;
        Ok(rows.into_iter().map(|row| listed(row, current.as_ref())).collect())
    }

    /// Ends sessions of a principal: "log out everywhere". Those in memory here end at once; the answer comes when the
    /// database has none left, or is [`Done::Pending`], and the rest is done as soon as the database can be reached.
    /// Logins that were acknowledged before the call end; concurrent ones may. Copies in the memory of other servers
    /// live up to `freshness`, or `max_stale` with tickets.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no session of the principal has the reference; [`ErrorKind::Unsupported`].
    pub fn destroy_principal(&self, principal: &str, which: Which<'_>) -> Result<Done> {
        let bag = self.bag();
        bag.check_open()?;
        if principal.is_empty() {
            return Err(Error::invalid("the principal must not be empty"));
        }
        match which {
            Which::All => self.destroy_all(principal, None),
            Which::AllBut(session) => self.destroy_all(principal, Some(&bag.rules.key(session.id_bytes()))),
            Which::One(reference) => self.destroy_one(principal, reference),
        }
    }

    fn destroy_all(&self, principal: &str, except: Option<&Key>) -> Result<Done> {
        let bag = self.bag();
        let principal: Arc<str> = principal.into();
        for shard in 0..bag.shards.len() {
            let mut locked = bag.enter(shard)?;
            let now = locked.now;
            locked.engine().end_principal(now, &principal, except);
        }
        let mut locked = bag.enter(0)?;
        let now = locked.now;
        let ask = locked.engine().destroy_principal(now, &principal, except);
        locked.expect(ask);
        drop(locked);
        self.await_destroy(0, ask)
    }

    fn destroy_one(&self, principal: &str, wanted: &str) -> Result<Done> {
        let bag = self.bag();
        let rows = bag.ask_store(|store, _| store.list(principal))?;
        let Some(row) = rows.into_iter().find(|row| reference(&row.key) == wanted) else {
            return Err(Error::new(ErrorKind::NotFound, "the principal has no session with this reference"));
        };
        // Whichever shard holds a copy hears of it by the key; without one, any shard can carry out the destroy.
        let shard = bag.shard_holding(&row.key)?.unwrap_or(0);
        let mut locked = bag.enter(shard)?;
        let now = locked.now;
        let ask = locked.engine().destroy_key(now, &row.key, Reason::Principal);
        locked.expect(ask);
        drop(locked);
        self.await_destroy(shard, ask)
    }

    fn await_destroy(&self, shard: usize, ask: Ask) -> Result<Done> {
        let bag = self.bag();
        let deadline = Deadline::after(bag.options.store_timeout);
        match bag.enter(shard)?.wait_for(ask, deadline)? {
            Some(Answer::Destroyed { .. }) => Ok(Done::Done),
            None => Ok(Done::Pending),
            Some(refused) => Err(refusal(refused)),
        }
    }
}

fn listed(row: Listed, current: Option<&Key>) -> ListedSession {
    ListedSession {
        reference: reference(&row.key),
        created: row.created,
        accessed: row.accessed,
        expires: row.expires,
        meta: row.meta.map(|meta| meta.to_string()),
        is_current: current == Some(&row.key),
    }
}
