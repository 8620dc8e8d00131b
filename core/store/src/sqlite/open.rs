//! Opens connections to a file.

use super::fault::{fault, is_busy};
use super::{SqliteOptions, schema};
use holdall_engine::{Fault, FaultKind};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, types::FromSql};
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Bytes that the writer keeps of the file in memory; its batches hit the index on keys all over.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// The same for each reader.
const READER_CACHE_KIB: i64 = 2 * 1024;
/// The log is cut back to this after a checkpoint.
const LOG_LIMIT_BYTES: i64 = 64 << 20;
/// Statements kept prepared per connection; more than there are.
const STATEMENT_CACHE: usize = 40;
/// How long to wait before turning on the log again, when another process is in the way.
const LOG_RETRY_MS: u32 = 10;

/// The file's absolute path. The file itself may not exist yet, its folder must.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Fault> {
    let refuse = |why: &str| Fault::new(FaultKind::Config, format!("the SQLite path {} {why}", path.display()));
    let name = path.file_name().ok_or_else(|| refuse("names no file"))?;
    if path == Path::new(":memory:") {
        return Err(refuse("is not a file: use the memory store"));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(|error| refuse(&format!("is in a folder that can't be entered: {error}")))?;
    Ok(folder.join(name))
}

/// Makes the file if it isn't there, for this user only. SQLite gives its log files the same rights.
pub(super) fn make_file(path: &Path) -> Result<(), Fault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Fault::new(
            FaultKind::Config,
            format!("the SQLite file {} can't be made: {error}; its folder must exist and be writable", path.display()),
        )),
    }
}

/// Opens the connection that writes, after making or checking the table.
pub(super) fn writer(path: &Path, options: &SqliteOptions) -> Result<Connection, Fault> {
    let connection = connect(path, options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let failed = |error: &Error| opening(path, error);
    let on = |sql: &str| connection.execute_batch(sql).map_err(|error| failed(&error));
    check_writable(&connection, path)?;
    // Nothing is changed in a file before it is known to be ours or empty.
    schema::ensure(&connection, path)?;
    turn_on_log(&connection, path, options)?;
    on("PRAGMA synchronous = FULL")?;
    on(&format!("PRAGMA cache_size = -{WRITER_CACHE_KIB}"))?;
    on(&format!("PRAGMA journal_size_limit = {LOG_LIMIT_BYTES}"))?;
    on(&format!("PRAGMA wal_autocheckpoint = {}", options.checkpoint_pages))?;
    if let Some(pages) = options.page_limit {
        on(&format!("PRAGMA max_page_count = {pages}"))?;
    }
    open_log(&connection, path)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn reader(path: &Path, options: &SqliteOptions) -> Result<Connection, Fault> {
    // Opened for writing, because reading a log needs its shared memory; the pragma refuses writes.
    let connection = connect(path, options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let prepare = format!("PRAGMA query_only = ON; PRAGMA cache_size = -{READER_CACHE_KIB}; PRAGMA user_version");
    connection.execute_batch(&prepare).map_err(|error| opening(path, &error))?;
    open_log(&connection, path)?;
    Ok(connection)
}

/// SQLite opens the log at the first read. It must be open when the connection's descriptors are counted as ours, or
/// the next store on this file would take the log for somebody else's.
fn open_log(connection: &Connection, path: &Path) -> Result<(), Fault> {
    query_one::<i64>(connection, "SELECT count(*) FROM sqlite_schema").map(drop).map_err(|error| opening(path, &error))
}

fn connect(path: &Path, options: &SqliteOptions, flags: OpenFlags) -> Result<Connection, Fault> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| opening(path, &error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.busy_timeout(Duration::from_millis(u64::from(options.busy_timeout_ms))).map_err(|error| opening(path, &error))?;
    connection.execute_batch("PRAGMA trusted_schema = OFF").map_err(|error| opening(path, &error))?;
    Ok(connection)
}

/// At the time of opening, a file that SQLite can't make sense of is somebody's mistake rather than damage.
pub(crate) fn opening(path: &Path, error: &Error) -> Fault {
    if super::fault::code(error) == Some(ErrorCode::NotADatabase) {
        let message = format!("the file {} is not a SQLite database; holdall leaves it as it is", path.display());
        return Fault::new(FaultKind::Config, message);
    }
    fault(path, "opening a connection", error)
}

fn turn_on_log(connection: &Connection, path: &Path, options: &SqliteOptions) -> Result<(), Fault> {
    let (never, pause) = (Mutex::new(()), Condvar::new());
    for _ in 0..=options.busy_timeout_ms / LOG_RETRY_MS {
        match schema::use_log(connection) {
            Ok(true) => return Ok(()),
            Err(error) if !is_busy(&error) => return Err(opening(path, &error)),
            Ok(false) | Err(_) => {}
        }
        let wait = Duration::from_millis(u64::from(LOG_RETRY_MS));
        drop(pause.wait_timeout(never.lock().unwrap_or_else(PoisonError::into_inner), wait));
    }
    let message = format!(
        "the SQLite file {} can't use a write-ahead log; is it on a network file system? holdall needs a local one",
        path.display()
    );
    Err(Fault::new(FaultKind::Config, message))
}

/// A file that can't be written shows it here, not at the first save.
fn check_writable(connection: &Connection, path: &Path) -> Result<(), Fault> {
    // SQLite opens a file that this user may not write for reading, and begins to read where it is told to write.
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(|error| opening(path, &error))? {
        let message = format!("the SQLite file {} can't be written by this user: change its owner or its rights", path.display());
        return Err(Fault::new(FaultKind::Config, message));
    }
    match connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK") {
        Err(error) if !is_busy(&error) => Err(opening(path, &error)),
        _ => Ok(()),
    }
}

/// The first column of the first row.
pub(super) fn query_one<T: FromSql>(connection: &Connection, sql: &str) -> Result<T, Error> {
    connection.query_row(sql, [], |row| row.get(0))
}
