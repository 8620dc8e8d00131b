//! Rules that a test can take out one by one, to show that the simulator notices each one missing.
//!
//! Without the feature `planted` every question answers `false` at compile time and nothing of this is left.

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One rule taken out.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[cfg_attr(not(feature = "planted"), allow(dead_code, reason = "only tests plant them"))]
        pub enum Bug {
            $($(#[$doc])* $name,)*
        }

        #[cfg_attr(not(feature = "planted"), allow(dead_code, reason = "only tests plant them"))]
        impl Bug {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

bugs! {
    /// Dirty is cleared when the write is sent, not when it is known to be committed.
    ClearDirtyOnSend,
    /// A save that finds the row gone inserts it again.
    UpsertAfterDestroy,
    /// A create with an unknown outcome is retried for ever.
    RetryCreateForever,
    /// Sessions with unsaved changes are evicted.
    EvictDirty,
    /// A failed load is taken for an absent session.
    FailedIsAbsent,
    /// On conflict the other's content is taken and our fields are lost.
    LoseFieldsOnConflict,
    /// On conflict our whole content is written over the other's.
    OverwriteOnConflict,
    /// No slack is given to sessions whose last use may still be on its way.
    ExpireEarlyAfterLoad,
    /// In memory, expiry is not checked.
    ServeExpired,
    /// Using a session moves its deadline.
    TouchMovesDeadline,
    /// A destroy waits like any change.
    DestroyLingers,
    /// An attempt counts as done if the revision is right, whoever wrote it.
    StampWithoutWriter,
    /// An attempt counts as done if the row was written by us, whichever write it was.
    AnyWriteOfOurs,
    /// A retry carries newer content under the same stamp.
    RetryWithNewContent,
    /// An unknown outcome is taken for success.
    UnknownIsDone,
    /// A load's reply counts even if it was sent before the last verdict.
    AcceptStaleLoad,
    /// An absent reply counts even if it was sent before the last verdict.
    AcceptStaleAbsent,
    /// A late verdict sets the base back.
    VerdictSetsBaseBack,
    /// A tombstone leaves memory while a load is unsettled.
    ForgetTombstone,
    /// An open that must be fresh joins a load that was sent before it.
    JoinOlderLoad,
    /// Freshness is counted from the reply.
    FreshFromReply,
    /// A check that finds an unsettled create absent ends the session.
    AbsentEndsUnsettledCreate,
    /// `same` does not bring the use of the session by others.
    SameWithoutAccessed,
    /// A destroy of a session whose create is unsettled sends nothing.
    DestroySkipsUnsettledCreate,
    /// A session that was never stored is renamed in memory alone.
    RelabelInMemory,
    /// The keys that a destroy killed through a rotation are not ended here.
    IgnoreKilled,
    /// While a rename is unsettled a destroy kills only the new id.
    DestroyHalfOfRename,
    /// A rename that finds its row gone ends the session without reading the new id.
    RenameGoneIsEnd,
    /// A check sets the last use back to what the row says.
    TouchBackwards,
    /// A second write of a session is sent while one is in flight.
    TwoWritesInFlight,
    /// A save that finds its row gone leaves the session alive here.
    GoneKeepsSession,
    /// A ticket names a revision that is not committed.
    TicketBeforeCommit,
    /// A ticket sets the session's own revision.
    TicketSetsRevision,
    /// An alias is cached like a session.
    CacheAlias,
    /// A principal that someone else changed is written over.
    PrincipalLaidOver,
    /// The sessions of a principal are listed once only.
    PurgeOnce,
    /// A revision lower than known is never believed.
    IgnoreWentBack,
    /// A batch that fails is never bisected.
    NeverBisect,
    /// The bound on memory is not kept.
    NoMemoryBound,
    /// A change with a condition is laid over like any other.
    ConditionLaidOver,
    /// A create that finds the id taken goes on as an update.
    CreateTakesOver,
    /// A stored save answers before the commit.
    AnswerBeforeCommit,
    /// A rotated-away id goes on working here.
    OldIdStaysOpen,
    /// Lost changes are not reported.
    SilentLoss,
    /// Overwriting what someone else changed is not reported.
    SilentOverwrite,
    /// Rows are swept as soon as they look expired.
    SweepWithoutMargin,
    /// Expired sessions are claimed without a margin for uses on their way.
    ClaimWithoutMargin,
    /// Flushing before the end leaves touches out, and they are never written.
    NeverTouch,
}

/// Which rule is out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planted(#[cfg(feature = "planted")] pub Option<Bug>);

impl Planted {
    /// Whether `bug` is planted.
    #[cfg(feature = "planted")]
    pub(crate) fn has(self, bug: Bug) -> bool {
        self.0 == Some(bug)
    }

    /// Never.
    #[cfg(not(feature = "planted"))]
    #[allow(clippy::unused_self)]
    pub(crate) const fn has(self, _: Bug) -> bool {
        false
    }
}
