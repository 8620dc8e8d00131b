//! The threads that carry out what the engines ask for.

use crate::bag::{Bag, Role};
use crate::event::Event;
use crate::options::millis;
use holdall_engine::{Fault, FaultKind, Lane, Op, OpId, OpKind, Reply, Room, Time, Verdict, Write};
use holdall_store::Store;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A worker's life: work until nothing is due, then sleep until something is.
pub(crate) fn run(bag: &Arc<Bag>, role: Role) {
    while !bag.is_stopping() {
        // A panic in an engine leaves its shard's lock poisoned and the bag broken. The others are still to be written.
        let next = catch_unwind(AssertUnwindSafe(|| bag.work(role))).unwrap_or_default();
        if bag.is_stopping() {
            return;
        }
        bag.bell(role).wait(&bag.clock, next);
    }
}

/// Writes of one shard's op, in a batch that several shards share.
struct Part {
    shard: usize,
    op: OpId,
    rows: usize,
}

impl Bag {
    /// Does all that is due for a role; answers when more will be.
    fn work(&self, role: Role) -> Option<Time> {
        match role {
            Role::Saver => self.work_writes(Lane::Saves),
            Role::Ender => self.work_writes(Lane::Ends),
            Role::Keeper => self.work_care(),
        }
    }

    /// Commits batches, each filled from all shards in turn, until nothing is ready.
    fn work_writes(&self, lane: Lane) -> Option<Time> {
        let mut first = 0;
        loop {
            let (parts, writes, next) = self.gather(lane, first);
            if writes.is_empty() {
                return next;
            }
            // The next batch starts where this one was full, so that no shard is starved.
            first = parts.last().map_or(0, |part| part.shard);
            self.commit(parts, &writes);
        }
    }

    fn gather(&self, lane: Lane, first: usize) -> (Vec<Part>, Vec<Write>, Option<Time>) {
        let mut room = Room { rows: self.options.batch_rows, bytes: self.options.batch_bytes };
        let (mut parts, mut writes) = (Vec::new(), Vec::new());
        let mut next: Option<Time> = None;
        for step in 0..self.shards.len() {
            let shard = (first + step) % self.shards.len();
            let Ok(mut locked) = self.lock(shard) else { continue };
            if lane == Lane::Saves {
                let now = locked.now;
                locked.engine().on_timeout(now);
            }
            while let Some(Op { id, kind: OpKind::Commit(batch) }) = (room.rows > 0).then(|| locked.poll(lane, room)).flatten() {
                room.rows = room.rows.saturating_sub(batch.len());
                room.bytes = room.bytes.saturating_sub(batch.iter().map(Write::size).sum());
                parts.push(Part { shard, op: id, rows: batch.len() });
                writes.extend(batch);
            }
            let due = if lane == Lane::Saves { locked.arm() } else { locked.engine().ready_at(lane) };
            next = next.into_iter().chain(due).min();
        }
        (parts, writes, next)
    }

    fn commit(&self, parts: Vec<Part>, writes: &[Write]) {
        let reply = self.call_store(|store, now| store.commit(writes, now).map(Reply::Committed));
        let mut verdicts = match reply {
            Reply::Committed(verdicts) if verdicts.len() == writes.len() => Ok(verdicts.into_iter()),
            Reply::Failed(fault) => Err(fault),
            _ => Err(Fault::new(FaultKind::Internal, "the store did not give one verdict for each write")),
        };
        for part in parts {
            let reply = match &mut verdicts {
                Ok(verdicts) => Reply::Committed(verdicts.by_ref().take(part.rows).collect::<Vec<Verdict>>()),
                Err(fault) => Reply::Failed(fault.clone()),
            };
            // A panic in one engine must not keep the others from hearing what became of their writes.
            let _ = catch_unwind(AssertUnwindSafe(|| self.deliver(part.shard, part.op, reply)));
        }
    }

    /// Tells an engine what came of its op, and everybody else what follows from it.
    pub(crate) fn deliver(&self, shard: usize, op: OpId, reply: Reply) {
        let Ok(mut locked) = self.lock(shard) else { return };
        let now = locked.now;
        locked.engine().on_reply(now, op, reply);
        let killed = locked.take_killed();
        locked.wake_waiters();
        drop(locked);
        if killed.is_empty() {
            return;
        }
        for other in 0..self.shards.len() {
            let Ok(mut locked) = self.lock(other) else { continue };
            let now = locked.now;
            for (key, reason) in &killed {
                locked.engine().on_killed(now, key, *reason);
            }
            locked.wake_waiters();
        }
        if let Ok(mut locked) = self.lock(shard) {
            locked.let_go();
        }
    }

