//! What a check can find.

use super::change::Change;
use super::patient::Patient;
use crate::db::SqlError;
use crate::layout::Layout;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Slow, or wrong in rare cases.
    Warning,
    /// Sessions are lost, mixed up or refused.
    Error,
}

impl Severity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line of the table of checks.
#[derive(Clone, Copy)]
pub struct Check {
    /// Names the finding in scripts; never changed.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it means for whoever runs the application.
    pub sentence: &'static str,
    /// The layouts it is for.
    pub layouts: &'static [Layout],
    /// Looks for it.
    pub find: Find,
}

/// How a check looks.
#[derive(Clone, Copy)]
pub enum Find {
    /// At the catalogue and the settings, which are read already.
    Catalogue(fn(&Patient) -> Option<Found>),
    /// At the rows.
    Rows(fn(&mut Patient) -> Result<Option<Found>, SqlError>),
}

/// What a check found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The facts: names of columns and settings, counts. No ids, no values.
    pub detail: String,
    /// How many rows, if it is about rows.
    pub rows: Option<u64>,
    /// What mends it.
    pub repair: Repair,
}

impl Found {
    /// A finding about the table.
    pub fn new(detail: impl Into<String>, repair: Repair) -> Self {
        Self { detail: detail.into(), rows: None, repair }
    }

    /// A finding about so many rows; none if there are none.
    pub fn rows(rows: u64, detail: impl Into<String>, repair: Repair) -> Option<Self> {
        (rows > 0).then(|| Self { detail: detail.into(), rows: Some(rows), repair })
    }
}

/// What mends a finding.
#[derive(Clone, Debug)]
pub enum Repair {
    /// A person must do it: how.
    Advice(String),
    /// Changes of the table.
    Alter(Vec<Change>),
    /// Of rows with one key all go but the one that lives longest.
    Duplicates,
    /// The rows for which this condition holds are removed.
    Delete(&'static str),
    /// The rows whose time is over are removed.
    Prune,
    /// The ids are hashed, as the stock software does by itself for new sessions.
    HashIds,
}

/// A check with what it found.
#[derive(Clone)]
pub struct Finding {
    /// The line of the table.
    pub check: Check,
    /// What was found.
    pub found: Found,
}
