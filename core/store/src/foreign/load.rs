//! Reading sessions.

use super::ForeignStore;
use super::run::{Driver, Run};
use super::stamps::{Content, Seen};
use super::table::Found;
use holdall_engine::{Fault, FaultKind, Key, Loaded, Record, Stamp, Time, Wanted};
use std::collections::BTreeMap;

/// Ids that one statement asks for, at most.
const IDS: usize = 1024;
/// How often a row is read again that was written by this bag while it was read.
const TRIES: usize = 8;

impl<D: Driver> ForeignStore<D> {
    pub(super) fn load_rows(&self, wanted: &[Wanted], now: Time) -> Result<Vec<Loaded>, Fault> {
        let mut answers: Vec<Option<Loaded>> = vec![None; wanted.len()];
        for _ in 0..TRIES {
            let open: Vec<usize> = (0..wanted.len()).filter(|place| answers[*place].is_none()).collect();
            if open.is_empty() {
                break;
            }
            let before: Vec<_> = open.iter().map(|place| self.stamps.before(&wanted[*place].key)).collect();
            let rows = self
                .driver
                .read("reading sessions", |run| self.rows_of(run, open.iter().map(|place| &wanted[*place].key), false))?;
            for (place, before) in open.into_iter().zip(before) {
                let Wanted { key, known } = &wanted[place];
                let Some(found) = rows.get(key).and_then(|rows| rows.first()) else {
                    answers[place] = Some(Loaded::Absent);
                    continue;
                };
                if let Seen::Stamp(stamp) = self.stamps.seen(key, Content::of(&found.data), before, *known, now) {
                    answers[place] = Some(self.loaded(found, stamp, *known, now));
                }
            }
        }
        let all: Option<Vec<Loaded>> = answers.into_iter().collect();
        all.ok_or_else(|| Fault::new(FaultKind::Transient, "a session's row changed again and again while it was read"))
    }

    fn loaded(&self, found: &Found, stamp: Stamp, known: Option<Stamp>, now: Time) -> Loaded {
        if found.is_odd {
            return Loaded::Corrupt("the row's expires is not a time in milliseconds (holdall doctor lists such rows)".into());
        }
        let accessed = self.table.accessed(found, now);
        if known == Some(stamp) {
            return Loaded::Same { accessed };
        }
        let decoded = match self.data.decode(&found.data) {
            Ok(decoded) => decoded,
            Err(why) => return Loaded::Corrupt(why.0),
        };
        let created = found.created.or(decoded.created).unwrap_or(accessed);
        Loaded::Row(Record {
            stamp,
            created,
            accessed,
            idle_ms: self.table.idle_ms,
            deadline: self.deadline_from(found.created.or(decoded.created)),
            principal: None,
            meta: None,
            block: decoded.block,
        })
    }

    /// The rows of sessions: for each that has any the right one first, that is the one under the right id, and of those
    /// the newest.
    pub(super) fn rows_of<'k>(
        &self,
        run: &mut D::Run<'_>,
        keys: impl Iterator<Item = &'k Key>,
        for_update: bool,
    ) -> Result<BTreeMap<Key, Vec<Found>>, D::Error> {
        // In the order of the ids in the table, so that batches of several servers don't lock each other out.
        let mut owners: BTreeMap<String, Vec<(usize, &Key)>> = BTreeMap::new();
        for key in keys {
            for (rank, id) in self.table.ids(key).into_iter().flatten().enumerate() {
                owners.entry(id).or_default().push((rank, key));
            }
        }
        let ids: Vec<&str> = owners.keys().map(String::as_str).collect();
        let mut ranked: BTreeMap<Key, Vec<(usize, Found)>> = BTreeMap::new();
        for part in ids.chunks(IDS) {
            let (sql, values) = self.table.select(part, for_update);
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            for row in run.query(&sql, &values)? {
                let Some(found) = self.table.found(row) else { continue };
                // A collation may have taken another id for this one.
                for (rank, key) in owners.get(&found.id).into_iter().flatten() {
                    ranked.entry((*key).clone()).or_default().push((*rank, found.clone()));
                }
            }
        }
        let sorted = ranked.into_iter().map(|(key, mut rows)| {
            rows.sort_by_key(|(rank, found)| (*rank, core::cmp::Reverse(found.used)));
            (key, rows.into_iter().map(|(_, found)| found).collect())
        });
        Ok(sorted.collect())
    }
}
