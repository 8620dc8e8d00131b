//! The SQL text of the native table for SQLite. Statements bind everything; none is put together at run time.
//!
//! The parameters of each statement are named in its comment, in order from `?1`.

/// Makes the table, its indexes, and the marks by which a file is recognised. For an empty database, inside a
/// transaction.
pub const CREATE: &str = include_str!("../sql/native-sqlite.sql");

/// `PRAGMA application_id` of a file that holds the table.
pub const APPLICATION_ID: i32 = 0x686f_6c64;
/// `PRAGMA user_version`: the version of the table. Changes are additive and made by command.
pub const VERSION: i32 = 1;
/// The table's name.
pub const TABLE: &str = "holdall_sessions";

/// One column that the table must have. Others may be there too, if they can be left out of an insert.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its declared type.
    pub kind: &'static str,
    /// Whether it is NOT NULL.
    pub required: bool,
}

const fn column(name: &'static str, kind: &'static str, required: bool) -> Column {
    Column { name, kind, required }
}

/// The columns of version [`VERSION`].
pub const COLUMNS: [Column; 16] = [
    column("key", "BLOB", true),
    column("application", "TEXT", true),
    column("state", "INTEGER", true),
    column("reason", "INTEGER", false),
    column("successor", "BLOB", false),
    column("format", "INTEGER", true),
    column("revision", "INTEGER", true),
    column("writer", "BLOB", true),
    column("created", "INTEGER", true),
    column("accessed", "INTEGER", true),
    column("idle", "INTEGER", true),
    column("deadline", "INTEGER", true),
    column("expires", "INTEGER", true),
    column("principal", "TEXT", false),
    column("meta", "TEXT", false),
    column("data", "BLOB", true),
];

/// The columns of each index that the statements below rely on, and whether it must be unique.
pub const INDEXES: [(&[&str], bool); 3] =
    [(&["key"], true), (&["application", "state", "expires"], false), (&["application", "principal"], false)];

/// Key. A whole row.
pub const LOAD: &str = "SELECT state, reason, successor, format, revision, writer, created, accessed, idle, deadline, \
    principal, meta, data FROM holdall_sessions WHERE key = ?1";

/// Key. What decides about a write.
pub const HEAD: &str = "SELECT state, reason, successor, revision, writer, accessed, idle, deadline, expires \
    FROM holdall_sessions WHERE key = ?1";

/// Key, application, format, revision, writer, created, accessed, idle, deadline, expires, principal, meta, data.
/// A live row, unless any row is there.
pub const INSERT: &str = "INSERT INTO holdall_sessions (key, application, state, format, revision, writer, created, \
    accessed, idle, deadline, expires, principal, meta, data) \
    VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT (key) DO NOTHING";

/// Key, base revision, base writer, format, revision, writer, created, accessed, idle, deadline, expires, principal,
/// meta, data. The usual update: it changes no indexed column, and hits only a row in which none need change.
pub const UPDATE_DATA: &str = "UPDATE holdall_sessions SET format = ?4, revision = ?5, writer = ?6, created = ?7, \
    accessed = ?8, idle = ?9, deadline = ?10, meta = ?13, data = ?14 \
    WHERE key = ?1 AND state = 0 AND revision = ?2 AND writer = ?3 AND accessed <= ?8 AND expires = ?11 \
    AND principal IS ?12";

/// The same parameters. Any update; `accessed` is what the caller found to be larger.
pub const UPDATE: &str = "UPDATE holdall_sessions SET format = ?4, revision = ?5, writer = ?6, created = ?7, \
    accessed = ?8, idle = ?9, deadline = ?10, expires = ?11, principal = ?12, meta = ?13, data = ?14 \
    WHERE key = ?1 AND state = 0 AND revision = ?2 AND writer = ?3";

/// Key, accessed. A touch that leaves the row in its bucket.
pub const TOUCH: &str = "UPDATE holdall_sessions SET accessed = ?2 WHERE key = ?1 AND state = 0 AND accessed < ?2";

/// Key, accessed, expires. A touch that moves the row to another bucket.
pub const TOUCH_MOVE: &str =
    "UPDATE holdall_sessions SET accessed = ?2, expires = ?3 WHERE key = ?1 AND state = 0 AND accessed < ?2";

