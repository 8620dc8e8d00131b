//! What a store promises.

use holdall_engine::{Fault, FaultKind, Key, Listed, Loaded, Swept, Time, Verdict, Wanted, Write};
use std::sync::Arc;

/// Where sessions are kept. What the verbs mean row by row is said at [`Write`], [`Verdict`] and [`Loaded`]; this is
/// what holds for all of them. Whoever supplies a store of his own runs the suite (feature `suite`) over it.
///
/// * **Blocking, from any thread.** Every method may be called from several threads at once and may block. It must end
///   by itself: a store sets its own time limits. Nothing in an argument is kept; everything in an answer is owned.
/// * **Keys are bytes**, compared byte by byte: no folding, no padding, no collation.
/// * **A fault means unknown.** If a call that writes answers `Err`, any part of it may or may not have happened. The
///   caller finds out by loading, and repeats the same writes: every write may be repeated without harm.
/// * **Rows are atoms.** A reader never sees half of a write, nor one of the two rows of a rename.
/// * **What isn't understood is kept.** A row that can't be read is reported as [`Loaded::Corrupt`] and left as it is;
///   columns that a store doesn't know stay.
/// * **Time is told.** A store never reads this process's clock. `now` is the caller's; a store on a server with a
///   clock of its own uses that one instead, and says so in [`LoadReply::now`].
pub trait Store: Send + Sync {
    /// Looks up sessions: one answer for each of `wanted`, in its order, all from one snapshot.
    ///
    /// Where `known` is the row's stamp, [`Loaded::Same`] saves the transfer. Expiry isn't the store's business: an
    /// expired row that hasn't been swept is answered like any other. An old id in its grace is answered with its
    /// successor's content ([`Loaded::Alias`]); after the grace, or if the successor is dead, it is
    /// [`Loaded::Dead`].
    ///
    /// # Errors
    /// The snapshot couldn't be had. [`Loaded::Absent`] means surely not there: what can't be found out is a fault.
    fn load(&self, wanted: &[Wanted], now: Time) -> Result<LoadReply, Fault>;

    /// Carries out writes in one transaction: one verdict for each of `writes`, in its order.
    ///
    /// Within the transaction they are carried out in the order of their keys, so that batches of several servers
    /// don't lock each other out. A write that its row refuses (conflict, gone, too large) doesn't stop the others.
    /// The verdicts hold once the transaction is committed, and it is committed, as durably as the store can, before this
    /// returns. If nothing was applied for sure, the store may answer [`Verdict::NotDone`] for all.
    ///
    /// # Errors
    /// All of `writes` are [`Verdict::Unknown`], whatever the kind of fault.
    fn commit(&self, writes: &[Write], now: Time) -> Result<Vec<Verdict>, Fault>;

    /// Removes rows whose time is over, in one short transaction or a few: live rows whose stored expiry is not after
    /// `before`, dead rows and aliases whose `until` is not after `now`; at most `limit` in all.
    ///
    /// The delete itself checks the time again, so a session touched meanwhile stays. The caller repeats the call
    /// while [`Swept::more`] says so; a call that finds nothing to do is cheap. A store may remember between calls
    /// where it was, but any call may be the first. Only rows of the store's own application are removed: how long
    /// others may still be touched is for them to say.
    ///
    /// # Errors
    /// Some of the rows may have gone; the sweep is simply called again later.
    fn sweep(&self, before: Time, now: Time, limit: u32) -> Result<Swept, Fault>;

    /// Keys of live rows whose stored expiry is not after `before`, the longest overdue first, at most `limit`; only of the
    /// store's own application. Nothing is changed: the caller loads each and claims it by [`holdall_engine::WriteKind::Expire`].
    ///
    /// # Errors
    /// A store that can't say answers [`FaultKind::Unsupported`], as this default does; its expired sessions are swept
    /// without being handed out.
    fn due(&self, before: Time, limit: u32) -> Result<Vec<Key>, Fault> {
        let _ = (before, limit);
        Err(Fault::new(FaultKind::Unsupported, "this store can't name its expired sessions"))
    }

    /// Whether `holder` (a random number, one per bag) may sweep this table for the next `for_ms` milliseconds: one of
    /// several servers leads, until it lets the time run out. Leading again prolongs it. Judged by the store's clock.
    ///
    /// # Errors
    /// It couldn't be found out. A store without a place for such a lease lets everybody lead, as this default does.
    fn lead(&self, holder: u64, for_ms: u64) -> Result<bool, Fault> {
        let _ = (holder, for_ms);
        Ok(true)
    }

    /// The live sessions of a principal within the store's application, in the order of their keys.
    ///
    /// # Errors
    /// A store without principals answers [`FaultKind::Unsupported`], as this default does.
    fn list(&self, principal: &str) -> Result<Vec<Listed>, Fault> {
        let _ = principal;
        Err(Fault::new(FaultKind::Unsupported, "this store can't list the sessions of a principal"))
    }

    /// Examines the store: shape, damage, rows that can't be read. It reads everything, so it may take long.
    ///
    /// # Errors
    /// The store couldn't be read. A store without such a check answers [`FaultKind::Unsupported`], as this default does.
    fn check(&self) -> Result<Checked, Fault> {
        Err(Fault::new(FaultKind::Unsupported, "this store has no check"))
    }

    /// Gives everything back: connections, files, locks. Later calls answer a fault; closing again is harmless.
    ///
    /// # Errors
    /// A fault here says that something was left behind (a log file, say), never that commits were lost.
    fn close(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// The answer to [`Store::load`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReply {
    /// One answer for each session wanted, in the order asked.
    pub rows: Vec<Loaded>,
    /// The store's time at the snapshot.
    pub now: Time,
}

/// The answer to [`Store::check`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Live rows that were read.
    pub rows: u64,
    /// What is wrong, a sentence each; empty if all is well. No ids, no values.
    pub problems: Vec<Arc<str>>,
}
