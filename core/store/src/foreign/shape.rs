//! Looking at a table before it is used.

use super::run::{Cell, Dialect, Driver, Run};
use super::table::{Kind, Table};
use super::{ForeignOptions, ForeignTable};
use holdall_engine::{Fault, FaultKind};
use std::collections::BTreeMap;

/// A column as the catalogue says it.
struct Column {
    name: String,
    /// Whether an insert must give it a value.
    is_needed: bool,
    /// What it takes, in bytes.
    capacity: Option<usize>,
}

/// What the catalogue says about a table.
struct Shape {
    columns: Vec<Column>,
    /// The columns of each unique index.
    unique: Vec<Vec<String>>,
}

fn config(why: String) -> Fault {
    Fault::new(FaultKind::Config, why)
}

/// The name of a table or column, if it needs no escapes anywhere.
fn identifier<'a>(name: &'a str, what: &str) -> Result<&'a str, Fault> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        return Err(config(format!("the {what} name is not an identifier: use 1 to 64 of A-Z a-z 0-9 _ $")));
    }
    Ok(name)
}

/// Checks that the table can be used as the options say.
pub(super) fn examine<D: Driver>(driver: &D, options: &ForeignOptions) -> Result<Table, Fault> {
    let name = identifier(&options.name, "table")?;
    let dialect = driver.dialect();
    let shape = read(driver, name)?;
    if shape.columns.is_empty() {
        return Err(config(format!("there is no table {name}: holdall create-table makes it")));
    }
    let has = |column: &str| shape.columns.iter().any(|had| had.name.eq_ignore_ascii_case(column));
    let (kind, columns, key): (Kind, Vec<&str>, &[&str]) = match &options.table {
        ForeignTable::Lucee { application } => {
            let kind = Kind::Lucee { application: application.clone() };
            (kind, vec!["expires", "cfid", "name", "data"], &["cfid", "name"])
        }
        ForeignTable::Rails { data_column, secure_session_only, trim_age_ms } => {
            let data = identifier(data_column, "data column")?;
            let has_times = has("updated_at") && has("created_at");
            if trim_age_ms.is_some() && !has_times {
                return Err(config(format!("the table {name} has no created_at and updated_at, so it can't be trimmed by age")));
            }
            let kind = Kind::Rails {
                data: dialect.quoted(data),
                has_times,
                takes_public: !secure_session_only,
                touch_every_ms: touch_every(options),
                trim_ms: *trim_age_ms,
            };
            let mut columns = vec!["session_id", data];
            columns.extend(has_times.then_some(["created_at", "updated_at"]).into_iter().flatten());
            (kind, columns, &["session_id"])
        }
    };
    check_columns(name, &shape, &columns, &options.table)?;
    let is_key = |index: &Vec<String>| index.iter().all(|column| key.iter().any(|part| column.eq_ignore_ascii_case(part)));
    let is_unique = shape.unique.iter().any(|index| !index.is_empty() && is_key(index));
    if !is_unique && !options.allow_duplicates {
        let key = key.join(", ");
        return Err(config(format!(
            "the table {name} has no unique key over ({key}), so that one session may have several rows: `holdall doctor` repairs \
             that, or set allow_duplicates"
        )));
    }
    let data = columns[if matches!(kind, Kind::Lucee { .. }) { 3 } else { 1 }];
    let capacity = shape.columns.iter().find(|column| column.name.eq_ignore_ascii_case(data)).and_then(|column| column.capacity);
    let name = dialect.quoted(name);
    Ok(Table { name, dialect, kind, is_unique, capacity, idle_ms: options.idle_ms, slack_ms: options.slack_ms })
}

/// With an idle limit, uses must be written before it is over.
fn touch_every(options: &ForeignOptions) -> u64 {
    if options.idle_ms == 0 { options.touch_every_ms } else { options.touch_every_ms.min(options.idle_ms / 10) }
}

fn check_columns(table: &str, shape: &Shape, columns: &[&str], kind: &ForeignTable) -> Result<(), Fault> {
    for wanted in columns {
        if !shape.columns.iter().any(|column| column.name.eq_ignore_ascii_case(wanted)) {
            let whose = if matches!(kind, ForeignTable::Lucee { .. }) { "Lucee's" } else { "Rails'" };
            return Err(config(format!("the table {table} has no column {wanted}: is it {whose}?")));
        }
    }
    let is_known = |column: &Column| columns.iter().any(|known| column.name.eq_ignore_ascii_case(known));
    match shape.columns.iter().find(|column| column.is_needed && !is_known(column)) {
        Some(extra) => Err(config(format!(
            "the table {table} has a column {} that takes no NULL and has no default, so that nothing can be added",
            extra.name
        ))),
        None => Ok(()),
    }
}

fn read<D: Driver>(driver: &D, table: &str) -> Result<Shape, Fault> {
    let (columns, indexes) = match driver.dialect() {
        Dialect::Sqlite => (
            "SELECT name, \"notnull\" AND dflt_value IS NULL AND NOT pk, NULL FROM pragma_table_info(?)",
            "SELECT list.name, info.name FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info \
             WHERE list.\"unique\" AND NOT list.partial",
        ),
        Dialect::Mysql { .. } => (
            "SELECT COLUMN_NAME, IS_NULLABLE = 'NO' AND COLUMN_DEFAULT IS NULL AND EXTRA = '', CHARACTER_OCTET_LENGTH \
             FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
            "SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND NON_UNIQUE = 0",
        ),
    };
    let (columns, indexes) =
        driver.read("looking at the table", |run| Ok((run.query(columns, &[table])?, run.query(indexes, &[table])?)))?;
    let text = |cell: &Cell| cell.as_ref().and_then(|cell| String::from_utf8(cell.clone()).ok()).unwrap_or_default();
    let column =
        |row: Vec<Cell>| Column { name: text(&row[0]), is_needed: text(&row[1]) == "1", capacity: text(&row[2]).parse().ok() };
    let mut unique: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in indexes {
        unique.entry(text(&row[0])).or_default().push(text(&row[1]));
    }
    Ok(Shape { columns: columns.into_iter().map(column).collect(), unique: unique.into_values().collect() })
}
