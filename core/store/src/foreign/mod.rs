//! The store over tables that other software reads and writes too: Lucee's `cf_session_data`, Rails' `sessions`.
//!
//! Such a table has no stamps, no dead rows, no principals and no texts for lists. What that means:
//!
//! * **Stamps** are made from the data: see `stamps`. A database that went back (a fail-over to a copy that is behind)
//!   can't be told from one that someone else wrote to.
//! * **A save** locks the rows, compares the data, has the layout change the fields that this request changed, and writes
//!   the row. The stock software takes no lock: between its own read and its own write it overwrites what came between.
//! * **Destroyed** sessions are deleted. That they stay dead against a late create is remembered by this bag alone, for
//!   as long as a dead row would stay.
//! * **Lists, aliases, principals and notes** are not to be had.

mod check;
mod commit;
mod graves;
mod load;
mod many;
#[cfg(feature = "mysql")]
mod mysql;
mod run;
mod shape;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stamps;
mod sweep;
mod table;

use crate::store::{Checked, LoadReply, Store};
use commit::{Note, Outcome};
use graves::Graves;
use holdall_engine::{Fault, FaultKind, Key, Swept, Time, Verdict, Wanted, Write, WriteKind};
use holdall_layout::foreign::ForeignData;
use holdall_layout::lease_mysql::sweep_lease;
use run::Driver;
use stamps::Stamps;
use std::fmt;
use std::sync::Arc;
use table::{Found, Table};

/// Whose table it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ForeignTable {
    /// Lucee's, `cf_session_data` or `cf_client_data`: the rows of one application.
    Lucee {
        /// The application's name, in its own case.
        application: String,
    },
    /// Rails' (activerecord-session_store), usually `sessions`.
    Rails {
        /// The column that holds the session, usually `data`.
        data_column: String,
        /// As the application's setting of this name: whether rows are looked up by their private id alone. If not, a
        /// row of the time before there were private ones is found, and re-keyed by its next save.
        secure_session_only: bool,
        /// Sessions that were not used for so many milliseconds are swept; none: never.
        trim_age_ms: Option<u64>,
    },
}

/// How a foreign table is used.
#[derive(Clone)]
pub struct ForeignOptions {
    /// Whose it is.
    pub table: ForeignTable,
    /// Its name: letters, digits, `_` and `$`.
    pub name: String,
    /// Reads and writes the data.
    pub data: Arc<dyn ForeignData>,
    /// How long an unused session lives, in milliseconds; 0 for ever. Lucee: the application's session time-out.
    pub idle_ms: u64,
    /// How long a session lives in any case, in milliseconds; 0 for ever.
    pub absolute_ms: u64,
    /// How much longer a session may live because uses of it may be on their way, in milliseconds; the engine's slack.
    pub slack_ms: u64,
    /// A mere use of a session moves a row's time at most so often, in milliseconds. Only for Rails.
    pub touch_every_ms: u64,
    /// Whether a table is taken that doesn't keep a session from having two rows.
    pub allow_duplicates: bool,
}

impl ForeignOptions {
    /// The usual options.
    pub fn new(table: ForeignTable, name: &str, data: Arc<dyn ForeignData>) -> Self {
        Self {
            table,
            name: name.to_owned(),
            data,
            idle_ms: 0,
            absolute_ms: 0,
            slack_ms: 0,
            touch_every_ms: 86_400_000,
            allow_duplicates: false,
        }
    }
}

impl fmt::Debug for ForeignOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignOptions").field("table", &self.table).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Opens a foreign table in a SQLite file that is there.
///
/// # Errors
/// [`FaultKind::Config`] for a file or table that isn't there, can't be written, or has another shape.
#[cfg(feature = "sqlite")]
pub fn open_sqlite(path: &std::path::Path, busy_timeout_ms: u32, options: &ForeignOptions) -> Result<Arc<dyn Store>, Fault> {
    let driver = sqlite::Sqlite::open(path, busy_timeout_ms)?;
    Ok(Arc::new(ForeignStore::open(driver, options)?))
}

