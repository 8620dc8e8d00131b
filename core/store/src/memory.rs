//! A store in this process: for tests, for sessions that need not survive it, and as the plainest reading of the verbs.

use crate::apply::{EndKind, Ending, Head, Rows, State, apply};
use crate::resolve::{Row, resolve};
use crate::store::{LoadReply, Store};
use core::convert::Infallible;
use core::fmt;
use holdall_engine::{Fault, FaultKind, Key, Listed, Loaded, Record, Stamp, Swept, Time, Verdict, Wanted, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps sessions in memory, with every behaviour of a table: dead rows, aliases, principals, sweeping.
///
/// Free for all threads. It counts no bytes: what is put in stays until it is destroyed or swept. After
/// [`Store::close`] the sessions are gone.
#[derive(Default)]
pub struct MemoryStore {
    table: Mutex<Table>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows, dead ones included.
    pub fn len(&self) -> usize {
        self.locked(|table| table.rows.len())
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nothing in here panics between two changes that belong together, so a poisoned lock is taken over.
    fn locked<T>(&self, work: impl FnOnce(&mut Table) -> T) -> T {
        work(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn open<T>(&self, work: impl FnOnce(&mut Table) -> T) -> Result<T, Fault> {
        self.locked(|table| {
            if table.closed {
                return Err(Fault::new(FaultKind::Config, "the memory store is closed: open a new one"));
            }
            Ok(work(table))
        })
    }
}

/// Shows the number of rows only.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} rows)", self.len())
    }
}

impl Store for MemoryStore {
    fn load(&self, wanted: &[Wanted], now: Time) -> Result<LoadReply, Fault> {
        self.open(|table| LoadReply { rows: wanted.iter().map(|wanted| table.load(wanted, now)).collect(), now })
    }

    fn commit(&self, writes: &[Write], _now: Time) -> Result<Vec<Verdict>, Fault> {
        self.open(|table| {
            let mut order: Vec<usize> = (0..writes.len()).collect();
            order.sort_by_key(|place| &writes[*place].key);
            let mut verdicts = vec![Verdict::NotDone; writes.len()];
            for place in order {
                let Ok(verdict) = apply(table, &writes[place]);
                verdicts[place] = verdict;
            }
            verdicts
        })
    }

    fn sweep(&self, before: Time, now: Time, limit: u32) -> Result<Swept, Fault> {
        self.open(|table| table.sweep(before, now, limit))
    }

    fn due(&self, before: Time, limit: u32) -> Result<Vec<Key>, Fault> {
        self.open(|table| {
            let live = table.due.iter().take_while(|(is_ended, at, _)| !is_ended && *at <= before);
            live.take(limit as usize).map(|(_, _, key)| key.clone()).collect()
        })
    }

    fn list(&self, principal: &str) -> Result<Vec<Listed>, Fault> {
        self.open(|table| table.list(principal))
    }

    fn close(&self) -> Result<(), Fault> {
        self.locked(|table| *table = Table { closed: true, ..Table::default() });
        Ok(())
    }
}

enum Entry {
    Live(Record),
    Ended(Ending, Stamp),
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<Key, Entry>,
    /// Whether ended, when to sweep, and the key.
    due: BTreeSet<(bool, Time, Key)>,
    principals: BTreeMap<Arc<str>, BTreeSet<Key>>,
    closed: bool,
}

impl Table {
    fn put(&mut self, key: &Key, entry: Entry) {
        self.take(key);
        self.due.insert(due(key, &entry));
        if let Entry::Live(Record { principal: Some(principal), .. }) = &entry {
            self.principals.entry(principal.clone()).or_default().insert(key.clone());
        }
        self.rows.insert(key.clone(), entry);
    }

    fn take(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.rows.remove(key)?;
        self.due.remove(&due(key, &entry));
        if let Entry::Live(Record { principal: Some(principal), .. }) = &entry
            && let Some(keys) = self.principals.get_mut(principal)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.principals.remove(principal);
            }
        }
        Some(entry)
    }

    fn row(&self, key: &Key) -> Option<Row> {
        Some(match self.rows.get(key)? {
            Entry::Live(record) => Row::Live(record.clone()),
            Entry::Ended(Ending { kind: EndKind::Dead(reason), successor, .. }, _) => {
                Row::Dead { reason: *reason, successor: successor.clone() }
            }
            Entry::Ended(Ending { kind: EndKind::Alias(until), successor, .. }, _) => {
                Row::Alias { until: *until, successor: successor.clone() }
            }
        })
    }

    fn load(&self, wanted: &Wanted, now: Time) -> Loaded {
        if let Some(Entry::Live(record)) = self.rows.get(&wanted.key)
            && wanted.known == Some(record.stamp)
        {
            return Loaded::Same { accessed: record.accessed };
        }
        let Ok(loaded) = resolve(self.row(&wanted.key), now, |key| Ok::<_, Infallible>(self.row(key)));
        loaded
    }

    fn sweep(&mut self, before: Time, now: Time, limit: u32) -> Swept {
        let mut swept = Swept::default();
        for (ended, until) in [(false, before), (true, now)] {
            while let Some(place) = self.due.range((ended, Time::ZERO, Key::new(&[]))..).next() {
                let (is_ended, at, key) = place.clone();
                if is_ended != ended || at > until {
                    break;
                }
                if swept.expired + swept.dead >= limit {
                    swept.more = true;
                    return swept;
                }
                self.take(&key);
                if ended {
                    swept.dead += 1;
                } else {
                    swept.expired += 1;
                    swept.keys.push(key);
                }
            }
        }
        swept
    }

    fn list(&self, principal: &str) -> Vec<Listed> {
        let keys = self.principals.get(principal).into_iter().flatten();
        keys.filter_map(|key| match self.rows.get(key)? {
            Entry::Live(record) => Some(Listed {
                key: key.clone(),
                created: record.created,
                accessed: record.accessed,
                expires: record.expires(),
                meta: record.meta.clone(),
            }),
            Entry::Ended(..) => None,
        })
        .collect()
    }
}

