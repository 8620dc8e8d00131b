//! The stores of holdall's own table.

use crate::db::Database;
use crate::problem::{Kind, Problem, Result};
use crate::shape;
use crate::target::{Place, Target};
use holdall_store::mysql::{MysqlOptions, MysqlStore};
use holdall_store::{SqliteOptions, SqliteStore, Store};
use std::sync::Arc;

/// The store of one application's sessions.
pub fn native(target: &Target, application: &str) -> Result<Arc<dyn Store>> {
    match &target.place {
        Place::Memory => Err(Problem::usage("memory: holds nothing that another process could look at")),
        Place::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, SqliteOptions::new(application))?)),
        Place::Server(server) => {
            let options = MysqlOptions::new(application, server.as_ref().clone());
            Ok(Arc::new(MysqlStore::open(MysqlOptions { table: target.table.clone(), create: false, ..options })?))
        }
    }
}

/// The applications that have rows.
pub fn applications(database: &mut Database, target: &Target) -> Result<Vec<String>> {
    let sql = format!("SELECT DISTINCT application FROM {} ORDER BY application", database.quoted(&target.table));
    let rows = database.query(&sql, &[])?;
    Ok(rows.iter().filter_map(|row| row.text(0)).collect())
}

/// Makes sure that the database and the table are there: a store would make a missing SQLite file.
pub fn check_table(target: &Target) -> Result<()> {
    let mut database = Database::open(target, false)?;
    shape::read(&mut database, &target.table, &target.shown()).map(drop)
}

/// What the store finds fault with when it looks at its table and every row.
pub fn problems(target: &Target) -> Result<Vec<String>> {
    check_table(target)?;
    match native(target, "").and_then(|store| Ok(store.check()?)) {
        Ok(checked) => Ok(checked.problems.iter().map(ToString::to_string).collect()),
        // A table of another shape isn't opened at all: that is what is wrong with it.
        Err(problem) if problem.kind == Kind::Refused => Ok(vec![problem.text]),
        Err(problem) => Err(problem),
    }
}