/// Opens a foreign table in a MySQL or MariaDB database.
///
/// # Errors
/// [`FaultKind::Config`] for a server, database or table that isn't there, can't be written, or has another shape;
/// [`FaultKind::Unreachable`] if no server answers.
#[cfg(feature = "mysql")]
pub fn open_mysql(server: crate::mysql::Server, options: &ForeignOptions) -> Result<Arc<dyn Store>, Fault> {
    let driver = mysql::Mysql::open(server)?;
    Ok(Arc::new(ForeignStore::open(driver, options)?))
}

/// Whose rows are swept; Rails' table has no applications.
fn application(table: &ForeignTable) -> &str {
    match table {
        ForeignTable::Lucee { application } => application,
        ForeignTable::Rails { .. } => "",
    }
}

/// Keeps sessions in a table that other software uses too.
struct ForeignStore<D> {
    driver: D,
    table: Table,
    /// The name of the lease for sweeping.
    lease: String,
    data: Arc<dyn ForeignData>,
    absolute_ms: u64,
    stamps: Stamps,
    graves: Graves,
}

impl<D: Driver> ForeignStore<D> {
    fn open(driver: D, options: &ForeignOptions) -> Result<Self, Fault> {
        let table = shape::examine(&driver, options)?;
        Ok(Self {
            driver,
            lease: sweep_lease(&options.name, application(&options.table)),
            table,
            data: options.data.clone(),
            absolute_ms: options.absolute_ms,
            stamps: Stamps::default(),
            graves: Graves::default(),
        })
    }

    /// When a session ends in any case.
    fn deadline_from(&self, created: Option<Time>) -> Time {
        match (self.absolute_ms, created) {
            (0, _) | (_, None) => Time::NEVER,
            (absolute_ms, Some(created)) => created + absolute_ms,
        }
    }

    fn deadline(&self, found: &Found) -> Time {
        if self.absolute_ms == 0 {
            return Time::NEVER;
        }
        let created = found.created.or_else(|| self.data.decode(&found.data).ok()?.created);
        self.deadline_from(created)
    }

    /// What ends is remembered before it is sent: a create that comes while the outcome is open comes too late.
    fn bury(&self, writes: &[Write], now: Time) {
        for write in writes {
            if let WriteKind::Destroy { reason, until, .. } = write.kind {
                self.graves.dig(&write.key, reason, None, now, until);
            }
        }
    }

    fn remember(&self, notes: Vec<Note>, now: Time) {
        for note in notes {
            match note {
                Note::Written(key, stamp) => self.stamps.done(&key, stamp),
                Note::Ended(key, reason, successor, until) => self.graves.dig(&key, reason, successor, now, until),
            }
        }
    }
}

impl<D: Driver> Store for ForeignStore<D> {
    fn load(&self, wanted: &[Wanted], now: Time) -> Result<LoadReply, Fault> {
        Ok(LoadReply { rows: self.load_rows(wanted, now)?, now })
    }

    fn commit(&self, writes: &[Write], now: Time) -> Result<Vec<Verdict>, Fault> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let plan = self.plan(writes);
        self.bury(writes, now);
        match self.driver.write("saving sessions", |run| self.carry_out(run, &plan, now)) {
            Ok(Outcome { verdicts, notes }) => {
                self.remember(notes, now);
                Ok(verdicts)
            }
            Err(failed) if failed.not_applied && failed.fault.kind == FaultKind::Transient => {
                Ok(vec![Verdict::NotDone; writes.len()])
            }
            Err(failed) => Err(failed.fault),
        }
    }

    fn sweep(&self, before: Time, _now: Time, limit: u32) -> Result<Swept, Fault> {
        self.sweep_rows(before, limit)
    }

    fn due(&self, before: Time, limit: u32) -> Result<Vec<Key>, Fault> {
        self.due_keys(before, limit)
    }

    fn lead(&self, holder: u64, for_ms: u64) -> Result<bool, Fault> {
        self.driver.lead(&self.lease, holder, for_ms)
    }

    fn check(&self) -> Result<Checked, Fault> {
        self.check_rows()
    }

    fn close(&self) -> Result<(), Fault> {
        self.driver.close()
    }
}

impl<D> fmt::Debug for ForeignStore<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignStore").field("table", &self.table.name).finish_non_exhaustive()
    }
}