fn due(key: &Key, entry: &Entry) -> (bool, Time, Key) {
    match entry {
        Entry::Live(record) => (false, record.expires(), key.clone()),
        Entry::Ended(ending, _) => (true, ending.until, key.clone()),
    }
}

impl Rows for Table {
    type Error = Infallible;

    fn head(&mut self, key: &Key) -> Result<Option<Head>, Infallible> {
        Ok(self.rows.get(key).map(|entry| match entry {
            Entry::Live(record) => Head {
                state: State::Live,
                successor: None,
                stamp: record.stamp,
                accessed: record.accessed,
                idle_ms: record.idle_ms,
                deadline: record.deadline,
                expires: record.expires(),
            },
            Entry::Ended(ending, stamp) => Head {
                state: match ending.kind {
                    EndKind::Dead(reason) => State::Dead(reason),
                    EndKind::Alias(_) => State::Alias,
                },
                successor: ending.successor.clone(),
                stamp: *stamp,
                accessed: Time::ZERO,
                idle_ms: 0,
                deadline: Time::NEVER,
                expires: ending.until,
            },
        }))
    }

    fn insert(&mut self, key: &Key, record: &Record) -> Result<(), Infallible> {
        self.put(key, Entry::Live(record.clone()));
        Ok(())
    }

    fn replace(&mut self, key: &Key, _head: &Head, record: &Record, accessed: Time) -> Result<(), Infallible> {
        self.put(key, Entry::Live(Record { accessed, ..record.clone() }));
        Ok(())
    }

    fn touch(&mut self, key: &Key, _head: &Head, accessed: Time) -> Result<(), Infallible> {
        if let Some(Entry::Live(record)) = self.take(key) {
            self.put(key, Entry::Live(Record { accessed, ..record }));
        }
        Ok(())
    }

    fn end(&mut self, key: &Key, ending: &Ending) -> Result<(), Infallible> {
        let revision = match self.rows.get(key) {
            Some(Entry::Live(record)) => record.stamp.revision,
            Some(Entry::Ended(_, stamp)) => stamp.revision,
            None => 0,
        };
        self.put(key, Entry::Ended(ending.clone(), Stamp { revision, writer: ending.writer }));
        Ok(())
    }

    fn plant(&mut self, key: &Key, ending: &Ending) -> Result<(), Infallible> {
        self.put(key, Entry::Ended(ending.clone(), Stamp { revision: 0, writer: ending.writer }));
        Ok(())
    }
}
