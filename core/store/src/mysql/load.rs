//! What only reads: loads, lists, and the check.

use super::connection::Connection;
use super::driver::prelude::Queryable;
use super::driver::{Error, MySqlError, Row as DriverRow, Value};
use super::pool::Trouble;
use super::rows::{self, Fetched, Reader};
use crate::resolve::{Row, resolve};
use crate::store::{Checked, LoadReply};
use holdall_engine::{Key, Listed, Loaded, Time, Wanted, Writer};
use holdall_layout::native;
use holdall_layout::native_mysql::{Sql, padded};
use std::collections::{BTreeMap, BTreeSet};

/// Keys asked for in one statement.
const KEYS: usize = 512;
/// Rows looked through at a time by [`check`].
const CHECK_CHUNK: u64 = 500;

/// One row of the snapshot, as often as it is asked for.
#[derive(Clone)]
enum Held {
    Row(Row),
    /// Its data was left out: it has a stamp that was asked about.
    Same(holdall_engine::Stamp, Time),
}

/// Answers for all of `wanted` from one snapshot: mostly one statement, which is a snapshot by itself.
pub(super) fn load(connection: &mut Connection, sql: &Sql, wanted: &[Wanted], now: Time) -> Result<LoadReply, Trouble> {
    let (held, store_now) = read(connection, sql, wanted)?;
    let is_plain = wanted.len() <= KEYS && !held.values().any(|held| is_alias(held, now));
    if is_plain {
        let rows = wanted.iter().map(|wanted| answer(&held, wanted, now, |_| Ok(None))).collect::<Result<_, Trouble>>()?;
        return Ok(LoadReply { rows, now: store_now });
    }
    in_snapshot(connection, sql, wanted, now)
}

fn is_alias(held: &Held, now: Time) -> bool {
    matches!(held, Held::Row(Row::Alias { until, successor: Some(_) }) if now < *until)
}

/// The same with several statements: an alias needs the row that it stands for.
fn in_snapshot(connection: &mut Connection, sql: &Sql, wanted: &[Wanted], now: Time) -> Result<LoadReply, Trouble> {
    let conn = connection.conn()?;
    conn.query_drop("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    conn.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
    let reply = snapshot(connection, sql, wanted, now);
    connection.roll_back();
    reply
}

fn snapshot(connection: &mut Connection, sql: &Sql, wanted: &[Wanted], now: Time) -> Result<LoadReply, Trouble> {
    let (held, store_now) = read(connection, sql, wanted)?;
    let mut rows = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        rows.push(answer(&held, wanted, now, |key| fetch(connection, sql, key))?);
    }
    Ok(LoadReply { rows, now: store_now })
}

fn read(connection: &mut Connection, sql: &Sql, wanted: &[Wanted]) -> Result<(BTreeMap<Key, Held>, Time), Trouble> {
    let (mut held, mut store_now) = (BTreeMap::new(), Time::ZERO);
    // Without keys the clock is asked all the same.
    let chunks: Vec<&[Wanted]> = if wanted.is_empty() { vec![wanted] } else { wanted.chunks(KEYS).collect() };
    for chunk in chunks {
        let keys: BTreeSet<&Key> = chunk.iter().map(|wanted| &wanted.key).collect();
        let writers: BTreeSet<Writer> = chunk.iter().filter_map(|wanted| wanted.known).map(|known| known.writer).collect();
        read_keys(connection, sql, &keys, &writers, &mut held, &mut store_now)?;
    }
    // A writer names one row. Should it stand in another one too, that row's data is fetched after all.
    let asked: BTreeMap<&Key, &Wanted> = wanted.iter().map(|wanted| (&wanted.key, wanted)).collect();
    let missing: Vec<Key> = held
        .iter()
        .filter(
            |(key, held)| matches!(held, Held::Same(stamp, _) if asked.get(key).and_then(|wanted| wanted.known) != Some(*stamp)),
        )
        .map(|(key, _)| key.clone())
        .collect();
    for key in missing {
        match fetch(connection, sql, &key)? {
            Some(row) => held.insert(key, Held::Row(row)),
            None => held.remove(&key),
        };
    }
    Ok((held, store_now))
}

fn read_keys(
    connection: &mut Connection,
    sql: &Sql,
    keys: &BTreeSet<&Key>,
    writers: &BTreeSet<Writer>,
    held: &mut BTreeMap<Key, Held>,
    store_now: &mut Time,
) -> Result<(), Trouble> {
    let mut parameters: Vec<Value> = writers.iter().map(|writer| Value::Bytes(writer.to_bytes().to_vec())).collect();
    let writers = if parameters.is_empty() { 0 } else { pad(&mut parameters, 0) };
    let before = parameters.len();
    parameters.extend(keys.iter().map(|key| rows::key(key)));
    if keys.is_empty() {
        parameters.push(Value::Bytes(Vec::new()));
    }
    let keys = pad(&mut parameters, before);
    let found: Vec<DriverRow> = connection.conn()?.exec(sql.load(keys, writers), parameters)?;
    for row in found {
        let mut reader = Reader::new(row);
        *store_now = Time(reader.number("the server's time").unwrap_or(0));
        refuse_read_only(&reader.next())?;
        if let Some(Fetched { key, row, stamp, accessed }) = rows::fetched(&mut reader).map_err(odd)? {
            let row = match (row, stamp) {
                (Some(row), _) => Held::Row(row),
                (None, Some(stamp)) => Held::Same(stamp, accessed),
                (None, None) => continue,
            };
            held.insert(key, row);
        }
    }
    Ok(())
}

