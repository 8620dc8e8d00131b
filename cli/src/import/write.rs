//! Where sessions go: holdall's own table, through its store. Every batch is read back and compared.

use super::source::Session;
use crate::clock::{now_ms, pause};
use crate::layout::Layout;
use crate::problem::{Problem, Result};
use crate::stores;
use crate::target::Target;
use holdall_engine::{Block, FaultKind, Loaded, Record, Rules, Stamp, Time, Verdict, Wanted, Write, WriteKind, Writer};
use holdall_layout::native::NativeRules;
use holdall_store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often a batch is tried again.
const PATIENCE: u32 = 5;

/// What became of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was not there, and is now.
    Written,
    /// It was there with the same content.
    Same,
    /// It was there with other content.
    Different,
    /// It was there with other content, and has that of the source now.
    Updated,
    /// It was there, and has ended.
    Ended,
    /// It can't be written, or is not the same when it is read back.
    Failed,
}

/// The target.
pub struct Sink {
    target: Target,
    /// One store per application.
    stores: BTreeMap<String, Arc<dyn Store>>,
    update: bool,
    nonce: u64,
    writes: u64,
}

impl Sink {
    /// Makes sure that the table is there.
    pub fn open(target: &Target, update: bool) -> Result<Self> {
        debug_assert_eq!(target.layout, Layout::Native);
        stores::check_table(target)?;
        let nonce = getrandom::u64().map_err(|error| Problem::failed(format!("the system gives no random numbers: {error}")))?;
        Ok(Self { target: target.clone(), stores: BTreeMap::new(), update, nonce, writes: 0 })
    }

    /// Writes sessions, one outcome for each, in no order.
    pub fn write(&mut self, sessions: Vec<Session>) -> Result<Vec<Outcome>> {
        let mut by_application: BTreeMap<String, Vec<Session>> = BTreeMap::new();
        for session in sessions {
            by_application.entry(session.application.clone()).or_default().push(session);
        }
        let mut outcomes = Vec::new();
        for (application, mut sessions) in by_application {
            for session in &mut sessions {
                self.stamp(&mut session.record);
            }
            outcomes.extend(self.write_of(&application, &sessions)?);
        }
        Ok(outcomes)
    }

    /// Sessions of a table without stamps get fresh ones.
    fn stamp(&mut self, record: &mut Record) {
        self.writes += 1;
        if record.stamp.revision == 0 {
            // As a bag begins: at a number below half of the limit that nobody can guess.
            let revision = (self.nonce ^ self.writes.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % (Stamp::REVISION_LIMIT / 2);
            record.stamp = Stamp { revision: revision.max(1), writer: Writer { nonce: self.nonce, number: self.writes } };
        }
    }

    fn store(&mut self, application: &str) -> Result<Arc<dyn Store>> {
        if let Some(store) = self.stores.get(application) {
            return Ok(store.clone());
        }
        let store = stores::native(&self.target, application)?;
        self.stores.insert(application.to_owned(), store.clone());
        Ok(store)
    }

    fn write_of(&mut self, application: &str, sessions: &[Session]) -> Result<Vec<Outcome>> {
        let store = self.store(application)?;
        let rules = NativeRules { application: application.to_owned() };
        let create =
            |session: &Session| Write { key: session.key.clone(), kind: WriteKind::Create { record: session.record.clone() } };
        let writes: Vec<Write> = sessions.iter().map(create).collect();
        let verdicts = commit(store.as_ref(), &writes)?;
        let mut outcomes: Vec<Outcome> = verdicts
            .iter()
            .map(|verdict| match verdict {
                Verdict::Done { .. } => Outcome::Written,
                Verdict::Exists => Outcome::Different,
                Verdict::Gone => Outcome::Ended,
                _ => Outcome::Failed,
            })
            .collect();
        let rows = load(store.as_ref(), sessions)?;
        self.update(store.as_ref(), sessions, &rows, &mut outcomes, &rules)?;
        Ok(outcomes)
    }

    /// Compares what is in the table with what should be, and mends what differs if that is wanted.
    fn update(
        &mut self,
        store: &dyn Store,
        sessions: &[Session],
        rows: &[Loaded],
        outcomes: &mut [Outcome],
        rules: &NativeRules,
    ) -> Result<()> {
        let mut places = Vec::new();
        let mut writes = Vec::new();
        for (place, (session, row)) in sessions.iter().zip(rows).enumerate() {
            let same = matches!(row, Loaded::Row(found) if same(&found.block, &session.record.block, rules));
            match (outcomes[place], row) {
                (Outcome::Written, _) if !same => outcomes[place] = Outcome::Failed,
                (Outcome::Different, _) if same => outcomes[place] = Outcome::Same,
                (Outcome::Different, Loaded::Row(found)) if self.update => {
                    places.push(place);
                    writes.push(self.update_of(session, found));
                }
                _ => {}
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        let verdicts = commit(store, &writes)?;
        let written: Vec<Session> = places.iter().map(|place| sessions[*place].clone()).collect();
        let rows = load(store, &written)?;
        for ((place, verdict), row) in places.into_iter().zip(verdicts).zip(rows) {
            let same = matches!(&row, Loaded::Row(found) if same(&found.block, &sessions[place].record.block, rules));
            outcomes[place] = match verdict {
                Verdict::Done { .. } if same => Outcome::Updated,
                Verdict::Conflict => Outcome::Different,
                Verdict::Gone => Outcome::Ended,
                _ => Outcome::Failed,
            };
        }
        Ok(())
    }

    fn update_of(&mut self, session: &Session, found: &Record) -> Write {
        self.writes += 1;
        let stamp = found.stamp.next(Writer { nonce: self.nonce, number: self.writes });
        let mut changed: Vec<Box<str>> =
            session.record.block.iter().chain(found.block.iter()).map(|(name, _)| name.into()).collect();
        changed.sort();
        changed.dedup();
        let record = Record { stamp, ..session.record.clone() };
        Write { key: session.key.clone(), kind: WriteKind::Update { base: found.stamp, record, changed: changed.into() } }
    }
}

/// Commits, and again what was surely or perhaps not applied: a write may be repeated without harm.
fn commit(store: &dyn Store, writes: &[Write]) -> Result<Vec<Verdict>> {
    let mut tries = 0;
    loop {
        let again = match store.commit(writes, Time(now_ms())) {
            Ok(verdicts) if !verdicts.iter().any(|verdict| matches!(verdict, Verdict::NotDone | Verdict::Unknown)) => {
                return Ok(verdicts);
            }
            Ok(verdicts) if tries >= PATIENCE => return Ok(verdicts),
            Ok(_) => None,
            Err(fault) => Some(fault),
        };
        if let Some(fault) = again.filter(|fault| tries >= PATIENCE || !may_pass(fault.kind)) {
            return Err(fault.into());
        }
        tries += 1;
        pause(Duration::from_millis(200) * tries);
    }
}

fn may_pass(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Transient | FaultKind::Unreachable)
}

fn load(store: &dyn Store, sessions: &[Session]) -> Result<Vec<Loaded>> {
    let wanted: Vec<Wanted> = sessions.iter().map(|session| Wanted { key: session.key.clone(), known: None }).collect();
    Ok(store.load(&wanted, Time(now_ms()))?.rows)
}

/// Whether two blocks have the same fields with the same content.
fn same(a: &Block, b: &Block, rules: &NativeRules) -> bool {
    a.len() == b.len() && a.iter().zip(b.iter()).all(|((a, x), (b, y))| a == b && rules.same(x, y))
}
