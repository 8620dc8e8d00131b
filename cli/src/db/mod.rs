//! A connection to look at tables with, and to repair and prune them: SQL in, rows out, for both kinds of database.
//!
//! Sessions themselves are read and written through `holdall-store`; this is for what no store does: catalogues,
//! settings of the server, `ALTER TABLE`.

mod mysql;
mod sqlite;
mod value;

pub use value::{Row, Value};

use crate::problem::{Kind, Problem, Result};
use crate::target::{Place, Target};

/// Which database answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    /// A SQLite file.
    Sqlite,
    /// MariaDB.
    MariaDb,
    /// MySQL, or something that speaks like it.
    MySql,
}

impl Flavour {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }
}

/// A statement that the database refused, before it is put into words for people.
#[derive(Clone, Debug)]
pub struct SqlError {
    /// The database's number for it; 0 if it came from elsewhere.
    pub number: u32,
    /// What it means for the command.
    pub kind: Kind,
    /// The database's own sentence, unless it might hold a value.
    pub text: String,
}

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Self {
        Self::new(error.kind, error.text)
    }
}

/// An open connection.
#[derive(Debug)]
pub enum Database {
    /// To a SQLite file.
    Sqlite(sqlite::Connection),
    /// To a server.
    Server(Box<mysql::Connection>),
}

impl Database {
    /// Opens what a URL names. A SQLite file that isn't there is a [`Kind::Missing`] unless `make` says otherwise.
    pub fn open(target: &Target, make: bool) -> Result<Self> {
        match &target.place {
            Place::Memory => Err(Problem::usage("memory: holds nothing that another process could look at")),
            Place::Sqlite(path) => Ok(Self::Sqlite(sqlite::Connection::open(path, make)?)),
            Place::Server(url) => Ok(Self::Server(Box::new(mysql::Connection::open(url)?))),
        }
    }

    /// Which database answers.
    pub fn flavour(&self) -> Flavour {
        match self {
            Self::Sqlite(_) => Flavour::Sqlite,
            Self::Server(server) if server.is_mariadb() => Flavour::MariaDb,
            Self::Server(_) => Flavour::MySql,
        }
    }

    /// The server's version, as its numbers.
    pub fn version(&self) -> (u16, u16, u16) {
        match self {
            Self::Sqlite(_) => (3, 0, 0),
            Self::Server(server) => server.version(),
        }
    }

    /// Makes sure that the server takes writes; a file shows it at the first one.
    pub fn check_writes(&self) -> Result<()> {
        match self {
            Self::Server(server) if server.read_only => {
                let text = "the server takes no writes (it is read-only): name its primary";
                Err(Problem::new(Kind::Refused, text))
            }
            _ => Ok(()),
        }
    }

    /// Runs a statement that answers rows.
    pub fn query(&mut self, sql: &str, values: &[Value]) -> std::result::Result<Vec<Row>, SqlError> {
        match self {
            Self::Sqlite(file) => file.query(sql, values),
            Self::Server(server) => server.query(sql, values),
        }
    }

    /// The first row, if there is one.
    pub fn first(&mut self, sql: &str, values: &[Value]) -> std::result::Result<Option<Row>, SqlError> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// The number in the first column of the first row; 0 if there is none.
    pub fn count(&mut self, sql: &str, values: &[Value]) -> std::result::Result<u64, SqlError> {
        Ok(self.first(sql, values)?.map_or(0, |row| row.count(0)))
    }

    /// Runs a statement that answers how many rows it hit.
    pub fn execute(&mut self, sql: &str, values: &[Value]) -> std::result::Result<u64, SqlError> {
        match self {
            Self::Sqlite(file) => file.execute(sql, values),
            Self::Server(server) => server.execute(sql, values),
        }
    }

    /// Runs `work` in a transaction that may write; an error undoes it.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> std::result::Result<T, SqlError>,
    ) -> std::result::Result<T, SqlError> {
        let begin = if self.flavour() == Flavour::Sqlite { "BEGIN IMMEDIATE" } else { "START TRANSACTION" };
        self.execute(begin, &[])?;
        let done = work(self).and_then(|answer| self.execute("COMMIT", &[]).map(|_| answer));
        if done.is_err() {
            // The first error is the one to tell; a connection that is gone has rolled back by itself.
            let _ = self.execute("ROLLBACK", &[]);
        }
        done
    }

    /// A name for use in a statement, quoted.
    pub fn quoted(&self, name: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::Server(_) => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// The database's own clock, in milliseconds since 1970.
    pub fn now_ms(&mut self) -> std::result::Result<u64, SqlError> {
        match self {
            Self::Sqlite(_) => Ok(crate::clock::now_ms()),
            Self::Server(_) => self.count("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)", &[]),
        }
    }
}
