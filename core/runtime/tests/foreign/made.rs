//! Databases with the tables of the stock software, and connections as the stock software has them.

use holdall::{Error, Holdall, Options, Session};
use std::time::Duration;

/// A table of the stock software's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    Rails,
    Lucee,
}

/// A database of a test's own.
pub enum Site {
    Sqlite(tempfile::TempDir, Table),
    #[cfg(feature = "servers")]
    MariaDb(holdall_test_databases::Database, Table),
}

impl Site {
    /// One of each kind, with a table.
    pub fn each(table: Table) -> Vec<Self> {
        let sites = vec![
            Self::Sqlite(tempfile::tempdir().expect("a folder"), table),
            #[cfg(feature = "servers")]
            Self::MariaDb(holdall_test_databases::shared().database(), table),
        ];
        for site in &sites {
            let mut stock = site.connect();
            let code: String = site.schema().lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
            for statement in code.split(';').filter(|statement| !statement.trim().is_empty()) {
                stock.execute(statement, &[]);
            }
        }
        sites
    }

    fn schema(&self) -> &'static str {
        use holdall_layout::{lucee, rails::sql};
        match self {
            Self::Sqlite(_, Table::Rails) => sql::CREATE_SQLITE,
            Self::Sqlite(_, Table::Lucee) => lucee::SQLITE_SCHEMA,
            #[cfg(feature = "servers")]
            Self::MariaDb(_, Table::Rails) => sql::CREATE_MYSQL,
            #[cfg(feature = "servers")]
            Self::MariaDb(_, Table::Lucee) => lucee::MYSQL_SCHEMA,
        }
    }

    /// The URL, with further parameters.
    pub fn url(&self, more: &str) -> String {
        let (place, table) = match self {
            Self::Sqlite(folder, table) => (format!("sqlite:{}", folder.path().join("app.db").display()), table),
            #[cfg(feature = "servers")]
            Self::MariaDb(database, table) => (database.url(), table),
        };
        let layout = if *table == Table::Rails { "rails" } else { "lucee" };
        format!("{place}?layout={layout}{more}")
    }

    pub fn try_open(&self, more: &str, options: Options) -> Result<Holdall, Error> {
        Holdall::open(&self.url(more), options)
    }

    pub fn open(&self, options: Options) -> Holdall {
        self.try_open("", options).expect("opens")
    }

    /// A connection of the stock software's.
    pub fn connect(&self) -> Stock {
        match self {
            Self::Sqlite(folder, _) => {
                let connection = rusqlite::Connection::open(folder.path().join("app.db")).expect("opens");
                connection.busy_timeout(Duration::from_secs(20)).expect("a time-out");
                Stock::Sqlite(connection)
            }
            #[cfg(feature = "servers")]
            Self::MariaDb(database, _) => {
                use holdall_test_databases::mysql::{Conn, OptsBuilder, consts::CapabilityFlags};
                let options = OptsBuilder::new()
                    .ip_or_hostname(Some("127.0.0.1"))
                    .tcp_port(database.port)
                    .prefer_socket(false)
                    .user(Some(&database.owner.user))
                    .pass(Some(&database.owner.password))
                    .db_name(Some(&database.name))
                    .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS);
                Stock::MariaDb(Box::new(Conn::new(options).expect("connects")))
            }
        }
    }
}

/// A connection of the stock software's: every statement is a transaction, and an update counts the rows that it finds.
pub enum Stock {
    Sqlite(rusqlite::Connection),
    #[cfg(feature = "servers")]
    MariaDb(Box<holdall_test_databases::mysql::Conn>),
}

impl Stock {
    pub fn execute(&mut self, sql: &str, values: &[&str]) -> u64 {
        match self {
            Self::Sqlite(connection) => {
                let count = connection.execute(sql, rusqlite::params_from_iter(values));
                count.unwrap_or_else(|error| panic!("{sql}: {error}")) as u64
            }
            #[cfg(feature = "servers")]
            Self::MariaDb(conn) => {
                use holdall_test_databases::mysql::prelude::Queryable as _;
                let done = if values.is_empty() { conn.query_drop(sql) } else { conn.exec_drop(sql, values.to_vec()) };
                done.unwrap_or_else(|error| panic!("{sql}: {error}"));
                conn.affected_rows()
            }
        }
    }

    /// The first column of the first row, as text.
    pub fn cell(&mut self, sql: &str, values: &[&str]) -> Option<String> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).expect("prepares");
                let mut rows = statement.query(rusqlite::params_from_iter(values)).expect("runs");
                rows.next().expect("reads").map(|row| row.get(0).expect("text"))
            }
            #[cfg(feature = "servers")]
            Self::MariaDb(conn) => {
                use holdall_test_databases::mysql::{Value, prelude::Queryable as _};
                let values: Vec<Value> = values.iter().map(|value| Value::from(*value)).collect();
                let found: Option<String> = conn.exec_first(sql, values).expect("runs");
                found
            }
        }
    }
}

/// Nothing happens that a test doesn't ask for.
pub fn quiet() -> Options {
    Options::new().application("shop".to_owned()).sweep_every(Duration::ZERO)
}

pub fn stored(session: &mut Session) {
    let save = holdall::Save { durability: Some(holdall::Durability::Stored), if_unchanged: false };
    assert_eq!(session.save_with(save), Ok(holdall::Done::Done));
}
