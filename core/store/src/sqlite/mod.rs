//! The SQLite store: the native table in a file of its own.
//!
//! One connection writes, several read. The write-ahead log lets them work side by side, and lets other processes use
//! the file too. Commits are durable when they return (`synchronous = FULL`, which in batches costs nothing that could
//! be measured).
//!
//! **One file, one copy of SQLite.** A process must not open the file through another copy of the SQLite library as
//! well, nor keep it open across a fork: both lose rows silently. Where the system shows it, opening refuses such a
//! file. Opening it several times through this library is fine, and other processes are.
//!
//! **Checkpoints** copy the log into the file. They are made by the commit that fills the log up to
//! [`SqliteOptions::checkpoint_pages`], and at close, which also cuts the log to nothing.
//!
//! **The file doesn't shrink.** Swept rows leave free pages that new rows use; `VACUUM` gives them back to the system.

mod batch;
pub(crate) mod fault;
pub(crate) mod open;
pub(crate) mod readers;
pub(crate) mod registry;
mod rows;
mod schema;
mod snapshot;
mod sweep;

pub(crate) use batch::transaction;

use crate::store::{Checked, LoadReply, Store};
use fault::{fault, is_busy, is_distrust};
use holdall_engine::{Fault, FaultKind, Key, Listed, Swept, Time, Verdict, Wanted, Write};
use readers::Readers;
use registry::Registered;
use rusqlite::Connection;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a [`SqliteStore`] works. Start from [`SqliteOptions::new`] and change what must differ.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The application's name, as in [`holdall_layout::native::NativeRules`]: new rows carry it, lists and sweeps keep
    /// to it.
    pub application: String,
    /// How long to wait for another process that is writing, in milliseconds; 5,000. After that a commit is
    /// [`Verdict::NotDone`].
    pub busy_timeout_ms: u32,
    /// Connections that read, at most; 4. They are opened when needed.
    pub readers: usize,
    /// The log is copied into the file when it has this many pages (of 4 KiB); 8,000, which is 32 MiB. More makes
    /// batches faster and the pause at each checkpoint longer.
    pub checkpoint_pages: u32,
    /// The file may have this many pages at most; none for no limit. A commit beyond it is [`FaultKind::Full`].
    pub page_limit: Option<u32>,
    /// The longest `data` of a session, in bytes; 64 MiB. A longer one is [`Verdict::Rejected`].
    pub data_limit: usize,
}

impl SqliteOptions {
    /// The usual options for an application.
    pub fn new(application: &str) -> Self {
        Self {
            application: application.to_owned(),
            busy_timeout_ms: 5000,
            readers: 4,
            checkpoint_pages: 8000,
            page_limit: None,
            data_limit: 64 << 20,
        }
    }
}

/// Keeps sessions in a SQLite file. Free for all threads; not to be used after a fork (see [`SqliteStore::is_forked`]).
pub struct SqliteStore {
    path: PathBuf,
    options: SqliteOptions,
    desk: Mutex<Desk>,
    readers: Readers,
    registered: Registered,
    /// The process that opened the file.
    process: u32,
}

/// What one thread at a time works at.
#[derive(Default)]
struct Desk {
    /// None after an error that makes the connection doubtful: the next call opens another.
    connection: Option<Connection>,
    walk: Option<sweep::Walk>,
    closed: bool,
}

