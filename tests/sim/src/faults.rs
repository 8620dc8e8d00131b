//! What goes wrong in a run: drawn anew per seed, so that each run has a character of its own ("swarm").

use crate::random::Random;
use holdall_engine::{Config, Sharing};

/// The character of one run. Chances are per mille.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The engines' settings (nonce and seed apart).
    pub config: Config,
    /// How many nodes.
    pub nodes: usize,
    /// How many visitors come at a time.
    pub visitors: usize,
    /// Mean time between requests.
    pub pace_ms: u64,
    /// How long a request thinks between open and save, at most.
    pub think_ms: u64,
    /// Chance that a request is preceded by a long pause.
    pub pause: u64,
    /// The longest such pause.
    pub pause_ms: u64,
    /// Usual time until an op is applied, and until its reply arrives.
    pub latency_ms: u64,
    /// Chance that an op takes up to `slow_ms`.
    pub slow: u64,
    /// The same for loads alone.
    pub slow_loads: u64,
    /// How slow an op can be.
    pub slow_ms: u64,
    /// Nothing goes wrong and everything is quick: times can be checked strictly.
    pub calm: bool,
    /// A commit fails before it is applied.
    pub fail_before: u64,
    /// A commit fails after it was applied.
    pub fail_after: u64,
    /// A commit fails, and lands up to 20 s later.
    pub lands_late: u64,
    /// A single write's outcome is unknown (applied, not applied or later).
    pub row_unknown: u64,
    /// A single write is refused.
    pub row_not_done: u64,
    /// A load fails.
    pub load_fails: u64,
    /// A sweep or list fails.
    pub care_fails: u64,
    /// Values that the store can't take.
    pub poison: u64,
    /// A poison row fails its batch as a whole, instead of being rejected by itself.
    pub poison_fails_batch: bool,
    /// Chance per step that rows of a session can't be read for a while.
    pub corrupt: u64,
    /// Chances per 10,000 steps.
    pub outage: u64,
    /// The longest outage.
    pub outage_ms: u64,
    /// A node alone can't reach the store.
    pub cut: u64,
    /// The longest such cut.
    pub cut_ms: u64,
    /// Crash of a node.
    pub crash: u64,
    /// Orderly restart of a node.
    pub restart: u64,
    /// A node stands still, its clock goes on.
    pub suspend: u64,
    /// A node's clock is moved (within the allowed difference).
    pub jump: u64,
    /// The store goes back to an older copy.
    pub fail_over: u64,
    /// Loads may be answered from an older copy.
    pub stale_loads: u64,
    /// How old such a copy is.
    pub stale_ms: u64,
    /// Idle limits of the sessions.
    pub idle_ms: [u64; 2],
    /// Lifetimes of the sessions; 0: no limit.
    pub life_ms: [u64; 2],
    /// Longest value.
    pub value_bytes: u64,
    /// Ops of one lane in flight.
    pub lanes: [u8; 4],
    /// Chance that a stored save is asked for.
    pub stored: u64,
    /// How fresh opens are (sharing fleet): chance that a ticket is used instead of freshness 0.
    pub tickets: u64,
    /// Chance that a sticky visitor comes to another node.
    pub moves: u64,
    /// Weights of the acts, in the order of `client::Act`.
    pub acts: [u64; 16],
}

fn sometimes(random: &mut Random, high: u64) -> u64 {
    if random.chance(500) { random.between(1, high) } else { 0 }
}

impl Plan {
    /// Draws a character.
    pub fn draw(random: &mut Random) -> Self {
        let sharing = random.pick(&[Sharing::Single, Sharing::Sticky, Sharing::Fleet]);
        let nodes = if sharing == Sharing::Single { 1 } else { random.between(2, 4) as usize };
        let calm = random.chance(250);
        let faulty = u64::from(!calm);
        let latency_ms = if calm { random.pick(&[2, 20, 100]) } else { random.pick(&[2, 20, 300, 2_000]) };
        let skewed = random.chance(700);
        let config = draw_config(random, sharing, skewed, calm);
        let shortest = if sharing == Sharing::Single { 5_000 } else { 30_000 };
        let mut acts = [0; 16];
        for weight in &mut acts {
            *weight = random.pick(&[0, 1, 1, 3, 10]);
        }
        // Some must always happen: create, read, save.
        acts[0] = acts[0].max(2);
        acts[1] = acts[1].max(1);
        acts[2] = acts[2].max(6);
        let gone_back = !calm && random.chance(80);
        let plan = Self {
            nodes,
            visitors: random.pick(&[1, 2, 4, 8, 24]),
            pace_ms: random.pick(&[5, 50, 400, 3_000, 20_000]),
            think_ms: random.pick(&[0, 0, 20, 1_000]),
            pause: random.pick(&[0, 0, 5, 20]),
            pause_ms: random.pick(&[30_000, 300_000, 4_000_000]),
            latency_ms,
            slow: faulty * sometimes(random, 100),
            slow_loads: if !calm && random.chance(100) { 250 } else { 0 },
            slow_ms: random.pick(&[3_000, 20_000, 60_000]),
            calm,
            fail_before: faulty * sometimes(random, 200),
            fail_after: faulty * sometimes(random, 200),
            lands_late: faulty * sometimes(random, 200),
            row_unknown: faulty * sometimes(random, 200),
            row_not_done: faulty * sometimes(random, 100),
            load_fails: faulty * sometimes(random, 200),
            care_fails: faulty * sometimes(random, 300),
            poison: if random.chance(200) { random.between(5, 60) } else { 0 },
            poison_fails_batch: random.chance(300),
            corrupt: if !calm && random.chance(100) { random.between(1, 10) } else { 0 },
            outage: faulty * sometimes(random, 40),
            outage_ms: random.pick(&[2_000, 30_000, 600_000, 7_200_000]),
            cut: faulty * sometimes(random, 60),
            cut_ms: random.pick(&[1_000, 20_000, 400_000]),
            crash: faulty * sometimes(random, 80),
            restart: sometimes(random, 40),
            suspend: faulty * sometimes(random, 60),
            jump: if skewed { sometimes(random, 100) } else { 0 },
            fail_over: if gone_back { random.between(5, 40) } else { 0 },
            stale_loads: if gone_back && random.chance(500) { random.between(10, 100) } else { 0 },
            stale_ms: random.pick(&[200, 5_000, 60_000]),
            idle_ms: [shortest, random.pick(&[shortest, 60_000, 600_000, 1_800_000])],
            life_ms: random.pick(&[[0, 0], [20_000, 200_000], [600_000, 3_600_000]]),
            value_bytes: random.pick(&[12, 40, 400, 1_500]),
            lanes: [random.between(1, 4) as u8, random.between(1, 3) as u8, random.between(1, 3) as u8, 1],
            stored: if sharing == Sharing::Fleet { random.pick(&[300, 700, 1_000]) } else { random.pick(&[0, 100, 500]) },
            tickets: random.pick(&[0, 500, 900]),
            moves: random.pick(&[0, 50, 300]),
            acts,
            config,
        };
        plan.with_profile(random).made_consistent()
    }

