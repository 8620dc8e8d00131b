//! The SQL text of the native table for MySQL and MariaDB.
//!
//! Values are always bound. What is put together at run time is the table's name, which must have been checked to be
//! an identifier, and how many places a list has.

use std::fmt::Write as _;

/// Makes the table and `holdall_meta`, as a file to read: `{{NOPAD}}` stands for the collation, see
/// [`Dialect::collation`]. [`create`] gives the statements.
pub const CREATE: &str = include_str!("../sql/native-mysql.sql");
/// The version of the table, which its comment tells. Changes are additive and made by command.
pub const VERSION: u32 = 1;
/// The table's usual name.
pub const TABLE: &str = "holdall_sessions";
/// The table of leases.
pub const META_TABLE: &str = "holdall_meta";
/// What the table's comment begins with; the version follows.
pub const COMMENT: &str = "holdall sessions, version ";

/// The two families of servers, where their SQL differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// MariaDB, 10.2 or later.
    MariaDb,
    /// MySQL, 8.0.19 or later.
    MySql,
}

impl Dialect {
    /// The collation that compares utf8mb4 by bytes and pads nothing.
    pub fn collation(self) -> &'static str {
        match self {
            Self::MariaDb => "utf8mb4_nopad_bin",
            Self::MySql => "utf8mb4_0900_bin",
        }
    }
}

/// One column that the table must have. Others may be there too, if they can be left out of an insert.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// The types that hold it, as `information_schema.columns.data_type` calls them. Of those for bytes and texts any
    /// serves that is as long as `length`.
    pub kinds: &'static [&'static str],
    /// The least length in bytes (for texts in characters); 0 for numbers.
    pub length: u64,
    /// Whether it is NOT NULL.
    pub required: bool,
}

const INTEGERS: &[&str] = &["bigint"];
const SMALL: &[&str] = &["tinyint", "smallint", "mediumint", "int", "bigint"];
const TEXTS: &[&str] = &["varchar", "text", "mediumtext", "longtext", "varbinary", "blob", "mediumblob", "longblob"];
const BYTES: &[&str] = &["varbinary", "blob", "mediumblob", "longblob"];