    /// Loads that nobody carries out, lists, sweeps; and a look at the clock and at what handles hold.
    fn work_care(&self) -> Option<Time> {
        self.look_at_clock();
        self.look_at_handles();
        self.look_at_events();
        let mut next = None;
        for shard in 0..self.shards.len() {
            for lane in [Lane::Loads, Lane::Care] {
                while let Some(op) = self.poll_one(shard, lane) {
                    self.carry_out(shard, op);
                    if self.is_stopping() {
                        return None;
                    }
                }
            }
            let Ok(mut locked) = self.lock(shard) else { continue };
            let engine = locked.engine();
            next = [next, engine.ready_at(Lane::Loads), engine.ready_at(Lane::Care)].into_iter().flatten().min();
        }
        next
    }

    fn poll_one(&self, shard: usize, lane: Lane) -> Option<Op> {
        let room = Room { rows: self.options.batch_rows, bytes: self.options.batch_bytes };
        self.lock(shard).ok()?.poll(lane, room)
    }

    /// Carries out one op with the store, outside of every lock.
    pub(crate) fn carry_out(&self, shard: usize, op: Op) {
        let reply = match op.kind {
            OpKind::Load(wanted) => self.call_store(|store, now| {
                let reply = store.load(&wanted, now)?;
                Ok(Reply::Loaded { rows: reply.rows, now: reply.now })
            }),
            OpKind::Commit(writes) => self.call_store(|store, now| store.commit(&writes, now).map(Reply::Committed)),
            OpKind::Sweep { before, limit } => self.if_leading(|store, now| store.sweep(before, now, limit).map(Reply::Swept)),
            OpKind::Due { before, limit } => self.if_leading(|store, _| store.due(before, limit).map(Reply::Due)),
            OpKind::List { principal } => self.call_store(|store, _| store.list(&principal).map(Reply::Listed)),
        };
        self.deliver(shard, op.id, reply);
    }

    /// Calls the store, if this bag is the one that sweeps the table.
    fn if_leading(&self, call: impl FnOnce(&dyn Store, Time) -> Result<Reply, Fault>) -> Reply {
        // It ends after the next sweep is due: a leader that goes on sweeping keeps it, and one that dies is followed soon.
        let for_ms = millis(self.options.sweep_every) / 4 * 5;
        self.call_store(|store, now| if store.lead(self.holder, for_ms)? { call(store, now) } else { Ok(Reply::Yielded) })
    }

    fn call_store(&self, call: impl FnOnce(&dyn Store, Time) -> Result<Reply, Fault>) -> Reply {
        self.ask_store(call).unwrap_or_else(Reply::Failed)
    }

    /// Calls the store. A panic in its code is a failure like any other, and reported.
    pub(crate) fn ask_store<T>(&self, call: impl FnOnce(&dyn Store, Time) -> Result<T, Fault>) -> Result<T, Fault> {
        let store = self.store().map_err(|error| Fault::new(FaultKind::Unreachable, error.message()))?;
        let now = self.clock.now();
        catch_unwind(AssertUnwindSafe(|| call(&*store, now))).unwrap_or_else(|_| {
            self.events.push(Event::StorePanicked, now);
            Err(Fault::new(FaultKind::Internal, "the store's code panicked; the work is tried again"))
        })
    }

    fn look_at_clock(&self) {
        let doubtful = self.clock.steer();
        let Ok(mut locked) = self.lock(0) else { return };
        if locked.engine().is_clock_doubted() != doubtful {
            locked.engine().doubt_clock(doubtful);
            let now = locked.now;
            drop(locked);
            self.events.push(Event::Clock { doubtful }, now);
        }
    }

    /// What open handles hold is not for the engines to use.
    fn look_at_handles(&self) {
        let budget = self.account.full_budget.saturating_sub(self.held_by_handles());
        self.account.budget.store(budget.max(self.account.full_budget / 2), Ordering::Relaxed);
    }

    /// Expired sessions are claimed as there is room for them among the events.
    fn look_at_events(&self) {
        let room = self.events.room();
        if let Ok(mut locked) = self.lock(0) {
            locked.engine().set_claim_room(room);
        }
    }

    /// Bytes of the snapshots that open handles hold.
    pub(crate) fn held_by_handles(&self) -> usize {
        self.shards.iter().map(|shard| shard.held.total()).sum()
    }
}