    /// Some schedules are too rare to come by chance: now and then a run is bent towards one of them.
    fn with_profile(mut self, random: &mut Random) -> Self {
        if self.calm && self.config.sharing != Sharing::Single && random.chance(250) {
            // Sessions are used again just when they are about to be over.
            self.idle_ms = [30_000, 30_000];
            self.life_ms = [0, 0];
            self.pace_ms = random.pick(&[1_500, 3_000]);
            self.visitors = random.pick(&[4, 16]);
            self.pause = 0;
            self.config.claim_expired = random.chance(700);
            self.acts = [1, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        }
        if self.slow_loads > 0 {
            // Sessions are destroyed while a load of them is on its way.
            self.config.keep_ms = 0;
            self.slow_ms = self.slow_ms.max(20_000);
            self.pace_ms = self.pace_ms.min(400);
            self.visitors = random.pick(&[2, 4]);
            self.acts = [1, 4, 2, 0, 0, 0, 2, 1, 0, 0, 4, 0, 0, 0, 0, 0];
        }
        self
    }

    fn made_consistent(mut self) -> Self {
        if self.calm {
            self.poison = 0;
        }
        let config = &mut self.config;
        if config.memory_bytes < 1 << 20 {
            // A session must fit, and a row that can't be written keeps its place for ever.
            config.unsaved_bytes = config.unsaved_bytes.max(5_000);
            self.value_bytes = self.value_bytes.min(config.unsaved_bytes as u64 / 50);
            self.poison = 0;
        }
        self.idle_ms[1] = self.idle_ms[1].max(self.idle_ms[0]);
        self
    }

    /// How long a copy may really be out of date beyond what was asked for: a clock that was moved back stands still.
    pub fn clock_slack(&self) -> u64 {
        if self.jump > 0 { self.config.clock_error_ms } else { 0 }
    }
}

fn draw_config(random: &mut Random, sharing: Sharing, skewed: bool, calm: bool) -> Config {
    let linger_ms = if calm { random.pick(&[5_000, 10_000]) } else { random.pick(&[0, 100, 1_000, 10_000]) };
    let tight = !calm && random.chance(250);
    let memory_bytes = if tight { random.pick(&[8_000, 20_000, 60_000]) } else { 64 << 20 };
    Config {
        sharing,
        linger_ms,
        linger_cap_ms: linger_ms * random.pick(&[1, 3, 6]),
        keep_ms: random.pick(&[0, 1_000, 30_000, 300_000]),
        batch_rows: random.pick(&[1, 2, 5, 64]),
        batch_bytes: random.pick(&[600, 4_000, 1 << 20]),
        memory_bytes,
        unsaved_bytes: memory_bytes / random.pick(&[1, 2, 4]),
        touch_ms: random.pick(&[500, 3_000, 20_000, 60_000]),
        commit_ms: random.pick(&[1_000, 3_000, 10_000]),
        clock_error_ms: if skewed { 5_000 } else { 0 },
        sweep_every_ms: random.pick(&[0, 10_000, 120_000, 3_600_000]),
        sweep_rows: random.pick(&[1, 5, 1_000]),
        dead_ms: random.pick(&[120_000, 600_000, 3_600_000]),
        retry_ms: random.pick(&[10, 100, 1_000]),
        retry_cap_ms: random.pick(&[2_000, 30_000]),
        max_stale_ms: random.pick(&[500, 5_000]),
        negative_ms: random.pick(&[100, 1_000]),
        claim_expired: random.chance(300),
        events: 100_000,
        ..Config::default()
    }
}
