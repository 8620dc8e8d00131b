//! What each kind of write does to rows: decided once, for every store that can read a row before it changes it.

use holdall_engine::{Key, Reason, Record, Stamp, Time, Verdict, Write, WriteKind, Writer, expires};
use std::collections::BTreeSet;

/// What decides about a write to a row.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub state: State,
    pub successor: Option<Key>,
    pub stamp: Stamp,
    pub accessed: Time,
    pub idle_ms: u64,
    pub deadline: Time,
    /// The sweeper's date: coarse in a live row, the end of its keeping in a dead row or an alias.
    pub expires: Time,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Live,
    Dead(Reason),
    Alias,
}

/// A row's end.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub kind: EndKind,
    pub successor: Option<Key>,
    pub writer: Writer,
    /// When the row may be swept.
    pub until: Time,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum EndKind {
    Dead(Reason),
    /// Reads the successor's content until then.
    Alias(Time),
}

/// The rows of a store within one transaction.
pub(crate) trait Rows {
    /// Why a row couldn't be read or changed.
    type Error;

    /// Reads what decides, or that there is no row.
    fn head(&mut self, key: &Key) -> Result<Option<Head>, Self::Error>;
    /// Adds a live row where there is none.
    fn insert(&mut self, key: &Key, record: &Record) -> Result<(), Self::Error>;
    /// Replaces a live row, with `accessed` instead of the record's.
    fn replace(&mut self, key: &Key, head: &Head, record: &Record, accessed: Time) -> Result<(), Self::Error>;
    /// Moves `accessed` of a live row forward.
    fn touch(&mut self, key: &Key, head: &Head, accessed: Time) -> Result<(), Self::Error>;
    /// Ends a row that is there; its content goes, its revision stays.
    fn end(&mut self, key: &Key, ending: &Ending) -> Result<(), Self::Error>;
    /// Adds an ended row where there is none.
    fn plant(&mut self, key: &Key, ending: &Ending) -> Result<(), Self::Error>;
}

/// Carries out one write.
pub(crate) fn apply<R: Rows>(rows: &mut R, write: &Write) -> Result<Verdict, R::Error> {
    let key = &write.key;
    match &write.kind {
        WriteKind::Create { record } => create(rows, key, record),
        WriteKind::Update { base, record, .. } => update(rows, key, *base, record),
        WriteKind::Touch { accessed } => touch(rows, key, *accessed),
        WriteKind::Destroy { reason, writer, until } => destroy(rows, key, *reason, *writer, *until),
        WriteKind::Rename { base, to, record, alias_until, until } => {
            let kind = if *alias_until == Time::ZERO { EndKind::Dead(Reason::Rotated) } else { EndKind::Alias(*alias_until) };
            let ending = Ending { kind, successor: Some(to.clone()), writer: record.stamp.writer, until: *until };
            rename(rows, key, *base, to, record, &ending)
        }
        WriteKind::Expire { base, before, reason, writer, until } => {
            let ending = Ending { kind: EndKind::Dead(*reason), successor: None, writer: *writer, until: *until };
            expire(rows, key, *base, *before, &ending)
        }
    }
}

fn create<R: Rows>(rows: &mut R, key: &Key, record: &Record) -> Result<Verdict, R::Error> {
    match rows.head(key)? {
        None => rows.insert(key, record).map(|()| Verdict::DONE),
        Some(head) if head.state == State::Live => Ok(Verdict::Exists),
        Some(_) => Ok(Verdict::Gone),
    }
}

/// The row if it is live and carries `base`; else the verdict.
fn based(head: Option<Head>, base: Stamp) -> Result<Head, Verdict> {
    match head {
        Some(head) if head.state == State::Live && head.stamp == base => Ok(head),
        Some(head) if head.state == State::Live => Err(Verdict::Conflict),
        _ => Err(Verdict::Gone),
    }
}

fn update<R: Rows>(rows: &mut R, key: &Key, base: Stamp, record: &Record) -> Result<Verdict, R::Error> {
    let head = match based(rows.head(key)?, base) {
        Ok(head) => head,
        Err(verdict) => return Ok(verdict),
    };
    let accessed = record.accessed.max(head.accessed);
    rows.replace(key, &head, record, accessed).map(|()| Verdict::DONE)
}

fn touch<R: Rows>(rows: &mut R, key: &Key, accessed: Time) -> Result<Verdict, R::Error> {
    let Some(head) = rows.head(key)?.filter(|head| head.state == State::Live) else { return Ok(Verdict::Gone) };
    if accessed > head.accessed {
        rows.touch(key, &head, accessed)?;
    }
    Ok(Verdict::DONE)
}

/// Kills the row and everything it was rotated to. Links stay, so that repeating it names the same keys.
fn destroy<R: Rows>(rows: &mut R, key: &Key, reason: Reason, writer: Writer, until: Time) -> Result<Verdict, R::Error> {
    let mut killed = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = Some(key.clone());
    while let Some(key) = next.take().filter(|key| seen.insert(key.clone())) {
        let mut ending = Ending { kind: EndKind::Dead(reason), successor: None, writer, until };
        match rows.head(&key)? {
            Some(head) => {
                if let State::Dead(earlier) = head.state {
                    ending.until = until.max(head.expires);
                    if earlier != Reason::Rotated {
                        ending.kind = EndKind::Dead(earlier);
                    }
                }
                ending.successor.clone_from(&head.successor);
                rows.end(&key, &ending)?;
                next = head.successor;
            }
            None if killed.is_empty() => rows.plant(&key, &ending)?,
            // A successor that was swept already.
            None => break,
        }
        killed.push(key);
    }
    Ok(Verdict::Done { killed })
}

fn rename<R: Rows>(
    rows: &mut R,
    key: &Key,
    base: Option<Stamp>,
    to: &Key,
    record: &Record,
    ending: &Ending,
) -> Result<Verdict, R::Error> {
    let old = rows.head(key)?;
    match (base, &old) {
        (Some(base), _) => {
            if let Err(verdict) = based(old.clone(), base) {
                return Ok(verdict);
            }
        }
        (None, Some(head)) if head.state == State::Live => return Ok(Verdict::Conflict),
        (None, Some(_)) => return Ok(Verdict::Gone),
        (None, None) => {}
    }
    if key == to || rows.head(to)?.is_some() {
        return Ok(Verdict::Exists);
    }
    // A use of the old row by another server goes along.
    let accessed = old.as_ref().map_or(record.accessed, |head| head.accessed.max(record.accessed));
    rows.insert(to, &Record { accessed, ..record.clone() })?;
    match old {
        Some(_) => rows.end(key, ending)?,
        None => rows.plant(key, ending)?,
    }
    Ok(Verdict::DONE)
}

fn expire<R: Rows>(rows: &mut R, key: &Key, base: Stamp, before: Time, ending: &Ending) -> Result<Verdict, R::Error> {
    match based(rows.head(key)?, base) {
        Err(verdict) => Ok(verdict),
        Ok(head) if expires(head.accessed, head.idle_ms, head.deadline) > before => Ok(Verdict::Conflict),
        Ok(_) => rows.end(key, ending).map(|()| Verdict::DONE),
    }
}
