//! A real store with switches: it can fail, hang and panic on command.

use holdall::store::{LoadReply, MemoryStore, Store};
use holdall_engine::{Fault, FaultKind, Key, Listed, Swept, Time, Verdict, Wanted, Write, WriteKind};
use std::sync::{Condvar, Mutex, PoisonError};

/// What a verb does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Switch {
    #[default]
    Works,
    /// Nothing is done, and a fault answered.
    Fails(FaultKind),
    /// The work is done, and a fault answered all the same.
    Deceives,
    /// Waits until the switch is set to something else, which then counts.
    Hangs,
    /// Waits like `Hangs` if the batch holds anything but destroys.
    HangsSaves,
    Panics,
}

#[derive(Default)]
struct State {
    load: Switch,
    commit: Switch,
    list: Switch,
    counts: Counts,
}

/// What was called so far.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counts {
    pub loads: usize,
    pub commits: usize,
    /// Rows in the largest batch.
    pub largest: usize,
    /// Calls that hang now.
    pub hanging: usize,
    pub panics: usize,
}

/// A memory store with switches. Closing it does nothing, so that several bags can use it one after the other.
#[derive(Default)]
pub struct Switched {
    inner: MemoryStore,
    state: Mutex<State>,
    changed: Condvar,
}

impl Switched {
    pub fn set_load(&self, switch: Switch) {
        self.set(|state| state.load = switch);
    }

    pub fn set_commit(&self, switch: Switch) {
        self.set(|state| state.commit = switch);
    }

    pub fn set_list(&self, switch: Switch) {
        self.set(|state| state.list = switch);
    }

    pub fn set_all(&self, switch: Switch) {
        self.set(|state| (state.load, state.commit, state.list) = (switch, switch, switch));
    }

    pub fn counts(&self) -> Counts {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).counts
    }

    /// Rows, dead ones included.
    pub fn rows(&self) -> usize {
        self.inner.len()
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn call<T>(
        &self,
        switch: impl Fn(&State) -> Switch,
        hangs: impl Fn(Switch) -> bool,
        work: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if hangs(switch(&state)) {
            state.counts.hanging += 1;
            self.changed.notify_all();
            while hangs(switch(&state)) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.counts.hanging -= 1;
        }
        match switch(&state) {
            Switch::Fails(kind) => return Err(Fault::new(kind, "the test has switched the store off")),
            Switch::Panics => {
                state.counts.panics += 1;
                drop(state);
                // A panic that prints nothing.
                std::panic::resume_unwind(Box::new("the test has switched the store to panic"));
            }
            Switch::Deceives => {
                drop(state);
                work()?;
                return Err(Fault::new(FaultKind::Transient, "the answer was lost on its way"));
            }
            Switch::Works | Switch::Hangs | Switch::HangsSaves => {}
        }
        drop(state);
        work()
    }
}

impl Store for Switched {
    fn load(&self, wanted: &[Wanted], now: Time) -> Result<LoadReply, Fault> {
        self.set(|state| state.counts.loads += 1);
        self.call(|state| state.load, |switch| switch == Switch::Hangs, || self.inner.load(wanted, now))
    }

    fn commit(&self, writes: &[Write], now: Time) -> Result<Vec<Verdict>, Fault> {
        self.set(|state| {
            state.counts.commits += 1;
            state.counts.largest = state.counts.largest.max(writes.len());
        });
        let saves = writes.iter().any(|write| !matches!(write.kind, WriteKind::Destroy { .. }));
        let hangs = |switch| switch == Switch::Hangs || (saves && switch == Switch::HangsSaves);
        self.call(|state| state.commit, hangs, || self.inner.commit(writes, now))
    }

    fn sweep(&self, before: Time, now: Time, limit: u32) -> Result<Swept, Fault> {
        self.inner.sweep(before, now, limit)
    }

    fn due(&self, before: Time, limit: u32) -> Result<Vec<Key>, Fault> {
        self.inner.due(before, limit)
    }

    fn list(&self, principal: &str) -> Result<Vec<Listed>, Fault> {
        self.call(|state| state.list, |switch| switch == Switch::Hangs, || self.inner.list(principal))
    }
}