/// Key, state, reason, successor, writer, deadline, expires. Makes a row dead or an alias; the content goes.
pub const END: &str = "UPDATE holdall_sessions SET state = ?2, reason = ?3, successor = ?4, writer = ?5, idle = 0, \
    deadline = ?6, expires = ?7, principal = NULL, meta = NULL, data = x'' WHERE key = ?1";

/// Key, application, state, reason, successor, format, writer, now, deadline, expires. A row that was never live.
pub const PLANT: &str = "INSERT INTO holdall_sessions (key, application, state, reason, successor, format, revision, \
    writer, created, accessed, idle, deadline, expires, data) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?8, 0, ?9, ?10, x'')";

/// Application, state, until. Whether there is anything to sweep: one look into the index.
pub const SWEEP_PROBE: &str = "SELECT 1 FROM holdall_sessions WHERE application = ?1 AND state = ?2 AND expires <= ?3 LIMIT 1";

/// Application, state, until, limit. How much there is to sweep, counted up to a limit; from the index alone.
pub const SWEEP_COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM holdall_sessions \
    WHERE application = ?1 AND state = ?2 AND expires <= ?3 LIMIT ?4)";

/// Application, state, until, limit. Rows to sweep, in index order.
pub const SWEEP_OLDEST: &str = "SELECT rowid, key FROM holdall_sessions \
    WHERE application = ?1 AND state = ?2 AND expires <= ?3 ORDER BY expires LIMIT ?4";

/// Application, until, limit. The keys of live rows that have expired, the longest overdue first.
pub const DUE: &str = "SELECT key FROM holdall_sessions \
    WHERE application = ?1 AND state = 0 AND expires <= ?2 ORDER BY expires LIMIT ?3";

/// Row number, state, until. Removes one row, if it still has to go.
pub const SWEEP_ONE: &str = "DELETE FROM holdall_sessions WHERE rowid = ?1 AND state = ?2 AND expires <= ?3";

/// The last row number; NULL in an empty table.
pub const LAST_ROW: &str = "SELECT max(rowid) FROM holdall_sessions";

/// Row number, count. The row number that many rows further on.
pub const ROW_AFTER: &str = "SELECT rowid FROM holdall_sessions NOT INDEXED WHERE rowid >= ?1 ORDER BY rowid LIMIT 1 OFFSET ?2";

/// First row number, end (not included), application, until for live rows, until for others, limit. Rows of a range to
/// sweep.
pub const SWEEP_RANGE: &str = "SELECT rowid, key, state FROM holdall_sessions NOT INDEXED \
    WHERE rowid >= ?1 AND rowid < ?2 AND application = ?3 AND expires <= CASE state WHEN 0 THEN ?4 ELSE ?5 END \
    ORDER BY rowid LIMIT ?6";

/// The same parameters without the limit. Removes them.
pub const SWEEP_RANGE_DELETE: &str = "DELETE FROM holdall_sessions NOT INDEXED WHERE rowid >= ?1 AND rowid < ?2 \
    AND application = ?3 AND expires <= CASE state WHEN 0 THEN ?4 ELSE ?5 END";

/// Application, principal. Live sessions of a principal.
pub const LIST: &str = "SELECT key, created, accessed, idle, deadline, meta FROM holdall_sessions \
    WHERE application = ?1 AND principal = ?2 AND state = 0";

/// Row number, limit. Live rows after a row number, to look through them all.
pub const WALK: &str = "SELECT rowid, format, data FROM holdall_sessions NOT INDEXED WHERE rowid > ?1 AND state = 0 \
    ORDER BY rowid LIMIT ?2";

/// All statements that the store runs per session or in a sweep, for tests of their plans.
pub const STATEMENTS: [&str; 19] = [
    LOAD,
    HEAD,
    INSERT,
    UPDATE_DATA,
    UPDATE,
    TOUCH,
    TOUCH_MOVE,
    END,
    PLANT,
    SWEEP_PROBE,
    SWEEP_COUNT,
    SWEEP_OLDEST,
    DUE,
    SWEEP_ONE,
    LAST_ROW,
    ROW_AFTER,
    SWEEP_RANGE,
    SWEEP_RANGE_DELETE,
    LIST,
];
