//! One connection, set up as holdall needs it.

use super::classify::{Flavour, Phase, Reaction, classify};
use super::driver::prelude::Queryable;
use super::driver::{Conn, Error, OptsBuilder, SslOpts, from_value_opt};
use super::server::{Host, Server, Tls};
use holdall_engine::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// Statements kept prepared per connection; more than there are, in all their sizes.
const STATEMENT_CACHE: usize = 96;
/// The connection is given up when the server is silent for so much longer than its own time limit.
const SILENCE_MS: u32 = 2000;
/// Finds peers that are gone while nothing is said.
const KEEPALIVE_MS: u32 = 30_000;
/// `CLIENT_FOUND_ROWS`: an update counts the rows it finds, not only those that it changes.
const FOUND_ROWS: u32 = 2;

/// What a server said about itself when it was connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its family.
    pub flavour: Flavour,
    /// Its version, as in `(10, 11, 6)`.
    pub version: (u16, u16, u16),
    /// The longest statement it takes, in bytes.
    pub max_allowed_packet: usize,
    /// Whether it is a node of a Galera cluster.
    pub is_galera: bool,
    /// `innodb_flush_log_at_trx_commit`; other than 1 loses committed sessions when the machine stops. None if the
    /// server doesn't say.
    pub flush_at_commit: Option<u8>,
}

/// A connection whose session is set up: strict SQL mode, UTC, utf8mb4, READ COMMITTED, time limits.
///
/// In a forked child it is leaked rather than closed: closing would tell the server to end the parent's.
pub struct Connection {
    conn: Option<Conn>,
    facts: Facts,
    host: String,
    phase: Phase,
    process: u32,
    /// Whether it was just made: one that lay idle may have been closed by the server meanwhile.
    pub(super) is_proven: bool,
    /// Whether it was used a short while ago.
    pub(super) is_fresh: bool,
    /// When it was used last, as far as the pool was told the time.
    pub(super) used: Time,
}

/// Why a server can't be used.
pub(super) enum Refusal {
    Error(Error),
    /// It takes no writes, or is not ready. In words.
    Role(&'static str),
    /// It doesn't do what it was told. In words.
    Setting(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Connection {
    /// Connects to one place and sets the session up.
    pub(super) fn open(server: &Server, host: Option<&Host>) -> Result<Self, Refusal> {
        let mut conn = Conn::new(options(server, host))?;
        let variables = variables(&mut conn)?;
        let flavour = flavour(&variables);
        let is_galera = variables.get("wsrep_on").is_some_and(|value| is_on(value));
        check_role(&mut conn, &variables, is_galera)?;
        conn.query_drop(session(server, flavour, is_galera))?;
        check_session(&mut conn)?;
        let number = |name: &str| variables.get(name).and_then(|value| value.parse::<usize>().ok());
        let facts = Facts {
            flavour,
            version: version(variables.get("version").map_or("", String::as_str)),
            max_allowed_packet: number("max_allowed_packet").unwrap_or(1 << 20),
            is_galera,
            flush_at_commit: number("innodb_flush_log_at_trx_commit").and_then(|number| u8::try_from(number).ok()),
        };
        let host = place_of(server, host);
        let process = std::process::id();
        Ok(Self {
            conn: Some(conn),
            facts,
            host,
            phase: Phase::Statement,
            process,
            is_proven: true,
            is_fresh: true,
            used: Time::ZERO,
        })
    }

    /// The driver's connection, for statements that read or are part of a [`Connection::transaction`].
    ///
    /// # Errors
    /// The connection was closed.
    pub fn conn(&mut self) -> Result<&mut Conn, Error> {
        self.conn.as_mut().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected).into())
    }

    /// What the server said about itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Where the connection leads to: a host with its port, or a socket.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// How far the current call has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn reset_phase(&mut self) {
        self.phase = Phase::Statement;
    }

    /// Decides about an error that this connection gave.
    pub fn classify(&self, error: &Error) -> Reaction {
        classify(error, self.facts.flavour, self.phase)
    }

    /// Runs `work` in a transaction. If it answers an error, or if COMMIT was not sent, nothing is applied. An error
    /// of COMMIT itself leaves that open: [`Connection::phase`] then is [`Phase::Commit`].
    ///
    /// # Errors
    /// Those of `work`, of BEGIN and of COMMIT.
    pub fn transaction<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        self.conn()?.query_drop("BEGIN")?;
        match work(self) {
            Ok(done) => {
                self.commit()?;
                Ok(done)
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.phase = Phase::Commit;
        self.conn()?.query_drop("COMMIT")?;
        self.phase = Phase::Statement;
        Ok(())
    }

    /// Ends a transaction without its effects. A connection that can't even do that is closed, which does the same.
    pub fn roll_back(&mut self) {
        if self.conn().and_then(|conn| conn.query_drop("ROLLBACK")).is_err() {
            self.close();
        }
    }

    /// Runs statements that take effect at once, without a transaction: an error leaves open whether they did. A
    /// connection that lay idle is looked at before, so that its death isn't taken for an open question.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn at_once<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        if !self.is_fresh {
            self.conn()?.ping()?;
            self.is_fresh = true;
        }
        self.phase = Phase::Commit;
        let done = work(self)?;
        self.phase = Phase::Statement;
        Ok(done)
    }

    /// Gives the connection up.
    pub fn close(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        if std::process::id() == self.process { drop(conn) } else { std::mem::forget(conn) }
    }

    pub(super) fn is_open(&self) -> bool {
        self.conn.is_some()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("host", &self.host).field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// The words for where a connection leads to.
pub(super) fn place_of(server: &Server, host: Option<&Host>) -> String {
    match (&server.socket, host) {
        (Some(socket), _) => socket.display().to_string(),
        (None, Some(host)) => host.to_string(),
        (None, None) => "no host".to_owned(),
    }
}

fn options(server: &Server, host: Option<&Host>) -> OptsBuilder {
    let connect = Duration::from_millis(u64::from(server.connect_timeout_ms));
    let silence = Duration::from_millis(u64::from(server.statement_timeout_ms + SILENCE_MS));
    let ssl = match &server.tls {
        Tls::Off => None,
        Tls::Unverified => {
            Some(SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true))
        }
        Tls::Verify { ca } => Some(SslOpts::default().with_root_cert_path(ca.clone())),
    };
    let socket = server.socket.as_ref().map(|socket| socket.to_string_lossy().into_owned());
    OptsBuilder::new()
        .ip_or_hostname(host.map(|host| host.name.clone()))
        .tcp_port(host.map_or(super::server::DEFAULT_PORT, |host| host.port))
        .ssl_opts(if socket.is_some() { None } else { ssl })
        .socket(socket)
        .prefer_socket(false)
        .user(Some(&server.user))
        .pass(Some(&server.password.0))
        .db_name(Some(&server.database))
        .tcp_connect_timeout(Some(connect))
        .read_timeout(Some(silence))
        .write_timeout(Some(silence))
        .tcp_keepalive_time_ms(Some(KEEPALIVE_MS))
        .stmt_cache_size(STATEMENT_CACHE)
        .additional_capabilities(super::driver::consts::CapabilityFlags::from_bits_truncate(FOUND_ROWS))
        .secure_auth(true)
}

