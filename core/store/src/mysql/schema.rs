//! Makes the native table where it is missing, and checks the one that is there.

use super::classify::Flavour;
use super::connection::Connection;
use super::driver::Error;
use super::driver::prelude::Queryable;
use super::pool::Trouble;
use holdall_engine::{Fault, FaultKind};
use holdall_layout::native_mysql::{COLUMNS, COMMENT, Column, Dialect, INDEXES, VERSION, create};

/// The index that statements name.
const EXPIRES_INDEX: &str = "expires";

pub(super) fn dialect(flavour: Flavour) -> Dialect {
    match flavour {
        Flavour::MariaDb => Dialect::MariaDb,
        Flavour::MySql => Dialect::MySql,
    }
}

/// Makes sure that the table is there and of this version; makes it if `may_create`. Answers how long `data` may be.
pub(super) fn ensure(connection: &mut Connection, table: &str, may_create: bool) -> Result<usize, Trouble> {
    let mut shape = read(connection, table)?;
    if shape.is_none() && may_create {
        make(connection, table)?;
        shape = read(connection, table)?;
    }
    let Some(shape) = shape else {
        return Err(config(table, "is not there, or the account may not see it: run `holdall create-table URL`").into());
    };
    match shape.problems(connection.facts().flavour).first() {
        Some(problem) => Err(config(table, &format!("has another shape: {problem}; holdall leaves it as it is")).into()),
        None => Ok(shape.capacity()),
    }
}

/// What is wrong with the table, a clause each.
pub(super) fn problems(connection: &mut Connection, table: &str) -> Result<Vec<String>, Trouble> {
    match read(connection, table)? {
        Some(shape) => Ok(shape.problems(connection.facts().flavour)),
        None => Ok(vec![format!("the table {table} is not there, or the account may not see it")]),
    }
}

fn config(table: &str, what: &str) -> Fault {
    Fault::new(FaultKind::Config, format!("the table {table} {what}"))
}

fn make(connection: &mut Connection, table: &str) -> Result<(), Trouble> {
    for statement in create(dialect(connection.facts().flavour), table) {
        match connection.conn()?.query_drop(statement) {
            Err(Error::MySqlError(error)) if matches!(error.code, 1044 | 1142 | 1227) => {
                let why = "is not there, and the account may not create it: run `holdall create-table URL` with one that may";
                return Err(config(table, why).into());
            }
            done => done?,
        }
    }
    Ok(())
}

struct Shape {
    engine: String,
    comment: String,
    columns: Vec<Found>,
    /// Name, whether it is unique, columns in order; a column of which only a part is indexed is left out.
    indexes: Vec<(String, bool, Vec<String>)>,
}

/// A column that is there.
struct Found {
    name: String,
    kind: String,
    length: u64,
    is_required: bool,
    is_filled: bool,
    charset: Option<String>,
    collation: Option<String>,
}

fn read(connection: &mut Connection, table: &str) -> Result<Option<Shape>, Error> {
    let conn = connection.conn()?;
    let found: Option<(Option<String>, Option<String>)> = conn.exec_first(
        "SELECT ENGINE, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
        (table,),
    )?;
    let Some((engine, comment)) = found else { return Ok(None) };
    let columns = conn.exec_map(
        "SELECT COLUMN_NAME, DATA_TYPE, CAST(COALESCE(CHARACTER_MAXIMUM_LENGTH, 0) AS UNSIGNED), IS_NULLABLE = 'NO', \
         COLUMN_DEFAULT IS NOT NULL OR EXTRA <> '', CHARACTER_SET_NAME, COLLATION_NAME \
         FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
        (table,),
        |(name, kind, length, is_required, is_filled, charset, collation)| {
            let kind: String = kind;
            Found { name, kind: kind.to_ascii_lowercase(), length, is_required, is_filled, charset, collation }
        },
    )?;
    let parts: Vec<(String, bool, Option<String>, bool)> = conn.exec(
        "SELECT INDEX_NAME, NON_UNIQUE = 0, COLUMN_NAME, SUB_PART IS NULL FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX",
        (table,),
    )?;
    let mut indexes: Vec<(String, bool, Vec<String>)> = Vec::new();
    for (name, is_unique, column, is_whole) in parts {
        let column = column.filter(|_| is_whole).unwrap_or_default();
        match indexes.last_mut().filter(|index| index.0 == name) {
            Some(index) => index.2.push(column),
            None => indexes.push((name, is_unique, vec![column])),
        }
    }
    Ok(Some(Shape { engine: engine.unwrap_or_default(), comment: comment.unwrap_or_default(), columns, indexes }))
}

