//! Rows of the native table, read.

use crate::apply::{Head, State};
use crate::resolve::Row;
use holdall_engine::{Key, Reason, Record, Stamp, Time, Writer};
use holdall_layout::native::{self, STATE_ALIAS, STATE_DEAD, STATE_LIVE};
use rusqlite::types::ValueRef;
use std::sync::Arc;

/// What is wrong with a row, without its content.
pub(super) type Defect = Arc<str>;

/// Times as the table holds them. None is later than [`Time::NEVER`].
pub(super) fn time(time: Time) -> i64 {
    integer(time.min(Time::NEVER).0)
}

pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads a row of [`holdall_layout::native_sqlite::LOAD`].
pub(super) fn row(row: &rusqlite::Row<'_>) -> Row {
    read_row(row).unwrap_or_else(Row::Corrupt)
}

fn read_row(row: &rusqlite::Row<'_>) -> Result<Row, Defect> {
    match number(row, 0, "state")? {
        state if state == u64::from(STATE_LIVE) => Ok(Row::Live(record(row)?)),
        state if state == u64::from(STATE_DEAD) => Ok(Row::Dead { reason: reason(row, 1)?, successor: key(row, 2)? }),
        state if state == u64::from(STATE_ALIAS) => {
            Ok(Row::Alias { until: Time(number(row, 9, "deadline")?), successor: key(row, 2)? })
        }
        _ => Err(unknown_state()),
    }
}

fn record(row: &rusqlite::Row<'_>) -> Result<Record, Defect> {
    let format = u32::try_from(number(row, 3, "format")?).unwrap_or(u32::MAX);
    let block = match value(row, 12) {
        ValueRef::Blob(data) => native::decode_format(format, data).map_err(|error| Defect::from(error.to_string()))?,
        _ => return Err(defect("data")),
    };
    Ok(Record {
        stamp: stamp(row, 4, 5)?,
        created: Time(number(row, 6, "created")?),
        accessed: Time(number(row, 7, "accessed")?),
        idle_ms: number(row, 8, "idle")?,
        deadline: Time(number(row, 9, "deadline")?),
        principal: text(row, 10, "principal")?,
        meta: text(row, 11, "meta")?,
        block,
    })
}

/// Reads a row of [`holdall_layout::native_sqlite::HEAD`].
pub(super) fn head(row: &rusqlite::Row<'_>) -> Result<Head, Defect> {
    let state = match number(row, 0, "state")? {
        state if state == u64::from(STATE_LIVE) => State::Live,
        state if state == u64::from(STATE_DEAD) => State::Dead(reason(row, 1)?),
        state if state == u64::from(STATE_ALIAS) => State::Alias,
        _ => return Err(unknown_state()),
    };
    Ok(Head {
        state,
        successor: key(row, 2)?,
        stamp: stamp(row, 3, 4)?,
        accessed: Time(number(row, 5, "accessed")?),
        idle_ms: number(row, 6, "idle")?,
        deadline: Time(number(row, 7, "deadline")?),
        expires: Time(number(row, 8, "expires")?),
    })
}

fn unknown_state() -> Defect {
    "the row is in a state that this holdall doesn't know".into()
}

fn defect(column: &str) -> Defect {
    format!("the row's column {column} holds something else than it should").into()
}

fn value<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> ValueRef<'r> {
    row.get_ref(column).unwrap_or(ValueRef::Null)
}

pub(super) fn number(row: &rusqlite::Row<'_>, column: usize, name: &str) -> Result<u64, Defect> {
    match value(row, column) {
        ValueRef::Integer(number) => u64::try_from(number).map_err(|_| defect(name)),
        _ => Err(defect(name)),
    }
}

pub(super) fn text(row: &rusqlite::Row<'_>, column: usize, name: &str) -> Result<Option<Arc<str>>, Defect> {
    match value(row, column) {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(|text| Some(text.into())).map_err(|_| defect(name)),
        _ => Err(defect(name)),
    }
}

pub(super) fn key(row: &rusqlite::Row<'_>, column: usize) -> Result<Option<Key>, Defect> {
    match value(row, column) {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => Ok(Some(Key::new(bytes))),
        _ => Err(defect("key or successor")),
    }
}

/// A dead row without a reason, or with that of a newer version, counts as destroyed.
fn reason(row: &rusqlite::Row<'_>, column: usize) -> Result<Reason, Defect> {
    match value(row, column) {
        ValueRef::Null => Ok(Reason::Destroyed),
        _ => Ok(Reason::from_number(u8::try_from(number(row, column, "reason")?).unwrap_or(0))),
    }
}

fn stamp(row: &rusqlite::Row<'_>, revision: usize, writer: usize) -> Result<Stamp, Defect> {
    let ValueRef::Blob(bytes) = value(row, writer) else { return Err(defect("writer")) };
    let bytes: [u8; 16] = bytes.try_into().map_err(|_| defect("writer"))?;
    Ok(Stamp { revision: number(row, revision, "revision")?, writer: Writer::from_bytes(bytes) })
}