fn variables(conn: &mut Conn) -> Result<BTreeMap<String, String>, Error> {
    let rows = conn.query::<(String, String), _>(
        "SHOW SESSION VARIABLES WHERE Variable_name IN ('version', 'version_comment', 'max_allowed_packet', 'read_only', \
         'super_read_only', 'transaction_read_only', 'tx_read_only', 'offline_mode', 'wsrep_on', \
         'innodb_flush_log_at_trx_commit', 'innodb_read_only')",
    )?;
    Ok(rows.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
}

/// The first three numbers of a version text; proxies and forks add words of their own.
fn version(text: &str) -> (u16, u16, u16) {
    // Some MariaDB servers begin with a version for old replicas.
    let text = text.strip_prefix("5.5.5-").unwrap_or(text);
    let mut numbers = text.split(|letter: char| !letter.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

fn flavour(variables: &BTreeMap<String, String>) -> Flavour {
    let says = |name: &str| variables.get(name).is_some_and(|value| value.to_ascii_lowercase().contains("mariadb"));
    if says("version") || says("version_comment") { Flavour::MariaDb } else { Flavour::MySql }
}

fn is_on(value: &str) -> bool {
    !matches!(value, "" | "0") && !value.eq_ignore_ascii_case("off")
}

/// A server that takes no writes is no primary: it may be behind, so it isn't read either.
fn check_role(conn: &mut Conn, variables: &BTreeMap<String, String>, is_galera: bool) -> Result<(), Refusal> {
    for name in ["read_only", "super_read_only", "innodb_read_only", "transaction_read_only", "tx_read_only", "offline_mode"] {
        if variables.get(name).is_some_and(|value| is_on(value)) {
            return Err(Refusal::Role("it is read-only"));
        }
    }
    if is_galera {
        let ready: Option<(String, String)> = conn.query_first("SHOW STATUS LIKE 'wsrep_ready'")?;
        if !ready.is_some_and(|(_, value)| is_on(&value)) {
            return Err(Refusal::Role("it is not part of its cluster now"));
        }
    }
    Ok(())
}

/// All settings of the session, in one statement.
fn session(server: &Server, flavour: Flavour, is_galera: bool) -> String {
    let limit = server.statement_timeout_ms;
    let limit = match flavour {
        Flavour::MariaDb => format!("max_statement_time = {}.{:03}", limit / 1000, limit % 1000),
        Flavour::MySql => format!("max_execution_time = {limit}"),
    };
    let isolation = match flavour {
        Flavour::MariaDb => "tx_isolation",
        Flavour::MySql => "transaction_isolation",
    };
    // Reads wait until the node has applied what was committed elsewhere before.
    let wait = if is_galera { ", wsrep_sync_wait = 1" } else { "" };
    format!(
        "SET NAMES utf8mb4, SESSION sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', \
         time_zone = '+00:00', {isolation} = 'READ-COMMITTED', autocommit = 1, innodb_lock_wait_timeout = {}, {limit}{wait}",
        server.lock_wait_seconds
    )
}

/// Proxies may keep settings from a session; then truncation would be silent.
fn check_session(conn: &mut Conn) -> Result<(), Refusal> {
    let row: Option<super::driver::Row> =
        conn.query_first("SELECT @@sql_mode, @@time_zone, @@character_set_client, @@autocommit, @@character_set_connection")?;
    let values: Vec<String> = row
        .map(|row| row.unwrap().into_iter().map(|value| from_value_opt(value).unwrap_or_default()).collect())
        .unwrap_or_default();
    let is = |place: usize, wanted: &str| values.get(place).is_some_and(|value| value == wanted);
    let is_strict = values.first().is_some_and(|mode| mode.contains("STRICT_ALL_TABLES"));
    for (is_set, name) in [
        (is_strict, "strict SQL mode"),
        (is(1, "+00:00"), "the time zone UTC"),
        (is(2, "utf8mb4") && is(4, "utf8mb4"), "the character set utf8mb4"),
        (is(3, "1"), "autocommit"),
    ] {
        if !is_set {
            return Err(Refusal::Setting(format!("it does not keep {name} for the session; a proxy may be in the way")));
        }
    }
    Ok(())
}
