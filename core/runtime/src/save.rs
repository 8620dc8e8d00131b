//! Saving, rotating and destroying.

use crate::bag::Bag;
use crate::clock::Deadline;
use crate::entropy;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::unsupported;
use crate::open::{busy, gone};
use crate::options::{Durability, Sharing, journal, millis};
use crate::session::{Session, Stage};
use holdall_engine::{Answer, Applied, Block, Changes, Id, IdRef, Reason, Renamed, Save as EngineSave};
use std::sync::Arc;

/// How a session is saved.
#[derive(Clone, Copy, Debug, Default)]
pub struct Save {
    /// What to wait for; none for the bag's own setting.
    pub durability: Option<Durability>,
    /// Save nothing and answer [`ErrorKind::Conflict`] if a field that is changed here was changed by someone else
    /// since this handle was shown it. Outside of `single` this waits for the database.
    pub if_unchanged: bool,
}

/// How far a change has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "pending means that the database has not confirmed the change yet"]
pub enum Done {
    /// As far as was asked for.
    Done,
    /// It is in force here and is written as soon as the database takes it; until then other servers may not know of
    /// it, and a kill -9 of this process loses it.
    Pending,
}

impl Session {
    /// Saves all changes of this handle at once, as the bag's `sharing` says.
    ///
    /// # Errors
    /// [`ErrorKind::Gone`] if the session ended meanwhile; [`ErrorKind::Busy`]; [`ErrorKind::TooLarge`];
    /// [`ErrorKind::Rejected`]. The handle keeps its changes then.
    pub fn save(&mut self) -> Result<Done> {
        self.save_with(Save::default())
    }

    /// Saves all changes of this handle at once.
    ///
    /// # Errors
    /// As [`Session::save`], and what [`Save`] says.
    pub fn save_with(&mut self, save: Save) -> Result<Done> {
        self.bag().check_open()?;
        self.check_stage()?;
        let durability = match save.durability {
            Some(Durability::Journal) => return Err(journal()),
            Some(durability) => durability,
            None => self.bag().durability,
        };
        if self.changes.is_empty() {
            return Ok(Done::Done);
        }
        let first_of_sticky = self.stage == Stage::New && self.bag().options.sharing == Sharing::Sticky;
        let stored = durability == Durability::Stored || self.changes.principal.is_some() || first_of_sticky;
        self.lay_over(stored, save.if_unchanged)
    }

    fn lay_over(&mut self, stored: bool, if_unchanged: bool) -> Result<Done> {
        let deadline = Deadline::after(self.bag().options.store_timeout);
        let mut room_until = None;
        loop {
            match self.try_apply(stored, if_unchanged, deadline)? {
                Tried::Done(done) => return Ok(done),
                Tried::NotLoaded => self.bag().reload(self.shard, self.id_ref())?,
                Tried::Full => {
                    let until = *room_until.get_or_insert_with(|| Deadline::after(self.bag().options.busy_wait));
                    self.bag().wait_for_room(self.shard, until)?;
                }
            }
        }
    }

    fn try_apply(&mut self, stored: bool, if_unchanged: bool, deadline: Deadline) -> Result<Tried> {
        let limits = self.limits();
        let new = self.stage == Stage::New;
        let mut locked = self.holdall.bag().enter(self.shard)?;
        let now = locked.now;
        let id = IdRef { bytes: self.id.as_bytes(), hash: self.hash };
        let save = EngineSave { stored, shown: Some(&self.view.block), if_unchanged };
        let applied = if new {
            locked.engine().create(now, id, limits, &self.changes, &save)
        } else {
            locked.engine().apply(now, id, &self.changes, &save)
        };
        let (shown, ask) = match applied {
            Applied::Done { block, as_shown, ask } => (as_shown.then_some(block), ask),
            Applied::Asked(ask) => (None, Some(ask)),
            Applied::NotLoaded => return Ok(Tried::NotLoaded),
            Applied::Busy => return Ok(Tried::Full),
            Applied::Dead(reason) => return Err(gone(reason)),
            Applied::Conflict => return Err(refusal(Answer::Conflict)),
            Applied::Exists => return Err(refusal(Answer::Exists)),
            Applied::TooLarge { size, limit } => return Err(too_large(size, limit)),
        };
        let waited = match ask {
            None => {
                drop(locked);
                Waited::NotAsked
            }
            Some(ask) => {
                locked.expect(ask);
                locked.wait_for(ask, deadline)?.map_or(Waited::InVain, Waited::Answered)
            }
        };
        self.applied(shown, waited, if_unchanged).map(Tried::Done)
    }

