//! What the catalogue says about a table.

use crate::db::{Database, Flavour, SqlError};
use crate::problem::{Problem, Result};

/// One column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The bare type in small letters: `text`, `varchar`.
    pub kind: String,
    /// The whole type as a statement would say it: `varchar(64)`.
    pub full: String,
    /// It may be NULL.
    pub nullable: bool,
    /// It has a default, or fills itself.
    pub has_default: bool,
    /// Bytes that fit, if the type has a limit.
    pub limit: Option<u64>,
    /// Its collation, if it holds text.
    pub collation: Option<String>,
    /// Its character set, if it holds text.
    pub charset: Option<String>,
}

impl Column {
    /// Whether the catalogue calls it this.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// One index.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// No two rows may agree in its columns.
    pub unique: bool,
    /// It is the primary key.
    pub primary: bool,
    /// It leaves rows out, or holds only the beginning of a column.
    pub partial: bool,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

impl Index {
    /// Whether it is over exactly these columns, in any order.
    pub fn is_over(&self, columns: &[&str]) -> bool {
        self.columns.len() == columns.len() && columns.iter().all(|column| self.has(column))
    }

    /// Whether it begins with this column.
    pub fn begins_with(&self, column: &str) -> bool {
        self.columns.first().is_some_and(|first| first.eq_ignore_ascii_case(column))
    }

    /// Whether it holds this column.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name.eq_ignore_ascii_case(column))
    }
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Its name.
    pub table: String,
    /// The storage engine; empty for SQLite.
    pub engine: String,
    /// How rows lie, in capitals; empty for SQLite.
    pub row_format: String,
    /// Rows, as the server estimates them. SQLite: counted.
    pub rows: u64,
    /// Bytes of rows and indexes.
    pub bytes: u64,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The indexes.
    pub indexes: Vec<Index>,
}

impl Shape {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.is(name))
    }

    /// Whether a unique index over exactly these columns keeps rows apart.
    pub fn is_unique(&self, columns: &[&str]) -> bool {
        self.indexes.iter().any(|index| index.unique && !index.partial && index.is_over(columns))
    }

    /// Whether an index leads straight to the rows by this column.
    pub fn is_indexed_by(&self, column: &str) -> bool {
        self.indexes.iter().any(|index| !index.partial && index.begins_with(column))
    }
}

/// Whether there is a table of this name.
pub fn exists(database: &mut Database, table: &str) -> std::result::Result<bool, SqlError> {
    let sql = if database.flavour() == Flavour::Sqlite {
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
    } else {
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
    };
    Ok(database.count(sql, &[table.into()])? > 0)
}

/// Reads the catalogue.
///
/// # Errors
/// [`crate::problem::Kind::Missing`] if there is no such table.
pub fn read(database: &mut Database, table: &str, place: &str) -> Result<Shape> {
    if !exists(database, table)? {
        let advice = "check --table and --layout, or make it with 'holdall create-table'";
        return Err(Problem::missing(format!("there is no table {table} at {place}: {advice}")));
    }
    let shape = if database.flavour() == Flavour::Sqlite { of_file(database, table) } else { of_server(database, table) };
    Ok(shape?)
}

fn of_file(database: &mut Database, table: &str) -> std::result::Result<Shape, SqlError> {
    let mut shape = Shape { table: table.to_owned(), ..Shape::default() };
    let quoted = database.quoted(table);
    shape.rows = database.count(&format!("SELECT count(*) FROM {quoted}"), &[])?;
    let pages = database.count("PRAGMA page_count", &[])?;
    shape.bytes = pages * database.count("PRAGMA page_size", &[])?;
    let sql = "SELECT name, lower(type), \"notnull\", dflt_value IS NOT NULL, pk FROM pragma_table_info(?)";
    let mut primary = Vec::new();
    for row in database.query(sql, &[table.into()])? {
        let full = row.text(1).unwrap_or_default();
        let name = row.text(0).unwrap_or_default();
        let is_key = row.count(4) > 0;
        let fills_itself = is_key && full == "integer";
        if is_key {
            primary.push((row.count(4), name.clone()));
        }
        shape.columns.push(Column {
            name,
            kind: full.split('(').next().unwrap_or_default().trim().to_owned(),
            nullable: row.count(2) == 0,
            has_default: row.count(3) > 0 || fills_itself,
            full,
            ..Column::default()
        });
    }
    let sql = "SELECT name, \"unique\", origin = 'pk', partial FROM pragma_index_list(?)";
    for row in database.query(sql, &[table.into()])? {
        let name = row.text(0).unwrap_or_default();
        let sql = "SELECT name FROM pragma_index_info(?) ORDER BY seqno";
        let columns = database.query(sql, &[name.as_str().into()])?.iter().filter_map(|row| row.text(0)).collect();
        let (unique, primary, partial) = (row.count(1) > 0, row.count(2) > 0, row.count(3) > 0);
        shape.indexes.push(Index { name, unique, primary, partial, columns });
    }
    // The key of a table whose rows are found by number has no index of its own.
    if !primary.is_empty() && !shape.indexes.iter().any(|index| index.primary) {
        primary.sort();
        let columns = primary.into_iter().map(|(_, name)| name).collect();
        shape.indexes.push(Index { name: "PRIMARY".into(), unique: true, primary: true, partial: false, columns });
    }
    Ok(shape)
}

fn of_server(database: &mut Database, table: &str) -> std::result::Result<Shape, SqlError> {
    let mut shape = Shape { table: table.to_owned(), ..Shape::default() };
    let sql = "SELECT engine, UPPER(row_format), table_rows, COALESCE(data_length, 0) + COALESCE(index_length, 0) \
        FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?";
    if let Some(row) = database.first(sql, &[table.into()])? {
        shape.engine = row.text(0).unwrap_or_default();
        shape.row_format = row.text(1).unwrap_or_default();
        shape.rows = row.count(2);
        shape.bytes = row.count(3);
    }
    let sql = "SELECT column_name, LOWER(data_type), column_type, is_nullable = 'YES', \
        column_default IS NOT NULL OR extra LIKE '%auto_increment%' OR extra LIKE '%GENERATED%', \
        CAST(character_octet_length AS CHAR), collation_name, character_set_name \
        FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position";
    for row in database.query(sql, &[table.into()])? {
        shape.columns.push(Column {
            name: row.text(0).unwrap_or_default(),
            kind: row.text(1).unwrap_or_default(),
            full: row.text(2).unwrap_or_default(),
            nullable: row.count(3) > 0,
            has_default: row.count(4) > 0,
            limit: row.text(5).and_then(|text| text.parse().ok()),
            collation: row.text(6),
            charset: row.text(7),
        });
    }
    let sql = "SELECT index_name, non_unique = 0, column_name, sub_part IS NOT NULL FROM information_schema.statistics \
        WHERE table_schema = DATABASE() AND table_name = ? ORDER BY index_name, seq_in_index";
    for row in database.query(sql, &[table.into()])? {
        let name = row.text(0).unwrap_or_default();
        if shape.indexes.last().is_none_or(|index| index.name != name) {
            let primary = name == "PRIMARY";
            shape.indexes.push(Index { name, unique: row.count(1) > 0, primary, partial: false, columns: Vec::new() });
        }
        if let Some(index) = shape.indexes.last_mut() {
            index.columns.push(row.text(2).unwrap_or_default());
            index.partial |= row.count(3) > 0;
        }
    }
    Ok(shape)
}
