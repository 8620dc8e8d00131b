//! The engine itself: what it holds, and the calls that a driver's loop makes.

use crate::block::Block;
use crate::bugs::{Bug, Planted};
use crate::config::Config;
use crate::entry::{Entry, Live, Slot, State};
use crate::event::Event;
use crate::id::{IdRef, Key};
use crate::index::Index;
use crate::op::{Answer, Ask, Lane, Op, OpId, Reply, Room};
use crate::purge::Purge;
use crate::random::Random;
use crate::retry::Retry;
use crate::rules::Rules;
use crate::slab::Slab;
use crate::stamp::{Stamp, Writer};
use crate::stats::Stats;
use crate::sweep::Sweeper;
use crate::time::Time;
use crate::timers::Timers;
use crate::verbs::Reason;
use core::hash::BuildHasher;
use std::collections::{BTreeMap, VecDeque};

/// What an op in flight is about.
pub(crate) enum Flight {
    /// For each entry: its slot, and whether its rename's old key was asked for too.
    Load(Vec<(Slot, bool)>),
    /// The slots, in the order of the writes.
    /// And the old ids of rotations among them, which stay in memory until those are answered.
    Saves(Vec<Slot>, Vec<Slot>),
    Ends(Vec<Slot>),
    Sweep,
    Due {
        limit: u32,
    },
    List(usize),
}

/// The state machine. See the crate's documentation for its laws and for how it is driven.
pub struct Engine<R, S> {
    pub(crate) config: Config,
    pub(crate) rules: R,
    pub(crate) hasher: S,
    pub(crate) planted: Planted,
    pub(crate) slots: Slab,
    pub(crate) ids: Index,
    pub(crate) keys: Index,
    pub(crate) timers: Timers,
    pub(crate) random: Random,
    /// Counts what matters for the order of loads and verdicts.
    pub(crate) seq: u64,
    pub(crate) next_op: u64,
    pub(crate) next_ask: u64,
    pub(crate) next_write: u64,
    pub(crate) flights: BTreeMap<OpId, Flight>,
    /// Slots that wait to be loaded.
    pub(crate) loads: VecDeque<Slot>,
    /// Slots that wait to be written.
    pub(crate) saves: VecDeque<Slot>,
    /// Slots whose destroy waits to be sent.
    pub(crate) ends: VecDeque<Slot>,
    pub(crate) saves_retry: Retry,
    /// How many batches of saves the store has taken.
    pub(crate) saves_worked: u64,
    pub(crate) ends_retry: Retry,
    pub(crate) loads_retry: Retry,
    pub(crate) sweeper: Sweeper,
    pub(crate) purges: Vec<Option<Purge>>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) events_dropped: u64,
    pub(crate) answers: VecDeque<(Ask, Answer)>,
    /// Waits that need more than one destroy: how many are left, how many rows were killed.
    pub(crate) joint_asks: BTreeMap<Ask, (u32, u32)>,
    pub(crate) killed: VecDeque<(Key, Reason)>,
    pub(crate) stats: Stats,
    pub(crate) memory: usize,
    pub(crate) unsaved: usize,
    /// Where the eviction's hand stands.
    pub(crate) hand: Slot,
    /// A full turn of the hand freed nothing; nothing has become clean since.
    pub(crate) nothing_to_evict: bool,
    /// Writing through: the bag is on its way out.
    pub(crate) draining: bool,
    /// The clock is not to be trusted: nothing is swept.
    pub(crate) clock_doubtful: bool,
}

