//! What only reads: loads, lists, and the check.

use super::rows;
use super::schema;
use crate::resolve::{Row, resolve};
use crate::store::Checked;
use holdall_engine::{Key, Listed, Loaded, Time, Wanted, expires};
use holdall_layout::native;
use holdall_layout::native_sqlite as sql;
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// Rows looked through at a time by [`check`].
const CHECK_CHUNK: u32 = 1000;

/// Answers for all of `wanted` from one snapshot.
pub(super) fn load(connection: &Connection, wanted: &[Wanted], now: Time) -> rusqlite::Result<Vec<Loaded>> {
    if let [only] = wanted
        && let Some(loaded) = load_at_once(connection, only, now)?
    {
        return Ok(vec![loaded]);
    }
    // Dropping it ends it.
    let _snapshot = connection.unchecked_transaction()?;
    wanted.iter().map(|wanted| load_within(connection, wanted, now)).collect()
}

/// A single session mostly needs no transaction: the statement that answers is a snapshot by itself. None for an alias,
/// which needs two rows.
fn load_at_once(connection: &Connection, wanted: &Wanted, now: Time) -> rusqlite::Result<Option<Loaded>> {
    if let Some(same) = same(connection, wanted)? {
        return Ok(Some(same));
    }
    match fetch(connection, &wanted.key)? {
        Some(Row::Alias { .. }) => Ok(None),
        row => resolve(row, now, |key| fetch(connection, key)).map(Some),
    }
}

fn load_within(connection: &Connection, wanted: &Wanted, now: Time) -> rusqlite::Result<Loaded> {
    match same(connection, wanted)? {
        Some(same) => Ok(same),
        None => resolve(fetch(connection, &wanted.key)?, now, |key| fetch(connection, key)),
    }
}

/// Whether the row has the known stamp, found out without reading its data.
fn same(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Option<Loaded>> {
    let Some(known) = wanted.known else { return Ok(None) };
    let mut statement = connection.prepare_cached(sql::HEAD)?;
    let head = statement.query_row([wanted.key.as_bytes()], |row| Ok(rows::head(row))).optional()?;
    Ok(match head {
        Some(Ok(head)) if head.state == crate::apply::State::Live && head.stamp == known => {
            Some(Loaded::Same { accessed: head.accessed })
        }
        _ => None,
    })
}

fn fetch(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Row>> {
    connection.prepare_cached(sql::LOAD)?.query_row([key.as_bytes()], |row| Ok(rows::row(row))).optional()
}

/// The keys of live rows that have expired.
pub(super) fn due(connection: &Connection, application: &str, before: Time, limit: u32) -> rusqlite::Result<Vec<Key>> {
    let mut statement = connection.prepare_cached(sql::DUE)?;
    let keys =
        statement.query_map(params![application, rows::time(before), limit], |row| Ok(Key::new(row.get_ref(0)?.as_blob()?)))?;
    keys.collect()
}

/// The live sessions of a principal. A row that can't be read is left out: it can't be shown, and destroying it by key
/// is still possible.
pub(super) fn list(connection: &Connection, application: &str, principal: &str) -> rusqlite::Result<Vec<Listed>> {
    let mut statement = connection.prepare_cached(sql::LIST)?;
    let rows = statement.query_map(params![application, principal], |row| Ok(listed(row)))?;
    let mut all: Vec<Listed> = rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?;
    all.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(all)
}

fn listed(row: &rusqlite::Row<'_>) -> Option<Listed> {
    let time = |column, name| rows::number(row, column, name).ok().map(Time);
    let accessed = time(2, "")?;
    Some(Listed {
        key: rows::key(row, 0).ok()??,
        created: time(1, "")?,
        accessed,
        expires: expires(accessed, rows::number(row, 3, "").ok()?, time(4, "")?),
        meta: rows::text(row, 5, "").ok()?,
    })
}

/// Reads everything and tells what is wrong.
pub(super) fn check(connection: &Connection) -> rusqlite::Result<Checked> {
    let _snapshot = connection.unchecked_transaction()?;
    let mut checked = Checked::default();
    checked.problems.extend(schema::problems(connection)?.into_iter().map(Arc::from));
    let mut integrity = connection.prepare("PRAGMA quick_check(10)")?;
    for line in integrity.query_map([], |row| row.get::<_, String>(0))? {
        let line = line?;
        if line != "ok" {
            checked.problems.push(format!("SQLite's own check says: {line}").into());
        }
    }
    if checked.problems.is_empty() {
        check_rows(connection, &mut checked)?;
    }
    Ok(checked)
}

fn check_rows(connection: &Connection, checked: &mut Checked) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql::WALK)?;
    let (mut after, mut unreadable, mut first) = (i64::MIN, 0_u64, None);
    loop {
        let mut rows = statement.query(params![after, CHECK_CHUNK])?;
        let mut any = false;
        while let Some(row) = rows.next()? {
            (any, after) = (true, row.get(0)?);
            checked.rows += 1;
            if let Err(why) = decode(row) {
                unreadable += 1;
                first.get_or_insert(why);
            }
        }
        if !any {
            break;
        }
    }
    if let Some(why) = first {
        checked.problems.push(format!("{unreadable} rows can't be read; the first: {why}").into());
    }
    Ok(())
}

fn decode(row: &rusqlite::Row<'_>) -> Result<(), String> {
    let format = rows::number(row, 1, "format").map_err(|why| why.to_string())?;
    let data = row.get_ref(2).ok().and_then(|data| data.as_blob().ok()).ok_or("the row's data is not bytes")?;
    let format = u32::try_from(format).unwrap_or(u32::MAX);
    native::decode_format(format, data).map(|_| ()).map_err(|error| error.to_string())
}
