//! A MySQL or MariaDB server.
//!
//! Unlike the store's connections this one has no limit on the time of a statement: an `ALTER TABLE` may take hours. What
//! it waits for locks is bounded, since a waiting `ALTER TABLE` holds up everyone behind it.

use super::{Row, SqlError, Value};
use crate::problem::{Kind, Problem, Result};
use holdall_store::mysql::driver::consts::CapabilityFlags;
use holdall_store::mysql::driver::prelude::Queryable;
use holdall_store::mysql::driver::{Conn, OptsBuilder, Params, SslOpts};
use holdall_store::mysql::{Class, Flavour, Host, Phase, Server, Tls, classify, driver};
use std::time::Duration;

/// Set right after connecting. Values that don't fit are errors, no statement waits long for a lock, and times are UTC.
const SETTINGS: &str = "SET NAMES utf8mb4, SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
    SESSION lock_wait_timeout = 5, SESSION innodb_lock_wait_timeout = 5, SESSION time_zone = '+00:00'";
/// Deletes lock the rows they remove and nothing between.
const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
/// Idle connections are asked for a sign of life after so many milliseconds.
const KEEP_ALIVE_MS: u32 = 10_000;

/// A connection to a server.
pub struct Connection {
    conn: Conn,
    version: (u16, u16, u16),
    mariadb: bool,
    /// The server takes no writes.
    pub read_only: bool,
    /// Where it is, for messages and for the command lines of other tools.
    pub place: Server,
    /// Which of the hosts answered.
    pub host: Option<Host>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("host", &self.host).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects to the first host that takes writes; if none does, to the first that answers.
    pub fn open(server: &Server) -> Result<Self> {
        if server.socket.is_some() {
            return Self::connect(server, None).map_err(|error| unreachable_at("the socket", &error));
        }
        let mut only_reads = None;
        let mut failure = None;
        for host in &server.hosts {
            match Self::connect(server, Some(host)) {
                Ok(connection) if connection.read_only => only_reads = only_reads.or(Some(connection)),
                Ok(connection) => return Ok(connection),
                Err(error) => failure = Some(failure.unwrap_or_else(|| unreachable_at(&host.to_string(), &error))),
            }
        }
        let nowhere = || failure.unwrap_or_else(|| Problem::usage("the URL names no host"));
        only_reads.ok_or_else(nowhere)
    }

    fn connect(server: &Server, host: Option<&Host>) -> std::result::Result<Self, SqlError> {
        let mut conn = Conn::new(options(server, host)).map_err(|error| sql_error(&error))?;
        conn.query_drop(SETTINGS).and_then(|()| conn.query_drop(ISOLATION)).map_err(|error| sql_error(&error))?;
        let about: Option<(String, bool)> =
            conn.query_first("SELECT VERSION(), @@GLOBAL.read_only").map_err(|error| sql_error(&error))?;
        let (version_text, read_only) = about.unwrap_or_default();
        let mariadb = version_text.contains("MariaDB");
        let version = numbers(&version_text);
        Ok(Self { conn, version, mariadb, read_only, place: server.clone(), host: host.cloned() })
    }

    pub(super) fn is_mariadb(&self) -> bool {
        self.mariadb
    }

    pub(super) fn version(&self) -> (u16, u16, u16) {
        self.version
    }

    pub(super) fn query(&mut self, sql: &str, values: &[Value]) -> std::result::Result<Vec<Row>, SqlError> {
        let rows: std::result::Result<Vec<driver::Row>, driver::Error> =
            if values.is_empty() { self.conn.query(sql) } else { self.conn.exec(sql, parameters(values)) };
        Ok(rows.map_err(|error| sql_error(&error))?.into_iter().map(row).collect())
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value]) -> std::result::Result<u64, SqlError> {
        let done = if values.is_empty() { self.conn.query_drop(sql) } else { self.conn.exec_drop(sql, parameters(values)) };
        done.map_err(|error| sql_error(&error))?;
        Ok(self.conn.affected_rows())
    }
}

