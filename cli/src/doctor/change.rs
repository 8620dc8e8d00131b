//! Changes of a table, and how each kind of database carries them out.

use crate::db::{Database, Flavour};
use crate::shape::Shape;

/// Bytes per second of an `ALTER TABLE` that rewrites the table. Measured: 240 MB in 3.2 s (MariaDB 10.11, 2 cores).
const REBUILD_RATE: u64 = 60 << 20;
/// Bytes per second of one that reads it to build an index. Measured: 240 MB in 1.5 s.
const INDEX_RATE: u64 = 120 << 20;

/// One change of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Adds the primary key.
    PrimaryKey(Vec<String>),
    /// Adds an index.
    Index {
        /// Its name.
        name: String,
        /// Its columns.
        columns: Vec<String>,
        /// No two rows may agree.
        unique: bool,
    },
    /// Drops an index.
    Drop(String),
    /// Gives a column another type: the column and its whole definition.
    Type(String, String),
    /// Forbids NULL in a column: the column and its whole definition.
    NotNull(String, String),
    /// Another way in which rows lie.
    RowFormat(&'static str),
    /// Another storage engine.
    Engine(&'static str),
}

/// How long a change keeps others from the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lock {
    /// Reads and writes go on; the table is needed alone for a moment at the start and the end.
    None,
    /// Writes wait until it is done.
    Writes,
    /// All nodes of the cluster stop until it is done.
    Cluster,
}

impl Change {
    /// The part of an `ALTER TABLE`.
    pub fn clause(&self) -> String {
        match self {
            Self::PrimaryKey(columns) => format!("ADD PRIMARY KEY ({})", columns.join(", ")),
            Self::Index { name, columns, unique } => {
                let unique = if *unique { "UNIQUE " } else { "" };
                format!("ADD {unique}INDEX {name} ({})", columns.join(", "))
            }
            Self::Drop(name) => format!("DROP INDEX {name}"),
            Self::Type(column, definition) | Self::NotNull(column, definition) => format!("MODIFY {column} {definition}"),
            Self::RowFormat(format) => format!("ROW_FORMAT={format}"),
            Self::Engine(engine) => format!("ENGINE={engine}"),
        }
    }

    /// The statement in SQLite, where columns need no such changes.
    pub fn in_sqlite(&self, table: &str) -> Option<String> {
        match self {
            Self::PrimaryKey(columns) => Some(format!("CREATE UNIQUE INDEX pk_{table} ON {table} ({})", columns.join(", "))),
            Self::Index { name, columns, unique } => {
                let unique = if *unique { "UNIQUE " } else { "" };
                Some(format!("CREATE {unique}INDEX {name} ON {table} ({})", columns.join(", ")))
            }
            Self::Drop(name) => Some(format!("DROP INDEX {name}")),
            _ => None,
        }
    }

    /// Whether the server can only copy the whole table for it.
    pub fn is_copying(&self) -> bool {
        matches!(self, Self::Type(..) | Self::Engine(_))
    }

    /// Whether every row is written again.
    fn rewrites(&self) -> bool {
        !matches!(self, Self::Index { .. } | Self::Drop(_))
    }
}

/// Some changes that are made by one statement.
#[derive(Clone, Debug)]
pub struct Step {
    /// The changes.
    pub changes: Vec<Change>,
    /// The statement.
    pub statement: String,
    /// Whom it keeps waiting.
    pub lock: Lock,
    /// How long it may take, in seconds.
    pub seconds: u64,
}

impl Step {
    /// All changes in one statement that copies the table.
    pub fn copying(changes: Vec<Change>, shape: &Shape, database: &Database, galera: bool) -> Self {
        on_server(changes, if galera { Lock::Cluster } else { Lock::Writes }, shape, database)
    }
}

/// Puts changes into as few statements as possible: what can be made while others write comes first.
pub fn steps(changes: &[Change], shape: &Shape, database: &Database, galera: bool) -> Vec<Step> {
    if database.flavour() == Flavour::Sqlite {
        return changes.iter().filter_map(|change| in_file(change, shape)).collect();
    }
    let (copying, online): (Vec<Change>, Vec<Change>) = changes.iter().cloned().partition(Change::is_copying);
    let groups = if galera { vec![changes.to_vec()] } else { vec![online, copying] };
    groups
        .into_iter()
        .filter(|group| !group.is_empty())
        .map(|group| {
            let copies = group.iter().any(Change::is_copying);
            let lock = match (galera, copies && !copies_online(database)) {
                (true, _) => Lock::Cluster,
                (false, true) => Lock::Writes,
                (false, false) => Lock::None,
            };
            on_server(group, lock, shape, database)
        })
        .collect()
}

/// From 11.2 on MariaDB copies a table while others write to it.
fn copies_online(database: &Database) -> bool {
    database.flavour() == Flavour::MariaDb && database.version() >= (11, 2, 0)
}

fn on_server(changes: Vec<Change>, lock: Lock, shape: &Shape, database: &Database) -> Step {
    let clauses: Vec<String> = changes.iter().map(Change::clause).collect();
    let copies = changes.iter().any(Change::is_copying);
    let how = match (lock, copies) {
        (Lock::None, false) => ", ALGORITHM=INPLACE, LOCK=NONE",
        (Lock::None, true) => ", ALGORITHM=COPY, LOCK=NONE",
        _ => "",
    };
    let statement = format!("ALTER TABLE {} {}{how}", database.quoted(&shape.table), clauses.join(", "));
    Step { seconds: seconds(&changes, shape), changes, statement, lock }
}

fn in_file(change: &Change, shape: &Shape) -> Option<Step> {
    let statement = change.in_sqlite(&shape.table)?;
    let changes = vec![change.clone()];
    Some(Step { seconds: seconds(&changes, shape), changes, statement, lock: Lock::Writes })
}

fn seconds(changes: &[Change], shape: &Shape) -> u64 {
    let rebuild = if changes.iter().any(Change::rewrites) { shape.bytes / REBUILD_RATE } else { 0 };
    let indexes = changes.iter().filter(|change| matches!(change, Change::Index { .. })).count() as u64;
    rebuild + indexes * (shape.bytes / INDEX_RATE)
}
