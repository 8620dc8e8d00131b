//! MySQL and MariaDB.

use super::run::{Cell, Dialect, Driver, Failed, Run, Stop};
use crate::mysql::driver::prelude::Queryable as _;
use crate::mysql::driver::{Error, Params, Row, Value};
use crate::mysql::{Class, Connection, Facts, Flavour, Pool, Server, Tls, Trouble, lease};
use holdall_engine::Fault;

/// The connections to one database.
pub(super) struct Mysql {
    pool: Pool,
    dialect: Dialect,
    /// Whether one statement can be sent with the values of many rows: MariaDB's bulk protocol.
    sends_together: bool,
}

impl Mysql {
    /// Connects.
    pub fn open(server: Server) -> Result<Self, Fault> {
        // On encrypted connections the driver doesn't announce that it knows that protocol.
        let is_clear = server.socket.is_some() || server.tls == Tls::Off;
        let pool = Pool::open(server)?;
        let facts = pool.facts()?;
        // On a Galera cluster a transaction that is cut off can lose the first rows of such a packet silently.
        let sends_together = is_clear && !facts.is_galera && facts.flavour == Flavour::MariaDb && facts.version >= (10, 2, 7);
        Ok(Self { pool, dialect: Dialect::Mysql { skips_locked: skips_locked(&facts) }, sends_together })
    }
}

fn skips_locked(facts: &Facts) -> bool {
    match facts.flavour {
        Flavour::MySql => facts.version >= (8, 0, 1),
        Flavour::MariaDb => facts.version >= (10, 6, 0),
    }
}

impl Driver for Mysql {
    type Error = Error;
    type Run<'c> = Lent<'c>;

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn read<T>(&self, doing: &str, mut work: impl FnMut(&mut Lent<'_>) -> Result<T, Error>) -> Result<T, Fault> {
        Ok(self.pool.run(doing, |connection| {
            work(&mut Lent { connection, sends_together: self.sends_together }).map_err(Trouble::from)
        })?)
    }

    fn write<T>(&self, doing: &str, mut work: impl FnMut(&mut Lent<'_>) -> Result<T, Error>) -> Result<T, Failed> {
        let done = self.pool.run(doing, |connection| {
            connection
                .transaction(|connection| work(&mut Lent { connection, sends_together: self.sends_together }))
                .map_err(Trouble::from)
        });
        done.map_err(|failed| Failed { not_applied: failed.is_not_applied(), fault: failed.fault })
    }

    fn lead(&self, lease: &str, holder: u64, for_ms: u64) -> Result<bool, Fault> {
        lease::lead(&self.pool, lease, holder, for_ms)
    }

    fn close(&self) -> Result<(), Fault> {
        self.pool.close();
        Ok(())
    }
}

/// A connection for one call.
pub(super) struct Lent<'c> {
    connection: &'c mut Connection,
    sends_together: bool,
}

impl Lent<'_> {
    fn stop(&self, error: Error) -> Stop<Error> {
        let reaction = self.connection.classify(&error);
        match reaction.class {
            Class::Exists => Stop::Exists,
            // A statement that is too large for the server is tried row by row, down to the one.
            Class::Row | Class::Split => Stop::Row(reaction.what.into()),
            _ => Stop::Batch(error),
        }
    }
}

fn parameters(values: &[&str]) -> Params {
    Params::Positional(values.iter().map(|value| Value::Bytes(value.as_bytes().to_vec())).collect())
}

impl Run for Lent<'_> {
    type Error = Error;

    fn query(&mut self, sql: &str, values: &[&str]) -> Result<Vec<Vec<Cell>>, Error> {
        let rows: Vec<Row> = self.connection.conn()?.exec(sql, parameters(values))?;
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect())
    }

    fn execute(&mut self, sql: &str, values: &[&str]) -> Result<u64, Stop<Error>> {
        let done = self.connection.conn().and_then(|conn| {
            // What has no values is about the transaction itself, which not every server takes prepared.
            if values.is_empty() {
                conn.query_drop(sql)?;
            } else {
                conn.exec_drop(sql, parameters(values))?;
            }
            Ok(conn.affected_rows())
        });
        done.map_err(|error| self.stop(error))
    }

    fn execute_each(&mut self, sql: &str, lists: &[Vec<String>]) -> Option<Result<u64, Stop<Error>>> {
        let bytes: usize = lists.iter().flatten().map(String::len).sum();
        if !self.sends_together || bytes > self.connection.facts().max_allowed_packet / 2 {
            return None;
        }
        let list = |values: &Vec<String>| parameters(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let done = self.connection.conn().and_then(|conn| {
            conn.exec_batch(sql, lists.iter().map(list))?;
            Ok(conn.affected_rows())
        });
        Some(done.map_err(|error| self.stop(error)))
    }
}

/// The driver's values as text.
fn cell(value: Value) -> Cell {
    match value {
        Value::NULL | Value::Time(..) => None,
        Value::Bytes(bytes) => Some(bytes),
        Value::Int(number) => Some(number.to_string().into_bytes()),
        Value::UInt(number) => Some(number.to_string().into_bytes()),
        Value::Float(number) => Some(number.to_string().into_bytes()),
        Value::Double(number) => Some(number.to_string().into_bytes()),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}");
            Some(text.into_bytes())
        }
    }
}
