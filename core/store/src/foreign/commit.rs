//! A commit: the rows are read under a lock, compared, changed field by field, and written, in one transaction.

use super::ForeignStore;
use super::many::{Waiter, Waiting};
use super::run::{Driver, Run, Stop};
use super::stamps::Content;
use super::table::{Found, Statement, Written, created_text};
use holdall_engine::{Key, Reason, Record, Stamp, Time, Verdict, Write, WriteKind, expires};
use holdall_layout::foreign::{Saving, Unwritable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a commit is about, found out before it begins.
pub(super) struct Plan<'w> {
    writes: &'w [Write],
    /// The writes in the order of their keys.
    order: Vec<usize>,
    /// All keys whose rows are read.
    keys: BTreeSet<Key>,
    /// The keys to which a session went on from a key that is to be destroyed.
    chains: BTreeMap<usize, Vec<Key>>,
}

/// What is to be remembered once the commit is done.
pub(super) enum Note {
    /// A row is in this state.
    Written(Key, Stamp),
    /// A session ended.
    Ended(Key, Reason, Option<Key>, Time),
}

/// What a transaction did.
pub(super) struct Outcome {
    pub verdicts: Vec<Verdict>,
    pub notes: Vec<Note>,
}

impl<D: Driver> ForeignStore<D> {
    pub(super) fn plan<'w>(&self, writes: &'w [Write]) -> Plan<'w> {
        let mut order: Vec<usize> = (0..writes.len()).collect();
        order.sort_by_key(|place| &writes[*place].key);
        let mut keys = BTreeSet::new();
        let mut chains = BTreeMap::new();
        for (place, write) in writes.iter().enumerate() {
            keys.insert(write.key.clone());
            match &write.kind {
                WriteKind::Rename { to, .. } => {
                    keys.insert(to.clone());
                }
                WriteKind::Destroy { .. } => {
                    let chain = self.graves.successors(&write.key);
                    keys.extend(chain.iter().cloned());
                    chains.insert(place, chain);
                }
                _ => {}
            }
        }
        Plan { writes, order, keys, chains }
    }

    pub(super) fn carry_out(&self, run: &mut D::Run<'_>, plan: &Plan<'_>, now: Time) -> Result<Outcome, D::Error> {
        let rows = self.rows_of(run, plan.keys.iter(), true)?;
        let verdicts = vec![Verdict::NotDone; plan.writes.len()];
        let mut batch = Batch { store: self, run, now, rows, notes: Vec::new(), waiting: Waiting::default(), verdicts, place: 0 };
        for place in &plan.order {
            let write = &plan.writes[*place];
            let chain = plan.chains.get(place).map_or(&[][..], Vec::as_slice);
            if batch.is_waiting(write) {
                batch.flush()?;
            }
            batch.place = *place;
            let verdict = batch.write_wholly(write, chain)?;
            batch.verdicts[*place] = verdict;
        }
        batch.flush()?;
        Ok(Outcome { verdicts: batch.verdicts, notes: batch.notes })
    }
}

/// One transaction.
pub(super) struct Batch<'b, 'c, D: Driver> {
    pub store: &'b ForeignStore<D>,
    pub run: &'b mut D::Run<'c>,
    now: Time,
    /// The rows as they are by now; of several for one key the newest comes first.
    pub rows: BTreeMap<Key, Vec<Found>>,
    pub notes: Vec<Note>,
    /// What is written together with others, at the end.
    pub waiting: Waiting,
    pub verdicts: Vec<Verdict>,
    /// Which write is being carried out.
    place: usize,
}

/// What a step of a write answers, and why it may stop.
pub(super) type Step<T, D> = Result<T, Stop<<D as Driver>::Error>>;

/// What a row's being refused means for its write.
pub(super) fn verdict_of<E>(stop: Stop<E>) -> Result<Verdict, E> {
    match stop {
        Stop::Row(why) => Ok(Verdict::Rejected(why)),
        Stop::Exists => Ok(Verdict::Exists),
        Stop::Batch(error) => Err(error),
    }
}

fn refused<E>(Unwritable(why): Unwritable) -> Stop<E> {
    Stop::Row(why)
}

