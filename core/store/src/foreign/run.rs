//! What the store needs of a database: statements with text parameters, in a transaction or without.

use holdall_engine::Fault;
use std::sync::Arc;

/// One column of a row that was read; none for NULL.
pub(super) type Cell = Option<Vec<u8>>;

/// Why a statement didn't go through.
#[derive(Debug)]
pub(super) enum Stop<E> {
    /// This row is refused, and will be again. Why, without content.
    Row(Arc<str>),
    /// A row with that key is there.
    Exists,
    /// The whole transaction is over.
    Batch(E),
}

/// A connection within a call.
pub(super) trait Run {
    /// What the driver reports.
    type Error;

    /// The rows of a statement. Numbers and times come as text.
    fn query(&mut self, sql: &str, values: &[&str]) -> Result<Vec<Vec<Cell>>, Self::Error>;

    /// Runs a statement and answers how many rows it found.
    fn execute(&mut self, sql: &str, values: &[&str]) -> Result<u64, Stop<Self::Error>>;

    /// Runs a statement once for each list of values, all sent together, and answers how many rows were found in all; none
    /// where that can't be done. After an error some may have been run.
    fn execute_each(&mut self, sql: &str, lists: &[Vec<String>]) -> Option<Result<u64, Stop<Self::Error>>> {
        let _ = (sql, lists);
        None
    }
}

/// Why a call failed.
pub(super) struct Failed {
    /// What to report.
    pub fault: Fault,
    /// Whether surely nothing was applied.
    pub not_applied: bool,
}

/// A database.
pub(super) trait Driver: Send + Sync {
    /// What its connections report.
    type Error;
    /// Its connections.
    type Run<'c>: Run<Error = Self::Error>;

    /// Which SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// Reads, all from one snapshot.
    fn read<T>(&self, doing: &str, work: impl FnMut(&mut Self::Run<'_>) -> Result<T, Self::Error>) -> Result<T, Fault>;

    /// Writes in one transaction, which is committed if `work` answers no error. `work` may run again if nothing of the
    /// first run was applied.
    fn write<T>(&self, doing: &str, work: impl FnMut(&mut Self::Run<'_>) -> Result<T, Self::Error>) -> Result<T, Failed>;

    /// As [`crate::Store::lead`], for the lease of this name.
    fn lead(&self, lease: &str, holder: u64, for_ms: u64) -> Result<bool, Fault> {
        let _ = (lease, holder, for_ms);
        Ok(true)
    }

    /// Gives all connections back.
    fn close(&self) -> Result<(), Fault>;
}

/// Where SQL differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(not(all(feature = "mysql", feature = "sqlite")), allow(dead_code, reason = "a build may have one of them"))]
pub(super) enum Dialect {
    Sqlite,
    /// With what the server can do.
    Mysql {
        /// `SKIP LOCKED` (MySQL 8.0.1, MariaDB 10.6).
        skips_locked: bool,
    },
}

impl Dialect {
    /// Quotes an identifier that was checked.
    pub fn quoted(self, name: &str) -> String {
        match self {
            Self::Sqlite => format!("\"{name}\""),
            Self::Mysql { .. } => format!("`{name}`"),
        }
    }

    /// What makes a read take the rows for writing.
    pub fn for_update(self) -> &'static str {
        match self {
            // The whole file is taken by BEGIN IMMEDIATE.
            Self::Sqlite => "",
            Self::Mysql { .. } => " FOR UPDATE",
        }
    }

    /// The same, passing over rows that someone else has. A server that can't pass over them takes none: locks in the order
    /// of another index than the stock software's saves use would make those saves fail as deadlocks.
    pub fn for_update_of_free(self) -> &'static str {
        match self {
            Self::Mysql { skips_locked: true } => " FOR UPDATE SKIP LOCKED",
            Self::Sqlite | Self::Mysql { skips_locked: false } => "",
        }
    }

    /// Whether rows that were read by [`Self::for_update_of_free`] stay as they are until the transaction ends.
    pub fn holds_free(self) -> bool {
        !matches!(self, Self::Mysql { skips_locked: false })
    }
}
