//! Makes the table in an empty file, and checks the one in a file that isn't.

use super::fault::is_busy;
use super::open::{opening, query_one};
use holdall_engine::{Fault, FaultKind};
use holdall_layout::native_sqlite::{APPLICATION_ID, COLUMNS, CREATE, INDEXES, STATEMENTS, TABLE, VERSION};
use rusqlite::{Connection, Error};
use std::path::Path;

/// What a file is, by its marks.
enum Content {
    Empty,
    Ours { version: i32 },
    Foreign,
}

/// Makes sure that the file holds the table of this version: makes it in an empty file, and never changes another.
pub(super) fn ensure(connection: &Connection, path: &Path) -> Result<(), Fault> {
    let failed = |error: &Error| opening(path, error);
    if matches!(content(connection).map_err(|error| failed(&error))?, Content::Empty) {
        create(connection).map_err(|error| failed(&error))?;
    }
    match content(connection).map_err(|error| failed(&error))? {
        Content::Ours { version: VERSION } => {}
        Content::Ours { version } => return Err(config(path, &other_version(version))),
        Content::Empty | Content::Foreign => {
            let what = "holds the tables of another program; give holdall a file of its own";
            return Err(config(path, what));
        }
    }
    match problems(connection).map_err(|error| failed(&error))?.first() {
        Some(problem) => Err(config(path, &format!("has a table of another shape: {problem}; holdall leaves it as it is"))),
        None => Ok(()),
    }
}

/// What is wrong with the table, a clause each.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    check_columns(connection, &mut problems)?;
    check_indexes(connection, &mut problems)?;
    if problems.is_empty() && STATEMENTS.iter().any(|statement| connection.prepare(statement).is_err()) {
        problems.push(format!("{TABLE} does not take holdall's statements"));
    }
    Ok(problems)
}

fn config(path: &Path, what: &str) -> Fault {
    Fault::new(FaultKind::Config, format!("the SQLite file {} {what}", path.display()))
}

fn other_version(version: i32) -> String {
    if version > VERSION {
        return format!("has version {version} of the table, newer than this holdall knows ({VERSION}): update this server");
    }
    format!("has version {version} of the table, which this holdall ({VERSION}) does not read")
}

fn content(connection: &Connection) -> Result<Content, Error> {
    let id: i32 = query_one(connection, "PRAGMA application_id")?;
    let version: i32 = query_one(connection, "PRAGMA user_version")?;
    let objects: i64 = query_one(connection, "SELECT count(*) FROM sqlite_schema")?;
    Ok(match (id, version, objects) {
        (APPLICATION_ID, version, _) => Content::Ours { version },
        (0, 0, 0) => Content::Empty,
        _ => Content::Foreign,
    })
}

/// Another process may be making the same table: whoever gets the lock second finds it there.
fn create(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let made = match content(connection) {
        Ok(Content::Empty) => connection.execute_batch(CREATE),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    let ended = made.and_then(|()| connection.execute_batch("COMMIT"));
    if ended.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    ended
}

fn check_columns(connection: &Connection, problems: &mut Vec<String>) -> Result<(), Error> {
    let mut statement =
        connection.prepare("SELECT name, type, \"notnull\", dflt_value IS NOT NULL FROM pragma_table_info(?1)")?;
    let found = statement.query_map([TABLE], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?, row.get::<_, bool>(3)?))
    })?;
    let found: Vec<(String, String, bool, bool)> = found.collect::<Result<_, _>>()?;
    if found.is_empty() {
        problems.push(format!("there is no {TABLE}"));
        return Ok(());
    }
    for column in COLUMNS {
        match found.iter().find(|(name, ..)| name == column.name) {
            None => problems.push(format!("{TABLE} has no column {}", column.name)),
            Some((_, kind, required, _)) if kind != column.kind || *required != column.required => {
                let null = if column.required { " NOT NULL" } else { "" };
                problems.push(format!("column {} of {TABLE} is not {}{null}", column.name, column.kind));
            }
            Some(_) => {}
        }
    }
    for (name, _, required, has_default) in &found {
        let known = COLUMNS.iter().any(|column| column.name == name);
        if !known && *required && !has_default {
            problems.push(format!("{TABLE} has a further column that can't be left out"));
        }
    }
    Ok(())
}

fn check_indexes(connection: &Connection, problems: &mut Vec<String>) -> Result<(), Error> {
    let mut list = connection.prepare("SELECT name, \"unique\", partial FROM pragma_index_list(?1)")?;
    let mut info = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
    let indexes =
        list.query_map([TABLE], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, bool>(2)?)))?;
    let mut found = Vec::new();
    for index in indexes {
        let (name, unique, partial) = index?;
        let columns = info.query_map([name], |row| row.get::<_, Option<String>>(0))?;
        let columns: Vec<String> = columns.map(|name| name.map(Option::unwrap_or_default)).collect::<Result<_, _>>()?;
        found.push((columns, unique, partial));
    }
    for (columns, unique) in INDEXES {
        // Only the index on principals leaves rows out.
        let may_be_partial = columns.contains(&"principal");
        let serves = |(names, is_unique, partial): &(Vec<String>, bool, bool)| {
            names.iter().eq(columns.iter()) && (*is_unique || !unique) && (!partial || may_be_partial)
        };
        if !found.iter().any(serves) {
            problems.push(format!("{TABLE} has no index on {}", columns.join(", ")));
        }
    }
    Ok(())
}

/// Turns on the write-ahead log. Two processes that do so at once may find each other in the way.
pub(super) fn use_log(connection: &Connection) -> Result<bool, Error> {
    match query_one::<String>(connection, "PRAGMA journal_mode = WAL") {
        Ok(mode) => Ok(mode == "wal"),
        Err(error) if is_busy(&error) => query_one::<String>(connection, "PRAGMA journal_mode").map(|mode| mode == "wal"),
        Err(error) => Err(error),
    }
}
