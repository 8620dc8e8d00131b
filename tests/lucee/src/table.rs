//! The tables `cf_session_data` and `cf_client_data` as a program beside Lucee uses it.

use holdall_engine::{Block, Key, Record, Stamp, Time, Value};
use holdall_layout::foreign::{Decoded, ForeignData, Saving};
use holdall_layout::lucee::{LuceeData, MYSQL_SCHEMA, Scope};
use holdall_test_databases::mysql::prelude::Queryable;
use holdall_test_databases::mysql::{Conn, params};
use holdall_test_databases::{Database, Problem};
use std::time::UNIX_EPOCH;

/// Half an hour, as the pages say.
const IDLE_MS: u64 = 1_800_000;

/// The time, in milliseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "a real server compares its own clock with what is written here")]
pub fn now() -> u64 {
    let elapsed = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// The table of a database, and one application's rows in it.
#[derive(Debug)]
pub struct Table {
    connection: Conn,
    /// How rows are written.
    pub layout: LuceeData,
}

impl Table {
    /// Makes the tables as the layout wants them.
    ///
    /// # Errors
    /// What the database says.
    pub fn create(database: &Database, layout: LuceeData) -> Result<Self, Problem> {
        let mut connection = database.connect()?;
        for statement in MYSQL_SCHEMA.split(';').filter(|statement| statement.contains("CREATE")) {
            connection.query_drop(statement)?;
        }
        Ok(Self { connection, layout })
    }

    /// The table of the layout's scope.
    fn name(&self) -> &'static str {
        match self.layout.scope {
            Scope::Session => "cf_session_data",
            Scope::Client => "cf_client_data",
        }
    }

    /// Writes a new row with these fields, used at `accessed` for the last time.
    ///
    /// # Errors
    /// What the layout or the database says.
    pub fn insert(&mut self, cfid: &str, fields: &[(&str, Value)], accessed: u64) -> Result<(), Problem> {
        let record = record(fields, accessed);
        let key = Key::new(cfid.as_bytes());
        let data = self.layout.encode(Saving { key: &key, record: &record, now: Time(now()) });
        let data = data.map_err(|error| Problem::new(error.to_string()))?;
        self.insert_data(cfid, &data)
    }

    /// Writes a row with this data.
    ///
    /// # Errors
    /// What the database says.
    pub fn insert_data(&mut self, cfid: &str, data: &[u8]) -> Result<(), Problem> {
        let statement =
            format!("REPLACE INTO {} (expires, data, cfid, name) VALUES (:expires, :data, :cfid, :name)", self.name());
        let expires = (now() + IDLE_MS).to_string();
        let values = params! { "expires" => expires, "data" => data, "cfid" => cfid, "name" => self.layout.application.as_str() };
        Ok(self.connection.exec_drop(statement, values)?)
    }

    /// The data of a row.
    ///
    /// # Errors
    /// What the database says, or that there is no such row.
    pub fn data(&mut self, cfid: &str) -> Result<Vec<u8>, Problem> {
        let statement = format!("SELECT data FROM {} WHERE cfid = :cfid AND name = :name", self.name());
        let found =
            self.connection.exec_first(statement, params! { "cfid" => cfid, "name" => self.layout.application.as_str() })?;
        found.ok_or_else(|| Problem::new("the session has no row"))
    }

    /// What a row says.
    ///
    /// # Errors
    /// What the layout or the database says.
    pub fn decoded(&mut self, cfid: &str) -> Result<Decoded, Problem> {
        let data = self.data(cfid)?;
        self.layout.decode(&data).map_err(|error| Problem::new(error.to_string()))
    }

    /// Changes fields of a row: a field and its value, or none to remove it.
    ///
    /// # Errors
    /// What the layout or the database says.
    pub fn patch(&mut self, cfid: &str, changes: &[(&str, Option<Value>)]) -> Result<(), Problem> {
        let data = self.data(cfid)?;
        let patched = self.patched(cfid, &data, changes)?;
        self.insert_data(cfid, &patched)
    }

    /// Row data with changed fields, for the session `cfid`.
    ///
    /// # Errors
    /// What the layout says.
    pub fn patched(&self, cfid: &str, data: &[u8], changes: &[(&str, Option<Value>)]) -> Result<Vec<u8>, Problem> {
        let names: Vec<Box<str>> = changes.iter().map(|(name, _)| (*name).into()).collect();
        let fields: Vec<(&str, Value)> =
            changes.iter().filter_map(|(name, value)| value.clone().map(|value| (*name, value))).collect();
        let (key, record) = (Key::new(cfid.as_bytes()), record(&fields, now()));
        let patched = self.layout.patch(data, &names, Saving { key: &key, record: &record, now: Time(now()) });
        patched.map_err(|error| Problem::new(error.to_string()))
    }
}

fn record(fields: &[(&str, Value)], accessed: u64) -> Record {
    Record {
        stamp: Stamp::default(),
        created: Time(accessed),
        accessed: Time(accessed),
        idle_ms: IDLE_MS,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block: Block::from_fields(fields.iter().map(|(name, value)| (*name, value.as_ref()))),
    }
}