impl SqliteStore {
    /// Opens the file at `path`, making it (readable by this user only) and its table if it isn't there.
    ///
    /// # Errors
    /// Refused with [`FaultKind::Config`], and left untouched: a file that isn't a SQLite database, belongs to another
    /// program, has another version or shape of the table, is a symbolic link, can't be written, lies on a file system
    /// that has no shared memory, or is open in this process through something else. Other kinds of fault mean what
    /// they say.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, Fault> {
        let path = open::absolute(path)?;
        open::make_file(&path)?;
        let (registered, connection) = registry::enter(&path, || open::writer(&path, &options))?;
        Ok(Self {
            desk: Mutex::new(Desk { connection: Some(connection), ..Desk::default() }),
            readers: Readers::new(options.readers),
            registered,
            process: std::process::id(),
            path,
            options,
        })
    }

    /// Whether this process is a fork of the one that opened the store. All verbs then answer [`FaultKind::Config`]:
    /// close before a fork, open after it.
    pub fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    fn config(&self, what: &str) -> Fault {
        Fault::new(FaultKind::Config, format!("the SQLite file {} {what}", self.path.display()))
    }

    fn check_process(&self) -> Result<(), Fault> {
        if self.is_forked() {
            return Err(self.config("was opened before a fork: open it again in this process"));
        }
        Ok(())
    }

    /// Runs `work` at the desk, with a connection.
    fn write<T>(&self, work: impl FnOnce(&Connection, &mut Option<sweep::Walk>) -> Result<T, Failure>) -> Result<T, Failed> {
        self.check_process()?;
        let mut desk = self.desk();
        if desk.closed {
            return Err(self.config("is closed: open it again").into());
        }
        if desk.connection.is_none() {
            desk.connection = Some(self.registered.further(|| open::writer(&self.path, &self.options))?);
        }
        let Desk { connection: place, walk, .. } = &mut *desk;
        let Some(connection) = place.as_ref() else { return Err(self.config("has no connection").into()) };
        let failure = match work(connection, walk) {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        if is_distrust(&failure.error) || !connection.is_autocommit() {
            *place = None;
            drop(self.readers.renew());
        }
        Err(Failed { not_done: failure.undone && is_busy(&failure.error), fault: fault(&self.path, "writing", &failure.error) })
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Fault> {
        self.check_process()?;
        let lent = self.readers.lend(|| self.registered.further(|| open::reader(&self.path, &self.options)))?;
        let Some(lent) = lent else { return Err(self.config("is closed: open it again")) };
        let done = lent.run(work);
        done.map_err(|error| {
            if is_distrust(&error) {
                lent.discard();
            }
            fault(&self.path, "reading", &error)
        })
    }

    /// A panic at the desk may have left a transaction open: that connection goes, which rolls it back.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(|poisoned| {
            self.desk.clear_poison();
            let mut desk = poisoned.into_inner();
            desk.connection = None;
            desk
        })
    }
}

/// An error of a transaction, and whether it surely left nothing behind.
pub(crate) struct Failure {
    pub error: rusqlite::Error,
    pub undone: bool,
}

/// A [`Failure`] in the words of a store.
struct Failed {
    fault: Fault,
    not_done: bool,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, not_done: false }
    }
}

impl Store for SqliteStore {
    fn load(&self, wanted: &[Wanted], now: Time) -> Result<LoadReply, Fault> {
        let rows = self.read(|connection| snapshot::load(connection, wanted, now))?;
        Ok(LoadReply { rows, now })
    }

    fn commit(&self, writes: &[Write], now: Time) -> Result<Vec<Verdict>, Fault> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        match self.write(|connection, _| batch::run(connection, &self.options, writes, now)) {
            Ok(verdicts) => Ok(verdicts),
            Err(failed) if failed.not_done => Ok(vec![Verdict::NotDone; writes.len()]),
            Err(failed) => Err(failed.fault),
        }
    }

    fn sweep(&self, before: Time, now: Time, limit: u32) -> Result<Swept, Fault> {
        let sweep = sweep::Sweep { application: &self.options.application, before, now, limit };
        if !self.read(|connection| sweep.is_anything_due(connection))? {
            return Ok(Swept::default());
        }
        self.write(|connection, walk| sweep.run(connection, walk)).map_err(|failed| failed.fault)
    }

    fn due(&self, before: Time, limit: u32) -> Result<Vec<Key>, Fault> {
        self.read(|connection| snapshot::due(connection, &self.options.application, before, limit))
    }

    fn list(&self, principal: &str) -> Result<Vec<Listed>, Fault> {
        self.read(|connection| snapshot::list(connection, &self.options.application, principal))
    }

    fn check(&self) -> Result<Checked, Fault> {
        self.read(snapshot::check)
    }

    fn close(&self) -> Result<(), Fault> {
        self.check_process()?;
        let mut desk = self.desk();
        desk.closed = true;
        drop(self.readers.close());
        let Some(connection) = desk.connection.take() else { return Ok(()) };
        let cut = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        let closed = connection.close().map_err(|(_, error)| error);
        cut.and(closed).map_err(|error| fault(&self.path, "closing", &error))
    }
}

/// In a forked child the connections are leaked: closing them would take the log and the locks from the parent.
impl Drop for SqliteStore {
    fn drop(&mut self) {
        if !self.is_forked() {
            return;
        }
        let desk = self.desk.get_mut().unwrap_or_else(PoisonError::into_inner);
        std::mem::forget(desk.connection.take());
        std::mem::forget(self.readers.take_all());
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).field("options", &self.options).finish_non_exhaustive()
    }
}