    /// The changes are laid over the session, or the database has decided: the snapshot moves forward.
    fn applied(&mut self, shown: Option<Block>, waited: Waited, if_unchanged: bool) -> Result<Done> {
        let done = match waited {
            Waited::NotAsked => Done::Done,
            Waited::InVain if if_unchanged && shown.is_none() => return Err(refusal(Answer::Unknown)),
            Waited::InVain => Done::Pending,
            Waited::Answered(Answer::Stored { revision }) => {
                self.view.revision = Some(revision);
                Done::Done
            }
            Waited::Answered(refused) => return Err(refusal(refused)),
        };
        let changes = std::mem::take(&mut self.changes);
        // Only the fields that were changed here move forward; what others changed is seen by the next open.
        let block = shown.unwrap_or_else(|| self.view.block.with(&changes));
        self.show(block);
        self.show_beside(&changes);
        self.stage = Stage::Open;
        Ok(done)
    }

    fn show_beside(&mut self, changes: &Changes) {
        if changes.principal.is_none() && changes.meta.is_none() && changes.idle_ms.is_none() {
            return;
        }
        let mut attributes = self.view.attributes.as_deref().cloned().unwrap_or_default();
        attributes.principal = changes.principal.clone().unwrap_or(attributes.principal);
        attributes.meta = changes.meta.clone().unwrap_or(attributes.meta);
        self.view.attributes = Some(Arc::new(attributes));
        self.view.idle_ms = changes.idle_ms.unwrap_or(self.view.idle_ms);
    }

    /// Says whose session it is (none: nobody's), and saves all changes of this handle with it. Returns when the
    /// database has committed; [`Done::Pending`] if that takes longer than `store_timeout`.
    ///
    /// # Errors
    /// As [`Session::save`]; [`ErrorKind::Conflict`] if someone else changed the principal meanwhile.
    pub fn set_principal(&mut self, principal: Option<&str>) -> Result<Done> {
        self.bag().check_open()?;
        self.check_stage()?;
        let limit = 255;
        if self.is_foreign {
            return Err(unsupported("the principal of a session"));
        }
        if principal.is_some_and(|principal| principal.is_empty() || principal.len() > limit) {
            return Err(Error::invalid(format!("a principal must have 1 to {limit} bytes")));
        }
        self.changes.principal = Some(principal.map(Into::into));
        self.lay_over(true, false)
    }

    /// Counts as a use of the session: it lives on for its idle limit. Opening and saving do so too.
    ///
    /// # Errors
    /// [`ErrorKind::Gone`] if the session has ended.
    pub fn touch(&mut self) -> Result<()> {
        self.bag().check_open()?;
        self.check_stage()?;
        if self.stage == Stage::New {
            return Ok(());
        }
        self.bag().reload(self.shard, self.id_ref())
    }

    /// Gives the session a new id, saving all changes of this handle with it: to be done at login. The old id is dead
    /// everywhere when this returns, or, with `rotation_grace`, can only be read for so long. The new id must be sent
    /// to the visitor, also after [`Done::Pending`].
    ///
    /// # Errors
    /// As [`Session::save`].
    pub fn rotate(&mut self) -> Result<Done> {
        self.bag().check_open()?;
        self.check_stage()?;
        let (id, hash) = self.new_id_in_shard()?;
        if self.stage == Stage::New {
            // Nobody but this handle knows of the session yet.
            self.rename(id, hash);
            return Ok(Done::Done);
        }
        if !self.changes.is_empty() {
            self.lay_over(false, false).map(drop)?;
        }
        self.move_to(id, hash)
    }

    /// Shards are found by a secret hash of the id; a new id is drawn until it falls into the shard of the old one,
    /// so that a rotation is a matter of one engine. With 16 shards that costs 4 of 192 random bits.
    fn new_id_in_shard(&self) -> Result<(Id, u64)> {
        loop {
            let id = entropy::id(self.bag().ids)?;
            let (id, shard) = self.bag().locate(id.as_bytes());
            if shard == self.shard {
                return Ok((Id::new(id.bytes), id.hash));
            }
        }
    }

