//! One node: an engine, its clock, and what its driver remembers.

use crate::clock::Clock;
use crate::model::key_of;
use core::hash::{BuildHasher, Hasher};
use holdall_engine::{Ask, Engine, Key, OpId, Reply, Rules, Time, ValueRef, Writer};
use std::collections::BTreeMap;

/// A layout with plain keys, where equal values are equal bytes, and one field is a mere touch.
#[derive(Debug)]
pub struct SimRules;

impl Rules for SimRules {
    fn key(&self, id: &[u8]) -> Key {
        key_of(id)
    }

    fn same(&self, a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
        a == b
    }

    fn is_touch(&self, name: &str) -> bool {
        name == "visit"
    }
}

/// FNV-1a from a seed; another seed must not change what an engine does.
#[derive(Clone, Copy, Debug)]
pub struct SimHasher(pub u64);

impl BuildHasher for SimHasher {
    type Hasher = Fnv;

    fn build_hasher(&self) -> Fnv {
        Fnv(self.0 ^ 0xCBF2_9CE4_8422_2325)
    }
}

/// The state of [`SimHasher`].
#[derive(Debug)]
pub struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
}

/// What a client waits for.
#[derive(Clone, Debug)]
pub enum Awaited {
    /// That changes are committed.
    Save {
        /// The session.
        lineage: usize,
        /// The changes.
        numbers: Vec<u32>,
        /// The principal that was set, and how many had been set there by then.
        principal: Option<(u8, u32)>,
        /// The changes carry a condition and are kept apart.
        apart: bool,
    },
    /// That a rotation is committed.
    Rename {
        /// The id before.
        old: usize,
        /// The id after.
        new: usize,
        /// The old id may be read for a while.
        grace: bool,
    },
    /// That a session is destroyed.
    Destroy {
        /// By which id.
        id: usize,
        /// A rotation from or to that id was not settled there.
        unsettled: bool,
    },
    /// That all sessions of a principal are destroyed.
    Purge {
        /// Whose.
        principal: u8,
        /// But for this one.
        except: Option<usize>,
        /// When it began.
        began: u64,
    },
}

/// One engine and what is around it.
pub struct Node {
    /// The engine; none while the node is down.
    pub engine: Option<Engine<SimRules, SimHasher>>,
    /// Its clock.
    pub clock: Clock,
    /// It stands still.
    pub suspended: bool,
    /// It can't reach the store.
    pub cut: bool,
    /// It is being shut down in order, since when.
    pub closing: Option<u64>,
    /// Ops in flight per lane.
    pub in_flight: [u8; 4],
    /// What clients wait for, by whose request, since when.
    pub asks: BTreeMap<Ask, (Awaited, Option<usize>, u64)>,
    /// Rotations that are not settled: from which id to which.
    pub renaming: Vec<(usize, usize)>,
    /// Requests that wait for a load.
    pub waiting: Vec<usize>,
    /// Keys of saves in flight, by op.
    pub saving: Vec<(OpId, Key)>,
    /// Replies that came while it stood still.
    pub inbox: Vec<(usize, Reply)>,
    /// When the next timer is due in virtual time.
    pub timer_at: u64,
    /// Contents by writer: a writer is never used for two contents.
    pub written: BTreeMap<Writer, holdall_engine::Write>,
    /// Timers in a row that led to nothing.
    pub idle_turns: u32,
    /// Calls since the accounts were compared.
    pub turns: u64,
    /// Destroys asked for: tombstones take memory beyond the limit.
    pub destroys: usize,
    /// When the last timer came, in virtual time.
    pub last_timer: u64,
}

impl Node {
    /// A node that is down.
    pub fn new(clock: Clock) -> Self {
        Self {
            engine: None,
            clock,
            suspended: false,
            cut: false,
            closing: None,
            in_flight: [0; 4],
            asks: BTreeMap::new(),
            renaming: Vec::new(),
            waiting: Vec::new(),
            saving: Vec::new(),
            inbox: Vec::new(),
            timer_at: u64::MAX,
            written: BTreeMap::new(),
            idle_turns: 0,
            turns: 0,
            destroys: 0,
            last_timer: 0,
        }
    }

    /// Everything of the run that ends is forgotten.
    pub fn stop(&mut self) {
        let (clock, cut) = (self.clock.clone(), self.cut);
        *self = Self { cut, ..Self::new(clock) };
    }

    /// Whether it serves requests.
    pub fn serves(&self) -> bool {
        self.engine.is_some() && !self.suspended && self.closing.is_none()
    }

    /// What its clock shows.
    pub fn time(&mut self, now: u64) -> Time {
        self.clock.read(now)
    }
}
