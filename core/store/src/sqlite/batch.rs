//! A commit: many writes in one transaction, with a verdict for each.

use super::fault::Trouble;
use super::rows::{self, integer, time};
use super::{Failure, SqliteOptions};
use crate::apply::{EndKind, Ending, Head, Rows, apply};
use holdall_engine::{Key, Record, Stamp, Time, Verdict, Write, WriteKind, expires};
use holdall_layout::native::{FORMAT, STATE_ALIAS, STATE_DEAD, coarse, encode};
use holdall_layout::native_sqlite as sql;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

/// Carries out `writes` in one transaction.
pub(super) fn run(
    connection: &Connection,
    options: &SqliteOptions,
    writes: &[Write],
    now: Time,
) -> Result<Vec<Verdict>, Failure> {
    transaction(connection, |connection| {
        let mut order: Vec<usize> = (0..writes.len()).collect();
        order.sort_by_key(|place| &writes[*place].key);
        let mut batch = Batch { connection, options, now, update: None };
        let mut verdicts = vec![Verdict::NotDone; writes.len()];
        for place in order {
            verdicts[place] = match batch.write(&writes[place]) {
                Ok(verdict) => verdict,
                Err(Trouble::Row(why)) => Verdict::Rejected(why),
                Err(Trouble::Batch(error)) => return Err(error),
            };
        }
        Ok(verdicts)
    })
}

/// Runs `work` in a write transaction and commits it. The lock is taken at the start: a transaction that began by
/// reading could find later that it may not write any more.
pub(crate) fn transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, Failure> {
    execute(connection, "BEGIN IMMEDIATE").map_err(|error| Failure { error, undone: true })?;
    let done = match work(connection) {
        Ok(done) => done,
        Err(error) => {
            roll_back(connection);
            return Err(Failure { error, undone: true });
        }
    };
    match execute(connection, "COMMIT") {
        Ok(_) => Ok(done),
        // A commit that was refused leaves the transaction open. Closed, it may have been written, or not.
        Err(error) => Err(Failure { error, undone: !connection.is_autocommit() && roll_back(connection) }),
    }
}

/// Some errors have rolled back already. Answers whether no transaction is left.
fn roll_back(connection: &Connection) -> bool {
    connection.is_autocommit() || execute(connection, "ROLLBACK").is_ok()
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute([])
}

struct Batch<'c> {
    connection: &'c Connection,
    options: &'c SqliteOptions,
    now: Time,
    /// The statement that most batches consist of.
    update: Option<CachedStatement<'c>>,
}

impl Batch<'_> {
    fn write(&mut self, write: &Write) -> Result<Verdict, Trouble> {
        match &write.kind {
            WriteKind::Create { record } if self.try_insert(&write.key, record)? => Ok(Verdict::DONE),
            WriteKind::Update { base, record, .. } if self.try_update(&write.key, *base, record)? => Ok(Verdict::DONE),
            WriteKind::Destroy { .. } | WriteKind::Rename { .. } => self.whole(write),
            _ => apply(self, write),
        }
    }

    /// Carries out a write of several rows wholly or not at all.
    fn whole(&mut self, write: &Write) -> Result<Verdict, Trouble> {
        execute(self.connection, "SAVEPOINT whole")?;
        let done = apply(self, write);
        if matches!(done, Err(Trouble::Row(_))) {
            execute(self.connection, "ROLLBACK TO whole")?;
        }
        if !matches!(done, Err(Trouble::Batch(_))) {
            execute(self.connection, "RELEASE whole")?;
        }
        done
    }

    /// Inserts, unless a row is in the way.
    fn try_insert(&mut self, key: &Key, record: &Record) -> Result<bool, Trouble> {
        let data = self.encoded(record)?;
        let changed = self.connection.prepare_cached(sql::INSERT)?.execute(params![
            key.as_bytes(),
            self.options.application,
            FORMAT,
            integer(record.stamp.revision),
            record.stamp.writer.to_bytes(),
            time(record.created),
            time(record.accessed),
            integer(record.idle_ms),
            time(record.deadline),
            time(coarse(record.expires(), record.idle_ms)),
            record.principal.as_deref(),
            record.meta.as_deref(),
            data,
        ])?;
        Ok(changed > 0)
    }

    /// Updates, if the row carries `base` and no indexed column has to change: the usual case, in one statement.
    fn try_update(&mut self, key: &Key, base: Stamp, record: &Record) -> Result<bool, Trouble> {
        let data = self.encoded(record)?;
        let statement = match &mut self.update {
            Some(statement) => statement,
            none => none.insert(self.connection.prepare_cached(sql::UPDATE_DATA)?),
        };
        Ok(execute_update(statement, key, base, record, record.accessed, &data)? > 0)
    }

    fn encoded(&self, record: &Record) -> Result<Vec<u8>, Trouble> {
        let data = encode(&record.block);
        let limit = self.options.data_limit;
        if data.len() > limit {
            return Err(Trouble::Row(format!("the session takes {} bytes, more than the limit of {limit}", data.len()).into()));
        }
        Ok(data)
    }
}

