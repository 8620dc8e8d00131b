//! SQLite files in holdall's table, made and used past holdall: the bare driver.

use crate::clock;
use crate::sessions::{self, text};
use holdall_engine::{Key, Rules as _, Stamp, Time, Writer, expires};
use holdall_layout::native::{FORMAT, NativeRules, coarse, encode};
use holdall_layout::native_sqlite as sql;
use holdall_store::{SqliteOptions, SqliteStore, Store as _};
use rusqlite::{Connection, params};
use std::path::Path;

/// The application of all rows: that of the default options.
pub const APPLICATION: &str = "default";
/// The stamp of rows that were never updated.
pub const STAMP: Stamp = Stamp { revision: 1_000, writer: Writer { nonce: 1, number: 1 } };
/// Rows of one transaction while a table is filled.
const FILL_ROWS: usize = 10_000;
const DAY_MS: u64 = 86_400_000;

/// What differs between rows.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// When the session was last used.
    pub accessed: Time,
    /// Its idle limit in milliseconds; 0 for none.
    pub idle_ms: u64,
    /// Its absolute limit.
    pub deadline: Time,
}

impl Row {
    /// A session that is used now and lives for a day, without an idle limit: its `expires` never changes.
    pub fn alive() -> Self {
        let now = Time(clock::wall_ms());
        Self { accessed: now, idle_ms: 0, deadline: now + DAY_MS }
    }
}

/// The key of an id.
pub fn key(id: &str) -> Key {
    NativeRules { application: APPLICATION.to_owned() }.key(id.as_bytes())
}

/// Makes the file with a row for each of the ids, all alive.
///
/// # Errors
/// What SQLite says.
pub fn make(path: &Path, ids: &[String]) -> Result<(), String> {
    let alive = Row::alive();
    make_with(path, ids.len(), |number| (key(&ids[number]), alive))
}

/// Makes the file with so many rows.
///
/// # Errors
/// What SQLite says.
pub fn make_with(path: &Path, count: usize, row: impl Fn(usize) -> (Key, Row)) -> Result<(), String> {
    let store = SqliteStore::open(path, SqliteOptions::new(APPLICATION)).map_err(|fault| fault.message.to_string())?;
    store.close().map_err(|fault| fault.message.to_string())?;
    drop(store);
    let connection = open(path)?;
    connection.execute_batch("PRAGMA synchronous = OFF").map_err(text)?;
    for first in (0..count).step_by(FILL_ROWS) {
        connection.execute_batch("BEGIN IMMEDIATE").map_err(text)?;
        for number in first..count.min(first + FILL_ROWS) {
            let (key, row) = row(number);
            insert(&connection, number, &key, row)?;
        }
        connection.execute_batch("COMMIT").map_err(text)?;
    }
    close(connection)
}

fn insert(connection: &Connection, number: usize, key: &Key, row: Row) -> Result<(), String> {
    let mut statement = connection.prepare_cached(sql::INSERT).map_err(text)?;
    let inserted = statement.execute(params![
        key.as_bytes(),
        APPLICATION,
        FORMAT,
        integer(STAMP.revision),
        STAMP.writer.to_bytes(),
        integer(row.accessed.0),
        integer(row.accessed.0),
        integer(row.idle_ms),
        integer(row.deadline.0),
        integer(coarse(expires(row.accessed, row.idle_ms, row.deadline), row.idle_ms).0),
        None::<&str>,
        None::<&str>,
        encode(&sessions::block(number)?),
    ]);
    inserted.map(|_| ()).map_err(text)
}

/// Opens the file with the settings of holdall's writer: write-ahead log, synchronous FULL, 16 MiB of cache, a
/// checkpoint each 8,000 pages.
///
/// # Errors
/// What SQLite says.
pub fn open(path: &Path) -> Result<Connection, String> {
    let connection = Connection::open(path).map_err(text)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;
             PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864",
        )
        .map_err(text)?;
    Ok(connection)
}

/// Copies the log into the file and closes.
///
/// # Errors
/// What SQLite says.
pub fn close(connection: Connection) -> Result<(), String> {
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").map_err(text)?;
    connection.close().map_err(|(_, error)| text(error))
}

/// A number as SQLite holds it.
pub fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Copies a closed file.
///
/// # Errors
/// If that fails.
pub fn copy(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::copy(from, to).map(|_| ()).map_err(|error| format!("{} can't be copied: {error}", from.display()))
}
