//! The settings of a bag, checked at open.

use crate::error::{Error, Result};
pub use holdall_engine::Sharing;
use std::time::Duration;

/// What `save` waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The change is in memory; it is written behind. A kill -9 costs at most the changes of the last 30 seconds (by
    /// the default linger) and a batch; never an identity change that was answered as done.
    Behind,
    /// The change is in the local journal. Not in this version: refused as `Unsupported`.
    Journal,
    /// The database has committed. Saves of parallel requests share a commit.
    Stored,
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr,)*) => {
        /// How a bag works. Start from [`Options::new`], which has sensible values for everything, and change what must
        /// differ. Combinations that make no sense are refused at open.
        #[derive(Clone, Debug)]
        pub struct Options {
            $(pub(crate) $name: $type,)*
            /// None until it is said: layouts have defaults of their own.
            pub(crate) idle: Option<Duration>,
            pub(crate) absolute: Option<Duration>,
        }

        impl Options {
            /// The defaults.
            pub fn new() -> Self {
                Self { $($name: $default,)* idle: None, absolute: None }
            }

            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, value: $type) -> Self {
                self.$name = value;
                self
            })*
        }
    };
}

options! {
    /// The application's name; sessions of several applications share a table and never meet. Default `default`.
    application: String = "default".to_owned(),
    /// Who else serves these sessions; it sets durability and freshness. Default [`Sharing::Single`].
    sharing: Sharing = Sharing::Single,
    /// What `save` waits for where it is not said. Default by `sharing`: behind, behind, stored.
    durability: Option<Durability> = None,
    /// How old the last check of a copy in memory may be; zero asks the database at each open, [`Duration::MAX`] never.
    /// Default by `sharing`: never, 5 s, zero (or by ticket).
    freshness: Option<Duration> = None,
    /// How long a changed session rests in memory after its last change. Default 10 s.
    linger: Duration = Duration::from_secs(10),
    /// How long the oldest change of a session that never rests may wait. Default 30 s.
    linger_cap: Duration = Duration::from_secs(30),
    /// How long an unused session stays in memory. Default 5 min; zero: it leaves within a second of being written.
    keep: Duration = Duration::from_mins(5),
    /// Most rows of a batch. Default 512.
    batch_rows: usize = 512,
    /// Most bytes of a batch. Default 1 MiB.
    batch_bytes: usize = 1 << 20,
    /// Memory for everything, in bytes. Default 256 MiB.
    memory: usize = 256 << 20,
    /// Of that, what unsaved sessions may take, in bytes. Default 64 MiB.
    unsaved: usize = 64 << 20,
    /// How long a call waits for room before it answers `Busy`. Default 1 s.
    busy_wait: Duration = Duration::from_secs(1),
    /// How long a call waits for the database to commit before it answers that the change is pending. Default 10 s.
    store_timeout: Duration = Duration::from_secs(10),
    /// The use of a session is written at most this often, and at most ten times per idle limit. Default 60 s.
    touch: Duration = Duration::from_mins(1),
    /// How often expired rows are removed. Default 1 h; zero: never by this bag.
    sweep_every: Duration = Duration::from_hours(1),
    /// Most rows that one step of a sweep removes. Default 1,000.
    sweep_rows: u32 = 1_000,
    /// How long a dead row stays, so that nothing late brings its session back. Default 1 h.
    dead: Duration = Duration::from_hours(1),
    /// The first retry after a failure comes within this time. Default 100 ms.
    retry: Duration = Duration::from_millis(100),
    /// Retries come at least this often. Default 30 s.
    retry_cap: Duration = Duration::from_secs(30),
    /// How long someone else's change may stay unseen where a ticket vouches for a copy. Default 5 s.
    max_stale: Duration = Duration::from_secs(5),
    /// How long the old id still reads the session after a rotation: at most 30 s. Default zero.
    rotation_grace: Duration = Duration::ZERO,
    /// Most bytes of one value. Default 1 MiB.
    value_limit: usize = 1 << 20,
    /// Most bytes of one session. Default 4 MiB.
    session_limit: usize = 4 << 20,
    /// Whether ids that the host chose itself are taken (a session is made under an unknown id). Default no.
    adopt: bool = false,
    /// Whether expired sessions come as events with their last content. Default no.
    claim_expired: bool = false,
    /// Most events that wait to be fetched; the oldest are dropped and counted. Default 1,024.
    events: usize = 1_024,
    /// In how many parts the memory is divided, each with a lock of its own: a power of two. Default 16.
    shards: usize = 16,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// The longest grace of a rotation.
const GRACE_LIMIT: Duration = Duration::from_secs(30);
/// Below this idle limit the slack of expiry would outweigh the limit itself, where sessions are shared.
pub(crate) const SHARED_IDLE_LEAST: Duration = Duration::from_secs(30);

impl Options {
    /// How long an unused session lives. Default 30 min, in the layout of Rails none; zero: for ever.
    #[must_use]
    pub fn idle(mut self, value: Duration) -> Self {
        self.idle = Some(value);
        self
    }

    /// How long a session lives in any case. Default 24 h, in the layouts of Lucee and Rails none; zero: for ever.
    #[must_use]
    pub fn absolute(mut self, value: Duration) -> Self {
        self.absolute = Some(value);
        self
    }

    pub(crate) fn idle_limit(&self) -> Duration {
        self.idle.unwrap_or(Duration::from_mins(30))
    }

    pub(crate) fn absolute_limit(&self) -> Duration {
        self.absolute.unwrap_or(Duration::from_hours(24))
    }

    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |wrong: bool, what: &str| if wrong { Err(Error::invalid(what)) } else { Ok(()) };
        let shared = self.sharing != Sharing::Single;
        let idle = self.idle_limit();
        refuse(self.application.is_empty() || self.application.len() > 255, "application must have 1 to 255 bytes")?;
        refuse(self.linger_cap < self.linger, "linger_cap must not be shorter than linger")?;
        refuse(!(1..=65_536).contains(&self.batch_rows), "batch_rows must be 1 to 65,536")?;
        refuse(self.batch_bytes < 4_096, "batch_bytes must be at least 4,096")?;
        refuse(self.memory < 1 << 20, "memory must be at least 1 MiB")?;
        refuse(self.unsaved == 0 || self.unsaved > self.memory, "unsaved must be more than 0 and at most memory")?;
        refuse(
            self.session_limit > self.unsaved,
            "session_limit must not be larger than unsaved, or such a session could never be saved",
        )?;
        refuse(self.value_limit > self.session_limit, "value_limit must not be larger than session_limit")?;
        refuse(self.session_limit > 1 << 30, "session_limit must be at most 1 GiB")?;
        refuse(self.rotation_grace > GRACE_LIMIT, "rotation_grace must be at most 30 s")?;
        refuse(
            shared && !idle.is_zero() && idle < SHARED_IDLE_LEAST,
            "idle must be at least 30 s unless sharing is single: below that, the uses on their way from other servers outweigh it",
        )?;
        refuse(!idle.is_zero() && idle < Duration::from_secs(1), "idle must be at least 1 s, or zero for none")?;
        refuse(self.dead < Duration::from_mins(1), "dead must be at least 60 s")?;
        refuse(self.store_timeout.is_zero(), "store_timeout must not be zero")?;
        refuse(self.retry.is_zero() || self.retry_cap < self.retry, "retry must not be zero, and retry_cap not shorter")?;
        refuse(!self.shards.is_power_of_two() || self.shards > 1_024, "shards must be a power of two, at most 1,024")?;
        refuse(self.sweep_rows == 0, "sweep_rows must not be zero")?;
        refuse(
            shared && self.durability == Some(Durability::Behind) && self.sharing == Sharing::Fleet,
            "durability behind with sharing fleet would make every second read stale: use stored, or sharing sticky",
        )?;
        self.resolved_durability().map(|_| ())
    }

    /// What `save` waits for where it is not said.
    pub(crate) fn resolved_durability(&self) -> Result<Durability> {
        match self.durability {
            Some(Durability::Journal) => Err(journal()),
            Some(durability) => Ok(durability),
            None if self.sharing == Sharing::Fleet => Ok(Durability::Stored),
            None => Ok(Durability::Behind),
        }
    }

    /// How old a check may be, in milliseconds, where it is not said.
    pub(crate) fn resolved_fresh_ms(&self) -> u64 {
        match (self.freshness, self.sharing) {
            (Some(freshness), _) => fresh_ms(freshness),
            (None, Sharing::Single) => u64::MAX,
            (None, Sharing::Sticky) => 5_000,
            (None, Sharing::Fleet) => 0,
        }
    }

    /// The settings of each engine.
    pub(crate) fn engine_config(&self) -> holdall_engine::Config {
        holdall_engine::Config {
            sharing: self.sharing,
            linger_ms: millis(self.linger),
            linger_cap_ms: millis(self.linger_cap),
            keep_ms: millis(self.keep),
            batch_rows: self.batch_rows,
            batch_bytes: self.batch_bytes,
            memory_bytes: self.memory,
            unsaved_bytes: self.unsaved,
            touch_ms: millis(self.touch),
            commit_ms: millis(self.store_timeout),
            sweep_every_ms: 0,
            sweep_rows: self.sweep_rows,
            dead_ms: millis(self.dead),
            retry_ms: millis(self.retry).max(1),
            retry_cap_ms: millis(self.retry_cap).max(1),
            max_stale_ms: millis(self.max_stale),
            field_bytes: self.value_limit,
            session_bytes: self.session_limit,
            adopt: self.adopt,
            claim_expired: self.claim_expired,
            events: self.events,
            ..holdall_engine::Config::default()
        }
    }
}

pub(crate) fn journal() -> Error {
    Error::new(crate::ErrorKind::Unsupported, "durability journal is not in this version: use behind or stored")
}

/// A duration as the engine takes it; the longest stands for ever.
pub(crate) fn fresh_ms(duration: Duration) -> u64 {
    if duration == Duration::MAX { u64::MAX } else { millis(duration) }
}

/// Milliseconds, at most those of a hundred thousand years.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(1 << 51)
}
