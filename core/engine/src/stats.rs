//! Counters. They only grow, unless marked *now*.

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What an engine has done, and what it holds.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Stats {
            /// Adds another engine's numbers.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Every number with its name, in a fixed order.
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

stats! {
    /// Opens answered from memory.
    hits,
    /// Opens that had to load an unknown session.
    misses,
    /// Opens that had to ask the store whether a copy is still right.
    checks,
    /// Sessions asked of the store.
    loaded,
    /// Loads that failed.
    load_failures,
    /// Changes applied.
    changes,
    /// Batches committed or tried.
    batches,
    /// Rows sent to the store, retries included.
    rows_sent,
    /// Rows committed: creates.
    rows_created,
    /// Rows committed: updates.
    rows_updated,
    /// Rows committed: touches.
    rows_touched,
    /// Rows committed: destroys.
    rows_destroyed,
    /// Rows committed: rotations.
    rows_renamed,
    /// Commits that failed as a whole.
    commit_failures,
    /// Writes with an unknown outcome.
    unknown_outcomes,
    /// Conflicts met.
    conflicts,
    /// Fields overwritten that someone else had changed.
    overwrites,
    /// Sessions pushed out of memory for room.
    evictions,
    /// Sessions that left memory after their keep time.
    released,
    /// Sessions found expired.
    expired,
    /// Requests refused because memory was full.
    refused,
    /// Expired rows that sweeps removed.
    swept_expired,
    /// Dead rows that sweeps removed.
    swept_dead,
    /// Sweeps left to another server, which holds the lease.
    sweeps_yielded,
    /// Sessions quarantined, *now*.
    quarantined,
    /// Sessions in memory, *now*.
    sessions,
    /// Sessions with unsaved changes, *now*.
    unsaved,
    /// Bytes accounted, *now*.
    memory_bytes,
    /// Bytes of sessions with unsaved changes, *now*.
    unsaved_bytes,
}
