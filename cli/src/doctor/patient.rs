//! What the checks look at.

use crate::args::Doctor;
use crate::clock;
use crate::db::{Database, Flavour, SqlError};
use crate::layout::Layout;
use crate::problem::Result;
use crate::shape::{self, Column, Shape};
use crate::stores;
use crate::target::Target;

/// The table, its catalogue, and the settings of its server.
#[derive(Debug)]
pub struct Patient {
    /// The connection.
    pub database: Database,
    /// Where it is.
    pub target: Target,
    /// The catalogue.
    pub shape: Shape,
    /// Settings of the server.
    pub server: Server,
    /// Rows of a rails table count as old after so many days.
    pub days: u32,
    /// What the store of holdall's own table finds fault with.
    pub own_check: Vec<String>,
}

/// Settings of the server; all defaults for a file.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// `sql_mode` of new connections.
    pub sql_mode: String,
    /// `max_allowed_packet`, in bytes.
    pub packet: u64,
    /// `innodb_flush_log_at_trx_commit`.
    pub flush: u64,
    /// It is a node of a cluster.
    pub galera: bool,
    /// It takes no writes.
    pub read_only: bool,
}

impl Patient {
    /// Connects and reads the catalogue.
    pub fn open(target: Target, args: &Doctor) -> Result<Self> {
        // Before the connection: a process must not hold a SQLite file twice.
        let own_check = if target.layout == Layout::Native && !args.quick { stores::problems(&target)? } else { Vec::new() };
        let mut database = Database::open(&target, false)?;
        let shape = shape::read(&mut database, &target.table, &target.shown())?;
        let server = if database.flavour() == Flavour::Sqlite { Server::default() } else { server(&mut database)? };
        Ok(Self { database, target, shape, server, days: args.older_than, own_check })
    }

    /// Reads the catalogue again, after a repair.
    pub fn look_again(&mut self) -> Result<()> {
        self.shape = shape::read(&mut self.database, &self.target.table, &self.target.shown())?;
        Ok(())
    }

    /// Whose table it is.
    pub fn layout(&self) -> Layout {
        self.target.layout
    }

    /// Whether the table is in a file.
    pub fn is_file(&self) -> bool {
        self.database.flavour() == Flavour::Sqlite
    }

    /// The table's name, quoted.
    pub fn table(&self) -> String {
        self.database.quoted(&self.shape.table)
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.shape.column(name)
    }

    /// Whether the table has all of these columns.
    pub fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|name| self.column(name).is_some())
    }

    /// How a column is compared byte by byte.
    pub fn exact(&self, column: &str) -> String {
        if self.is_file() { column.to_owned() } else { format!("CAST({column} AS BINARY)") }
    }

    /// How many rows there are for which a condition holds.
    pub fn count_rows(&mut self, condition: &str) -> std::result::Result<u64, SqlError> {
        let sql = format!("SELECT COUNT(*) FROM {} WHERE {condition}", self.table());
        self.database.count(&sql, &[])
    }

    /// The time by which rows are judged, in milliseconds since 1970: the earlier of two clocks, so that one that is
    /// ahead ends nobody's session.
    pub fn now_ms(&mut self) -> std::result::Result<u64, SqlError> {
        Ok(self.database.now_ms()?.min(clock::now_ms()))
    }

    /// The collation that compares exactly and doesn't pad.
    pub fn exact_collation(&self) -> &'static str {
        match self.database.flavour() {
            Flavour::MySql if self.database.version() >= (8, 0, 0) => "utf8mb4_0900_bin",
            Flavour::MySql => "utf8mb4_bin",
            _ => "utf8mb4_nopad_bin",
        }
    }
}

fn server(database: &mut Database) -> std::result::Result<Server, SqlError> {
    let sql = "SELECT @@GLOBAL.sql_mode, @@GLOBAL.max_allowed_packet, @@GLOBAL.innodb_flush_log_at_trx_commit, \
        @@GLOBAL.read_only";
    let row = database.first(sql, &[])?.unwrap_or_default();
    let wsrep = database.query("SHOW GLOBAL VARIABLES LIKE 'wsrep_on'", &[])?;
    let galera = wsrep.first().and_then(|row| row.text(1)).is_some_and(|value| value.eq_ignore_ascii_case("on"));
    Ok(Server {
        sql_mode: row.text(0).unwrap_or_default(),
        packet: row.count(1),
        flush: row.count(2),
        galera,
        read_only: row.count(3) > 0,
    })
}
