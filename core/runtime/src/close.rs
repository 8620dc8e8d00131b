//! Getting everything written, and closing.

use crate::bag::{Bag, Role};
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::shard::BagEngine;
use holdall_engine::{Key, Stats, Swept, Time, Unsaved};
use std::time::Duration;

/// How long one look at what is unsaved lasts; replies end it sooner.
const LOOK_MS: u64 = 50;

impl Bag {
    pub(crate) fn for_each_engine(&self, mut call: impl FnMut(&mut BagEngine, Time)) -> Result<()> {
        for shard in 0..self.shards.len() {
            let mut locked = self.lock(shard)?;
            let now = locked.now;
            call(locked.engine(), now);
        }
        Ok(())
    }

    /// Writes everything that is unsaved now; answers what is left at the deadline. Shards that a defect has stopped
    /// are left out.
    pub(crate) fn flush(&self, deadline: Deadline) -> Unsaved {
        for shard in 0..self.shards.len() {
            if let Ok(mut locked) = self.lock(shard) {
                let now = locked.now;
                locked.engine().flush(now);
            }
        }
        for shard in 0..self.shards.len() {
            self.wait_until_saved(shard, deadline);
        }
        self.unsaved()
    }

    fn wait_until_saved(&self, shard: usize, deadline: Deadline) {
        let Ok(mut locked) = self.lock(shard) else { return };
        let mut next_try = locked.now + LOOK_MS;
        // While writes are on their way nothing is to be looked for: that would hold up the one who writes them.
        while locked.engine().is_writing() || !locked.engine().unsaved().is_empty() || locked.engine().unwritten_uses() > 0 {
            let now = locked.now;
            // A change that was made while its session was written is due for another write; and a database that is down
            // is tried more often than the back-off would, but not without end.
            if now >= next_try && (locked.engine().is_degraded() || !locked.engine().is_writing()) {
                next_try = now + LOOK_MS;
                locked.engine().flush(now);
            }
            let Some(left) = deadline.left() else { return };
            match locked.wait(Deadline::after(left.min(Duration::from_millis(LOOK_MS)))) {
                Ok(Some(again)) => locked = again,
                Ok(None) => match self.lock(shard) {
                    Ok(again) => locked = again,
                    Err(_) => return,
                },
                Err(_) => return,
            }
        }
    }

    pub(crate) fn unsaved(&self) -> Unsaved {
        let mut all = Unsaved { oldest: Time::NEVER, ..Unsaved::default() };
        for shard in 0..self.shards.len() {
            if let Ok(mut locked) = self.lock(shard) {
                all.add(&locked.engine().unsaved());
            }
        }
        all
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut all = Stats::default();
        for shard in 0..self.shards.len() {
            if let Ok(mut locked) = self.lock(shard) {
                all.add(&locked.engine().stats());
            }
        }
        all
    }

    /// Whether no defect has stopped a shard.
    pub(crate) fn is_whole(&self) -> bool {
        (0..self.shards.len()).all(|shard| self.lock(shard).is_ok())
    }

    /// Whether the last commits failed.
    pub(crate) fn is_degraded(&self) -> bool {
        (0..self.shards.len()).any(|shard| self.lock(shard).is_ok_and(|mut locked| locked.engine().is_degraded()))
    }

    /// The shard that knows a key.
    pub(crate) fn shard_holding(&self, key: &Key) -> Result<Option<usize>> {
        for shard in 0..self.shards.len() {
            if self.enter(shard)?.engine().holds_key(key) {
                return Ok(Some(shard));
            }
        }
        Ok(None)
    }

    /// Sweeps chunk by chunk on the caller's thread.
    pub(crate) fn sweep_all(&self) -> Result<Swept> {
        self.check_open()?;
        let mut locked = self.enter(0)?;
        if locked.engine().is_clock_doubted() {
            return Err(Error::new(
                ErrorKind::Config,
                "the bag's time and the system clock are more than a minute apart, so nothing is swept: set the clock right",
            ));
        }
        let now = locked.now;
        // What is to be handed out is claimed by the keeper, which begins now.
        locked.engine().claim_now(now);
        let margin = now.since(locked.engine().sweep_before(now));
        drop(locked);
        let mut all = Swept::default();
        loop {
            let swept = self.ask_store(|store, now| store.sweep(now - margin, now, self.options.sweep_rows))?;
            all.expired += swept.expired;
            all.dead += swept.dead;
            if !swept.more {
                return Ok(all);
            }
        }
    }

    pub(crate) fn close(&self, deadline: Deadline) -> Result<Unsaved> {
        self.begin_closing()?;
        for shard in 0..self.shards.len() {
            if let Ok(mut locked) = self.lock(shard) {
                let now = locked.now;
                locked.engine().drain(now);
            }
        }
        let left = self.flush(deadline);
        if left.is_empty() {
            self.abandon();
        } else {
            self.stop_closing();
        }
        Ok(left)
    }

    pub(crate) fn abandon(&self) {
        if self.is_closed() {
            return;
        }
        self.set_closed();
        for role in Role::ALL {
            self.ring(role, Time::ZERO);
        }
        self.stop_workers();
        // The store has committed what it was given; what it could not tidy up it will at the next open.
        let _ = self.close_store();
    }
}
