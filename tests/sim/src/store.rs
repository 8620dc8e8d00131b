//! The model store: one table that does exactly what the verbs promise, each op at one moment.
//!
//! It is linearizable: an op sees all that was applied before. What goes wrong with a store (failures, delays, lost
//! or late effects, going back) is laid around it by the driver, see `faults`.

use holdall_engine::{Key, Listed, Loaded, Reason, Record, Stamp, Swept, Time, Verdict, Wanted, Write, WriteKind, expires};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One row.
#[derive(Clone, PartialEq, Debug)]
pub enum Row {
    /// A session.
    Live(Record),
    /// An ended one.
    Ended {
        /// Why; `Rotated` for an alias too.
        reason: Reason,
        /// Until when it reads its successor's content; `ZERO` for a dead row.
        alias_until: Time,
        /// Where the session went on.
        successor: Option<Key>,
        /// When the row may be swept.
        until: Time,
    },
}

/// A row that changed, with what was there before.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Which row.
    pub key: Key,
    /// The row before.
    pub before: Option<Row>,
    /// The row after.
    pub after: Option<Row>,
}

/// The rules of a store that can be taken out of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreBug {
    /// A sweep deletes the keys it found earlier, without looking again.
    SweepWithoutRecheck,
    /// A destroy where there is no row leaves nothing.
    DestroyPlantsNothing,
    /// A rename moves its row and leaves nothing under the old key.
    RenameMovesRow,
    /// A destroy of a rotated row stops there.
    DestroyIgnoresSuccessor,
    /// An update does not compare the stamp.
    UpdateIgnoresBase,
    /// A touch sets the last use back.
    TouchGoesBack,
    /// Dead rows are swept at once.
    DeadRowsSweptEarly,
    /// An alias reads on after its grace.
    AliasForEver,
}

impl StoreBug {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::SweepWithoutRecheck,
        Self::DestroyPlantsNothing,
        Self::RenameMovesRow,
        Self::DestroyIgnoresSuccessor,
        Self::UpdateIgnoresBase,
        Self::TouchGoesBack,
        Self::DeadRowsSweptEarly,
        Self::AliasForEver,
    ];
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// The rows by key.
    pub rows: BTreeMap<Key, Row>,
    /// The rule that is out.
    pub bug: Option<StoreBug>,
    /// For the planted sweep: what an earlier look found.
    found_expired: BTreeSet<Key>,
}

impl Store {
    /// A table with these rows.
    pub fn of(rows: BTreeMap<Key, Row>) -> Self {
        Self { rows, ..Self::default() }
    }

    fn has(&self, bug: StoreBug) -> bool {
        self.bug == Some(bug)
    }

    /// Answers one wanted session.
    pub fn load(&self, wanted: &Wanted, now: Time) -> Loaded {
        let mut key = &wanted.key;
        for hop in 0..16 {
            match self.rows.get(key) {
                Some(Row::Live(record)) if hop > 0 => return Loaded::Alias(record.clone()),
                Some(Row::Live(record)) if wanted.known == Some(record.stamp) => {
                    return Loaded::Same { accessed: record.accessed };
                }
                Some(Row::Live(record)) => return Loaded::Row(record.clone()),
                Some(Row::Ended { alias_until, successor: Some(successor), .. })
                    if now < *alias_until || (self.has(StoreBug::AliasForEver) && *alias_until > Time::ZERO) =>
                {
                    key = successor;
                }
                Some(Row::Ended { reason, successor, .. }) => {
                    return Loaded::Dead { reason: *reason, successor: successor.clone() };
                }
                None if hop > 0 => return Loaded::Dead { reason: Reason::Rotated, successor: Some(key.clone()) },
                None => return Loaded::Absent,
            }
        }
        Loaded::Dead { reason: Reason::Rotated, successor: None }
    }

    /// Carries out one write.
    pub fn apply(&mut self, write: &Write, effects: &mut Vec<Effect>) -> Verdict {
        let key = &write.key;
        match &write.kind {
            WriteKind::Create { record } => match self.rows.get(key) {
                Some(Row::Live(_)) => Verdict::Exists,
                Some(Row::Ended { .. }) => Verdict::Gone,
                None => self.put(key, Some(Row::Live(record.clone())), effects),
            },
            WriteKind::Update { base, record, .. } => {
                let old = match self.based(key, *base) {
                    Ok(old) => old,
                    Err(Verdict::Conflict) if self.has(StoreBug::UpdateIgnoresBase) => record.clone(),
                    Err(verdict) => return verdict,
                };
                let accessed = record.accessed.max(old.accessed);
                self.put(key, Some(Row::Live(Record { accessed, ..record.clone() })), effects)
            }
            WriteKind::Touch { accessed } => {
                let Some(Row::Live(record)) = self.rows.get(key) else { return Verdict::Gone };
                if *accessed > record.accessed || self.has(StoreBug::TouchGoesBack) {
                    let record = Record { accessed: *accessed, ..record.clone() };
                    return self.put(key, Some(Row::Live(record)), effects);
                }
                Verdict::DONE
            }
            WriteKind::Destroy { reason, until, .. } => self.destroy(key, *reason, *until, effects),
            WriteKind::Rename { base, to, record, alias_until, until } => {
                self.rename(key, *base, to, record, (*alias_until, *until), effects)
            }
            WriteKind::Expire { base, before, reason, until, .. } => {
                let old = match self.based(key, *base) {
                    Ok(old) => old,
                    Err(verdict) => return verdict,
                };
                if old.expires() > *before {
                    return Verdict::Conflict;
                }
                self.put(key, Some(dead(*reason, None, *until)), effects)
            }
        }
    }

