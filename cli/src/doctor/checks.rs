//! The table of checks. Each is one line here, and one function in a file for its kind.

use super::finding::Find::{Catalogue, Rows};
use super::finding::Severity::{Error, Note, Warning};
use super::finding::{Check, Finding};
use super::patient::Patient;
use super::{columns, keys, native, rows, settings, unreadable};
use crate::db::SqlError;
use crate::layout::Layout::{self, Django, Lucee, Native, Rails};

const ALL: &[Layout] = &[Native, Lucee, Rails, Django];
/// Rails hashes ids: no two of what it looks for differ in blanks only.
const EXACT: &[Layout] = &[Native, Lucee];
const FOREIGN: &[Layout] = &[Lucee, Rails];
const NATIVE: &[Layout] = &[Native];
const LUCEE: &[Layout] = &[Lucee];
const RAILS: &[Layout] = &[Rails];

/// All checks, in the order in which they are told and repaired.
#[rustfmt::skip]
pub const CHECKS: &[Check] = &[
    Check { code: "missing-column",     severity: Error,   layouts: ALL,     find: Catalogue(columns::missing),
        sentence: "A column is missing that the software which uses this table names in its statements" },
    Check { code: "extra-column",       severity: Error,   layouts: ALL,     find: Catalogue(columns::extra),
        sentence: "A further column is NOT NULL and has no default: every insert fails" },
    Check { code: "no-timestamps",      severity: Warning, layouts: RAILS,   find: Catalogue(columns::timestamps),
        sentence: "Without created_at and updated_at nobody can tell which rows are old: nothing can be pruned" },
    Check { code: "not-innodb",         severity: Error,   layouts: ALL,     find: Catalogue(columns::engine),
        sentence: "The storage engine has no transactions and locks the whole table for each write" },
    Check { code: "short-data",         severity: Error,   layouts: FOREIGN, find: Catalogue(columns::short_data),
        sentence: "The data column is too short: a larger session is refused, or cut where SQL mode is not strict" },
    Check { code: "nullable-data",      severity: Note,    layouts: LUCEE,   find: Catalogue(columns::nullable_data),
        sentence: "The data column may be NULL, which no session is" },
    Check { code: "narrow-charset",     severity: Warning, layouts: FOREIGN, find: Catalogue(columns::narrow_charset),
        sentence: "The character set of the data lacks characters: they are refused, or become question marks" },
    Check { code: "folding-collation",  severity: Warning, layouts: FOREIGN, find: Catalogue(columns::folding),
        sentence: "Keys that differ in case or accents only are taken for the same: one reads the other's session" },
    Check { code: "padding-collation",  severity: Note,    layouts: EXACT,   find: Catalogue(columns::padding),
        sentence: "Keys that differ in blanks at the end only are taken for the same" },
    Check { code: "duplicates",         severity: Error,   layouts: FOREIGN, find: Rows(rows::duplicates),
        sentence: "Sessions have several rows: which one is read is chance, and Lucee can never save them again" },
    Check { code: "twins",              severity: Warning, layouts: FOREIGN, find: Rows(rows::twins),
        sentence: "Rows differ in case, accents or blanks of their keys only: with this collation one hides the other" },
    Check { code: "row-format",         severity: Warning, layouts: FOREIGN, find: Catalogue(keys::row_format),
        sentence: "Rows lie in an old format in which a key over these columns is too long" },
    Check { code: "no-primary-key",     severity: Error,   layouts: LUCEE,   find: Catalogue(keys::no_primary_key),
        sentence: "Nothing keeps a session from having two rows" },
    Check { code: "no-unique-index",    severity: Error,   layouts: RAILS,   find: Catalogue(keys::no_unique_index),
        sentence: "Nothing keeps a session from having two rows" },
    Check { code: "no-row-id",          severity: Warning, layouts: RAILS,   find: Catalogue(keys::no_row_id),
        sentence: "The table has no primary key: replicas and clusters have to look through it for each row" },
    Check { code: "wrong-index",        severity: Warning, layouts: LUCEE,   find: Catalogue(keys::wrong_index),
        sentence: "A unique index holds the expiry too: it permits two rows for one session, and every use moves the row" },
    Check { code: "no-expiry-index",    severity: Warning, layouts: &[Lucee, Rails, Django], find: Catalogue(keys::no_expiry_index),
        sentence: "No index leads to the rows whose time is over: pruning reads the whole table" },
    Check { code: "cut-values",         severity: Error,   layouts: FOREIGN, find: Rows(rows::cut),
        sentence: "Sessions were cut at 65,535 bytes and can't be read any more" },
    Check { code: "bad-expires",        severity: Error,   layouts: LUCEE,   find: Rows(rows::bad_expires),
        sentence: "The expiry is not a number of 13 digits: it is compared as text, so such a session lives for ever or not at all" },
    Check { code: "plain-ids",          severity: Warning, layouts: RAILS,   find: Rows(rows::plain_ids),
        sentence: "Rows hold ids in clear: whoever reads the table can use these sessions" },
    Check { code: "unreadable-rows",    severity: Warning, layouts: FOREIGN, find: Rows(unreadable::find),
        sentence: "The data of some rows can't be decoded: holdall leaves them as they are and answers with an error" },
    Check { code: "native-check",       severity: Error,   layouts: NATIVE,  find: Catalogue(native::find),
        sentence: "holdall's own check finds fault with the table" },
    Check { code: "expired-rows",       severity: Warning, layouts: LUCEE,   find: Rows(rows::expired),
        sentence: "Expired sessions pile up: nobody removes them" },
    Check { code: "old-rows",           severity: Note,    layouts: RAILS,   find: Rows(rows::old),
        sentence: "Old sessions pile up: nobody trims the table" },
    Check { code: "loose-mode",         severity: Error,   layouts: FOREIGN, find: Catalogue(settings::loose_mode),
        sentence: "SQL mode is not strict: values that don't fit are cut without an error" },
    Check { code: "small-packet",       severity: Warning, layouts: ALL,     find: Catalogue(settings::small_packet),
        sentence: "The longest statement is short: a large session breaks the connection" },
    Check { code: "galera-flush",       severity: Error,   layouts: ALL,     find: Catalogue(settings::galera_flush),
        sentence: "The nodes don't write commits to disk: if all stop at once, saved sessions are lost" },
    Check { code: "flush-at-commit",    severity: Warning, layouts: ALL,     find: Catalogue(settings::flush),
        sentence: "The server doesn't write each commit to disk: a power cut loses saved sessions" },
    Check { code: "read-only",          severity: Note,    layouts: ALL,     find: Catalogue(settings::read_only),
        sentence: "The server takes no writes: this is a replica" },
];

/// Runs the checks that fit.
///
/// # Errors
/// The database went away, or refuses to be read.
pub fn run(patient: &mut Patient, quick: bool) -> Result<Vec<Finding>, SqlError> {
    let layout = patient.layout();
    let mut findings = Vec::new();
    for check in CHECKS.iter().filter(|check| check.layouts.contains(&layout)) {
        let found = match check.find {
            Catalogue(find) => find(patient),
            Rows(_) if quick => None,
            Rows(find) => find(patient)?,
        };
        findings.extend(found.map(|found| Finding { check: *check, found }));
    }
    Ok(findings)
}
