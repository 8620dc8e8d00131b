//! A store that does exactly what the verbs say, and never fails.

use holdall_engine::{Key, Listed, Loaded, OpKind, Reason, Record, Reply, Stamp, Swept, Time, Verdict, Wanted, Write, WriteKind};
use std::collections::BTreeMap;

/// What lies under a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Live(Record),
    Dead { reason: Reason, successor: Option<Key>, until: Time },
    Alias { successor: Key, alias_until: Time, until: Time },
}

/// All rows.
#[derive(Clone, Default)]
pub struct Store {
    pub rows: BTreeMap<Key, Row>,
}

impl Store {
    pub fn live(&self, key: &Key) -> Option<&Record> {
        match self.rows.get(key) {
            Some(Row::Live(record)) => Some(record),
            _ => None,
        }
    }

    pub fn is_dead(&self, key: &Key) -> bool {
        matches!(self.rows.get(key), Some(Row::Dead { .. }))
    }

    pub fn put(&mut self, key: &Key, record: Record) {
        self.rows.insert(key.clone(), Row::Live(record));
    }

    pub fn carry_out(&mut self, op: &OpKind, now: Time) -> Reply {
        match op {
            OpKind::Load(wanted) => Reply::Loaded { rows: wanted.iter().map(|wanted| self.load(wanted, now)).collect(), now },
            OpKind::Commit(writes) => Reply::Committed(writes.iter().map(|write| self.commit(write)).collect()),
            OpKind::Due { before, limit } => Reply::Due(self.due(*before, *limit)),
            OpKind::Sweep { before, limit } => Reply::Swept(self.sweep(*before, *limit, now)),
            OpKind::List { principal } => Reply::Listed(self.list(principal)),
        }
    }

    pub fn load(&self, wanted: &Wanted, now: Time) -> Loaded {
        match self.rows.get(&wanted.key) {
            None => Loaded::Absent,
            Some(Row::Live(record)) if wanted.known == Some(record.stamp) => Loaded::Same { accessed: record.accessed },
            Some(Row::Live(record)) => Loaded::Row(record.clone()),
            Some(Row::Dead { reason, successor, .. }) => Loaded::Dead { reason: *reason, successor: successor.clone() },
            Some(Row::Alias { successor, alias_until, .. }) => match self.live(successor).filter(|_| now < *alias_until) {
                Some(record) => Loaded::Alias(record.clone()),
                None => Loaded::Dead { reason: Reason::Rotated, successor: Some(successor.clone()) },
            },
        }
    }

    pub fn commit(&mut self, write: &Write) -> Verdict {
        let key = &write.key;
        match &write.kind {
            WriteKind::Create { record } => match self.rows.get(key) {
                None => self.done(key, Row::Live(record.clone())),
                Some(Row::Live(_)) => Verdict::Exists,
                Some(_) => Verdict::Gone,
            },
            WriteKind::Update { base, record, .. } => match self.at_base(key, *base) {
                Ok(row) => {
                    let accessed = row.accessed.max(record.accessed);
                    self.done(key, Row::Live(Record { accessed, ..record.clone() }))
                }
                Err(verdict) => verdict,
            },
            WriteKind::Touch { accessed } => match self.rows.get_mut(key) {
                Some(Row::Live(record)) => {
                    record.accessed = record.accessed.max(*accessed);
                    Verdict::DONE
                }
                _ => Verdict::Gone,
            },
            WriteKind::Destroy { reason, until, .. } => self.destroy(key, *reason, *until),
            WriteKind::Rename { base, to, record, alias_until, until } => {
                self.rename(key, *base, to, record, *alias_until, *until)
            }
            WriteKind::Expire { base, before, reason, until, .. } => match self.at_base(key, *base) {
                Ok(row) if row.expires() > *before => Verdict::Conflict,
                Ok(_) => self.done(key, Row::Dead { reason: *reason, successor: None, until: *until }),
                Err(verdict) => verdict,
            },
        }
    }

    fn done(&mut self, key: &Key, row: Row) -> Verdict {
        self.rows.insert(key.clone(), row);
        Verdict::DONE
    }

    fn at_base(&self, key: &Key, base: Stamp) -> Result<Record, Verdict> {
        match self.rows.get(key) {
            Some(Row::Live(record)) if record.stamp == base => Ok(record.clone()),
            Some(Row::Live(_)) => Err(Verdict::Conflict),
            _ => Err(Verdict::Gone),
        }
    }

    fn destroy(&mut self, key: &Key, reason: Reason, until: Time) -> Verdict {
        let (mut killed, mut next) = (Vec::new(), Some(key.clone()));
        while let Some(key) = next.filter(|key| !killed.contains(key)) {
            let successor = match self.rows.get(&key) {
                Some(Row::Alias { successor, .. }) => Some(successor.clone()),
                Some(Row::Dead { successor, .. }) => successor.clone(),
                _ => None,
            };
            self.rows.insert(key.clone(), Row::Dead { reason, successor: successor.clone(), until });
            killed.push(key);
            next = successor;
        }
        Verdict::Done { killed }
    }

    fn rename(&mut self, old: &Key, base: Option<Stamp>, to: &Key, record: &Record, alias_until: Time, until: Time) -> Verdict {
        if self.rows.contains_key(to) {
            return Verdict::Exists;
        }
        let allowed = match base {
            Some(base) => self.at_base(old, base).map(|_| ()),
            None if self.live(old).is_some() => Err(Verdict::Conflict),
            None if self.rows.contains_key(old) => Err(Verdict::Gone),
            None => Ok(()),
        };
        if let Err(verdict) = allowed {
            return verdict;
        }
        let left = if alias_until == Time::ZERO {
            Row::Dead { reason: Reason::Rotated, successor: Some(to.clone()), until }
        } else {
            Row::Alias { successor: to.clone(), alias_until, until }
        };
        self.rows.insert(old.clone(), left);
        self.done(to, Row::Live(record.clone()))
    }

    fn due(&self, before: Time, limit: u32) -> Vec<Key> {
        let over = self.rows.iter().filter(|(_, row)| matches!(row, Row::Live(record) if record.expires() <= before));
        over.take(limit as usize).map(|(key, _)| key.clone()).collect()
    }

    fn sweep(&mut self, before: Time, limit: u32, now: Time) -> Swept {
        let over = |row: &Row| match row {
            Row::Live(record) => record.expires() <= before,
            Row::Dead { until, .. } | Row::Alias { until, .. } => *until <= now,
        };
        let keys: Vec<Key> =
            self.rows.iter().filter(|(_, row)| over(row)).map(|(key, _)| key.clone()).take(limit as usize).collect();
        let mut swept = Swept { more: keys.len() == limit as usize, ..Swept::default() };
        for key in keys {
            if let Some(Row::Live(_)) = self.rows.remove(&key) {
                swept.expired += 1;
                swept.keys.push(key);
            } else {
                swept.dead += 1;
            }
        }
        swept
    }

    fn list(&self, principal: &str) -> Vec<Listed> {
        let theirs = self.rows.iter().filter_map(|(key, row)| match row {
            Row::Live(record) if record.principal.as_deref() == Some(principal) => Some((key, record)),
            _ => None,
        });
        theirs
            .map(|(key, record)| Listed {
                key: key.clone(),
                created: record.created,
                accessed: record.accessed,
                expires: record.expires(),
                meta: record.meta.clone(),
            })
            .collect()
    }
}