/// "10.11.6-MariaDB" gives 10, 11, 6; the old prefix "5.5.5-" before a MariaDB version is skipped.
fn numbers(version: &str) -> (u16, u16, u16) {
    let version = version.strip_prefix("5.5.5-").filter(|rest| rest.contains("MariaDB")).unwrap_or(version);
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

fn options(server: &Server, host: Option<&Host>) -> OptsBuilder {
    let tls = match &server.tls {
        Tls::Off => None,
        Tls::Unverified => {
            Some(SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true))
        }
        Tls::Verify { ca } => Some(SslOpts::default().with_root_cert_path(ca.clone())),
    };
    let builder = OptsBuilder::new()
        .user(Some(server.user.clone()))
        .pass(Some(server.password.0.clone()))
        .db_name(Some(server.database.clone()))
        .tcp_connect_timeout(Some(Duration::from_millis(server.connect_timeout_ms.into())))
        .tcp_keepalive_time_ms(Some(KEEP_ALIVE_MS))
        .prefer_socket(false)
        .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS)
        .ssl_opts(tls);
    match (host, &server.socket) {
        (Some(host), _) => builder.ip_or_hostname(Some(host.name.clone())).tcp_port(host.port),
        (None, Some(socket)) => builder.socket(Some(socket.to_string_lossy().into_owned())),
        (None, None) => builder,
    }
}

fn parameters(values: &[Value]) -> Params {
    Params::Positional(
        values
            .iter()
            .map(|value| match value {
                Value::Null => driver::Value::NULL,
                Value::Int(number) => driver::Value::Int(*number),
                Value::Real(number) => driver::Value::Double(*number),
                Value::Bytes(bytes) | Value::Blob(bytes) => driver::Value::Bytes(bytes.clone()),
            })
            .collect(),
    )
}

fn row(row: driver::Row) -> Row {
    Row(row.unwrap().into_iter().map(value).collect())
}

fn value(value: driver::Value) -> Value {
    match value {
        driver::Value::NULL => Value::Null,
        driver::Value::Bytes(bytes) => Value::Bytes(bytes),
        driver::Value::Int(number) => Value::Int(number),
        driver::Value::UInt(number) => Value::Int(i64::try_from(number).unwrap_or(i64::MAX)),
        driver::Value::Float(number) => Value::Real(f64::from(number)),
        driver::Value::Double(number) => Value::Real(number),
        driver::Value::Date(year, month, day, hour, minute, second, micros) => {
            Value::Bytes(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}").into_bytes())
        }
        other @ driver::Value::Time(..) => Value::Bytes(other.as_sql(true).trim_matches('\'').as_bytes().to_vec()),
    }
}

fn unreachable_at(place: &str, error: &SqlError) -> Problem {
    let text = match error.kind {
        Kind::Unreachable => format!("the server at {place} can't be reached: {}", error.text),
        _ => format!("the server at {place} refuses: {}", error.text),
    };
    Problem::new(error.kind, text)
}

/// Errors whose text repeats a value of a row, which may be an id.
const WITH_VALUES: [u16; 8] = [1062, 1292, 1366, 1411, 1525, 1586, 1690, 1761];

fn sql_error(error: &driver::Error) -> SqlError {
    let driver::Error::MySqlError(refused) = error else { return without_number(error) };
    let kind = match refused.code {
        1044 | 1045 | 1130 | 1142 | 1143 | 1227 | 1290 | 1370 | 1698 | 1792 | 1836 => Kind::Refused,
        1049 | 1054 | 1146 => Kind::Missing,
        1040 | 1047 | 1053 | 1129 | 1203 | 1226 | 1927 => Kind::Unreachable,
        _ => Kind::Failed,
    };
    let text = if WITH_VALUES.contains(&refused.code) {
        "a row is in the way, or a value does not fit".to_owned()
    } else {
        plain(&refused.message)
    };
    SqlError { number: refused.code.into(), kind, text: format!("{text} (error {})", refused.code) }
}

/// What didn't come from the server itself. A certificate that isn't trusted is a refusal, not an outage.
fn without_number(error: &driver::Error) -> SqlError {
    let reaction = classify(error, Flavour::MariaDb, Phase::Connect);
    let own = plain(&error.to_string());
    if reaction.class == Class::Config {
        return SqlError { number: 0, kind: Kind::Refused, text: format!("{} ({own})", reaction.what) };
    }
    SqlError { number: 0, kind: Kind::Unreachable, text: own }
}

/// One line of text.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
