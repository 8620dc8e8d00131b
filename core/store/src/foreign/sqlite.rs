//! SQLite files: those that Rails uses, and others with such a table in them.
//!
//! The file is somebody else's: its journal mode and everything else that it keeps for itself stay as they are.

use super::run::{Cell, Dialect, Driver, Failed, Run, Stop};
use crate::sqlite::fault::{Trouble, fault, is_busy, is_distrust};
use crate::sqlite::open::{absolute, opening};
use crate::sqlite::readers::Readers;
use crate::sqlite::registry::{Registered, enter};
use crate::sqlite::transaction;
use holdall_engine::{Fault, FaultKind};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, OpenFlags, params_from_iter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Connections that read, at most.
const READERS: usize = 4;
/// Statements kept prepared per connection; lists of ids make some in each of their sizes.
const STATEMENT_CACHE: usize = 64;

/// The connections to one file.
pub(super) struct Sqlite {
    path: PathBuf,
    busy_timeout_ms: u32,
    desk: Mutex<Desk>,
    readers: Readers,
    registered: Registered,
    process: u32,
}

#[derive(Default)]
struct Desk {
    /// None after an error that makes it doubtful.
    connection: Option<Connection>,
    closed: bool,
}

impl Sqlite {
    /// Opens a file that must be there.
    pub fn open(path: &Path, busy_timeout_ms: u32) -> Result<Self, Fault> {
        let path = absolute(path)?;
        let (registered, connection) = enter(&path, || connect(&path, busy_timeout_ms))?;
        let desk = Mutex::new(Desk { connection: Some(connection), closed: false });
        Ok(Self { path, busy_timeout_ms, desk, readers: Readers::new(READERS), registered, process: std::process::id() })
    }

    fn config(&self, what: &str) -> Fault {
        Fault::new(FaultKind::Config, format!("the SQLite file {} {what}", self.path.display()))
    }

    fn check_process(&self) -> Result<(), Fault> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(self.config("was opened before a fork: open it again in this process"))
    }

    fn further(&self) -> Result<Connection, Fault> {
        self.registered.further(|| connect(&self.path, self.busy_timeout_ms))
    }

    /// A panic may have left a transaction open: that connection goes, which rolls it back.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(|poisoned| {
            self.desk.clear_poison();
            let mut desk = poisoned.into_inner();
            desk.connection = None;
            desk
        })
    }
}

impl Driver for Sqlite {
    type Error = Error;
    type Run<'c> = Lent<'c>;

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn read<T>(&self, doing: &str, mut work: impl FnMut(&mut Lent<'_>) -> Result<T, Error>) -> Result<T, Fault> {
        self.check_process()?;
        let Some(lent) = self.readers.lend(|| self.further())? else { return Err(self.config("is closed: open it again")) };
        let done = lent.run(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let done = work(&mut Lent { connection })?;
            snapshot.commit()?;
            Ok(done)
        });
        done.map_err(|error| {
            if is_distrust(&error) {
                lent.discard();
            }
            fault(&self.path, doing, &error)
        })
    }

    fn write<T>(&self, doing: &str, mut work: impl FnMut(&mut Lent<'_>) -> Result<T, Error>) -> Result<T, Failed> {
        let refused = |fault| Failed { fault, not_applied: true };
        self.check_process().map_err(refused)?;
        let mut desk = self.desk();
        if desk.closed {
            return Err(refused(self.config("is closed: open it again")));
        }
        let connection = match desk.connection.take() {
            Some(connection) => connection,
            None => self.further().map_err(refused)?,
        };
        let done = transaction(&connection, |connection| work(&mut Lent { connection }));
        let is_doubtful = done.as_ref().is_err_and(|failure| is_distrust(&failure.error)) || !connection.is_autocommit();
        if !is_doubtful {
            desk.connection = Some(connection);
        }
        done.map_err(|failure| Failed {
            fault: fault(&self.path, doing, &failure.error),
            not_applied: failure.undone && is_busy(&failure.error),
        })
    }

    fn close(&self) -> Result<(), Fault> {
        self.check_process()?;
        let mut desk = self.desk();
        desk.closed = true;
        drop(self.readers.close());
        let Some(connection) = desk.connection.take() else { return Ok(()) };
        connection.close().map_err(|(_, error)| fault(&self.path, "closing", &error))
    }
}

/// In a forked child the connections are leaked: closing them would take the locks from the parent.
impl Drop for Sqlite {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            let desk = self.desk.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::forget(desk.connection.take());
            std::mem::forget(self.readers.take_all());
        }
    }
}

fn connect(path: &Path, busy_timeout_ms: u32) -> Result<Connection, Fault> {
    // The file isn't made: a table of the stock software's is in one that is there.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let failed = |error: &Error| opening(path, error);
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(&error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.busy_timeout(Duration::from_millis(u64::from(busy_timeout_ms))).map_err(|error| failed(&error))?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL").map_err(|error| failed(&error))?;
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(|error| failed(&error))? {
        let message = format!("the SQLite file {} can't be written by this user: change its owner or its rights", path.display());
        return Err(Fault::new(FaultKind::Config, message));
    }
    // The first read opens the log, if the file has one; its descriptors must be counted as ours.
    let count: Result<i64, Error> = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
    count.map_err(|error| failed(&error))?;
    Ok(connection)
}

/// A connection for one call.
pub(super) struct Lent<'c> {
    connection: &'c Connection,
}

impl Run for Lent<'_> {
    type Error = Error;

    fn query(&mut self, sql: &str, values: &[&str]) -> Result<Vec<Vec<Cell>>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push((0..columns).map(|place| row.get_ref(place).map(cell)).collect::<Result<_, Error>>()?);
        }
        Ok(all)
    }

    fn execute(&mut self, sql: &str, values: &[&str]) -> Result<u64, Stop<Error>> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params_from_iter(values)));
        done.map(|count| count as u64).map_err(|error| {
            if let Error::SqliteFailure(failure, _) = &error
                && matches!(
                    failure.extended_code,
                    rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                )
            {
                return Stop::Exists;
            }
            match Trouble::from(error) {
                Trouble::Row(why) => Stop::Row(why),
                Trouble::Batch(error) => Stop::Batch(error),
            }
        })
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
        ValueRef::Real(number) => Some(number.to_string().into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
    }
}
