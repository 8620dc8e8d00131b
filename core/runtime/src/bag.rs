//! An open holdall: its shards, its store, its workers.

use crate::bell::Bell;
use crate::clock::{Clock, Deadline};
use crate::entropy;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Events;
use crate::layout::{IdShape, Layout};
use crate::options::{Durability, Options, fresh_ms};
use crate::shard::{AnyRules, BagEngine, Shard};
use crate::url::Source;
use holdall_engine::{IdRef, Time};
use holdall_layout::foreign::ForeignData;
use holdall_store::Store;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread::JoinHandle;

/// Counts the forks that this process is away from the first: set by whoever can register a handler for the child
/// side of a fork (the C library does). A bag that was opened under another count answers `Forked`.
pub static FORKS: AtomicU64 = AtomicU64::new(0);

/// What a worker thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Timers and saves.
    Saver,
    /// Destroys and claims, on a connection of their own, so that a save that hangs can't hold up a logout.
    Ender,
    /// Loads that no caller carries out, lists, sweeps, the clock.
    Keeper,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Saver, Self::Ender, Self::Keeper];
}

/// The bag's one memory budget, which all shards report to.
pub(crate) struct Account {
    /// Bytes that the engines hold, and of those the unsaved.
    pub memory: AtomicUsize,
    pub unsaved: AtomicUsize,
    /// What the engines may hold: all, less what open handles hold.
    pub budget: AtomicUsize,
    pub full_budget: usize,
    pub unsaved_limit: usize,
}

const OPEN: u8 = 0;
/// Nothing is open across a fork: no thread, no connection. The next call opens again.
const PAUSED: u8 = 1;
const CLOSED: u8 = 2;
/// The last changes are being written: callers are turned away, the workers go on. Becomes closed, or open again.
const CLOSING: u8 = 3;
/// A defect: an engine panicked. Callers are turned away; closing still writes what the other shards have.
const BROKEN: u8 = 4;

pub(crate) struct Bag {
    pub shards: Box<[Shard]>,
    hasher: ahash::RandomState,
    pub rules: AnyRules,
    /// The codec of a table that other software uses too; none for holdall's own.
    pub foreign: Option<Arc<dyn ForeignData>>,
    pub ids: IdShape,
    pub options: Options,
    pub durability: Durability,
    pub fresh_ms: u64,
    pub clock: Clock,
    pub account: Account,
    pub events: Events,
    /// Names this bag among those that want to sweep the same table.
    pub holder: u64,
    source: Source,
    store: RwLock<Option<Arc<dyn Store>>>,
    bells: [Bell; 3],
    workers: Mutex<Vec<JoinHandle<()>>>,
    state: AtomicU8,
    forks: AtomicU64,
    /// Itself, to hand to its workers when they are started again.
    this: Weak<Self>,
}

impl Bag {
    pub(crate) fn open(source: Source, layout: Layout, options: Options) -> Result<Arc<Self>> {
        options.check()?;
        let Layout { rules, foreign, ids } = layout;
        let durability = options.resolved_durability()?;
        let store = source.store()?;
        let seeds = [entropy::number()?, entropy::number()?, entropy::number()?, entropy::number()?];
        let hasher = ahash::RandomState::with_seeds(seeds[0], seeds[1], seeds[2], seeds[3]);
        let holder = entropy::number()?;
        let shards = (0..options.shards).map(|place| shard(place, &options, &rules, &hasher)).collect::<Result<_>>()?;
        let bag = Arc::new_cyclic(|this| Self {
            shards,
            hasher,
            rules,
            foreign,
            ids,
            durability,
            fresh_ms: options.resolved_fresh_ms(),
            clock: Clock::new(),
            account: Account {
                memory: AtomicUsize::new(0),
                unsaved: AtomicUsize::new(0),
                budget: AtomicUsize::new(options.memory),
                full_budget: options.memory,
                unsaved_limit: options.unsaved,
            },
            events: Events::new(options.events),
            holder,
            source,
            store: RwLock::new(Some(store)),
            bells: Default::default(),
            workers: Mutex::new(Vec::new()),
            state: AtomicU8::new(OPEN),
            forks: AtomicU64::new(FORKS.load(Ordering::Relaxed)),
            options,
            this: this.clone(),
        });
        bag.start_workers()?;
        Ok(bag)
    }

