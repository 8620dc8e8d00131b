//! Databases to try the command on.

use crate::common::{Answer, holdall_at};
use holdall_test_databases::mysql::prelude::Queryable;
use holdall_test_databases::mysql::{Conn, Params};
use holdall_test_databases::{Database, shared};

/// As stock Lucee 5.2.8 to 5.4 makes it through MariaDB's own driver.
pub const STOCK_LUCEE: &str = "CREATE TABLE cf_session_data (expires VARCHAR(64) NOT NULL, cfid VARCHAR(64) NOT NULL, \
    name VARCHAR(255) NOT NULL, data text NOT NULL)";
/// The index that it makes with it.
pub const STOCK_INDEX: &str = "CREATE UNIQUE INDEX ix_cf_session_data ON cf_session_data(cfid, name, expires)";

/// An empty database of a test's own.
pub struct Table {
    /// The database.
    pub database: Database,
}

impl Table {
    /// On the server that all tests share.
    pub fn new() -> Self {
        Self { database: shared().database() }
    }

    /// With this in it.
    pub fn with(statements: &[&str]) -> Self {
        let table = Self::new();
        let mut connection = table.connect();
        for statement in statements {
            connection.query_drop(statement).expect(statement);
        }
        table
    }

    /// With the table of a layout, made by the command.
    pub fn of(layout: &str) -> Self {
        let table = Self::new();
        table.run(&["create-table", "--layout", layout]).with_code(0);
        table
    }

    /// The owner's connection.
    pub fn connect(&self) -> Conn {
        self.database.connect().expect("a connection")
    }

    /// Runs a statement.
    pub fn execute(&self, statement: &str, values: impl Into<Params>) {
        self.connect().exec_drop(statement, values).expect(statement);
    }

    /// A number out of it.
    pub fn number(&self, sql: &str) -> i64 {
        self.connect().query_first(sql).expect(sql).expect("a row")
    }

    /// A text out of it.
    pub fn text(&self, sql: &str) -> String {
        self.connect().query_first(sql).expect(sql).expect("a row")
    }

    /// Runs the command with it.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        holdall_at(&self.database.url(), arguments)
    }

    /// What the doctor finds.
    pub fn findings(&self, layout: &str) -> Vec<String> {
        let findings = self.run(&["doctor", "--json", "--layout", layout]).findings();
        // The tests' server doesn't wait for its disk, on purpose.
        findings.into_iter().filter(|code| code != "flush-at-commit").collect()
    }

    /// Repairs everything; what is left besides the server's own settings is what is answered.
    pub fn fix(&self, layout: &str, more: &[&str]) -> Answer {
        let arguments = [&["doctor", "--fix", "--yes", "--layout", layout][..], more].concat();
        self.run(&arguments)
    }
}
