//! One part of the memory: an engine behind a lock, and who waits for it.

use crate::bag::{Bag, Role};
use crate::clock::Deadline;
use crate::error::Result;
use crate::event::Event;
use crate::handles::Held;
use holdall_engine::{Answer, Ask, Engine, IdRef, Key, Lane, Op, Reason, Room, Rules, Time, View, Want};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// The layout's rules, whichever layout it is.
pub(crate) type AnyRules = Arc<dyn Rules + Send + Sync>;
/// The engine as the runtime uses it.
pub(crate) type BagEngine = Engine<AnyRules, ahash::RandomState>;

/// Shards lie on cache lines of their own, so that threads at work in two of them don't slow each other down.
#[repr(align(128))]
pub(crate) struct Shard {
    inner: Mutex<Inner>,
    /// Rung whenever something came back from the store.
    changed: Condvar,
    /// Bytes of the snapshots that open handles hold.
    pub held: Held,
}

pub(crate) struct Inner {
    pub engine: BagEngine,
    /// Asks that somebody waits for, and the answers not fetched yet.
    waiting: BTreeSet<Ask>,
    answers: BTreeMap<Ask, Answer>,
    /// Answers are held back until every shard knows what a destroy has killed.
    holding_back: bool,
    /// The earliest time that the saver knows of.
    armed: Time,
    /// What this shard's engine has reported to the bag's account: memory and unsaved bytes.
    reported: (usize, usize),
    /// The limits that the engine was told: memory and unsaved bytes.
    limits: (usize, usize),
}

impl Shard {
    pub(crate) fn new(engine: BagEngine) -> Self {
        let inner = Inner {
            engine,
            waiting: BTreeSet::new(),
            answers: BTreeMap::new(),
            holding_back: false,
            armed: Time::NEVER,
            reported: (0, 0),
            limits: (0, 0),
        };
        Self { inner: Mutex::new(inner), changed: Condvar::new(), held: Held::default() }
    }
}

/// What an open that hits brings.
pub(crate) struct Cached {
    pub view: View,
    /// Where the shard counts what the handle holds.
    pub held_place: u8,
    /// Whether it is time to look at what all handles hold.
    pub look: bool,
}

/// A shard that this thread has locked. No store is called while one exists.
pub(crate) struct Locked<'a> {
    bag: &'a Bag,
    shard: &'a Shard,
    /// Given away only while waiting.
    guard: Option<MutexGuard<'a, Inner>>,
    pub now: Time,
}

impl Bag {
    /// Locks a shard for a caller of the API.
    pub(crate) fn enter(&self, shard: usize) -> Result<Locked<'_>> {
        self.check_open()?;
        let locked = self.lock(shard)?;
        if self.is_shut() { Err(crate::bag::closed()) } else { Ok(locked) }
    }

    /// The session, if it is in memory and its copy needs no question, and where the handle is counted that gets it: one
    /// lock, no allocation, no system call.
    #[inline]
    pub(crate) fn fetch_cached(&self, place: usize, id: IdRef<'_>, want: Want) -> Result<Option<Cached>> {
        self.check_open()?;
        let now = self.clock.now();
        let shard = &self.shards[place];
        let Ok(mut inner) = shard.inner.lock() else { return Err(self.fail()) };
        let Some(view) = inner.engine.fetch_cached(now, id, want) else { return Ok(None) };
        // A use of the session may be the first that is to be written.
        if let Some(due) = inner.engine.timer_at()
            && due < inner.armed
        {
            inner.armed = due;
            self.ring(Role::Saver, due);
        }
        let (held_place, look) = shard.held.add_locked(now, view.block.size());
        Ok(Some(Cached { view, held_place, look }))
    }

    /// Locks a shard, whatever the state of the bag.
    pub(crate) fn lock(&self, shard: usize) -> Result<Locked<'_>> {
        let shard = &self.shards[shard];
        let Ok(inner) = shard.inner.lock() else { return Err(self.fail()) };
        let mut locked = Locked { bag: self, shard, guard: Some(inner), now: self.clock.now() };
        locked.set_limits();
        Ok(locked)
    }
}