impl Shape {
    fn column(&self, name: &str) -> Option<&Found> {
        self.columns.iter().find(|found| found.name.eq_ignore_ascii_case(name))
    }

    /// The longest `data`.
    fn capacity(&self) -> usize {
        self.column("data").map_or(0, |found| usize::try_from(found.length).unwrap_or(usize::MAX))
    }

    fn problems(&self, flavour: Flavour) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.engine.eq_ignore_ascii_case("InnoDB") {
            problems.push("it is not an InnoDB table, so it has no transactions".to_owned());
        }
        let version = self.comment.strip_prefix(COMMENT).and_then(|rest| rest.parse::<u32>().ok());
        if let Some(version) = version.filter(|version| *version > VERSION) {
            problems.push(format!("it has version {version}, newer than this holdall knows ({VERSION}): update this server"));
        }
        for column in &COLUMNS {
            match self.column(column.name) {
                Some(found) => check_column(column, found, flavour, &mut problems),
                None => problems.push(format!("the column {} is missing", column.name)),
            }
        }
        let is_ours = |found: &&Found| COLUMNS.iter().any(|column| found.name.eq_ignore_ascii_case(column.name));
        for found in self.columns.iter().filter(|found| !is_ours(found) && found.is_required && !found.is_filled) {
            problems.push(format!("the further column {} has no default, so no row can be added", found.name));
        }
        for (columns, must_be_unique) in INDEXES {
            let serves = |(name, is_unique, names): &(String, bool, Vec<String>)| {
                names.len() >= columns.len()
                    && names.iter().zip(columns).all(|(name, column)| name.eq_ignore_ascii_case(column))
                    && (!must_be_unique || (*is_unique && names.len() == columns.len()))
                    && (columns.len() < 3 || name.eq_ignore_ascii_case(EXPIRES_INDEX))
            };
            if !self.indexes.iter().any(serves) {
                let kind = if must_be_unique { "primary key" } else { "index" };
                problems.push(format!("there is no {kind} {} on {}", columns[columns.len() - 1], columns.join(", ")));
            }
        }
        problems
    }
}

fn check_column(column: &Column, found: &Found, flavour: Flavour, problems: &mut Vec<String>) {
    let name = column.name;
    if !column.kinds.contains(&found.kind.as_str()) {
        problems.push(format!("the column {name} is of type {}, not {}", found.kind, column.kinds[0]));
        return;
    }
    if found.length < column.length {
        problems.push(format!("the column {name} holds {} only; it needs {}", found.length, column.length));
    }
    if found.is_required && !column.required {
        problems.push(format!("the column {name} must take NULL"));
    }
    if found.charset.as_deref().is_some_and(|charset| charset != "utf8mb4") {
        let charset = found.charset.as_deref().unwrap_or_default();
        problems.push(format!("the column {name} has the character set {charset}, which loses characters; it needs utf8mb4"));
    }
    let keeps_bytes =
        |collation: &str| collation.ends_with("_nopad_bin") || collation.ends_with("_0900_bin") || collation == "binary";
    if let Some(collation) = found.collation.as_deref().filter(|collation| !keeps_bytes(collation)) {
        let wanted = dialect(flavour).collation();
        problems.push(format!("the column {name} has the collation {collation}, which folds or pads; it needs {wanted}"));
    }
}