    /// An id with its hash, and the shard where it lives.
    pub(crate) fn locate<'a>(&self, id: &'a [u8]) -> (IdRef<'a>, usize) {
        let hash = self.hasher.hash_one(id);
        (IdRef { bytes: id, hash }, self.shard_of(hash))
    }

    /// The shard of a hash. Its middle bits, since the engine's index uses both ends.
    pub(crate) fn shard_of(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }

    pub(crate) fn store(&self) -> Result<Arc<dyn Store>> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.clone().ok_or_else(closed)
    }

    /// Whether the API may be used; brings a bag back that was prepared for a fork.
    #[inline]
    pub(crate) fn check_open(&self) -> Result<()> {
        let state = self.state.load(Ordering::Acquire);
        if state == OPEN && self.forks.load(Ordering::Relaxed) == FORKS.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.check_state(state)
    }

    #[cold]
    fn check_state(&self, state: u8) -> Result<()> {
        match state {
            CLOSED => Err(closed()),
            BROKEN => Err(panicked()),
            CLOSING if !self.is_forked() => Err(closed()),
            PAUSED => self.resume(),
            _ => Err(Error::new(
                ErrorKind::Forked,
                "this process was forked while the bag was open: open a bag of its own, or call prepare_fork before forking",
            )),
        }
    }

    /// Whether this process is a fork of the one that opened the bag, and the bag was not prepared for that.
    pub(crate) fn is_forked(&self) -> bool {
        let is_running = matches!(self.state.load(Ordering::Acquire), OPEN | CLOSING);
        is_running && self.forks.load(Ordering::Relaxed) != FORKS.load(Ordering::Relaxed)
    }

    /// Turns callers away, so that what is unsaved can only become less. For one closer at a time.
    pub(crate) fn begin_closing(&self) -> Result<()> {
        let from = if self.state.load(Ordering::Acquire) == BROKEN { BROKEN } else { OPEN };
        if from == OPEN {
            self.check_open()?;
        }
        let began = self.state.compare_exchange(from, CLOSING, Ordering::AcqRel, Ordering::Acquire);
        began.map(drop).map_err(|_| closed())
    }

    /// The database did not take everything: the bag serves again.
    pub(crate) fn stop_closing(&self) {
        // Somebody may have abandoned the bag meanwhile.
        let back = if self.is_whole() { OPEN } else { BROKEN };
        let _ = self.state.compare_exchange(CLOSING, back, Ordering::AcqRel, Ordering::Acquire);
    }

    /// A shard's lock is poisoned: its engine panicked half-way, and nothing of it is to be trusted.
    #[cold]
    pub(crate) fn fail(&self) -> Error {
        let _ = self.state.compare_exchange(OPEN, BROKEN, Ordering::AcqRel, Ordering::Acquire);
        panicked()
    }

    /// Whether callers are turned away. Asked again under a shard's lock: whoever had passed the door before it was shut
    /// must not make a change after the closer has looked for the last ones.
    pub(crate) fn is_shut(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), CLOSED | CLOSING)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) == CLOSED
    }

    /// Writes everything, stops the threads, closes the store: nothing is left open across a fork. Both sides open
    /// again with the next call.
    pub(crate) fn prepare_fork(&self) -> Result<()> {
        // Callers are turned away first: a change that came after the last look would be in both processes.
        self.begin_closing()?;
        let unsaved = self.flush(Deadline::after(self.options.store_timeout));
        if !unsaved.is_empty() {
            self.stop_closing();
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the database did not take all unsaved changes in time, so forking now would write them twice: try again",
            ));
        }
        self.state.store(PAUSED, Ordering::Release);
        self.stop_workers();
        match self.source {
            Source::Opened(_) => self.close_store(),
            Source::Given(_) => Ok(()),
        }
    }

    fn resume(&self) -> Result<()> {
        let mut slot = self.store.write().unwrap_or_else(PoisonError::into_inner);
        if self.state.load(Ordering::Acquire) != PAUSED {
            return Ok(());
        }
        let store = self.source.store()?;
        // Two processes have these engines now: they must not write the same stamps.
        for shard in 0..self.shards.len() {
            let (nonce, seed) = (entropy::number()?, entropy::number()?);
            self.lock(shard)?.engine().reseed(nonce, seed);
        }
        *slot = Some(store);
        self.forks.store(FORKS.load(Ordering::Relaxed), Ordering::Relaxed);
        self.state.store(OPEN, Ordering::Release);
        drop(slot);
        self.start_workers()
    }

    pub(crate) fn ring(&self, role: Role, due: Time) {
        self.bells[role as usize].ring(due);
    }

    pub(crate) fn bell(&self, role: Role) -> &Bell {
        &self.bells[role as usize]
    }

    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), PAUSED | CLOSED)
    }

    pub(crate) fn start_workers(&self) -> Result<()> {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        for role in Role::ALL {
            let Some(bag) = self.this.upgrade() else { return Err(closed()) };
            let name = format!("holdall-{role:?}").to_lowercase();
            let thread = std::thread::Builder::new().name(name).spawn(move || crate::worker::run(&bag, role));
            let thread = thread
                .map_err(|error| Error::new(ErrorKind::Unavailable, format!("the operating system gave no thread: {error}")))?;
            workers.push(thread);
        }
        Ok(())
    }

    pub(crate) fn stop_workers(&self) {
        for role in Role::ALL {
            self.ring(role, Time::ZERO);
        }
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            // A worker catches its panics; one that died all the same has nothing more to say.
            let _ = worker.join();
        }
    }

    pub(crate) fn set_closed(&self) {
        self.state.store(CLOSED, Ordering::Release);
        self.events.wake();
    }

    pub(crate) fn close_store(&self) -> Result<()> {
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        match store {
            Some(store) => Ok(store.close()?),
            None => Ok(()),
        }
    }

    /// A duration as `fresh_ms`, or the bag's own.
    pub(crate) fn freshness(&self, wanted: Option<std::time::Duration>) -> u64 {
        wanted.map_or(self.fresh_ms, fresh_ms)
    }
}

fn shard(place: usize, options: &Options, rules: &AnyRules, hasher: &ahash::RandomState) -> Result<Shard> {
    let mut config = options.engine_config();
    config.nonce = entropy::number()?;
    config.seed = entropy::number()?;
    // One engine sweeps for all.
    config.sweep_every_ms = if place == 0 { crate::options::millis(options.sweep_every) } else { 0 };
    Ok(Shard::new(BagEngine::new(config, rules.clone(), hasher.clone())))
}

fn panicked() -> Error {
    Error::new(
        ErrorKind::Panic,
        "a defect in holdall stopped this bag: close it, which still writes what it can, open it anew, and report the panic's message",
    )
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the bag is closed")
}
