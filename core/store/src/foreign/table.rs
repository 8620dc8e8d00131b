//! The tables: their columns, their statements, and what a row says.

use super::run::{Cell, Dialect};
use holdall_engine::{Key, Time};
use holdall_layout::rails::{is_public_id, private_id, times};
use std::fmt::Write as _;

/// A time of 13 digits: what Lucee's `expires` holds, which is compared as text.
const LAST_EXPIRES: u64 = 9_999_999_999_999;
/// The longest id that a column of 64 characters takes.
const LUCEE_ID_LIMIT: usize = 64;
/// The longest id in a cookie of Rails'. In the table it has 67 characters.
const RAILS_ID_LIMIT: usize = 255;

/// A table as it was found at open.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Quoted.
    pub name: String,
    pub dialect: Dialect,
    pub kind: Kind,
    /// Whether the table itself keeps a session from having two rows.
    pub is_unique: bool,
    /// What the column `data` takes, in bytes.
    pub capacity: Option<usize>,
    /// How long an unused session lives; 0 for ever.
    pub idle_ms: u64,
    /// How much longer a session may live because uses of it may be on their way.
    pub slack_ms: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Lucee {
        application: String,
    },
    Rails {
        /// The column, quoted.
        data: String,
        has_times: bool,
        /// Whether rows are looked up by the id of the cookie itself, too.
        takes_public: bool,
        /// `updated_at` moves for a mere use at most so often.
        touch_every_ms: u64,
        /// Sessions unused for so long are swept.
        trim_ms: Option<u64>,
    },
}

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The text under which it lies.
    pub id: String,
    pub data: Vec<u8>,
    /// `expires`, or `updated_at`; none if the table or the row doesn't say.
    pub used: Option<Time>,
    pub created: Option<Time>,
    /// `created_at` as it stands in the row, which is more exact than a [`Time`].
    pub created_text: Option<String>,
    /// Whether its time can't be read.
    pub is_odd: bool,
}

/// When a session was last used and what it may be called, for a row that is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'a> {
    pub key: &'a Key,
    pub data: &'a str,
    pub accessed: Time,
    pub deadline: Time,
    /// `created_at`; where it is not known from a row, see [`created_text`].
    pub created: &'a str,
}

/// What `created_at` says of a new session.
pub(super) fn created_text(created: Time) -> String {
    times::to_text(created)
}

/// What becomes of a row.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Under which it lies.
    pub id: String,
    pub data: String,
    /// None if the table has no times.
    pub time: Option<String>,
    /// Under which it is to lie.
    pub new_id: Option<String>,
}

/// A statement with its parameters.
pub(super) type Statement = (String, Vec<String>);

impl Table {
    /// The texts under which a session may lie, the right one first. None for a key that this table can't hold.
    pub fn ids(&self, key: &Key) -> Option<Vec<String>> {
        let text = core::str::from_utf8(key.as_bytes()).ok().filter(|text| !text.contains('\0'))?;
        match &self.kind {
            Kind::Lucee { .. } if text.len() <= LUCEE_ID_LIMIT => Some(vec![text.to_owned()]),
            Kind::Rails { takes_public, .. } if is_public_id(key.as_bytes()) && text.len() <= RAILS_ID_LIMIT => {
                let mut ids = vec![private_id(key.as_bytes())];
                ids.extend(takes_public.then(|| text.to_owned()));
                Some(ids)
            }
            _ => None,
        }
    }

    /// Reads the rows of `ids`.
    pub fn select(&self, ids: &[&str], for_update: bool) -> Statement {
        let lock = if for_update { self.dialect.for_update() } else { "" };
        let (columns, id) = (self.columns(), self.id_column());
        let (of_application, mut values) = self.of_application();
        let marks = pad(&mut values, ids);
        let sql = format!("SELECT {columns} FROM {} WHERE {of_application}{id} IN ({marks}) ORDER BY {id}{lock}", self.name);
        (sql, values)
    }

