//! Removing rows by a condition, without being in the way of those who save sessions.
//!
//! A delete that finds its rows by the index on `expires` locks the index first and the row then; a save locks the row first
//! and the index then. When this was tried, they ran into each other, and the server refused the save (error 1213). So the
//! rows are looked up without a lock, and deleted by their key, which is the order of a save. The delete states the
//! condition again, under its own lock.

use crate::db::{Database, Flavour, SqlError, Value};
use crate::layout::Layout;
use crate::shape::Shape;

/// Keys in one statement. Longer lists make servers turn to other plans.
const KEYS: usize = 250;

/// Rows of a table for which a condition holds.
#[derive(Clone, Debug)]
pub struct Keyed {
    select: String,
    delete: String,
    /// One row's key, as a list of places.
    places: String,
    values: Vec<Value>,
}

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Rows that it removed.
    pub removed: u64,
    /// More may be there.
    pub more: bool,
}

impl Keyed {
    /// The rows of a table for which `condition`, with these values, holds; those with the least `order` first.
    pub fn new(
        database: &Database,
        shape: &Shape,
        layout: Layout,
        condition: &str,
        values: Vec<Value>,
        order: Option<&str>,
    ) -> Self {
        let table = database.quoted(&shape.table);
        let order = order.map_or_else(String::new, |column| format!(" ORDER BY {column}"));
        if database.flavour() == Flavour::Sqlite {
            let select = format!("SELECT rowid FROM {table} WHERE {condition}{order}");
            let delete = format!("DELETE FROM {table} WHERE rowid IN (%) AND {condition}");
            return Self { select, delete, places: "?".into(), values };
        }
        let (index, columns) = key(shape, layout);
        let names = columns.join(", ");
        let force = index.map_or_else(String::new, |index| format!(" FORCE INDEX ({})", database.quoted(&index)));
        let select = format!("SELECT {names} FROM {table} WHERE {condition}{order}");
        let delete = format!("DELETE {table} FROM {table}{force} WHERE ({names}) IN (%) AND {condition}");
        let places = format!("({})", vec!["?"; columns.len()].join(", "));
        Self { select, delete, places, values }
    }

    /// The statement that removes rows, for people.
    pub fn shown(&self) -> String {
        self.delete.replace('%', "...")
    }

    /// Removes up to `rows` rows.
    pub fn step(&self, database: &mut Database, rows: u32) -> Result<Step, SqlError> {
        let mut keys: Vec<Vec<Value>> =
            database.query(&format!("{} LIMIT {rows}", self.select), &self.values)?.into_iter().map(|row| row.0).collect();
        let found = keys.len();
        // In the order of the table, as everyone who locks several rows should.
        keys.sort_by(|a, b| order(a).cmp(&order(b)));
        if keys.is_empty() {
            return Ok(Step { removed: 0, more: false });
        }
        // One transaction: each commit waits for the disk.
        let removed = database.transaction(|database| {
            let mut removed = 0;
            for part in keys.chunks(KEYS) {
                let list = vec![self.places.as_str(); part.len()].join(", ");
                let values: Vec<Value> = part.iter().flatten().chain(&self.values).cloned().collect();
                removed += database.execute(&self.delete.replace('%', &list), &values)?;
            }
            Ok(removed)
        })?;
        Ok(Step { removed, more: found >= rows as usize })
    }
}

/// Keys as they are sorted: numbers by their size, texts by their bytes.
fn order(key: &[Value]) -> Vec<(i64, &[u8])> {
    key.iter()
        .map(|value| match value {
            Value::Int(number) => (*number, &[][..]),
            Value::Bytes(bytes) | Value::Blob(bytes) => (0, bytes.as_slice()),
            Value::Null | Value::Real(_) => (0, &[][..]),
        })
        .collect()
}

/// The index by which rows are locked first, and its columns: the primary key, or what stands in for it. A table of
/// Lucee's own has only the index over cfid, name and expires.
fn key(shape: &Shape, layout: Layout) -> (Option<String>, Vec<String>) {
    let primary = shape.indexes.iter().find(|index| index.primary);
    let fitting = shape.indexes.iter().find(|index| index.unique && !index.partial);
    let by_key = || shape.indexes.iter().find(|index| layout.key().iter().all(|column| index.has(column)));
    let index = primary.or(fitting).or_else(by_key);
    let columns = index.map(|index| index.columns.clone()).filter(|columns| !columns.is_empty());
    let columns = columns.unwrap_or_else(|| layout.key().iter().map(|column| (*column).to_owned()).collect());
    (index.map(|index| index.name.clone()), columns)
}
