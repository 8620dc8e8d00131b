//! The connections to one database: opened when needed, lent for one call each, to the server that takes writes.

use super::classify::{Class, Phase, Reaction, classify};
use super::connection::{Connection, Facts, Refusal, place_of};
use super::driver::Error;
use super::fault::{fault, number};
use super::server::{Host, Server};
use holdall_engine::{Fault, FaultKind, Time};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A connection used so short a time ago is taken to be alive.
const FRESH_MS: u64 = 5000;

/// Connections to the server that takes writes. Free for all threads; not to be used after a fork (all calls then
/// answer [`FaultKind::Config`]).
pub struct Pool {
    server: Server,
    state: Mutex<State>,
    freed: Condvar,
    process: u32,
    /// The latest time that a caller told.
    now: AtomicU64,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// Idle and lent ones.
    open: usize,
    /// Which host is tried first: the last that took writes.
    first: usize,
    /// Grows when all connections are given up; one lent before isn't taken back.
    generation: u64,
    closed: bool,
}

/// Why a call failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What to report.
    pub fault: Fault,
    /// What the error means. None if no error of the database is behind it.
    pub reaction: Option<Reaction>,
}

impl Failed {
    /// Whether surely nothing was applied.
    pub fn is_not_applied(&self) -> bool {
        self.reaction.is_none_or(|reaction| reaction.is_not_applied())
    }

    /// The class of the error behind it.
    pub fn class(&self) -> Option<Class> {
        self.reaction.map(|reaction| reaction.class)
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, reaction: None }
    }
}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Self {
        failed.fault
    }
}

