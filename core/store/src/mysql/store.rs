//! The store of the native table.

use super::pool::Pool;
use super::server::Server;
use super::sweep::{Sweep, Walk};
use super::work::Work;
use super::{check_identifier, lease, load, schema};
use crate::store::{Checked, LoadReply, Store};
use holdall_engine::{Fault, Key, Listed, Swept, Time, Verdict, Wanted, Write};
use holdall_layout::lease_mysql::sweep_lease;
use holdall_layout::native_mysql::{Dialect, Sql, TABLE};
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// How a [`MysqlStore`] works. Start from [`MysqlOptions::new`] and change what must differ.
#[derive(Clone, Debug)]
pub struct MysqlOptions {
    /// The application's name, as in [`holdall_layout::native::NativeRules`]: new rows carry it, lists and sweeps keep
    /// to it.
    pub application: String,
    /// How to reach the servers.
    pub server: Server,
    /// The table's name, an identifier; `holdall_sessions`.
    pub table: String,
    /// Whether the table is made if it is missing; true. The account then needs the right to.
    pub create: bool,
    /// The longest `data` of a session, in bytes; 64 MiB. What the column or the server's `max_allowed_packet` doesn't
    /// hold is refused in any case. A longer one is [`Verdict::Rejected`].
    pub data_limit: usize,
    /// Whether what only MariaDB has may be used: its bulk protocol, and deletes that tell what they removed; true.
    /// Without it batches and sweeps take more time.
    pub bulk: bool,
}

impl MysqlOptions {
    /// The usual options for an application.
    pub fn new(application: &str, server: Server) -> Self {
        let table = TABLE.to_owned();
        Self { application: application.to_owned(), server, table, create: true, data_limit: 64 << 20, bulk: true }
    }
}

/// Keeps sessions in the native table of a MySQL or MariaDB database. Free for all threads; not to be used after a
/// fork: all verbs then answer [`holdall_engine::FaultKind::Config`]. Close before a fork, open after it.
pub struct MysqlStore {
    pool: Pool,
    options: MysqlOptions,
    sql: Sql,
    is_mariadb: bool,
    data_limit: usize,
    no_bulk: AtomicBool,
    walk: Mutex<Option<Walk>>,
}

impl MysqlStore {
    /// Connects, and makes or checks the table.
    ///
    /// # Errors
    /// No server could be used; or, as [`holdall_engine::FaultKind::Config`], the table is missing and can't be made,
    /// or has another shape: it is left as it is then.
    pub fn open(options: MysqlOptions) -> Result<Self, Fault> {
        let table = check_identifier(&options.table, "table")?;
        let pool = Pool::open(options.server.clone())?;
        let (capacity, dialect) = pool.run("looking at the table", |connection| {
            let capacity = schema::ensure(connection, &options.table, options.create)?;
            Ok((capacity, schema::dialect(connection.facts().flavour)))
        })?;
        Ok(Self {
            pool,
            sql: Sql::new(dialect, table),
            is_mariadb: dialect == Dialect::MariaDb,
            data_limit: options.data_limit.min(capacity),
            no_bulk: AtomicBool::new(!options.bulk),
            walk: Mutex::default(),
            options,
        })
    }

    /// The connections, for what goes beyond a store.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

impl Store for MysqlStore {
    fn load(&self, wanted: &[Wanted], now: Time) -> Result<LoadReply, Fault> {
        self.pool.tell_time(now);
        Ok(self.pool.run("reading sessions", |connection| load::load(connection, &self.sql, wanted, now))?)
    }

    fn commit(&self, writes: &[Write], now: Time) -> Result<Vec<Verdict>, Fault> {
        self.pool.tell_time(now);
        let application = &self.options.application;
        let work = Work { sql: &self.sql, application, data_limit: self.data_limit, now, no_bulk: &self.no_bulk };
        work.run(&self.pool, writes)
    }

    fn sweep(&self, before: Time, now: Time, limit: u32) -> Result<Swept, Fault> {
        self.pool.tell_time(now);
        let (sql, table, application) = (&self.sql, self.options.table.as_str(), self.options.application.as_str());
        let returning = self.is_mariadb && self.options.bulk;
        let sweep = Sweep { sql, table, application, before, now, limit, returning };
        let mut walk = self.walk.lock().unwrap_or_else(PoisonError::into_inner);
        sweep.run(&self.pool, &mut walk)
    }

    fn due(&self, before: Time, limit: u32) -> Result<Vec<Key>, Fault> {
        let application = &self.options.application;
        Ok(self
            .pool
            .run("looking for expired sessions", |connection| load::due(connection, &self.sql, application, before, limit))?)
    }

    fn lead(&self, holder: u64, for_ms: u64) -> Result<bool, Fault> {
        lease::lead(&self.pool, &sweep_lease(&self.options.table, &self.options.application), holder, for_ms)
    }

    fn list(&self, principal: &str) -> Result<Vec<Listed>, Fault> {
        let application = &self.options.application;
        Ok(self.pool.run("listing sessions", |connection| load::list(connection, &self.sql, application, principal))?)
    }

    fn check(&self) -> Result<Checked, Fault> {
        let checked = self.pool.run("checking the table", |connection| {
            let problems = schema::problems(connection, &self.options.table)?;
            let mut checked = Checked { rows: 0, problems: problems.into_iter().map(Arc::from).collect() };
            if checked.problems.is_empty() {
                load::check(connection, &self.sql, &mut checked)?;
            }
            Ok(checked)
        })?;
        Ok(checked)
    }

    fn close(&self) -> Result<(), Fault> {
        self.pool.close();
        Ok(())
    }
}

impl fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlStore").field("options", &self.options).finish_non_exhaustive()
    }
}
