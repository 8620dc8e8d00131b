//! Removes all but one of the rows that a session has, in small transactions.

use super::fix::BATCH;
use super::patient::Patient;
use crate::clock::{Start, pause};
use crate::db::{Database, Row, SqlError, Value};
use crate::layout::Layout;
use crate::output::Output;
use crate::problem::Result;
use crate::progress::Progress;
use crate::prune::is_lock;

/// Sessions whose rows are locked together.
const TOGETHER: usize = 50;
/// How often a transaction is tried again when someone else is in the way.
const PATIENCE: u32 = 10;

/// Statements for one layout on one kind of database.
struct Statements {
    /// Keys with several rows.
    groups: String,
    /// Whether one of them is to be kept before another, and what tells rows of a key apart.
    rows: String,
    /// Removes one of them.
    delete: String,
}

/// Removes duplicates until there are none. The row that lives longest stays; of equals any.
pub fn remove(patient: &mut Patient, output: Output, rows: u64) -> Result<u64> {
    let statements = statements(patient);
    let mut progress = Progress::new(output, "rows", rows);
    loop {
        let groups = patient.database.query(&statements.groups, &[])?;
        let start = Start::now();
        let mut removed = 0;
        for some in groups.chunks(TOGETHER) {
            removed += collapse_all(&mut patient.database, &statements, some)?;
        }
        progress.add(removed);
        // Others may have removed the rest meanwhile.
        if groups.len() < BATCH as usize || removed == 0 {
            progress.finish();
            return Ok(progress.done());
        }
        pause(start.elapsed());
    }
}

/// Collapses some sessions in one transaction. If someone else works on one of them, it is tried again.
fn collapse_all(database: &mut Database, statements: &Statements, groups: &[Row]) -> std::result::Result<u64, SqlError> {
    let mut tries = 0;
    loop {
        let done = database.transaction(|database| {
            let counts = groups.iter().map(|group| collapse(database, statements, &group.0));
            counts.sum::<std::result::Result<u64, SqlError>>()
        });
        match done {
            Err(error) if is_lock(&error) && tries < PATIENCE => tries += 1,
            other => return other,
        }
    }
}

fn collapse(database: &mut Database, statements: &Statements, key: &[Value]) -> std::result::Result<u64, SqlError> {
    // Each column of the key stands twice: once for the index, once byte by byte.
    let doubled: Vec<Value> = key.iter().flat_map(|value| [value.clone(), value.clone()]).collect();
    let rows = database.query(&statements.rows, &doubled)?;
    let mut order: Vec<(f64, &Value)> = rows.iter().map(|row| (number(row.value(0)), row.value(1))).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut removed = 0;
    for (_, mark) in order.iter().skip(1) {
        let values: Vec<Value> = doubled.iter().cloned().chain([(*mark).clone()]).collect();
        removed += database.execute(&statements.delete, &values)?;
    }
    Ok(removed)
}

/// An expiry as a number; one that isn't loses.
fn number(value: &Value) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Real(number) => *number,
        Value::Bytes(bytes) | Value::Blob(bytes) => {
            std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).unwrap_or(-1.0)
        }
        Value::Null => -1.0,
    }
}

fn statements(patient: &Patient) -> Statements {
    let table = patient.table();
    let key = patient.layout().key();
    let exact: Vec<String> = key.iter().map(|column| patient.exact(column)).collect();
    let is_key: Vec<String> = key.iter().zip(&exact).map(|(column, exact)| format!("{column} = ? AND {exact} = ?")).collect();
    let is_key = is_key.join(" AND ");
    let chosen = exact.join(", ");
    let groups = format!("SELECT {chosen} FROM {table} GROUP BY {chosen} HAVING COUNT(*) > 1 ORDER BY {chosen} LIMIT {BATCH}");
    let (rank, mark, lock) = match (patient.layout(), patient.is_file()) {
        (Layout::Lucee, true) => ("expires", "rowid", ""),
        // Rows have no number there: one row of this expiry goes.
        (Layout::Lucee, false) => ("expires", "expires", " FOR UPDATE"),
        (_, true) => (RAILS_RANK_SQLITE, "id", ""),
        (_, false) => (RAILS_RANK, "id", " FOR UPDATE"),
    };
    let rank = if patient.column("updated_at").is_some() || patient.layout() == Layout::Lucee { rank } else { "id" };
    let one = if patient.is_file() { "" } else { " LIMIT 1" };
    Statements {
        groups,
        rows: format!("SELECT {rank}, {mark} FROM {table} WHERE {is_key}{lock}"),
        delete: format!("DELETE FROM {table} WHERE {is_key} AND {mark} = ?{one}"),
    }
}

/// The time of the last write, as a number.
const RAILS_RANK: &str = "UNIX_TIMESTAMP(updated_at) + id * 1e-12";
const RAILS_RANK_SQLITE: &str = "julianday(updated_at) * 86400.0 + id * 1e-12";
