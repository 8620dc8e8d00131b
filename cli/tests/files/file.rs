//! SQLite files to try the command on.

use crate::common::{Answer, holdall_at};
use rusqlite::Connection;
use std::path::PathBuf;
use tempfile::TempDir;

/// A file of its own, in a folder that goes with it.
pub struct File {
    folder: TempDir,
    url: String,
}

impl File {
    /// An empty place.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
        Self { folder, url }
    }

    /// A file with this in it.
    pub fn with(sql: &str) -> Self {
        let file = Self::new();
        file.connect().execute_batch(sql).expect("the test's own SQL");
        file
    }

    /// A file with the table of a layout, made by the command.
    pub fn of(layout: &str) -> Self {
        let file = Self::new();
        file.run(&["create-table", "--layout", layout]).with_code(0);
        file
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A path beside it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A connection to it.
    pub fn connect(&self) -> Connection {
        Connection::open(self.beside("sessions.db")).expect("the file opens")
    }

    /// Runs the command with it.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        holdall_at(&self.url, arguments)
    }

    /// A number out of it.
    pub fn number(&self, sql: &str) -> i64 {
        self.connect().query_row(sql, [], |row| row.get(0)).expect(sql)
    }
}
