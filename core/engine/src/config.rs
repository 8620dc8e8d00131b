//! What the engine is told once.

/// Who else serves these sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sharing {
    /// One process owns its sessions.
    #[default]
    Single,
    /// Several servers; the balancer keeps a visitor on one.
    Sticky,
    /// Any request may come to any server or worker process.
    Fleet,
}

/// The engine's settings. Times are milliseconds, sizes bytes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who else serves these sessions.
    pub sharing: Sharing,
    /// How long a changed session may rest in memory, after its last change, before it is written.
    pub linger_ms: u64,
    /// How long the oldest change may wait, however often the session changes.
    pub linger_cap_ms: u64,
    /// How long an unused, written session stays in memory; 0: it leaves when it is written.
    pub keep_ms: u64,
    /// Most rows of one batch.
    pub batch_rows: usize,
    /// Most bytes of one batch (a single larger row goes alone).
    pub batch_bytes: usize,
    /// Memory for everything the engine holds.
    pub memory_bytes: usize,
    /// Of that, what changed sessions may take until changes are refused with `Busy`.
    pub unsaved_bytes: usize,
    /// A use of a session is written at most this often; the effective value is at most a tenth of the idle limit.
    pub touch_ms: u64,
    /// How long a commit may take: part of the slack of expiry.
    pub commit_ms: u64,
    /// How far the clocks of two servers may differ.
    pub clock_error_ms: u64,
    /// How often expired rows are swept; 0: never by this engine.
    pub sweep_every_ms: u64,
    /// Most rows of one sweep.
    pub sweep_rows: u32,
    /// How long a dead row stays in the table.
    pub dead_ms: u64,
    /// The first retry comes after up to this long...
    pub retry_ms: u64,
    /// ...and never later than this after a failure.
    pub retry_cap_ms: u64,
    /// How long someone else's change may stay unseen where a ticket vouches for a copy.
    pub max_stale_ms: u64,
    /// How long "there is no such session" is remembered.
    pub negative_ms: u64,
    /// Most bytes of one field's value.
    pub field_bytes: usize,
    /// Most bytes of one session.
    pub session_bytes: usize,
    /// Whether a create that finds a live row of someone else's merges into it (ids chosen by the host) instead of
    /// answering `Exists`.
    pub adopt: bool,
    /// Whether expired sessions are claimed and handed out as events with their last content.
    pub claim_expired: bool,
    /// Most events that wait to be polled; beyond it the oldest are dropped and counted.
    pub events: usize,
    /// Random, for the stamps: one per engine and run.
    pub nonce: u64,
    /// Random, for jitter and first revisions.
    pub seed: u64,
}

impl Default for Config {
    /// The numbers of the design's section 4, sharing `single`, nonce and seed 0 (the driver sets them).
    fn default() -> Self {
        Self {
            sharing: Sharing::Single,
            linger_ms: 10_000,
            linger_cap_ms: 30_000,
            keep_ms: 300_000,
            batch_rows: 512,
            batch_bytes: 1 << 20,
            memory_bytes: 256 << 20,
            unsaved_bytes: 64 << 20,
            touch_ms: 60_000,
            commit_ms: 10_000,
            clock_error_ms: 5_000,
            sweep_every_ms: 3_600_000,
            sweep_rows: 1_000,
            dead_ms: 3_600_000,
            retry_ms: 100,
            retry_cap_ms: 30_000,
            max_stale_ms: 5_000,
            negative_ms: 1_000,
            field_bytes: 1 << 20,
            session_bytes: 4 << 20,
            adopt: false,
            claim_expired: false,
            events: 1_024,
            nonce: 0,
            seed: 0,
        }
    }
}

impl Config {
    /// The linger for a session with this idle limit: at most a quarter of it.
    pub fn linger_for(&self, idle_ms: u64) -> u64 {
        self.linger_ms.min(quarter(idle_ms))
    }

    /// The cap on waiting for a session with this idle limit: at most a quarter of it.
    pub fn linger_cap_for(&self, idle_ms: u64) -> u64 {
        self.linger_cap_ms.min(quarter(idle_ms)).max(self.linger_for(idle_ms))
    }

    /// The touch interval for a session with this idle limit: at most a tenth of it.
    pub fn touch_for(&self, idle_ms: u64) -> u64 {
        if idle_ms == 0 { self.touch_ms } else { self.touch_ms.min(idle_ms / 10) }
    }

    /// The slack of expiry (ε): how long a use of a session may be on its way to a reader elsewhere.
    pub fn slack_for(&self, idle_ms: u64) -> u64 {
        self.touch_for(idle_ms) + self.linger_cap_for(idle_ms) + self.commit_ms + self.clock_error_ms
    }

    /// How long after a row's `expires` it may be swept: twice the longest slack, and the clocks' difference.
    pub fn sweep_margin_ms(&self) -> u64 {
        2 * self.slack_for(0) + self.clock_error_ms
    }
}

fn quarter(idle_ms: u64) -> u64 {
    if idle_ms == 0 { u64::MAX } else { idle_ms / 4 }
}