impl<R: Rules, S: BuildHasher> Engine<R, S> {
    /// An engine that holds nothing. `hasher` must be seeded from entropy, and be the one that makes every
    /// [`IdRef`] for this engine.
    pub fn new(config: Config, rules: R, hasher: S) -> Self {
        let random = Random::new(config.seed);
        let sweeper = Sweeper::new(&config);
        Self {
            rules,
            hasher,
            planted: Planted::default(),
            slots: Slab::default(),
            ids: Index::default(),
            keys: Index::default(),
            timers: Timers::default(),
            random,
            seq: 1,
            next_op: 0,
            next_ask: 0,
            next_write: 0,
            flights: BTreeMap::new(),
            loads: VecDeque::new(),
            saves: VecDeque::new(),
            ends: VecDeque::new(),
            saves_retry: Retry::default(),
            saves_worked: 0,
            ends_retry: Retry::default(),
            loads_retry: Retry::default(),
            sweeper,
            purges: Vec::new(),
            events: VecDeque::new(),
            events_dropped: 0,
            answers: VecDeque::new(),
            joint_asks: BTreeMap::new(),
            killed: VecDeque::new(),
            stats: Stats::default(),
            memory: 0,
            unsaved: 0,
            hand: 0,
            nothing_to_evict: false,
            draining: false,
            clock_doubtful: false,
            config,
        }
    }

    /// Takes one rule out (tests only).
    #[cfg(feature = "planted")]
    pub fn plant(&mut self, bug: Bug) {
        self.planted = Planted(Some(bug));
    }

