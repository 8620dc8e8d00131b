//! Databases with the tables of the stock software, and statements run as it would run them.

use holdall_engine::{
    Block, Fault, Key, Loaded, Reason, Record, Stamp, Time, ValueRef, Verdict, Wanted, Write, WriteKind, Writer,
};
use holdall_layout::lucee::{LuceeData, MYSQL_SCHEMA, SQLITE_SCHEMA};
use holdall_layout::rails::{RailsData, sql};
use holdall_store::Store;
use holdall_store::foreign::{ForeignOptions, ForeignTable, open_sqlite};
use std::sync::Arc;

pub const NOW: Time = Time(1_790_000_000_000);
pub const IDLE_MS: u64 = 1_800_000;
pub const SLACK_MS: u64 = 105_000;
/// An id as Rails makes them, and its private form.
pub const PUBLIC: &str = "0123456789abcdef0123456789abcdef";
pub const PRIVATE: &str = "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";
/// An id as Lucee makes them.
pub const CFID: &str = "3f2a1c58-7b7e-4f0e-9a53-0c7f6a2d9e11";

/// A database of a test's own.
pub enum Site {
    Sqlite(tempfile::TempDir),
    #[cfg(feature = "servers")]
    MariaDb(holdall_test_databases::Database),
}

/// Rows as text; none for NULL.
pub type Rows = Vec<Vec<Option<String>>>;

impl Site {
    /// One of each kind, empty.
    pub fn each() -> Vec<Self> {
        vec![
            Self::Sqlite(tempfile::tempdir().expect("a folder")),
            #[cfg(feature = "servers")]
            Self::MariaDb(holdall_test_databases::shared().database()),
        ]
    }

    /// One of each kind, with Rails' table.
    pub fn with_rails() -> Vec<Self> {
        Self::made(sql::CREATE_SQLITE, sql::CREATE_MYSQL)
    }

    /// One of each kind, with Lucee's tables.
    pub fn with_lucee() -> Vec<Self> {
        Self::made(SQLITE_SCHEMA, MYSQL_SCHEMA)
    }

    fn made(sqlite: &str, mysql: &str) -> Vec<Self> {
        let sites = Self::each();
        for site in &sites {
            site.run_script(if matches!(site, Self::Sqlite(_)) { sqlite } else { mysql });
        }
        sites
    }

    /// Runs the statements of a file.
    pub fn run_script(&self, script: &str) {
        let code: String = script.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        for statement in code.split(';').filter(|statement| !statement.trim().is_empty()) {
            self.execute(statement, &[]);
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            #[cfg(feature = "servers")]
            Self::MariaDb(_) => "MariaDB",
        }
    }

    fn sqlite_connection(folder: &tempfile::TempDir) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(folder.path().join("app.db")).expect("opens");
        connection.busy_timeout(std::time::Duration::from_secs(20)).expect("a time-out");
        connection
    }

    /// Opens a connection of the stock software's, which runs statements by itself.
    pub fn connect(&self) -> Stock {
        match self {
            Self::Sqlite(folder) => Stock::Sqlite(Self::sqlite_connection(folder)),
            #[cfg(feature = "servers")]
            Self::MariaDb(database) => Stock::MariaDb(Box::new(stock_mysql(database))),
        }
    }

    pub fn execute(&self, sql: &str, values: &[&str]) -> u64 {
        self.connect().execute(sql, values)
    }

    pub fn query(&self, sql: &str, values: &[&str]) -> Rows {
        self.connect().query(sql, values)
    }

    /// The one cell of a statement's answer.
    pub fn cell(&self, sql: &str, values: &[&str]) -> Option<String> {
        self.query(sql, values).into_iter().next()?.into_iter().next()?
    }

    pub fn open(&self, options: &ForeignOptions) -> Result<Arc<dyn Store>, Fault> {
        match self {
            Self::Sqlite(folder) => open_sqlite(&folder.path().join("app.db"), 20_000, options),
            #[cfg(feature = "servers")]
            Self::MariaDb(database) => {
                let url = holdall_store::mysql::MysqlUrl::parse(&database.url()).expect("a URL");
                holdall_store::foreign::open_mysql(url.server, options)
            }
        }
    }
}

/// As the stock software connects: an update counts the rows that it finds.
#[cfg(feature = "servers")]
fn stock_mysql(database: &holdall_test_databases::Database) -> holdall_test_databases::mysql::Conn {
    use holdall_test_databases::mysql::{Conn, OptsBuilder, consts::CapabilityFlags};
    let options = OptsBuilder::new()
        .ip_or_hostname(Some("127.0.0.1"))
        .tcp_port(database.port)
        .prefer_socket(false)
        .user(Some(&database.owner.user))
        .pass(Some(&database.owner.password))
        .db_name(Some(&database.name))
        .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS);
    Conn::new(options).expect("connects")
}

/// A connection of the stock software's.
pub enum Stock {
    Sqlite(rusqlite::Connection),
    #[cfg(feature = "servers")]
    MariaDb(Box<holdall_test_databases::mysql::Conn>),
}