/// Repeats the last value until the list that begins at `from` is as long as its statement, and answers that length.
pub(super) fn pad(parameters: &mut Vec<Value>, from: usize) -> usize {
    let length = padded(parameters.len() - from);
    if let Some(last) = parameters.last().cloned() {
        parameters.resize(from + length, last);
    }
    length
}

/// A server that was made read-only after it was connected to is no primary any more.
fn refuse_read_only(mark: &Value) -> Result<(), Trouble> {
    let is_on = match mark {
        Value::Bytes(text) => !matches!(text.as_slice(), b"OFF" | b"0"),
        value => rows::number(value).unwrap_or(0) != 0,
    };
    if !is_on {
        return Ok(());
    }
    let message = "read_only was set while connected".to_owned();
    Err(Error::MySqlError(MySqlError { state: "HY000".to_owned(), message, code: 1290 }).into())
}

fn odd(why: rows::Defect) -> Trouble {
    holdall_engine::Fault::new(holdall_engine::FaultKind::Config, why).into()
}

fn answer(
    held: &BTreeMap<Key, Held>,
    wanted: &Wanted,
    now: Time,
    fetch: impl FnMut(&Key) -> Result<Option<Row>, Trouble>,
) -> Result<Loaded, Trouble> {
    match held.get(&wanted.key) {
        None => Ok(Loaded::Absent),
        Some(Held::Same(_, accessed)) => Ok(Loaded::Same { accessed: *accessed }),
        Some(Held::Row(row)) => resolve(Some(row.clone()), now, fetch),
    }
}

fn fetch(connection: &mut Connection, sql: &Sql, key: &Key) -> Result<Option<Row>, Trouble> {
    let row: Option<DriverRow> = connection.conn()?.exec_first(sql.fetch(), (key.as_bytes(),))?;
    let Some(row) = row else { return Ok(None) };
    Ok(rows::fetched(&mut Reader::new(row)).map_err(odd)?.and_then(|fetched| fetched.row))
}

/// The live sessions of a principal. A row that can't be read is left out: it can't be shown, and destroying it by key
/// is still possible.
pub(super) fn list(connection: &mut Connection, sql: &Sql, application: &str, principal: &str) -> Result<Vec<Listed>, Trouble> {
    let found: Vec<DriverRow> = connection.conn()?.exec(sql.list(), (application, principal))?;
    let mut all = Vec::with_capacity(found.len());
    for row in found {
        let mut reader = Reader::new(row);
        refuse_read_only(&reader.next())?;
        all.extend(rows::listed(&mut reader).ok().flatten());
    }
    all.sort_by(|a: &Listed, b| a.key.cmp(&b.key));
    Ok(all)
}

/// The keys of live rows that have expired, the longest overdue first.
pub(super) fn due(
    connection: &mut Connection,
    sql: &Sql,
    application: &str,
    before: Time,
    limit: u32,
) -> Result<Vec<Key>, Trouble> {
    let keys: Vec<Vec<u8>> =
        connection.conn()?.exec(sql.sweep_oldest(), (application, native::STATE_LIVE, rows::time(before), limit))?;
    Ok(keys.iter().map(|key| Key::new(key)).collect())
}

/// Reads all live rows and tells what is wrong.
pub(super) fn check(connection: &mut Connection, sql: &Sql, checked: &mut Checked) -> Result<(), Trouble> {
    let (mut after, mut unreadable, mut first) = (Vec::new(), 0_u64, None);
    loop {
        let found: Vec<DriverRow> = connection.conn()?.exec(sql.walk(), (&after, CHECK_CHUNK))?;
        if found.is_empty() {
            break;
        }
        for row in found {
            let mut reader = Reader::new(row);
            let Value::Bytes(key) = reader.next() else { break };
            after = key;
            checked.rows += 1;
            if let Err(why) = decode(&mut reader) {
                unreadable += 1;
                first.get_or_insert(why);
            }
        }
    }
    if let Some(why) = first {
        checked.problems.push(format!("{unreadable} rows can't be read; the first: {why}").into());
    }
    Ok(())
}

fn decode(reader: &mut Reader) -> Result<(), rows::Defect> {
    let format = u32::try_from(reader.number("format")?).unwrap_or(u32::MAX);
    let Value::Bytes(data) = reader.next() else { return Err("the row's data is not bytes".into()) };
    native::decode_format(format, &data).map(drop).map_err(|error| error.to_string().into())
}
