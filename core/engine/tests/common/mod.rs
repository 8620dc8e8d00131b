//! What the engine's tests share: an engine with its clock, short calls, and made-up replies.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

mod store;
mod values;

pub use store::{Row, Store};
pub use values::*;

use core::hash::{BuildHasher, Hasher};
use holdall_engine::{
    Answer, Applied, Ask, Block, Changes, Config, Engine, Event, Fault, FaultKind, Fetch, IdRef, Key, Lane, Limits, Loaded, Op,
    OpId, OpKind, Reason, Record, Renamed, Reply, Rules, Save, Sharing, Stamp, Time, ValueRef, Verdict, View, Want, Wanted,
    Write, WriteKind, Writer,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// When every test begins.
pub const START: Time = Time(1_700_000_000_000);
/// The idle limit of the sessions made here: 30 minutes.
pub const IDLE_MS: u64 = 1_800_000;
/// The engine's own nonce; made-up rows of others carry another.
pub const NONCE: u64 = 7;

/// A layout without hashing: the key is the id with a `k` before it. JSON is compared without white space.
pub struct Plain;

impl Rules for Plain {
    fn key(&self, id: &[u8]) -> Key {
        let mut bytes = vec![b'k'];
        bytes.extend(id);
        Key::new(&bytes)
    }

    fn same(&self, a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
        let packed = |text: &str| text.split_whitespace().collect::<String>();
        match (a, b) {
            (ValueRef::Json(a), ValueRef::Json(b)) => packed(a) == packed(b),
            _ => a == b,
        }
    }

    fn is_touch(&self, name: &str) -> bool {
        name == "lastvisit"
    }
}

/// A hasher with a seed, so that two engines can be given different hash orders.
#[derive(Clone, Copy)]
pub struct Seeded(pub u64);

/// FNV-1a from a seed.
pub struct Fnv(u64);

impl BuildHasher for Seeded {
    type Hasher = Fnv;
    fn build_hasher(&self) -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325 ^ self.0)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// An engine, its clock, and what it has answered so far.
pub struct Bench {
    pub engine: Engine<Plain, Seeded>,
    pub now: Time,
    answers: BTreeMap<Ask, Answer>,
}

impl Bench {
    /// One process owns its sessions.
    pub fn single() -> Self {
        Self::with(|_| {})
    }

    /// Any request may come to any server.
    pub fn fleet() -> Self {
        Self::with(|config| config.sharing = Sharing::Fleet)
    }

    /// The default settings, but for what `change` does; nothing is swept unless asked for.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::hashed(Seeded(1), change)
    }

    pub fn hashed(hasher: Seeded, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { nonce: NONCE, seed: 11, sweep_every_ms: 0, ..Config::default() };
        change(&mut config);
        let engine = Engine::new(config, Plain, hasher);
        #[cfg(feature = "planted")]
        let engine = planted(engine);
        Self { engine, now: START, answers: BTreeMap::new() }
    }

    pub fn id<'a>(&self, id: &'a str) -> IdRef<'a> {
        self.engine.id_ref(id.as_bytes())
    }

    /// Lets time pass, waking the engine whenever it asks for that.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= end && *at > self.now) {
            self.now = at;
            self.engine.on_timeout(at);
        }
        self.now = end;
        self.engine.on_timeout(end);
    }

    /// Lets time pass without the engine being told.
    pub fn pass_unseen(&mut self, ms: u64) {
        self.now = self.now + ms;
    }

    // What callers want.

    pub fn fetch(&mut self, id: &str, want: Want) -> Fetch {
        let id = self.id(id);
        self.engine.fetch(self.now, id, want)
    }

    /// Opens a session that must be ready, whatever its freshness.
    pub fn view(&mut self, id: &str) -> View {
        ready(self.fetch(id, Want::ANY))
    }

    /// The JSON of a field as it is here.
    pub fn get(&self, id: &str, field: &str) -> Option<String> {
        json(self.engine.peek(self.id(id))?, field)
    }

    pub fn create(&mut self, id: &str, fields: &[(&str, &str)]) -> Applied {
        self.create_with(id, &set(fields), &Save::default())
    }

    pub fn create_stored(&mut self, id: &str, fields: &[(&str, &str)]) -> Ask {
        asked(self.create_with(id, &set(fields), &Save { stored: true, ..Save::default() }))
    }

    pub fn create_with(&mut self, id: &str, changes: &Changes, save: &Save<'_>) -> Applied {
        let id = self.id(id);
        self.engine.create(self.now, id, Limits { idle_ms: IDLE_MS, deadline: Time::NEVER }, changes, save)
    }

    pub fn apply(&mut self, id: &str, changes: &Changes, save: &Save<'_>) -> Applied {
        let id = self.id(id);
        self.engine.apply(self.now, id, changes, save)
    }

    /// A change that may linger.
    pub fn set(&mut self, id: &str, fields: &[(&str, &str)]) -> Block {
        match self.apply(id, &set(fields), &Save::default()) {
            Applied::Done { block, .. } => block,
            other => panic!("expected the change to be laid over, got {other:?}"),
        }
    }

    /// A change that someone waits for.
    pub fn set_stored(&mut self, id: &str, fields: &[(&str, &str)]) -> Ask {
        asked(self.apply(id, &set(fields), &Save { stored: true, ..Save::default() }))
    }

    pub fn rename(&mut self, old: &str, new: &str, grace_ms: u64) -> Ask {
        let (old, new) = (self.id(old), self.id(new));
        match self.engine.rename(self.now, old, new, grace_ms) {
            Renamed::Asked(ask) => ask,
            other => panic!("expected the rotation to begin, got {other:?}"),
        }
    }

    pub fn destroy(&mut self, id: &str) -> Ask {
        let id = self.id(id);
        self.engine.destroy(self.now, id, Reason::Destroyed)
    }

    /// Asks for everything to be written now.
    pub fn flush_now(&mut self) {
        self.engine.flush(self.now);
    }

    // What the store does.

    pub fn op(&mut self, lane: Lane) -> Option<Op> {
        self.engine.poll_op(self.now, lane)
    }

    /// The next load; there must be one.
    pub fn load(&mut self) -> (OpId, Vec<Wanted>) {
        match self.op(Lane::Loads) {
            Some(Op { id, kind: OpKind::Load(wanted) }) => (id, wanted),
            other => panic!("expected a load, got {other:?}"),
        }
    }

    /// The next batch of saves; there must be one.
    pub fn commit(&mut self) -> (OpId, Vec<Write>) {
        match self.op(Lane::Saves) {
            Some(Op { id, kind: OpKind::Commit(writes) }) => (id, writes),
            other => panic!("expected a batch of saves, got {other:?}"),
        }
    }

    /// The next batch of destroys and claims; there must be one.
    pub fn ends(&mut self) -> (OpId, Vec<Write>) {
        match self.op(Lane::Ends) {
            Some(Op { id, kind: OpKind::Commit(writes) }) => (id, writes),
            other => panic!("expected a batch of destroys, got {other:?}"),
        }
    }

    /// Whether no lane wants anything now. Ops that come up are lost, so this is for the end of a test.
    pub fn is_quiet(&mut self) -> bool {
        Lane::ALL.into_iter().all(|lane| self.op(lane).is_none())
    }

    pub fn reply(&mut self, id: OpId, reply: Reply) {
        self.engine.on_reply(self.now, id, reply);
    }

    pub fn loaded(&mut self, id: OpId, rows: Vec<Loaded>) {
        let now = self.now;
        self.reply(id, Reply::Loaded { rows, now });
    }

    pub fn verdict(&mut self, id: OpId, verdict: Verdict) {
        self.reply(id, Reply::Committed(vec![verdict]));
    }

    pub fn done(&mut self, id: OpId) {
        self.verdict(id, Verdict::DONE);
    }

    pub fn failed(&mut self, id: OpId) {
        self.reply(id, unreachable_store());
    }

    /// Carries out everything that is asked for, with a store that never fails.
    pub fn run(&mut self, store: &mut Store) {
        while let Some(op) = Lane::ALL.into_iter().find_map(|lane| self.op(lane)) {
            let reply = store.carry_out(&op.kind, self.now);
            self.reply(op.id, reply);
        }
    }

    /// Opens a session by loading this row.
    pub fn open_row(&mut self, id: &str, row: Record) -> View {
        let Fetch::Load(mark) = self.fetch(id, Want::FRESH) else { panic!("expected a load") };
        let (op, _) = self.load();
        self.loaded(op, vec![Loaded::Row(row)]);
        ready(self.fetch(id, Want { asked: Some(mark), ..Want::FRESH }))
    }

    /// A session that was created here and is stored; answers its stamp.
    pub fn stored(&mut self, id: &str, fields: &[(&str, &str)]) -> Stamp {
        let ask = self.create_stored(id, fields);
        let (op, writes) = self.commit();
        self.done(op);
        assert!(matches!(self.answer(ask), Some(Answer::Stored { .. })));
        self.events();
        stamp(&writes[0])
    }

    // What came of it.

    /// The answer to `ask`, once.
    pub fn answer(&mut self, ask: Ask) -> Option<Answer> {
        while let Some((ask, answer)) = self.engine.poll_answer() {
            assert!(self.answers.insert(ask, answer).is_none(), "an ask was answered twice");
        }
        self.answers.remove(&ask)
    }

    pub fn events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.engine.poll_event()).collect()
    }

    /// Every session's bytes are accounted for, and each is taken off again.
    pub fn check_account(&self) {
        let (kept, counted) = self.engine.accounted();
        assert_eq!(kept, counted, "the running account is off");
    }
}

/// Takes out the rule that `HOLDALL_PLANT` names, to see which tests notice:
/// `HOLDALL_PLANT=EvictDirty cargo test -p holdall-engine --features planted`.
#[cfg(feature = "planted")]
fn planted(mut engine: Engine<Plain, Seeded>) -> Engine<Plain, Seeded> {
    if let Ok(name) = std::env::var("HOLDALL_PLANT") {
        let bug = holdall_engine::Bug::ALL.iter().find(|bug| format!("{bug:?}") == name);
        engine.plant(*bug.expect("HOLDALL_PLANT names no bug"));
    }
    engine
}