impl Stock {
    pub fn execute(&mut self, sql: &str, values: &[&str]) -> u64 {
        self.try_execute(sql, values).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub fn try_execute(&mut self, sql: &str, values: &[&str]) -> Result<u64, String> {
        match self {
            Self::Sqlite(connection) => {
                let count = connection.execute(sql, rusqlite::params_from_iter(values));
                count.map(|count| count as u64).map_err(|error| error.to_string())
            }
            #[cfg(feature = "servers")]
            Self::MariaDb(conn) => {
                use holdall_test_databases::mysql::prelude::Queryable as _;
                let done = if values.is_empty() { conn.query_drop(sql) } else { conn.exec_drop(sql, values.to_vec()) };
                done.map(|()| conn.affected_rows()).map_err(|error| error.to_string())
            }
        }
    }

    pub fn query(&mut self, sql: &str, values: &[&str]) -> Rows {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).expect("prepares");
                let columns = statement.column_count();
                let mut rows = statement.query(rusqlite::params_from_iter(values)).expect("runs");
                let mut all = Vec::new();
                while let Some(row) = rows.next().expect("reads") {
                    let cell = |place| match row.get_ref(place).expect("a cell") {
                        rusqlite::types::ValueRef::Null => None,
                        rusqlite::types::ValueRef::Integer(number) => Some(number.to_string()),
                        rusqlite::types::ValueRef::Real(number) => Some(number.to_string()),
                        rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text) => {
                            Some(String::from_utf8(text.to_vec()).expect("text"))
                        }
                    };
                    all.push((0..columns).map(cell).collect());
                }
                all
            }
            #[cfg(feature = "servers")]
            Self::MariaDb(conn) => {
                use holdall_test_databases::mysql::{Row, Value, prelude::Queryable as _};
                let values: Vec<Value> = values.iter().map(|value| Value::from(*value)).collect();
                let rows: Vec<Row> = conn.exec(sql, values).expect("runs");
                let cell = |value: Value| match value {
                    Value::NULL => None,
                    Value::Bytes(bytes) => Some(String::from_utf8(bytes).expect("text")),
                    Value::Date(year, month, day, hour, minute, second, micros) => {
                        Some(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}"))
                    }
                    other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
                };
                rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect()
            }
        }
    }
}

pub fn rails() -> ForeignOptions {
    let table = ForeignTable::Rails { data_column: "data".into(), secure_session_only: false, trim_age_ms: None };
    ForeignOptions::new(table, "sessions", Arc::new(RailsData::default()))
}

pub fn lucee() -> ForeignOptions {
    let table = ForeignTable::Lucee { application: "shop".into() };
    let options = ForeignOptions::new(table, "cf_session_data", Arc::new(LuceeData::new("shop")));
    ForeignOptions { idle_ms: IDLE_MS, slack_ms: SLACK_MS, ..options }
}

pub fn key(id: &str) -> Key {
    Key::new(id.as_bytes())
}

pub fn stamp(number: u64) -> Stamp {
    Stamp { revision: number, writer: Writer { nonce: 77, number } }
}

pub fn record(number: u64, fields: &[(&str, &str)]) -> Record {
    Record {
        stamp: stamp(number),
        created: NOW,
        accessed: NOW,
        idle_ms: 0,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block: Block::from_fields(fields.iter().map(|(name, json)| (*name, ValueRef::Json(json)))),
    }
}

pub fn create(id: &str, record: Record) -> Write {
    Write { key: key(id), kind: WriteKind::Create { record } }
}

pub fn update(id: &str, base: Stamp, record: Record, changed: &[&str]) -> Write {
    let changed = changed.iter().map(|name| Box::from(*name)).collect();
    Write { key: key(id), kind: WriteKind::Update { base, record, changed } }
}

pub fn rename(id: &str, base: Stamp, to: &str, record: Record) -> Write {
    let kind = WriteKind::Rename { base: Some(base), to: key(to), record, alias_until: Time::ZERO, until: NOW + 3_600_000 };
    Write { key: key(id), kind }
}

pub fn destroy(id: &str) -> Write {
    let writer = Writer { nonce: 77, number: 900 };
    Write { key: key(id), kind: WriteKind::Destroy { reason: Reason::Destroyed, writer, until: NOW + 3_600_000 } }
}

pub fn touch(id: &str, accessed: Time) -> Write {
    Write { key: key(id), kind: WriteKind::Touch { accessed } }
}

pub fn put_at(store: &dyn Store, write: Write, now: Time) -> Verdict {
    store.commit(&[write], now).expect("the commit goes through").remove(0)
}

pub fn put(store: &dyn Store, write: Write) -> Verdict {
    put_at(store, write, NOW)
}

pub fn load(store: &dyn Store, id: &str) -> Loaded {
    known(store, id, None)
}

pub fn known(store: &dyn Store, id: &str, known: Option<Stamp>) -> Loaded {
    store.load(&[Wanted { key: key(id), known }], NOW).expect("loads").rows.remove(0)
}

#[track_caller]
pub fn row(loaded: Loaded) -> Record {
    match loaded {
        Loaded::Row(record) => record,
        other => panic!("there is no row but {other:?}"),
    }
}

pub fn json(record: &Record, name: &str) -> Option<String> {
    match record.block.get(name)? {
        ValueRef::Json(text) => Some(text.to_owned()),
        _ => None,
    }
}