impl<D: Driver> Batch<'_, '_, D> {
    /// Carries out a write wholly, or not at all.
    fn write_wholly(&mut self, write: &Write, chain: &[Key]) -> Result<Verdict, D::Error> {
        let has_steps = match &write.kind {
            WriteKind::Rename { .. } => true,
            WriteKind::Create { .. } => self.rows.contains_key(&write.key),
            _ => self.rows.get(&write.key).is_some_and(|rows| rows.len() > 1),
        };
        if has_steps {
            self.point("SAVEPOINT whole")?;
        }
        let (rows, notes) = (self.rows.get(&write.key).cloned(), self.notes.len());
        let verdict = match self.write(write, chain) {
            Ok(verdict) => verdict,
            Err(Stop::Batch(error)) => return Err(error),
            Err(stop) => {
                if has_steps {
                    self.point("ROLLBACK TO SAVEPOINT whole")?;
                }
                self.notes.truncate(notes);
                if let Some(rows) = rows {
                    self.rows.insert(write.key.clone(), rows);
                }
                if let WriteKind::Rename { to, .. } = &write.kind {
                    self.rows.remove(to);
                }
                verdict_of(stop)?
            }
        };
        if has_steps {
            self.point("RELEASE SAVEPOINT whole")?;
        }
        Ok(verdict)
    }