const fn column(name: &'static str, kinds: &'static [&'static str], length: u64, required: bool) -> Column {
    Column { name, kinds, length, required }
}

/// The columns of version [`VERSION`].
pub const COLUMNS: [Column; 16] = [
    column("key", &["varbinary"], 32, true),
    column("application", TEXTS, 255, true),
    column("state", SMALL, 0, true),
    column("reason", SMALL, 0, false),
    column("successor", BYTES, 32, false),
    column("format", &["int", "bigint"], 0, true),
    column("revision", INTEGERS, 0, true),
    column("writer", &["binary", "varbinary"], 16, true),
    column("created", INTEGERS, 0, true),
    column("accessed", INTEGERS, 0, true),
    column("idle", INTEGERS, 0, true),
    column("deadline", INTEGERS, 0, true),
    column("expires", INTEGERS, 0, true),
    column("principal", TEXTS, 255, false),
    column("meta", TEXTS, 1024, false),
    column("data", BYTES, 65_535, true),
];

/// The columns that each needed index begins with, and whether it must be unique.
pub const INDEXES: [(&[&str], bool); 3] =
    [(&["key"], true), (&["application", "state", "expires"], false), (&["application", "principal"], false)];

/// The statements that make the sessions' table under the name `table` (an identifier, not quoted) and `holdall_meta`.
pub fn create(dialect: Dialect, table: &str) -> Vec<String> {
    let sql: String = CREATE.lines().filter(|line| !line.starts_with("--")).fold(String::new(), |sql, line| sql + line + "\n");
    let sql = sql.replace("{{NOPAD}}", dialect.collation()).replace(TABLE, table);
    sql.split(";\n").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The statements over one table. Lists may be longer than what they hold: see [`padded`].
#[derive(Clone, Debug)]
pub struct Sql {
    table: String,
    dialect: Dialect,
}

/// The length of the list that holds `count` values: the next power of two, so that few statements are prepared. The
/// rest of a list of keys repeats the last.
pub fn padded(count: usize) -> usize {
    count.max(1).next_power_of_two()
}

/// What [`Sql::load`] and [`Sql::fetch`] select after the columns of their own: a whole row without `data`.
const ROW: &str = "t.`key`, t.`state`, t.`reason`, t.`successor`, t.`format`, t.`revision`, t.`writer`, t.`created`, \
    t.`accessed`, t.`idle`, t.`deadline`, t.`principal`, t.`meta`";
/// The columns of a new live row, `state` left out: it is 0.
const LIVE: &str = "`key`, `application`, `format`, `revision`, `writer`, `created`, `accessed`, `idle`, `deadline`, \
    `expires`, `principal`, `meta`, `data`, `state`";
/// The columns that an update sets.
const CONTENT: [&str; 11] =
    ["revision", "writer", "format", "created", "accessed", "idle", "deadline", "expires", "principal", "meta", "data"];

impl Sql {
    /// Statements over the table `table`, which must be an identifier, quoted.
    pub fn new(dialect: Dialect, table: String) -> Self {
        Self { table, dialect }
    }

    /// `keys` keys, `writers` writers. Always at least one row: the server's time in milliseconds, whether it is
    /// read-only, then per row found the columns of a row and `data`, which is NULL for a live row by one of the writers.
    pub fn load(&self, keys: usize, writers: usize) -> String {
        let data = match writers {
            0 => "t.`data`".to_owned(),
            _ => format!("IF(t.`state` = 0 AND t.`writer` IN ({}), NULL, t.`data`)", places(writers)),
        };
        format!(
            "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED), @@GLOBAL.read_only, {ROW}, {data} \
             FROM (SELECT 1 AS one) AS always LEFT JOIN {} AS t ON t.`key` IN ({})",
            self.table,
            places(keys)
        )
    }

    /// Key. A whole row: its columns and `data`.
    pub fn fetch(&self) -> String {
        format!("SELECT {ROW}, t.`data` FROM {} AS t WHERE t.`key` = ?", self.table)
    }

    /// `keys` keys. What decides about writes, locked: key, state, reason, successor, revision, writer, accessed, idle,
    /// deadline, expires.
    pub fn heads(&self, keys: usize) -> String {
        format!(
            "SELECT `key`, `state`, `reason`, `successor`, `revision`, `writer`, `accessed`, `idle`, `deadline`, `expires` \
             FROM {} WHERE `key` IN ({}) ORDER BY `key` FOR UPDATE",
            self.table,
            places(keys)
        )
    }

    /// Per row: key, application, format, revision, writer, created, accessed, idle, deadline, expires, principal,
    /// meta, data. Live rows where there are none; a row in the way is error 1062.
    pub fn insert(&self, rows: usize) -> String {
        format!("INSERT INTO {} ({LIVE}) VALUES {}", self.table, groups(rows, 13, ", 0"))
    }

    /// The parameters of [`Sql::insert`] per row. Replaces live rows that are there, which the caller has locked.
    pub fn replace(&self, rows: usize) -> String {
        let sets = CONTENT.map(|column| self.set(column)).join(", ");
        format!("{}{} ON DUPLICATE KEY UPDATE {sets}", self.insert(rows), self.alias())
    }

    /// The parameters of [`Sql::insert`], then base revision and base writer; for one row. It changes two rows by the
    /// count of the server if the row is live, carries the base and isn't used later than `accessed`; error 1048 if it
    /// is there but doesn't; one row (a new one, to be rolled back) if there was none.
    pub fn replace_if(&self) -> String {
        // NULL doesn't fit `revision`: a way to make the statement fail.
        let guard = format!(
            "`revision` = IF({table}.`state` = 0 AND {table}.`revision` = ? AND {table}.`writer` = ? \
             AND {table}.`accessed` <= {}, {}, NULL)",
            self.new_value("accessed"),
            self.new_value("revision"),
            table = self.table
        );
        let sets = CONTENT[1..].iter().map(|column| self.set(column)).collect::<Vec<_>>().join(", ");
        format!("{}{} ON DUPLICATE KEY UPDATE {guard}, {sets}", self.insert(1), self.alias())
    }

    /// Revision, writer, format, created, accessed, idle, deadline, expires, principal, meta, data, key, base revision,
    /// base writer, accessed. Replaces one live row that carries the base and isn't used later; finds no row otherwise.
    pub fn update_if(&self) -> String {
        let sets = CONTENT.map(|column| format!("`{column}` = ?")).join(", ");
        format!(
            "UPDATE {} SET {sets} WHERE `key` = ? AND `state` = 0 AND `revision` = ? AND `writer` = ? AND `accessed` <= ?",
            self.table
        )
    }

    /// Per row: key, accessed, expires. Moves rows that are there, which the caller has locked.
    pub fn touch(&self, rows: usize) -> String {
        let sets = ["accessed", "expires"].map(|column| self.set(column)).join(", ");
        format!(
            "INSERT INTO {} (`key`, `accessed`, `expires`, `application`, `state`, `format`, `revision`, `writer`, `created`, \
             `idle`, `deadline`, `data`) VALUES {}{} ON DUPLICATE KEY UPDATE {sets}",
            self.table,
            groups(rows, 3, ", '', 0, 0, 0, '', 0, 0, 0, ''"),
            self.alias()
        )
    }

    /// Per row: key, state, reason, successor, writer, deadline, expires. Makes rows dead or aliases that are there,
    /// which the caller has locked; the content goes.
    pub fn end(&self, rows: usize) -> String {
        let sets = ["state", "reason", "successor", "writer", "deadline", "expires"].map(|column| self.set(column)).join(", ");
        format!(
            "INSERT INTO {} (`key`, `state`, `reason`, `successor`, `writer`, `deadline`, `expires`, `application`, `format`, \
             `revision`, `created`, `accessed`, `idle`, `data`) VALUES {}{} ON DUPLICATE KEY UPDATE {sets}, `idle` = 0, \
             `principal` = NULL, `meta` = NULL, `data` = ''",
            self.table,
            groups(rows, 7, ", '', 0, 0, 0, 0, 0, ''"),
            self.alias()
        )
    }

    /// Per row: key, state, reason, successor, writer, deadline, expires, application, format, now, now. Rows that were
    /// never live, where there are none; a row in the way is error 1062.
    pub fn plant(&self, rows: usize) -> String {
        format!(
            "INSERT INTO {} (`key`, `state`, `reason`, `successor`, `writer`, `deadline`, `expires`, `application`, `format`, \
             `created`, `accessed`, `revision`, `idle`, `data`) VALUES {}",
            self.table,
            groups(rows, 11, ", 0, 0, ''")
        )
    }

    /// Three times application, state, until. Whether anything is due, per state: three looks into the index.
    pub fn sweep_probe(&self) -> String {
        let look = format!(
            "EXISTS(SELECT 1 FROM {} FORCE INDEX (`expires`) WHERE `application` = ? AND `state` = ? AND `expires` <= ? LIMIT 1)",
            self.table
        );
        format!("SELECT {look}, {look}, {look}")
    }

    /// Application, state, until, limit. The keys of the oldest rows that are due, from the index alone.
    pub fn sweep_oldest(&self) -> String {
        format!(
            "SELECT `key` FROM {} FORCE INDEX (`expires`) WHERE `application` = ? AND `state` = ? AND `expires` <= ? \
             ORDER BY `expires` LIMIT ?",
            self.table
        )
    }

    /// Application, state, until, limit. How many rows are due, counted up to a limit; from the index alone.
    pub fn sweep_count(&self) -> String {
        format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM {} FORCE INDEX (`expires`) WHERE `application` = ? AND `state` = ? \
             AND `expires` <= ? LIMIT ?) AS due",
            self.table
        )
    }

    /// Key, count. The key that many rows after a key.
    pub fn key_after(&self) -> String {
        format!("SELECT `key` FROM {} FORCE INDEX (PRIMARY) WHERE `key` >= ? ORDER BY `key` LIMIT 1 OFFSET ?", self.table)
    }

    /// First key, application, until for live rows, until for others, limit. The keys that are due from a key on.
    pub fn sweep_from(&self) -> String {
        format!("{} LIMIT ?", self.sweep_part("`key` >= ?"))
    }

    /// First key, end (not included), application, until for live rows, until for others, limit. The keys that are due
    /// in a range.
    pub fn sweep_range(&self) -> String {
        format!("{} LIMIT ?", self.sweep_part("`key` >= ? AND `key` < ?"))
    }

    fn sweep_part(&self, range: &str) -> String {
        format!(
            "SELECT `key` FROM {} FORCE INDEX (PRIMARY) WHERE {range} AND `application` = ? \
             AND `expires` <= CASE `state` WHEN 0 THEN ? ELSE ? END ORDER BY `key`",
            self.table
        )
    }

    /// Application, until for live rows, until for others, then `keys` keys. Those that are still due, locked: key,
    /// state.
    pub fn sweep_lock(&self, keys: usize) -> String {
        format!("SELECT `key`, `state` FROM {} {} FOR UPDATE", self.table, due(keys))
    }

    /// The same parameters. Removes them.
    pub fn sweep_delete(&self, keys: usize) -> String {
        format!("DELETE FROM {} {}", self.table, due(keys))
    }

    /// The same parameters. Removes them and tells which: key, state. For MariaDB.
    pub fn sweep_take(&self, keys: usize) -> String {
        format!("{} RETURNING `key`, `state`", self.sweep_delete(keys))
    }

    /// The parameters of [`Sql::sweep_range`], or without an end those of [`Sql::sweep_from`]. Removes what is due
    /// there, in the order of the keys, and tells which: key, state. For MariaDB.
    pub fn sweep_take_range(&self, has_end: bool) -> String {
        let end = if has_end { " AND `key` < ?" } else { "" };
        format!(
            "DELETE FROM {} WHERE `key` >= ?{end} AND `application` = ? \
             AND `expires` <= CASE `state` WHEN 0 THEN ? ELSE ? END ORDER BY `key` LIMIT ? RETURNING `key`, `state`",
            self.table
        )
    }

    /// Application, principal. The live sessions of a principal: the server's read-only mark, key, created, accessed,
    /// idle, deadline, meta.
    pub fn list(&self) -> String {
        format!(
            "SELECT @@GLOBAL.read_only, t.`key`, t.`created`, t.`accessed`, t.`idle`, t.`deadline`, t.`meta` \
             FROM (SELECT 1 AS one) AS always LEFT JOIN {} AS t ON t.`application` = ? AND t.`principal` = ? AND t.`state` = 0 \
             ORDER BY t.`key`",
            self.table
        )
    }

    /// Key, limit. Live rows after a key, to look through them all: key, format, data.
    pub fn walk(&self) -> String {
        format!(
            "SELECT `key`, `format`, `data` FROM {} FORCE INDEX (PRIMARY) WHERE `key` > ? AND `state` = 0 ORDER BY `key` LIMIT ?",
            self.table
        )
    }

    fn alias(&self) -> &'static str {
        match self.dialect {
            Dialect::MariaDb => "",
            Dialect::MySql => " AS new",
        }
    }

    fn new_value(&self, column: &str) -> String {
        match self.dialect {
            Dialect::MariaDb => format!("VALUES(`{column}`)"),
            Dialect::MySql => format!("new.`{column}`"),
        }
    }

    fn set(&self, column: &str) -> String {
        format!("`{column}` = {}", self.new_value(column))
    }
}

fn due(keys: usize) -> String {
    format!("WHERE `application` = ? AND `expires` <= CASE `state` WHEN 0 THEN ? ELSE ? END AND `key` IN ({})", places(keys))
}

/// `?, ?, ?`.
fn places(count: usize) -> String {
    let mut sql = String::with_capacity(3 * count);
    for place in 0..count {
        sql.push_str(if place == 0 { "?" } else { ", ?" });
    }
    sql
}

/// `(?, ?, rest), (?, ?, rest)`.
fn groups(rows: usize, count: usize, rest: &str) -> String {
    let group = places(count);
    let mut sql = String::with_capacity(rows * (group.len() + rest.len() + 4));
    for row in 0..rows {
        let comma = if row == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}({group}{rest})");
    }
    sql
}
