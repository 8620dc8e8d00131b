//! The engine in virtual time over a store in memory: hours of traffic within a second, the same in each run.

use crate::sessions::text;
use holdall_engine::{Applied, Changes, Config, Engine, Fetch, Lane, Limits, Op, OpKind, Reply, Save, Stats, Time, View, Want};
use holdall_layout::native::NativeRules;
use holdall_store::{MemoryStore, Store as _};

/// One engine, its store, and the time.
pub struct World {
    engine: Engine<NativeRules, ahash::RandomState>,
    store: MemoryStore,
    now: Time,
}

impl World {
    /// Begins at `now`.
    pub fn new(config: &Config, now: Time) -> Self {
        let rules = NativeRules { application: "default".to_owned() };
        let config = Config { sweep_every_ms: 0, nonce: 1, seed: 1, ..config.clone() };
        let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
        Self { engine: Engine::new(config, rules, hasher), store: MemoryStore::new(), now }
    }

    /// Lets time pass, doing all that becomes due on the way.
    pub fn advance(&mut self, to: Time) {
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= to) {
            self.now = self.now.max(due);
            self.engine.on_timeout(self.now);
            self.work();
        }
        self.now = self.now.max(to);
    }

    /// Opens a session; none if there is no such session (any more).
    ///
    /// # Errors
    /// If the engine can't answer.
    pub fn open(&mut self, id: &str) -> Result<Option<View>, String> {
        let mut want = Want::ANY;
        loop {
            let id = self.engine.id_ref(id.as_bytes());
            match self.engine.fetch(self.now, id, want) {
                Fetch::Ready(view) => return Ok(Some(view)),
                Fetch::Absent | Fetch::Dead(_) => return Ok(None),
                Fetch::Load(asked) | Fetch::Wait(asked) => want.asked = Some(asked),
                Fetch::Busy => return Err("memory is full".to_owned()),
                Fetch::Failed(fault) => return Err(text(fault.message)),
            }
            self.work();
        }
    }

    /// Saves a change of a session that is open, or begins one.
    ///
    /// # Errors
    /// If the engine refuses.
    pub fn save(&mut self, id: &str, changes: &Changes, new: Option<Limits>) -> Result<(), String> {
        let id = self.engine.id_ref(id.as_bytes());
        let applied = match new {
            Some(limits) => self.engine.create(self.now, id, limits, changes, &Save::default()),
            None => self.engine.apply(self.now, id, changes, &Save::default()),
        };
        self.work();
        match applied {
            Applied::Done { .. } => Ok(()),
            refused => Err(format!("a change was refused: {refused:?}")),
        }
    }

    /// Writes all that is left, as at close.
    pub fn close(&mut self) {
        self.engine.flush(self.now);
        self.work();
    }

    /// The engine's counters.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// Carries out all ops at once: the store takes no time.
    fn work(&mut self) {
        let mut worked = true;
        while worked {
            worked = false;
            for lane in Lane::ALL {
                while let Some(op) = self.engine.poll_op(self.now, lane) {
                    let (id, reply) = (op.id, self.carry_out(op));
                    self.engine.on_reply(self.now, id, reply);
                    worked = true;
                }
            }
        }
        while self.engine.poll_answer().is_some() {}
        while self.engine.poll_event().is_some() {}
        while self.engine.poll_killed().is_some() {}
    }

    fn carry_out(&self, op: Op) -> Reply {
        let reply = match op.kind {
            OpKind::Load(wanted) => {
                self.store.load(&wanted, self.now).map(|reply| Reply::Loaded { rows: reply.rows, now: reply.now })
            }
            OpKind::Commit(writes) => self.store.commit(&writes, self.now).map(Reply::Committed),
            OpKind::Due { before, limit } => self.store.due(before, limit).map(Reply::Due),
            OpKind::Sweep { before, limit } => self.store.sweep(before, self.now, limit).map(Reply::Swept),
            OpKind::List { principal } => self.store.list(&principal).map(Reply::Listed),
        };
        reply.unwrap_or_else(Reply::Failed)
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Rows that a store was given: creates, updates and uses.
pub fn rows(stats: &Stats) -> u64 {
    stats.rows_created + stats.rows_updated + stats.rows_touched
}
