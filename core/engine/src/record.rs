//! A session as a store holds it.

use crate::block::Block;
use crate::stamp::Stamp;
use crate::time::Time;
use core::fmt;
use std::sync::Arc;

/// Everything that a live row says about a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Names this state.
    pub stamp: Stamp,
    /// When the session began.
    pub created: Time,
    /// When it was last used.
    pub accessed: Time,
    /// How long it may lie unused, in milliseconds; 0 is for ever.
    pub idle_ms: u64,
    /// When it ends in any case; [`Time::NEVER`] for no such limit.
    pub deadline: Time,
    /// Whose session it is (a user id).
    pub principal: Option<Arc<str>>,
    /// A short text for lists of sessions (device, agent), readable without decoding the fields.
    pub meta: Option<Arc<str>>,
    /// The fields.
    pub block: Block,
}

impl Record {
    /// When the session expires by what the row says: the earlier of `accessed + idle` and the deadline.
    pub fn expires(&self) -> Time {
        expires(self.accessed, self.idle_ms, self.deadline)
    }

    /// Bytes of the texts and fields.
    pub fn size(&self) -> usize {
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        self.block.size() + text(&self.principal) + text(&self.meta)
    }
}

/// When a session last used at `accessed` expires: the earlier of `accessed + idle_ms` (0: no idle limit) and the
/// deadline.
pub fn expires(accessed: Time, idle_ms: u64, deadline: Time) -> Time {
    if idle_ms == 0 { deadline } else { deadline.min(accessed + idle_ms) }
}

/// Shows no principal, no meta, no values: they are the visitor's.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("stamp", &self.stamp)
            .field("created", &self.created)
            .field("accessed", &self.accessed)
            .field("idle_ms", &self.idle_ms)
            .field("deadline", &self.deadline)
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}