    fn put(&mut self, key: &Key, after: Option<Row>, effects: &mut Vec<Effect>) -> Verdict {
        let before = match &after {
            Some(row) => self.rows.insert(key.clone(), row.clone()),
            None => self.rows.remove(key),
        };
        effects.push(Effect { key: key.clone(), before, after });
        Verdict::DONE
    }

    fn based(&self, key: &Key, base: Stamp) -> Result<Record, Verdict> {
        match self.rows.get(key) {
            Some(Row::Live(record)) if record.stamp == base => Ok(record.clone()),
            Some(Row::Live(_)) => Err(Verdict::Conflict),
            _ => Err(Verdict::Gone),
        }
    }

    fn destroy(&mut self, key: &Key, reason: Reason, until: Time, effects: &mut Vec<Effect>) -> Verdict {
        let mut killed: Vec<Key> = Vec::new();
        let mut next = Some(key.clone());
        while let Some(key) = next.take().filter(|key| !killed.contains(key)) {
            let row = match self.rows.get(&key) {
                None if killed.is_empty() && self.has(StoreBug::DestroyPlantsNothing) => None,
                None if killed.is_empty() => Some(dead(reason, None, until)),
                None => break,
                Some(Row::Live(_)) => Some(dead(reason, None, until)),
                Some(Row::Ended { reason: earlier, successor, until: keep, .. }) => {
                    let reason = if *earlier == Reason::Rotated { reason } else { *earlier };
                    next = successor.clone().filter(|_| !self.has(StoreBug::DestroyIgnoresSuccessor));
                    Some(dead(reason, successor.clone(), until.max(*keep)))
                }
            };
            if row.is_some() {
                self.put(&key, row, effects);
            }
            killed.push(key);
        }
        Verdict::Done { killed }
    }

    fn rename(
        &mut self,
        key: &Key,
        base: Option<Stamp>,
        to: &Key,
        record: &Record,
        (alias_until, until): (Time, Time),
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        match (base, self.rows.get(key)) {
            (Some(base), _) => {
                if let Err(verdict) = self.based(key, base) {
                    return verdict;
                }
            }
            (None, Some(Row::Live(_))) => return Verdict::Conflict,
            (None, Some(Row::Ended { .. })) => return Verdict::Gone,
            (None, None) => {}
        }
        if self.rows.contains_key(to) {
            return Verdict::Exists;
        }
        let used = match self.rows.get(key) {
            Some(Row::Live(old)) => old.accessed,
            _ => Time::ZERO,
        };
        let moved = Record { accessed: record.accessed.max(used), ..record.clone() };
        self.put(to, Some(Row::Live(moved)), effects);
        let old = Row::Ended { reason: Reason::Rotated, alias_until, successor: Some(to.clone()), until };
        self.put(key, Some(old).filter(|_| !self.has(StoreBug::RenameMovesRow)), effects)
    }

    /// The keys of live rows that have expired by `before`.
    pub fn due(&self, before: Time, limit: u32) -> Vec<Key> {
        let over = self.rows.iter().filter(|(_, row)| matches!(row, Row::Live(record) if record.expires() <= before));
        over.take(limit as usize).map(|(key, _)| key.clone()).collect()
    }

    /// Removes what has expired by `before`, and dead rows whose time is over at `now`.
    pub fn sweep(&mut self, before: Time, now: Time, limit: u32, effects: &mut Vec<Effect>) -> Swept {
        let mut swept = Swept::default();
        let keys: Vec<Key> = self.rows.keys().cloned().collect();
        for key in keys {
            let (live, over) = match &self.rows[&key] {
                Row::Live(record) => (true, record.expires() <= before || self.found_expired.contains(&key)),
                Row::Ended { until, .. } => (false, *until <= now || self.has(StoreBug::DeadRowsSweptEarly)),
            };
            if !over {
                continue;
            }
            if swept.expired + swept.dead >= limit {
                swept.more = true;
                break;
            }
            self.put(&key, None, effects);
            if live {
                swept.expired += 1;
                swept.keys.push(key);
            } else {
                swept.dead += 1;
            }
        }
        if self.has(StoreBug::SweepWithoutRecheck) {
            self.found_expired = self.look_for_expired(now);
        }
        swept
    }

    /// Which rows look expired by their last use alone.
    fn look_for_expired(&self, now: Time) -> BTreeSet<Key> {
        let over =
            |row: &Row| matches!(row, Row::Live(record) if expires(record.accessed, record.idle_ms, record.deadline) <= now);
        self.rows.iter().filter(|(_, row)| over(row)).map(|(key, _)| key.clone()).collect()
    }

    /// A principal's live sessions.
    pub fn list(&self, principal: &str) -> Vec<Listed> {
        let rows = self.rows.iter().filter_map(|(key, row)| match row {
            Row::Live(record) if record.principal.as_deref() == Some(principal) => Some((key, record)),
            _ => None,
        });
        rows.map(|(key, record)| Listed {
            key: key.clone(),
            created: record.created,
            accessed: record.accessed,
            expires: record.expires(),
            meta: record.meta.as_ref().map(Arc::clone),
        })
        .collect()
    }
}

fn dead(reason: Reason, successor: Option<Key>, until: Time) -> Row {
    Row::Ended { reason, alias_until: Time::ZERO, successor, until }
}