impl Locked<'_> {
    pub(crate) fn engine(&mut self) -> &mut BagEngine {
        &mut self.inner().engine
    }

    fn inner(&mut self) -> &mut Inner {
        self.guard.as_mut().expect("the guard is there except inside wait")
    }

    /// The engine may use what the others leave of the bag's one budget.
    fn set_limits(&mut self) {
        let account = &self.bag.account;
        let reported = self.inner().reported;
        let others = (
            account.memory.load(Ordering::Relaxed).saturating_sub(reported.0),
            account.unsaved.load(Ordering::Relaxed).saturating_sub(reported.1),
        );
        let budget = account.budget.load(Ordering::Relaxed);
        let limits = (budget.saturating_sub(others.0), account.unsaved_limit.saturating_sub(others.1));
        let inner = self.inner();
        if limits != inner.limits {
            inner.limits = limits;
            inner.engine.set_memory(limits.0, limits.1);
        }
    }

    /// Before the lock is given back: what changed is reported, passed on, and given to the workers.
    fn leave(&mut self) {
        self.report_memory();
        if self.inner().engine.has_news() {
            self.pass_on_news();
        }
        self.ring_workers();
    }

    /// Reports the difference in memory to the bag's account.
    fn report_memory(&mut self) {
        let inner = self.inner();
        let (used, before) = (inner.engine.used(), inner.reported);
        if used == before {
            return;
        }
        inner.reported = used;
        // Wrapping, since the difference may be negative; the sum of all reports never is.
        let account = &self.bag.account;
        account.memory.fetch_add(used.0.wrapping_sub(before.0), Ordering::Relaxed);
        account.unsaved.fetch_add(used.1.wrapping_sub(before.1), Ordering::Relaxed);
    }

    /// Hands on what the engine has to tell.
    fn pass_on_news(&mut self) {
        let (bag, shard, now) = (self.bag, self.shard, self.now);
        let inner = self.inner();
        if inner.holding_back {
            return;
        }
        let mut rang = false;
        while let Some((ask, answer)) = inner.engine.poll_answer() {
            if inner.waiting.contains(&ask) {
                inner.answers.insert(ask, answer);
                rang = true;
            }
        }
        while let Some(event) = inner.engine.poll_event() {
            bag.events.push(Event::Engine(event), now);
        }
        if rang {
            shard.changed.notify_all();
        }
    }

    /// Rings the workers that have something to do earlier than they know.
    fn ring_workers(&mut self) {
        let bag = self.bag;
        let inner = self.inner();
        let due = due_for_saver(&inner.engine).unwrap_or(Time::NEVER);
        if due < inner.armed {
            inner.armed = due;
            bag.ring(Role::Saver, due);
        }
        if let Some(due) = inner.engine.ready_at(Lane::Ends) {
            bag.ring(Role::Ender, due);
        }
        if let Some(due) = due_for_keeper(&inner.engine) {
            bag.ring(Role::Keeper, due);
        }
    }

    /// The saver has looked: it knows all that is due here.
    pub(crate) fn arm(&mut self) -> Option<Time> {
        let inner = self.inner();
        let due = due_for_saver(&inner.engine);
        inner.armed = due.unwrap_or(Time::NEVER);
        due
    }

    /// The loads that were just asked for; whoever takes them carries them out.
    pub(crate) fn take_loads(&mut self) -> Vec<Op> {
        let now = self.now;
        let mut ops = Vec::new();
        while let Some(op) = self.engine().poll_op(now, Lane::Loads) {
            ops.push(op);
        }
        ops
    }

    /// The next op of a lane.
    pub(crate) fn poll(&mut self, lane: Lane, room: Room) -> Option<Op> {
        let now = self.now;
        self.engine().poll_op_within(now, lane, room)
    }

    /// The keys that a destroy killed in the store, which other shards may hold copies of. If there are any, answers
    /// are held back until [`Locked::let_go`].
    pub(crate) fn take_killed(&mut self) -> Vec<(Key, Reason)> {
        let inner = self.inner();
        let killed: Vec<_> = std::iter::from_fn(|| inner.engine.poll_killed()).collect();
        inner.holding_back |= !killed.is_empty();
        killed
    }

    /// Every shard has been told: answers may go out.
    pub(crate) fn let_go(&mut self) {
        self.inner().holding_back = false;
    }

    /// Wakes everybody who waits in this shard: something came back.
    pub(crate) fn wake_waiters(&self) {
        self.shard.changed.notify_all();
    }

    /// The answer to `ask` will be waited for. To be said under the same lock as the call that gave it out.
    pub(crate) fn expect(&mut self, ask: Ask) {
        self.inner().waiting.insert(ask);
    }

    /// Waits for an answer; none if the deadline passed first, and then it is not waited for any more.
    pub(crate) fn wait_for(mut self, ask: Ask, deadline: Deadline) -> Result<Option<Answer>> {
        let (bag, shard) = (self.bag, self.shard);
        loop {
            self.pass_on_news();
            if let Some(answer) = self.take_answer(ask) {
                return Ok(Some(answer));
            }
            if let Some(locked) = self.wait(deadline)? {
                self = locked;
                continue;
            }
            let Ok(guard) = shard.inner.lock() else { return Err(bag.fail()) };
            let mut last = Locked { bag, shard, guard: Some(guard), now: bag.clock.now() };
            last.pass_on_news();
            let answer = last.take_answer(ask);
            last.inner().waiting.remove(&ask);
            return Ok(answer);
        }
    }

    fn take_answer(&mut self, ask: Ask) -> Option<Answer> {
        let inner = self.inner();
        let answer = inner.answers.remove(&ask)?;
        inner.waiting.remove(&ask);
        Some(answer)
    }

    /// Waits until something comes back from the store; none if the deadline has passed.
    pub(crate) fn wait(mut self, deadline: Deadline) -> Result<Option<Self>> {
        let Some(left) = deadline.left() else { return Ok(None) };
        self.leave();
        let Some(guard) = self.guard.take() else { return Ok(None) };
        let Ok((guard, _)) = self.shard.changed.wait_timeout(guard, left) else { return Err(self.bag.fail()) };
        self.guard = Some(guard);
        self.now = self.bag.clock.now();
        self.set_limits();
        Ok(Some(self))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // After a panic the engine is not to be touched; the lock is poisoned, and the bag with it.
        if self.guard.is_some() && !std::thread::panicking() {
            self.leave();
        }
    }
}

fn due_for_saver(engine: &BagEngine) -> Option<Time> {
    engine.timer_at().into_iter().chain(engine.ready_at(Lane::Saves)).min()
}

/// Loads that no caller carries out (a write is to be settled by reading), lists, sweeps.
fn due_for_keeper(engine: &BagEngine) -> Option<Time> {
    engine.ready_at(Lane::Loads).into_iter().chain(engine.ready_at(Lane::Care)).min()
}