/// Why the work of a call stopped.
#[derive(Debug)]
pub enum Trouble {
    /// The database answered an error, or didn't answer.
    Database(Error),
    /// Something else, which is reported as it is. Nothing was applied.
    Fault(Fault),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Pool {
    /// Connects once, so that mistakes show at once.
    ///
    /// # Errors
    /// No server could be used: [`FaultKind::Unreachable`], or [`FaultKind::Config`] if someone must change something.
    pub fn open(server: Server) -> Result<Self, Fault> {
        let pool =
            Self { server, state: Mutex::default(), freed: Condvar::new(), process: std::process::id(), now: AtomicU64::new(0) };
        pool.run("connecting", |_| Ok(()))?;
        Ok(pool)
    }

    /// Where the pool connects to.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What the server that takes writes says about itself.
    ///
    /// # Errors
    /// As for [`Pool::run`].
    pub fn facts(&self) -> Result<Facts, Failed> {
        self.run("connecting", |connection| Ok(connection.facts().clone()))
    }

    /// Tells the time: a connection that lay idle for long is looked at before a statement takes effect at once.
    pub fn tell_time(&self, now: Time) {
        self.now.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Lends a connection to `work`. `doing` says what is done, for errors: "reading sessions".
    ///
    /// If surely nothing was applied, `work` runs once more when an idle connection turns out to be dead, and on
    /// another server when this one can't do it (it has become read-only, say). Any other error ends the call. An
    /// error after which the connection is doubtful closes it.
    ///
    /// # Errors
    /// See [`Failed`].
    pub fn run<T>(&self, doing: &str, mut work: impl FnMut(&mut Connection) -> Result<T, Trouble>) -> Result<T, Failed> {
        let mut tries = self.server.hosts.len().max(1) + 1;
        loop {
            tries -= 1;
            let (mut connection, place) = self.lend()?;
            let was_proven = std::mem::replace(&mut connection.is_proven, false);
            connection.is_fresh = was_proven || self.now.load(Ordering::Relaxed) < connection.used.0 + FRESH_MS;
            connection.reset_phase();
            let error = match work(&mut connection) {
                Ok(done) => {
                    connection.used = Time(self.now.load(Ordering::Relaxed));
                    place.give_back(connection);
                    return Ok(done);
                }
                Err(Trouble::Fault(fault)) => {
                    place.give_back(connection);
                    return Err(fault.into());
                }
                Err(Trouble::Database(error)) => error,
            };
            let reaction = connection.classify(&error);
            let fault = fault(doing, connection.host(), &error, reaction);
            if reaction.is_connection_lost || reaction.class == Class::Unknown {
                connection.close();
            }
            if reaction.class == Class::NextServer {
                self.leave_server(place.generation);
            }
            place.give_back(connection);
            let was_idle = reaction.is_connection_lost && !was_proven;
            let may_repeat = reaction.is_not_applied() && (was_idle || reaction.class == Class::NextServer);
            if tries == 0 || !may_repeat {
                return Err(Failed { fault, reaction: Some(reaction) });
            }
        }
    }

    /// Closes all connections; those that are lent are closed when they come back. Later calls answer a fault.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let idle = renew(&mut state);
        self.freed.notify_all();
        drop(state);
        drop(idle);
    }

    fn lend(&self) -> Result<(Connection, Place<'_>), Failed> {
        if std::process::id() != self.process {
            return Err(self.config("was connected to before a fork: open it again in this process").into());
        }
        let mut state = self.state();
        loop {
            if state.closed {
                return Err(self.config("is closed: open it again").into());
            }
            if let Some(connection) = state.idle.pop() {
                let place = Place { pool: self, generation: state.generation, connection: None };
                return Ok((connection, place));
            }
            if state.open < self.server.connections.max(1) {
                break;
            }
            let patience = Duration::from_millis(u64::from(self.server.statement_timeout_ms));
            let (again, waited) = self.freed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
            state = again;
            if waited.timed_out() && state.idle.is_empty() && state.open >= self.server.connections.max(1) {
                let what = format!("all {} connections to the database {} are busy", state.open, self.server.database);
                return Err(Fault::new(FaultKind::Transient, what).into());
            }
        }
        state.open += 1;
        let first = state.first;
        let place = Place { pool: self, generation: state.generation, connection: None };
        drop(state);
        let (connection, host) = self.connect(first)?;
        self.state().first = host;
        Ok((connection, place))
    }

    /// Connects to the first server that takes writes, beginning with the one numbered `first`.
    fn connect(&self, first: usize) -> Result<(Connection, usize), Failed> {
        if self.server.socket.is_some() {
            return self.connect_to(None).map(|connection| (connection, 0)).map_err(|refused| self.unreachable(vec![refused]));
        }
        let count = self.server.hosts.len();
        let mut refused = Vec::new();
        for place in (0..count).map(|step| (first + step) % count) {
            match self.connect_to(self.server.hosts.get(place)) {
                Ok(connection) => return Ok((connection, place)),
                Err(why) => refused.push(why),
            }
        }
        Err(self.unreachable(refused))
    }

    fn connect_to(&self, host: Option<&Host>) -> Result<Connection, Refused> {
        let whom = place_of(&self.server, host);
        Connection::open(&self.server, host).map_err(|refusal| match refusal {
            Refusal::Error(error) => {
                let reaction = classify(&error, super::Flavour::MariaDb, Phase::Connect);
                Refused { why: format!("{whom}: {}{}", reaction.what, number(&error)), kind: reaction.kind }
            }
            Refusal::Role(why) => Refused { why: format!("{whom}: {why}"), kind: FaultKind::Unreachable },
            Refusal::Setting(why) => Refused { why: format!("{whom}: {why}"), kind: FaultKind::Config },
        })
    }

    /// One fault for all servers that were tried; the kind that someone must act on counts most.
    fn unreachable(&self, refused: Vec<Refused>) -> Failed {
        let kind = refused.iter().map(|refused| refused.kind).find(|kind| *kind == FaultKind::Config);
        let kind = kind.or(refused.first().map(|refused| refused.kind)).unwrap_or(FaultKind::Config);
        let whys: Vec<String> = refused.into_iter().map(|refused| refused.why).collect();
        let what = format!("the database {} can't be used: {}", self.server.database, whys.join("; "));
        let class = if kind == FaultKind::Config { Class::Config } else { Class::Again };
        let reaction = Reaction { class, is_connection_lost: true, kind, what: "no server could be used" };
        Failed { fault: Fault::new(kind, what), reaction: Some(reaction) }
    }

    fn config(&self, what: &str) -> Fault {
        Fault::new(FaultKind::Config, format!("the database {} {what}", self.server.database))
    }

    fn put_back(&self, generation: u64, connection: Option<Connection>) {
        let mut state = self.state();
        if state.generation != generation {
            drop(state);
            return;
        }
        match connection {
            Some(connection) => state.idle.push(connection),
            None => state.open -= 1,
        }
        self.freed.notify_one();
    }

    /// Gives up this server's connections and begins with the next at the next call.
    fn leave_server(&self, generation: u64) {
        let mut state = self.state();
        if state.generation != generation {
            return;
        }
        state.first = (state.first + 1) % self.server.hosts.len().max(1);
        let idle = renew(&mut state);
        self.freed.notify_all();
        drop(state);
        drop(idle);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closing talks to the server, so the caller drops the connections without the lock.
fn renew(state: &mut State) -> Vec<Connection> {
    state.open = 0;
    state.generation += 1;
    std::mem::take(&mut state.idle)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Why one server can't be used.
struct Refused {
    why: String,
    kind: FaultKind,
}

/// The place of one connection among those that may be open. Dropped without giving a connection back (an error, a
/// panic), it is free for another.
struct Place<'p> {
    pool: &'p Pool,
    generation: u64,
    connection: Option<Connection>,
}

impl Place<'_> {
    /// Gives the connection back, unless it was closed.
    fn give_back(mut self, connection: Connection) {
        self.connection = connection.is_open().then_some(connection);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pool.put_back(self.generation, self.connection.take());
    }
}