    pub(crate) fn bug(&self, bug: Bug) -> bool {
        self.planted.has(bug)
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The layout's rules.
    pub fn rules(&self) -> &R {
        &self.rules
    }

    /// An id with its hash, for the other calls.
    pub fn id_ref<'a>(&self, bytes: &'a [u8]) -> IdRef<'a> {
        IdRef { bytes, hash: self.hasher.hash_one(bytes) }
    }

    /// The next piece of work of a lane. Poll after any other call; a lane whose last op is not answered yet may be
    /// polled all the same, or left alone until then.
    pub fn poll_op(&mut self, now: Time, lane: Lane) -> Option<Op> {
        let room = Room { rows: self.config.batch_rows, bytes: self.config.batch_bytes };
        self.poll_op_within(now, lane, room)
    }

    /// The same, but a batch of saves takes no more than `room` (a single row that is larger goes alone): a driver
    /// with several engines fills one transaction from all of them.
    pub fn poll_op_within(&mut self, now: Time, lane: Lane, room: Room) -> Option<Op> {
        let (kind, flight) = match lane {
            Lane::Loads => self.next_load(now)?,
            Lane::Saves => self.next_saves(now, room)?,
            Lane::Ends => self.next_ends(now)?,
            Lane::Care => self.next_care(now)?,
        };
        let id = OpId(self.next_op);
        self.next_op += 1;
        self.note_sent(id, now, &kind, &flight);
        self.flights.insert(id, flight);
        Some(Op { id, kind })
    }

    /// Tells what came of an op. A reply to an op that is not in flight is ignored. Poll ops, answers and events after.
    pub fn on_reply(&mut self, now: Time, id: OpId, reply: Reply) {
        let Some(flight) = self.flights.remove(&id) else { return };
        self.seq += 1;
        self.nothing_to_evict = false;
        match flight {
            Flight::Load(slots) => self.on_loaded(now, &slots, reply),
            Flight::Saves(slots, old) => {
                self.on_saved(now, id, &slots, reply);
                self.release_old(now, &old);
            }
            Flight::Ends(slots) => self.on_ended(now, id, &slots, reply),
            Flight::Sweep => self.on_swept(now, reply),
            Flight::Due { limit } => self.on_due(now, limit, reply),
            Flight::List(place) => self.on_listed(now, place, reply),
        }
    }

    /// When a lane has an op to give out; now or earlier if it has one waiting.
    pub fn ready_at(&self, lane: Lane) -> Option<Time> {
        match lane {
            Lane::Loads => (!self.loads.is_empty()).then(|| self.loads_retry.at()),
            Lane::Saves => (!self.saves.is_empty()).then(|| self.saves_retry.at()),
            Lane::Ends => (!self.ends.is_empty()).then(|| self.ends_retry.at()),
            Lane::Care => {
                let list = self.has_purge_to_list().then(|| self.loads_retry.at());
                list.into_iter().chain(self.sweeper.next(self.clock_doubtful)).min()
            }
        }
    }

    /// When the earliest timer is due.
    pub fn timer_at(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Whether an answer, an event or a killed key waits to be polled.
    pub fn has_news(&self) -> bool {
        !self.answers.is_empty() || !self.events.is_empty() || !self.killed.is_empty()
    }

    /// New randomness for stamps and jitter: after a fork two processes have this engine, and must not write the
    /// same stamps.
    pub fn reseed(&mut self, nonce: u64, seed: u64) {
        self.config.nonce = nonce;
        self.random = Random::new(seed);
    }

    /// When [`Engine::on_timeout`] wants to be called, or an op becomes ready. Poll after any other call.
    pub fn poll_timeout(&self) -> Option<Time> {
        Lane::ALL.into_iter().filter_map(|lane| self.ready_at(lane)).chain(self.timers.next()).min()
    }

    /// Looks at everything whose time has come.
    pub fn on_timeout(&mut self, now: Time) {
        while let Some((at, slot)) = self.timers.pop_due(now) {
            let Some(entry) = self.slots.get_mut(slot) else { continue };
            if entry.timer == at {
                entry.timer = Time::NEVER;
                self.wake(now, slot);
            }
        }
    }

    /// What a wait came to. Poll after every call.
    pub fn poll_answer(&mut self) -> Option<(Ask, Answer)> {
        self.answers.pop_front()
    }

    /// What happened. Poll after every call, or at leisure.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.events_dropped > 0 {
            let events = core::mem::take(&mut self.events_dropped);
            return Some(Event::Dropped { events });
        }
        self.events.pop_front()
    }

    /// Keys that a destroy killed in the store through a rotation. A driver with several engines tells the others by
    /// [`Engine::on_killed`]. Poll after [`Engine::on_reply`].
    pub fn poll_killed(&mut self) -> Option<(Key, Reason)> {
        self.killed.pop_front()
    }

    /// Whether the clock is to be trusted; while it is not, nothing is swept.
    pub fn doubt_clock(&mut self, doubtful: bool) {
        self.clock_doubtful = doubtful;
    }

    /// What [`Engine::doubt_clock`] last said.
    pub fn is_clock_doubted(&self) -> bool {
        self.clock_doubtful
    }

    /// Whether anything is held about a key.
    pub fn holds_key(&self, key: &Key) -> bool {
        self.find_key(key).is_some()
    }

    /// Whether the last commit failed.
    pub fn is_degraded(&self) -> bool {
        self.saves_retry.is_failing() || self.ends_retry.is_failing()
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        Stats { memory_bytes: self.memory as u64, unsaved_bytes: self.unsaved as u64, ..self.stats }
    }

    pub(crate) fn event(&mut self, event: Event) {
        if self.events.len() >= self.config.events {
            self.events.pop_front();
            self.events_dropped += 1;
        }
        self.events.push_back(event);
    }

    pub(crate) fn answer(&mut self, ask: Ask, answer: Answer) {
        self.answers.push_back((ask, answer));
    }

    pub(crate) fn new_ask(&mut self) -> Ask {
        self.next_ask += 1;
        Ask(self.next_ask)
    }

    pub(crate) fn new_writer(&mut self) -> Writer {
        self.next_write += 1;
        Writer { nonce: self.config.nonce, number: self.next_write }
    }

    /// The stamp of a row that nobody has written before: its revision starts at random, far below the limit.
    pub(crate) fn first_stamp(&mut self) -> Stamp {
        let writer = self.new_writer();
        Stamp { revision: self.random.next() >> 12, writer }
    }

    pub(crate) fn find(&self, id: IdRef<'_>) -> Option<Slot> {
        self.ids.find(id.hash, |slot| self.slots.get(slot).and_then(Entry::id).is_some_and(|held| held.as_bytes() == id.bytes))
    }

    pub(crate) fn key_hash(&self, key: &Key) -> u64 {
        self.hasher.hash_one(key.as_bytes())
    }

    pub(crate) fn find_key(&self, key: &Key) -> Option<Slot> {
        self.keys.find(self.key_hash(key), |slot| self.slots.get(slot).is_some_and(|entry| entry.key(&self.rules) == *key))
    }

    /// Where the store holds the session of a slot.
    pub(crate) fn key_of(&self, slot: Slot) -> Key {
        self.slots[slot].key(&self.rules)
    }

    /// The slot of `id`, made if there is none. A key-only entry gets its id.
    pub(crate) fn slot_for(&mut self, now: Time, id: IdRef<'_>) -> Slot {
        if let Some(slot) = self.find(id) {
            return slot;
        }
        let key = self.rules.key(id.bytes);
        let slot = match self.find_key(&key) {
            Some(slot) => slot,
            None => self.insert_entry(&key, now),
        };
        self.slots[slot].set_id(id.bytes);
        self.ids.insert(id.hash, slot);
        slot
    }

    pub(crate) fn slot_for_key(&mut self, now: Time, key: &Key) -> Slot {
        match self.find_key(key) {
            Some(slot) => slot,
            None => self.insert_entry(key, now),
        }
    }

    fn insert_entry(&mut self, key: &Key, now: Time) -> Slot {
        let hash = self.key_hash(key);
        let slot = self.slots.insert(Entry::new(key, now));
        self.keys.insert(hash, slot);
        self.stats.sessions += 1;
        self.account(slot);
        slot
    }

    /// Forgets an entry that nothing refers to.
    pub(crate) fn remove_entry(&mut self, slot: Slot) {
        let entry = self.slots.remove(slot);
        self.memory -= entry.cost as usize;
        self.unsaved -= entry.unsaved_cost();
        self.stats.quarantined -= u64::from(entry.counted_quarantined);
        self.stats.sessions -= 1;
        let key_hash = self.key_hash(&entry.key(&self.rules));
        self.keys.remove(key_hash, slot);
        if let Some(id) = entry.id() {
            self.ids.remove(self.hasher.hash_one(id.as_bytes()), slot);
        }
    }

    pub(crate) fn live(&self, slot: Slot) -> Option<&Live> {
        self.slots.get(slot)?.live()
    }

    /// Queues a slot for the lane of writes.
    pub(crate) fn queue_save(&mut self, slot: Slot) {
        let entry = &mut self.slots[slot];
        if !entry.queued {
            entry.queued = true;
            self.saves.push_back(slot);
        }
    }

    /// Sees to it that the slot is looked at by `at`.
    pub(crate) fn schedule(&mut self, slot: Slot, at: Time) {
        let entry = &mut self.slots[slot];
        if at < entry.timer && at.is_set() {
            entry.timer = at;
            self.timers.push(at, slot);
        }
    }

    /// Follows a rename that is not settled to the slot where the session is.
    pub(crate) fn resolve(&self, slot: Slot) -> Slot {
        match self.slots.get(slot).map(|entry| &entry.state) {
            Some(State::Moved(to)) => *to,
            _ => slot,
        }
    }

    /// Every entry of a session, for tests that compare what is accounted with what is there.
    pub fn accounted(&self) -> (usize, usize) {
        (self.memory, self.slots.iter().map(|(_, entry)| crate::memory::cost(entry)).sum())
    }

    /// The fields of a session as they are here, whatever its freshness. For inspection; it is no use of the session.
    pub fn peek(&self, id: IdRef<'_>) -> Option<&Block> {
        let slot = self.resolve(self.find(id)?);
        self.live(slot).map(|live| &live.block)
    }
}
