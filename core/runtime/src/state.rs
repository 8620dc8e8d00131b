//! Whether a bag can be used, for those who keep its handles for others.

use crate::error::Result;
use crate::holdall::Holdall;
use crate::session::Session;

impl Holdall {
    /// Whether the bag can be used. Brings back one that was prepared for a fork.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), [`ErrorKind::Forked`](crate::ErrorKind::Forked), and as
    /// [`Holdall::open`] if it had to be opened again.
    #[inline]
    pub fn check(&self) -> Result<()> {
        self.bag().check_open()
    }

    /// Whether this process is a fork of the one that opened the bag, without [`Holdall::prepare_fork`] before. Then its
    /// locks may be held by threads that don't exist here: nothing of it may be touched.
    pub fn is_forked(&self) -> bool {
        self.bag().is_forked()
    }
}

impl Session {
    /// The bag that the session was opened from.
    pub fn holdall(&self) -> &Holdall {
        &self.holdall
    }
}
