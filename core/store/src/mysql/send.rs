//! Sends changes of many rows in few statements.
//!
//! MariaDB takes one prepared statement with the parameters of many rows in one packet (its bulk protocol). Elsewhere,
//! or if a proxy in between doesn't know that, a statement has places for many rows.

use super::classify::on_number;
use super::connection::Connection;
use super::driver::prelude::Queryable;
use super::driver::{Error, MySqlError, Value};
use super::pool::Trouble;
use super::work::Work;
use super::{Class, Phase};

/// What is done to a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Verb {
    Insert,
    Replace,
    Touch,
    End,
    Plant,
}

const VERBS: [Verb; 5] = [Verb::End, Verb::Plant, Verb::Touch, Verb::Replace, Verb::Insert];

/// Rows of one statement, at most; with the parameters of a row it stays far below 65,535.
const ROWS: usize = 512;
/// Bytes that a value takes besides its own, at most.
const VALUE_OVERHEAD: usize = 16;
/// Bytes of a packet that hold no values, at most.
const PACKET_OVERHEAD: usize = 4096;
/// More rows than this are not sent in one packet, even if the server takes larger ones.
const PACKET_WANTED: usize = 4 << 20;

/// Sends the parameters of many rows, grouped by verb.
pub(super) fn send(connection: &mut Connection, work: &Work<'_>, steps: Vec<(Verb, Vec<Value>)>) -> Result<(), Trouble> {
    let mut groups: [Vec<Vec<Value>>; VERBS.len()] = Default::default();
    for (verb, parameters) in steps {
        if let Some(place) = VERBS.iter().position(|other| *other == verb) {
            groups[place].push(parameters);
        }
    }
    for (verb, rows) in VERBS.into_iter().zip(groups) {
        for part in packets(rows, connection.facts().max_allowed_packet) {
            if work.is_bulk(connection.facts()) && part.len() > 1 {
                connection.conn()?.exec_batch(statement(work, verb, 1), part)?;
                check_warnings(connection)?;
            } else {
                send_rows(connection, work, verb, part)?;
            }
        }
    }
    Ok(())
}

fn send_rows(connection: &mut Connection, work: &Work<'_>, verb: Verb, mut rows: Vec<Vec<Value>>) -> Result<(), Trouble> {
    while !rows.is_empty() {
        let rest = rows.split_off(statement_rows(rows.len()));
        let sql = statement(work, verb, rows.len());
        let parameters: Vec<Value> = rows.into_iter().flatten().collect();
        connection.conn()?.exec_drop(sql, parameters)?;
        check_warnings(connection)?;
        rows = rest;
    }
    Ok(())
}

/// How many of `count` rows one statement takes: nearly all, in one of eight sizes between two powers of two, so that
/// few statements are prepared.
fn statement_rows(count: usize) -> usize {
    let count = count.clamp(1, ROWS);
    let step = (count.next_power_of_two() / 16).max(1);
    count / step * step
}

fn statement(work: &Work<'_>, verb: Verb, rows: usize) -> String {
    match verb {
        Verb::Insert => work.sql.insert(rows),
        Verb::Replace => work.sql.replace(rows),
        Verb::Touch => work.sql.touch(rows),
        Verb::End => work.sql.end(rows),
        Verb::Plant => work.sql.plant(rows),
    }
}

/// Divides rows so that each part fits into a packet. A row that doesn't even alone is a part of its own.
pub(super) fn packets(rows: Vec<Vec<Value>>, max_allowed_packet: usize) -> Vec<Vec<Vec<Value>>> {
    let limit = max_allowed_packet.saturating_sub(PACKET_OVERHEAD).min(PACKET_WANTED);
    let mut parts = Vec::new();
    let (mut part, mut size) = (Vec::new(), 0);
    for row in rows {
        let row_size = row.iter().map(value_size).sum::<usize>();
        if !part.is_empty() && (size + row_size > limit || part.len() >= ROWS) {
            parts.push(std::mem::take(&mut part));
            size = 0;
        }
        size += row_size;
        part.push(row);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

fn value_size(value: &Value) -> usize {
    VALUE_OVERHEAD + if let Value::Bytes(bytes) = value { bytes.len() } else { 0 }
}

/// A value that was cut is an error, even where the server makes a warning of it.
pub(super) fn check_warnings(connection: &mut Connection) -> Result<(), Trouble> {
    let flavour = connection.facts().flavour;
    if connection.conn()?.warnings() == 0 {
        return Ok(());
    }
    let warnings: Vec<(String, u16, String)> = connection.conn()?.query("SHOW WARNINGS")?;
    for (_, code, message) in warnings {
        if on_number(code, &message, flavour, Phase::Statement).class == Class::Row {
            return Err(Error::MySqlError(MySqlError { state: "01000".to_owned(), message, code }).into());
        }
    }
    Ok(())
}