    fn move_to(&mut self, id: Id, hash: u64) -> Result<Done> {
        let grace = millis(self.bag().options.rotation_grace);
        let deadline = Deadline::after(self.bag().options.store_timeout);
        let (answer, shard) = loop {
            let mut locked = self.holdall.bag().enter(self.shard)?;
            let now = locked.now;
            let old = IdRef { bytes: self.id.as_bytes(), hash: self.hash };
            match locked.engine().rename(now, old, IdRef { bytes: id.as_bytes(), hash }, grace) {
                Renamed::Asked(ask) => {
                    locked.expect(ask);
                    break (locked.wait_for(ask, deadline)?, self.shard);
                }
                Renamed::Dead(reason) => return Err(gone(reason)),
                Renamed::NotLoaded => {
                    drop(locked);
                    self.bag().reload(self.shard, self.id_ref())?;
                }
                Renamed::Busy => drop(locked.wait(deadline)?.ok_or_else(busy)?),
            }
        };
        match answer {
            Some(Answer::Stored { revision }) => {
                self.view.revision = Some(revision);
                self.rename(id, hash);
                Ok(Done::Done)
            }
            None => {
                let mut locked = self.holdall.bag().enter(shard)?;
                locked.engine().close_old(IdRef { bytes: id.as_bytes(), hash });
                drop(locked);
                // The old ticket's revision is not the new id's.
                self.view.revision = None;
                self.rename(id, hash);
                Ok(Done::Pending)
            }
            Some(refused) => Err(refusal(refused)),
        }
    }

    /// Ends the session, everywhere and for good: a logout. Here it is ended at once, whatever the database does;
    /// [`Done::Done`] means that the database has committed it. The handle's unsaved changes are dropped.
    ///
    /// # Errors
    /// Only if the bag is closed, forked or broken. With the database down the answer is [`Done::Pending`].
    pub fn destroy(&mut self) -> Result<Done> {
        self.bag().check_open()?;
        let stage = std::mem::replace(&mut self.stage, Stage::Ended);
        self.changes = Changes::new();
        if stage == Stage::New {
            return Ok(Done::Done);
        }
        let deadline = Deadline::after(self.bag().options.store_timeout);
        let mut locked = self.holdall.bag().enter(self.shard)?;
        let now = locked.now;
        let id = IdRef { bytes: self.id.as_bytes(), hash: self.hash };
        let ask = locked.engine().destroy(now, id, Reason::Destroyed);
        locked.expect(ask);
        match locked.wait_for(ask, deadline)? {
            Some(Answer::Destroyed { .. }) => Ok(Done::Done),
            None => Ok(Done::Pending),
            Some(refused) => Err(refusal(refused)),
        }
    }
}

/// What waiting for the database came to.
enum Waited {
    NotAsked,
    /// The time was over first.
    InVain,
    Answered(Answer),
}

enum Tried {
    Done(Done),
    NotLoaded,
    Full,
}

impl Bag {
    /// Waits until memory may have room: the saver is told, and something comes back from the database.
    fn wait_for_room(&self, shard: usize, until: Deadline) -> Result<()> {
        self.ring(crate::bag::Role::Saver, holdall_engine::Time::ZERO);
        match self.enter(shard)?.wait(until)? {
            Some(_) => Ok(()),
            None => Err(busy()),
        }
    }
}

fn too_large(size: usize, limit: usize) -> Error {
    let text = format!(
        "a value or the session would have {size} bytes; the limit is {limit} (value_limit, session_limit); nothing was saved"
    );
    Error::new(ErrorKind::TooLarge, text)
}

/// What an answer that is no success means for the caller.
pub(crate) fn refusal(answer: Answer) -> Error {
    match answer {
        Answer::Ended(reason) => gone(reason),
        Answer::Conflict => Error::new(
            ErrorKind::Conflict,
            "someone else changed the same field, or the principal, since it was read; nothing was saved: open the session again and decide",
        ),
        Answer::Exists => Error::new(ErrorKind::Exists, "a session with this id exists; nothing was saved"),
        Answer::Rejected(why) => Error::new(
            ErrorKind::Rejected,
            format!("the database can't take this session, which stays in memory, unsaved: {why}"),
        ),
        Answer::Unknown => Error::new(
            ErrorKind::Unknown,
            "the database did not confirm the change with if_unchanged, and it is not tried again: open the session to see whether it was made",
        ),
        Answer::Unsupported(why) => Error::new(ErrorKind::Unsupported, &*why),
        Answer::Stored { .. } | Answer::Destroyed { .. } => {
            Error::new(ErrorKind::Panic, "an answer of another kind came back; please report this")
        }
    }
}
