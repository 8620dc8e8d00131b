//! A SQLite file.

use super::{Row, SqlError, Value};
use crate::problem::{Kind, Problem, Result};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, ToSql, params_from_iter};
use std::path::Path;
use std::time::Duration;

/// How long a statement waits for another process's lock.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// A connection to a file.
#[derive(Debug)]
pub struct Connection(rusqlite::Connection);

impl Connection {
    /// Opens a file, or makes it if `make` says so.
    pub fn open(path: &Path, make: bool) -> Result<Self> {
        if !make && !path.exists() {
            return Err(Problem::missing(format!("there is no file {}: check the path", path.display())));
        }
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if make {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let opened = rusqlite::Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.busy_timeout(BUSY_WAIT)?;
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        });
        opened.map(Self).map_err(|error| {
            let error = sql_error(&error);
            Problem::new(error.kind, format!("the SQLite file {} can't be opened: {}", path.display(), error.text))
        })
    }

    pub(super) fn query(&self, sql: &str, values: &[Value]) -> std::result::Result<Vec<Row>, SqlError> {
        self.run(sql, values).map_err(|error| sql_error(&error))
    }

    fn run(&self, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let columns = statement.column_count();
        let rows = statement.query_map(params_from_iter(values), |row| {
            (0..columns).map(|column| row.get_ref(column).map(value)).collect::<rusqlite::Result<_>>().map(Row)
        })?;
        rows.collect()
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value]) -> std::result::Result<u64, SqlError> {
        let mut statement = self.0.prepare_cached(sql).map_err(|error| sql_error(&error))?;
        let changed = if statement.column_count() > 0 {
            // A PRAGMA that answers what it set.
            statement.query(params_from_iter(values)).and_then(|mut rows| rows.next().map(|_| 0))
        } else {
            statement.execute(params_from_iter(values))
        };
        changed.map(|rows| rows as u64).map_err(|error| sql_error(&error))
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Text goes as text: the columns of the foreign layouts are compared as such. What isn't UTF-8 goes as a blob.
impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Bytes(bytes) if std::str::from_utf8(bytes).is_ok() => ValueRef::Text(bytes),
            Self::Bytes(bytes) | Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn sql_error(error: &rusqlite::Error) -> SqlError {
    let rusqlite::Error::SqliteFailure(code, text) = error else {
        return SqlError { number: 0, kind: Kind::Failed, text: error.to_string() };
    };
    let kind = match code.code {
        ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::AuthorizationForStatementDenied => Kind::Refused,
        ErrorCode::CannotOpen | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Kind::Unreachable,
        ErrorCode::NotADatabase => Kind::Missing,
        _ => Kind::Failed,
    };
    let text = text.clone().unwrap_or_else(|| error.to_string());
    SqlError { number: code.extended_code.cast_unsigned(), kind, text: format!("{text} (SQLite {})", code.extended_code) }
}