    fn id_column(&self) -> &'static str {
        match self.kind {
            Kind::Lucee { .. } => "cfid",
            Kind::Rails { .. } => "session_id",
        }
    }

    fn columns(&self) -> String {
        match &self.kind {
            Kind::Lucee { .. } => "cfid, data, expires, name".to_owned(),
            Kind::Rails { data, has_times: true, .. } => format!("session_id, {data}, updated_at, created_at"),
            Kind::Rails { data, has_times: false, .. } => format!("session_id, {data}"),
        }
    }

    /// What a row of [`Table::select`] says; none if it is another application's, whose name a collation takes for ours.
    pub fn found(&self, row: Vec<Cell>) -> Option<Found> {
        let mut cells = row.into_iter();
        let mut cell = || cells.next().flatten();
        let id = String::from_utf8(cell()?).ok()?;
        let data = cell().unwrap_or_default();
        let used = cell();
        let text = |cell: &Vec<u8>| core::str::from_utf8(cell).ok().map(ToOwned::to_owned);
        match &self.kind {
            Kind::Lucee { application } => {
                if cell()?.as_slice() != application.as_bytes() {
                    return None;
                }
                let used = used.as_ref().and_then(text).and_then(|text| expires_of(&text));
                Some(Found { id, data, used, created: None, created_text: None, is_odd: used.is_none() })
            }
            Kind::Rails { .. } => {
                let used = used.as_ref().and_then(text).and_then(|text| times::from_text(&text));
                let created_text = cell().as_ref().and_then(text);
                let created = created_text.as_deref().and_then(times::from_text);
                Some(Found { id, data, used, created, created_text, is_odd: false })
            }
        }
    }

    /// Adds a row.
    pub fn insert(&self, row: Written<'_>) -> Option<Statement> {
        let id = self.ids(row.key)?.swap_remove(0);
        let data = row.data.to_owned();
        Some(match &self.kind {
            Kind::Lucee { application } => (
                format!("INSERT INTO {} (expires, data, cfid, name) VALUES (?, ?, ?, ?)", self.name),
                vec![expires_text(self.expires(row.accessed, row.deadline)), data, id, application.clone()],
            ),
            Kind::Rails { data: column, has_times: true, .. } => (
                format!("INSERT INTO {} (session_id, {column}, created_at, updated_at) VALUES (?, ?, ?, ?)", self.name),
                vec![id, data, row.created.to_owned(), times::to_text(row.accessed)],
            ),
            Kind::Rails { data: column, .. } => {
                (format!("INSERT INTO {} (session_id, {column}) VALUES (?, ?)", self.name), vec![id, data])
            }
        })
    }

    /// What becomes of a row: its data is replaced, its time moves forward, and it gets under the right id.
    pub fn change(&self, old: &Found, row: Written<'_>) -> Option<Change> {
        let used = old.used.unwrap_or_default();
        let time = match &self.kind {
            Kind::Lucee { .. } => Some(expires_text(self.expires(row.accessed, row.deadline).max(used))),
            Kind::Rails { has_times: true, .. } => Some(times::to_text(row.accessed.max(used))),
            Kind::Rails { .. } => None,
        };
        let right = self.ids(row.key)?.swap_remove(0);
        let new_id = (right != old.id).then_some(right);
        Some(Change { id: old.id.clone(), data: row.data.to_owned(), time, new_id })
    }

    fn data_column(&self) -> &str {
        match &self.kind {
            Kind::Lucee { .. } => "data",
            Kind::Rails { data, .. } => data,
        }
    }

    fn time_column(&self) -> &'static str {
        match self.kind {
            Kind::Lucee { .. } => "expires",
            Kind::Rails { .. } => "updated_at",
        }
    }

    /// Changes one row.
    pub fn update(&self, change: Change) -> Statement {
        let mut set = format!("{} = ?", self.data_column());
        let mut values = vec![change.data];
        let more = [(self.time_column(), change.time), (self.id_column(), change.new_id)];
        for (column, value) in more {
            if let Some(value) = value {
                // Writing to a string can't fail.
                let _ = write!(set, ", {column} = ?");
                values.push(value);
            }
        }
        let (condition, of) = self.condition(&change.id);
        values.extend(of);
        (format!("UPDATE {} SET {set} WHERE {condition}", self.name), values)
    }

    /// Changes several rows that keep their ids, each of which is the only one that a collation takes for it.
    pub fn update_many(&self, changes: &[&Change]) -> Statement {
        let id = self.id_column();
        let whens = "WHEN ? THEN ? ".repeat(changes.len());
        let mut set = format!("{} = CASE {id} {whens}END", self.data_column());
        let mut values: Vec<String> = Vec::with_capacity(changes.len() * 5 + 2);
        values.extend(changes.iter().flat_map(|change| [change.id.clone(), change.data.clone()]));
        if changes.iter().all(|change| change.time.is_some()) {
            let _ = write!(set, ", {} = CASE {id} {whens}END", self.time_column());
            values.extend(changes.iter().flat_map(|change| [change.id.clone(), change.time.clone().unwrap_or_default()]));
        }
        let (of_application, of) = self.of_application();
        values.extend(of);
        let ids: Vec<&str> = changes.iter().map(|change| change.id.as_str()).collect();
        let marks = pad(&mut values, &ids);
        (format!("UPDATE {} SET {set} WHERE {of_application}{id} IN ({marks})", self.name), values)
    }

    /// Whether several rows are written with one statement. In SQLite that gains nothing.
    pub fn writes_many(&self) -> bool {
        self.is_unique && matches!(self.dialect, Dialect::Mysql { .. })
    }

    /// Moves the time of a row forward; none if it need not move yet.
    pub fn touch(&self, old: &Found, accessed: Time, deadline: Time) -> Option<Statement> {
        let (column, text) = match &self.kind {
            Kind::Lucee { .. } => {
                let expires = self.expires(accessed, deadline);
                (expires > old.used?).then(|| ("expires", expires_text(expires)))?
            }
            Kind::Rails { has_times: true, touch_every_ms, .. } => {
                let due = old.used.is_none_or(|used| accessed > used && accessed.since(used) >= *touch_every_ms);
                due.then(|| ("updated_at", times::to_text(accessed)))?
            }
            Kind::Rails { .. } => return None,
        };
        let (condition, of) = self.condition(&old.id);
        let mut values = vec![text.clone()];
        values.extend(of);
        values.push(text);
        Some((format!("UPDATE {} SET {column} = ? WHERE {condition} AND {column} < ?", self.name), values))
    }

    /// Removes the row that lies under `id`.
    pub fn delete(&self, id: &str) -> Statement {
        let (condition, values) = self.condition(id);
        (format!("DELETE FROM {} WHERE {condition}", self.name), values)
    }

    /// Finds rows whose time is over, the longest overdue first; none if nothing is ever swept. `take` takes them for
    /// writing.
    pub fn overdue(&self, before: Time, limit: u32, take: bool) -> Option<Statement> {
        let lock = if take { self.dialect.for_update_of_free() } else { "" };
        match &self.kind {
            Kind::Lucee { .. } => {
                let (of_application, mut values) = self.of_application();
                values.push(expires_text(before + self.slack_ms));
                let sql = format!(
                    "SELECT cfid, '', expires, name FROM {} WHERE {of_application}expires <= ? ORDER BY expires LIMIT {limit}{lock}",
                    self.name
                );
                Some((sql, values))
            }
            Kind::Rails { has_times: true, trim_ms: Some(trim_ms), .. } => Some((
                format!(
                    "SELECT session_id, '', updated_at FROM {} WHERE updated_at <= ? ORDER BY updated_at LIMIT {limit}{lock}",
                    self.name
                ),
                vec![times::to_text(before - *trim_ms)],
            )),
            Kind::Rails { .. } => None,
        }
    }

    /// Removes overdue rows, unless their time moved.
    pub fn sweep(&self, ids: &[&str], before: Time) -> Statement {
        let (of_application, mut values) = self.of_application();
        let (column, until) = match &self.kind {
            Kind::Lucee { .. } => ("expires", expires_text(before + self.slack_ms)),
            Kind::Rails { trim_ms, .. } => ("updated_at", times::to_text(before - trim_ms.unwrap_or(u64::MAX))),
        };
        values.push(until);
        let marks = pad(&mut values, ids);
        let sql = format!("DELETE FROM {} WHERE {of_application}{column} <= ? AND {} IN ({marks})", self.name, self.id_column());
        (sql, values)
    }

    /// Reads rows in the order of their ids, those after `after`, at most `limit`.
    pub fn page(&self, after: &str, limit: u32) -> Statement {
        let (columns, id) = (self.columns(), self.id_column());
        let (of_application, mut values) = self.of_application();
        values.push(after.to_owned());
        let sql = format!("SELECT {columns} FROM {} WHERE {of_application}{id} > ? ORDER BY {id} LIMIT {limit}", self.name);
        (sql, values)
    }

    /// Counts the sessions that have more than one row.
    pub fn duplicates(&self) -> Statement {
        let (of_application, values) = self.of_application();
        let id = match self.dialect {
            Dialect::Sqlite => format!("{} COLLATE BINARY", self.id_column()),
            Dialect::Mysql { .. } => format!("BINARY {}", self.id_column()),
        };
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM {} WHERE {of_application}1 = 1 GROUP BY {id} HAVING COUNT(*) > 1) AS twice",
            self.name
        );
        (sql, values)
    }

    /// The condition that rows are the application's, with `AND` behind it, if the table has several applications.
    fn of_application(&self) -> Statement {
        let (mut sql, mut values) = (String::new(), Vec::new());
        if let Kind::Lucee { application } = &self.kind {
            self.is_exactly("name", application, &mut sql, &mut values);
            sql.push_str(" AND ");
        }
        (sql, values)
    }

    /// The condition for one row.
    fn condition(&self, id: &str) -> Statement {
        let (mut sql, mut values) = self.of_application();
        self.is_exactly(self.id_column(), id, &mut sql, &mut values);
        (sql, values)
    }

    /// Adds the condition that a column holds a text. Collations may take other texts for the same, so it is compared byte
    /// by byte too; on MySQL only text that every character set writes alike.
    fn is_exactly(&self, column: &str, value: &str, sql: &mut String, values: &mut Vec<String>) {
        let exactly = match self.dialect {
            Dialect::Sqlite => format!(" AND {column} = ? COLLATE BINARY"),
            Dialect::Mysql { .. } if value.is_ascii() => format!(" AND BINARY {column} = ?"),
            Dialect::Mysql { .. } => String::new(),
        };
        // Writing to a string can't fail.
        let _ = write!(sql, "{column} = ?{exactly}");
        let times = if exactly.is_empty() { 1 } else { 2 };
        values.extend(core::iter::repeat_n(value.to_owned(), times));
    }

    /// When a session used at `accessed` is over, for both sides: what Lucee's column says.
    fn expires(&self, accessed: Time, deadline: Time) -> Time {
        if self.idle_ms == 0 { deadline } else { deadline.min(accessed + self.idle_ms + self.slack_ms) }
    }

    /// What the row's time column says after a write.
    pub fn used(&self, accessed: Time, deadline: Time) -> Option<Time> {
        match self.kind {
            Kind::Lucee { .. } => Some(self.expires(accessed, deadline)),
            Kind::Rails { has_times, .. } => has_times.then_some(accessed),
        }
    }

    /// When a session was last used, as far as the row says it.
    pub fn accessed(&self, found: &Found, now: Time) -> Time {
        match (&self.kind, found.used) {
            (Kind::Lucee { .. }, Some(expires)) => expires - (self.idle_ms + self.slack_ms),
            (_, Some(used)) => used,
            (_, None) => now,
        }
    }

    /// Whether the row's session is over for both sides, so that another may begin under its id.
    pub fn is_over(&self, found: &Found, now: Time) -> bool {
        match (&self.kind, found.used) {
            (Kind::Lucee { .. }, Some(expires)) => expires <= now,
            (Kind::Rails { .. }, Some(used)) => self.idle_ms > 0 && used + self.idle_ms + self.slack_ms <= now,
            (_, None) => false,
        }
    }
}

fn expires_text(time: Time) -> String {
    format!("{:013}", time.0.min(LAST_EXPIRES))
}

fn expires_of(text: &str) -> Option<Time> {
    let is_time = !text.is_empty() && text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_time { text.parse().ok().map(Time) } else { None }
}

/// Adds `ids` to the values of a statement, and gives the marks for them. Lists are made as long as the next power of two,
/// by repeating the last, so that few different statements are prepared.
fn pad(values: &mut Vec<String>, ids: &[&str]) -> String {
    let places = ids.len().max(1).next_power_of_two();
    let last = ids.last().copied().unwrap_or_default();
    values.extend((0..places).map(|place| ids.get(place).copied().unwrap_or(last).to_owned()));
    let mut marks = "?, ".repeat(places);
    marks.truncate(places * 3 - 2);
    marks
}