fn execute_update(
    statement: &mut CachedStatement<'_>,
    key: &Key,
    base: Stamp,
    record: &Record,
    accessed: Time,
    data: &[u8],
) -> rusqlite::Result<usize> {
    let expires = expires(accessed, record.idle_ms, record.deadline);
    statement.execute(params![
        key.as_bytes(),
        integer(base.revision),
        base.writer.to_bytes(),
        FORMAT,
        integer(record.stamp.revision),
        record.stamp.writer.to_bytes(),
        time(record.created),
        time(accessed),
        integer(record.idle_ms),
        time(record.deadline),
        time(coarse(expires, record.idle_ms)),
        record.principal.as_deref(),
        record.meta.as_deref(),
        data,
    ])
}

impl Rows for Batch<'_> {
    type Error = Trouble;

    fn head(&mut self, key: &Key) -> Result<Option<Head>, Trouble> {
        let mut statement = self.connection.prepare_cached(sql::HEAD)?;
        let head = statement.query_row([key.as_bytes()], |row| Ok(rows::head(row))).optional()?;
        // A row that can't be read is left as it is.
        head.transpose().map_err(Trouble::Row)
    }

    fn insert(&mut self, key: &Key, record: &Record) -> Result<(), Trouble> {
        self.try_insert(key, record).map(|_| ())
    }

    fn replace(&mut self, key: &Key, head: &Head, record: &Record, accessed: Time) -> Result<(), Trouble> {
        let data = self.encoded(record)?;
        let mut statement = self.connection.prepare_cached(sql::UPDATE)?;
        execute_update(&mut statement, key, head.stamp, record, accessed, &data)?;
        Ok(())
    }

    fn touch(&mut self, key: &Key, head: &Head, accessed: Time) -> Result<(), Trouble> {
        let expires = coarse(expires(accessed, head.idle_ms, head.deadline), head.idle_ms);
        if expires == head.expires {
            self.connection.prepare_cached(sql::TOUCH)?.execute(params![key.as_bytes(), time(accessed)])?;
        } else {
            let mut statement = self.connection.prepare_cached(sql::TOUCH_MOVE)?;
            statement.execute(params![key.as_bytes(), time(accessed), time(expires)])?;
        }
        Ok(())
    }

    fn end(&mut self, key: &Key, ending: &Ending) -> Result<(), Trouble> {
        let (state, reason, deadline) = columns(ending);
        self.connection.prepare_cached(sql::END)?.execute(params![
            key.as_bytes(),
            state,
            reason,
            ending.successor.as_ref().map(Key::as_bytes),
            ending.writer.to_bytes(),
            time(deadline),
            time(ending.until),
        ])?;
        Ok(())
    }

    fn plant(&mut self, key: &Key, ending: &Ending) -> Result<(), Trouble> {
        let (state, reason, deadline) = columns(ending);
        self.connection.prepare_cached(sql::PLANT)?.execute(params![
            key.as_bytes(),
            self.options.application,
            state,
            reason,
            ending.successor.as_ref().map(Key::as_bytes),
            FORMAT,
            ending.writer.to_bytes(),
            time(self.now),
            time(deadline),
            time(ending.until),
        ])?;
        Ok(())
    }
}

/// State, reason and deadline of an ended row.
fn columns(ending: &Ending) -> (u8, u8, Time) {
    match ending.kind {
        EndKind::Dead(reason) => (STATE_DEAD, reason as u8, Time::NEVER),
        EndKind::Alias(until) => (STATE_ALIAS, holdall_engine::Reason::Rotated as u8, until),
    }
}