    fn point(&mut self, sql: &str) -> Result<(), D::Error> {
        match self.run.execute(sql, &[]) {
            Err(Stop::Batch(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a write is about a row that waits to be written.
    fn is_waiting(&self, write: &Write) -> bool {
        let to = if let WriteKind::Rename { to, .. } = &write.kind { Some(to) } else { None };
        self.waiting.has(&write.key) || to.is_some_and(|to| self.waiting.has(to))
    }

    fn write(&mut self, write: &Write, chain: &[Key]) -> Step<Verdict, D> {
        let key = &write.key;
        match &write.kind {
            WriteKind::Create { record } => self.create(key, record),
            WriteKind::Update { base, record, changed } => self.update(key, *base, record, changed),
            WriteKind::Touch { accessed } => self.touch(key, *accessed),
            WriteKind::Destroy { reason, until, .. } => self.destroy(key, chain, *reason, *until),
            WriteKind::Rename { base, to, record, until, .. } => self.rename(key, *base, to, record, *until),
            WriteKind::Expire { base, before, reason, until, .. } => self.expire(key, *base, *before, *reason, *until),
        }
    }

    pub(super) fn execute(&mut self, (sql, values): Statement) -> Step<u64, D> {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.run.execute(&sql, &values)
    }

    fn newest(&self, key: &Key) -> Option<&Found> {
        self.rows.get(key).and_then(|rows| rows.first())
    }

    fn create(&mut self, key: &Key, record: &Record) -> Step<Verdict, D> {
        if self.store.graves.forbids(key, record.created, self.now) {
            return Ok(Verdict::Gone);
        }
        if let Some(found) = self.newest(key) {
            if !self.store.table.is_over(found, self.now) {
                return Ok(Verdict::Exists);
            }
            // What lies there is over for the stock software too, which would begin anew under this id.
            self.remove(key)?;
        }
        let data = self.store.data.encode(Saving { key, record, now: self.now }).map_err(refused)?;
        self.insert(key, record, data, None, true)?;
        Ok(Verdict::DONE)
    }

    /// The row if it is in the state `base`; else the verdict.
    fn based(&self, key: &Key, base: Stamp) -> Result<Found, Verdict> {
        let found = self.newest(key).ok_or(Verdict::Gone)?;
        let is_base = self.store.stamps.is(key, Content::of(&found.data), base);
        if is_base { Ok(found.clone()) } else { Err(Verdict::Conflict) }
    }

    fn update(&mut self, key: &Key, base: Stamp, record: &Record, changed: &[Box<str>]) -> Step<Verdict, D> {
        let old = match self.based(key, base) {
            Ok(found) => found,
            Err(verdict) => return Ok(verdict),
        };
        let data = self.store.data.patch(&old.data, changed, Saving { key, record, now: self.now }).map_err(refused)?;
        if self.rows.get(key).is_some_and(|rows| rows.len() > 1) {
            // Duplicates, which the stock software made: they become the one row that they should have been.
            let accessed = self.store.table.accessed(&old, self.now).max(record.accessed);
            self.remove(key)?;
            self.insert(key, &Record { accessed, ..record.clone() }, data, Some(&old), false)?;
            return Ok(Verdict::DONE);
        }
        let text = self.checked(data)?;
        let written = Written { key, data: &text, accessed: record.accessed, deadline: record.deadline, created: "" };
        let Some(change) = self.store.table.change(&old, written) else { return Ok(Verdict::Gone) };
        self.store.stamps.attempt(key, Content::of(text.as_bytes()), record.stamp);
        self.set_row(key, record, text, Some(&old));
        if self.store.table.writes_many() && change.new_id.is_none() {
            self.waiting.change(Waiter { place: self.place, key: key.clone(), stamp: record.stamp, old: Some(old) }, change);
            return Ok(Verdict::DONE);
        }
        let statement = self.store.table.update(change);
        if self.execute(statement)? == 0 {
            self.rows.remove(key);
            return Ok(Verdict::Gone);
        }
        self.notes.push(Note::Written(key.clone(), record.stamp));
        Ok(Verdict::DONE)
    }

    fn touch(&mut self, key: &Key, accessed: Time) -> Step<Verdict, D> {
        let Some(found) = self.newest(key).cloned() else { return Ok(Verdict::Gone) };
        let deadline = self.store.deadline(&found);
        if let Some(statement) = self.store.table.touch(&found, accessed, deadline) {
            self.execute(statement)?;
            let used = self.store.table.used(accessed, deadline);
            if let Some(first) = self.rows.get_mut(key).and_then(|rows| rows.first_mut()) {
                first.used = first.used.max(used);
            }
        }
        Ok(Verdict::DONE)
    }

    fn destroy(&mut self, key: &Key, chain: &[Key], reason: Reason, until: Time) -> Step<Verdict, D> {
        let mut killed = vec![key.clone()];
        killed.extend(chain.iter().cloned());
        for (place, key) in killed.iter().enumerate() {
            self.remove(key)?;
            self.notes.push(Note::Ended(key.clone(), reason, killed.get(place + 1).cloned(), until));
        }
        Ok(Verdict::Done { killed })
    }

    fn rename(&mut self, key: &Key, base: Option<Stamp>, to: &Key, record: &Record, until: Time) -> Step<Verdict, D> {
        let old = match base {
            Some(base) => match self.based(key, base) {
                Ok(found) => Some(found),
                Err(verdict) => return Ok(verdict),
            },
            None if self.newest(key).is_some() => return Ok(Verdict::Conflict),
            None if self.store.graves.forbids(key, record.created, self.now) => return Ok(Verdict::Gone),
            None => None,
        };
        if key == to || self.newest(to).is_some() || self.store.graves.forbids(to, record.created, self.now) {
            return Ok(Verdict::Exists);
        }
        let saving = Saving { key: to, record, now: self.now };
        let (data, accessed) = match &old {
            Some(old) => {
                let changed = self.changed_since(old, saving).map_err(Stop::Row)?;
                let data = self.store.data.patch(&old.data, &changed, saving).map_err(refused)?;
                (data, self.store.table.accessed(old, self.now).max(record.accessed))
            }
            None => (self.store.data.encode(saving).map_err(refused)?, record.accessed),
        };
        // The insert is the one step that can be refused, so it comes first.
        self.insert(to, &Record { accessed, ..record.clone() }, data, old.as_ref(), false)?;
        self.remove(key)?;
        self.notes.push(Note::Ended(key.clone(), Reason::Rotated, Some(to.clone()), until));
        Ok(Verdict::DONE)
    }

    /// The names of the fields that are not as the row has them.
    fn changed_since(&self, old: &Found, saving: Saving<'_>) -> Result<Vec<Box<str>>, Arc<str>> {
        let block = &saving.record.block;
        let had = self.store.data.decode(&old.data).map_err(|why| why.0)?.block;
        let names: BTreeSet<&str> = had.iter().chain(block.iter()).map(|(name, _)| name).collect();
        let mut changed: Vec<Box<str>> =
            names.iter().filter(|name| had.get(name) != block.get(name)).map(|name| (*name).into()).collect();
        if changed.iter().any(|name| block.get(name).is_none()) {
            // What every row gets by itself was not removed by anybody: a session that was made here never had it.
            let new = self.store.data.encode(saving).map_err(|why| why.0)?;
            let own = self.store.data.decode(&new).map_err(|why| why.0)?.block;
            changed.retain(|name| block.get(name).is_some() || own.get(name).is_none());
        }
        Ok(changed)
    }

    fn expire(&mut self, key: &Key, base: Stamp, before: Time, reason: Reason, until: Time) -> Step<Verdict, D> {
        let found = match self.based(key, base) {
            Ok(found) => found,
            Err(verdict) => return Ok(verdict),
        };
        let accessed = self.store.table.accessed(&found, self.now);
        if expires(accessed, self.store.table.idle_ms, self.store.deadline(&found)) > before {
            return Ok(Verdict::Conflict);
        }
        self.remove(key)?;
        self.notes.push(Note::Ended(key.clone(), reason, None, until));
        Ok(Verdict::DONE)
    }

    fn remove(&mut self, key: &Key) -> Step<(), D> {
        let ids: BTreeSet<String> = self.rows.remove(key).unwrap_or_default().into_iter().map(|found| found.id).collect();
        for id in ids {
            let statement = self.store.table.delete(&id);
            self.execute(statement)?;
        }
        Ok(())
    }

    /// Adds a row; `old` is the one that it takes the place of. It may wait for others if nothing else depends on it.
    fn insert(&mut self, key: &Key, record: &Record, data: Vec<u8>, old: Option<&Found>, may_wait: bool) -> Step<(), D> {
        let text = self.checked(data)?;
        let created = old.and_then(|old| old.created_text.clone()).unwrap_or_else(|| created_text(record.created));
        let written = Written { key, data: &text, accessed: record.accessed, deadline: record.deadline, created: &created };
        let statement = self.store.table.insert(written);
        let statement = statement.ok_or_else(|| Stop::Row("the id can't be held by this table".into()))?;
        self.store.stamps.attempt(key, Content::of(text.as_bytes()), record.stamp);
        if may_wait && self.store.table.writes_many() {
            self.set_row(key, record, text, old);
            let waiter = Waiter { place: self.place, key: key.clone(), stamp: record.stamp, old: old.cloned() };
            self.waiting.insert(waiter, statement);
            return Ok(());
        }
        self.execute(statement)?;
        self.set_row(key, record, text, old);
        self.notes.push(Note::Written(key.clone(), record.stamp));
        Ok(())
    }

    /// A row as it is now, for writes of the same batch that come after.
    fn set_row(&mut self, key: &Key, record: &Record, text: String, old: Option<&Found>) {
        let used = self.store.table.used(record.accessed, record.deadline).max(self.newest(key).and_then(|found| found.used));
        let id = self.store.table.ids(key).map_or_else(String::new, |mut ids| ids.swap_remove(0));
        let created = old.and_then(|old| old.created).unwrap_or(record.created);
        let created_text = old.and_then(|old| old.created_text.clone());
        let found = Found { id, data: text.into_bytes(), used, created: Some(created), created_text, is_odd: false };
        self.rows.insert(key.clone(), vec![found]);
    }

    /// Data that the column takes whole.
    fn checked(&self, data: Vec<u8>) -> Step<String, D> {
        let size = data.len();
        if let Some(capacity) = self.store.table.capacity.filter(|capacity| size > *capacity) {
            let what = format!(
                "the session takes {size} bytes and the table's data column {capacity}: make it longtext (holdall doctor), or \
                 store less"
            );
            return Err(Stop::Row(what.into()));
        }
        String::from_utf8(data).map_err(|_| Stop::Row("the session's data is no text".into()))
    }
}
