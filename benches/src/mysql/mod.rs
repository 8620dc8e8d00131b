//! MariaDB: a server of the bench's own, with commits that wait for the disk, and the native table filled past holdall.

pub mod fleet;
pub mod flush;
pub mod lucee;
pub mod peers;
pub mod pruning;

use crate::bench::Run;
use crate::database::{APPLICATION, Row, STAMP};
use crate::sessions::{self, text};
use holdall_engine::{Key, expires};
use holdall_layout::native::{FORMAT, coarse, encode};
use holdall_layout::native_mysql::{Dialect, Sql};
use holdall_store::mysql::{MysqlOptions, MysqlStore, MysqlUrl};
use holdall_test_databases::mysql::prelude::Queryable as _;
use holdall_test_databases::mysql::{Conn, Value};
use holdall_test_databases::{Database, MariaDb, MariaDbOptions};

/// Rows that are sent in one go while a table is filled.
const FILL_ROWS: usize = 1_000;
/// Rows of one transaction then.
const FILL_COMMIT: usize = 20_000;

/// A server on the disk where cargo builds, each commit of which waits for the disk.
fn options(run: &Run, pool_mib: u32) -> MariaDbOptions {
    MariaDb::options().flush_log_at_commit(1).memory(pool_mib, 512).folder_in(&run.scratch)
}

/// Holdall's store in a database. The table is made by it.
fn store(database: &Database) -> Result<MysqlStore, String> {
    let url = MysqlUrl::parse(&database.url()).map_err(|fault| fault.message.to_string())?;
    MysqlStore::open(MysqlOptions::new(APPLICATION, url.server)).map_err(|fault| fault.message.to_string())
}

/// A new database with the table and so many rows, and a connection to it.
fn filled(server: &MariaDb, count: usize, row: impl Fn(usize) -> (Key, Row)) -> Result<(Database, Conn), String> {
    let database = server.database();
    drop(store(&database)?);
    let mut connection = database.connect().map_err(text)?;
    let insert = sql().insert(1);
    for first in (0..count).step_by(FILL_COMMIT) {
        connection.query_drop("BEGIN").map_err(text)?;
        let last = count.min(first + FILL_COMMIT);
        for part in (first..last).step_by(FILL_ROWS) {
            let rows = (part..last.min(part + FILL_ROWS)).map(|number| values(number, &row(number)));
            let rows = rows.collect::<Result<Vec<_>, String>>()?;
            connection.exec_batch(&insert, rows).map_err(text)?;
        }
        connection.query_drop("COMMIT").map_err(text)?;
    }
    connection.query_drop("ANALYZE TABLE holdall_sessions").map_err(text)?;
    Ok((database, connection))
}

fn sql() -> Sql {
    Sql::new(Dialect::MariaDb, "`holdall_sessions`".to_owned())
}

/// The parameters of [`Sql::insert`].
fn values(number: usize, (key, row): &(Key, Row)) -> Result<Vec<Value>, String> {
    Ok(vec![
        key.as_bytes().into(),
        APPLICATION.into(),
        FORMAT.into(),
        STAMP.revision.into(),
        STAMP.writer.to_bytes().to_vec().into(),
        row.accessed.0.into(),
        row.accessed.0.into(),
        row.idle_ms.into(),
        row.deadline.0.into(),
        coarse(expires(row.accessed, row.idle_ms, row.deadline), row.idle_ms).0.into(),
        Value::NULL,
        Value::NULL,
        encode(&sessions::block(number)?).into(),
    ])
}
