//! Findings about rows. None of them tells which: a key is a session's id.

use super::finding::{Found, Repair};
use super::patient::Patient;
use crate::db::SqlError;
use crate::layout::Layout;
use crate::output::{self, grouped};

/// Lucee cleans once an hour: what expired longer ago than this nobody removes.
const LATE_MS: u64 = 2 * 3_600_000;
const DAY_MS: u64 = 86_400_000;

/// A value that was cut in a column of 65,535 bytes. A whole one of just that length ends as its form does.
pub const LUCEE_CUT: &str = "LENGTH(data) = 65535 AND NOT (data LIKE '{%' AND data LIKE '%}')";
/// The same for Rails: JSON ends in a brace, base64 in a line feed.
pub const RAILS_CUT: &str = "LENGTH(data) = 65535 AND data NOT LIKE '%}' AND data NOT LIKE '%\n'";
/// An expiry that is not 13 digits.
const BAD_EXPIRES: &str = "expires NOT REGEXP '^[0-9]{13}$'";
/// The same without regular expressions.
const BAD_EXPIRES_SQLITE: &str = "expires NOT GLOB \
    '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]'";
/// Ids in clear.
pub const PLAIN_IDS: &str = "session_id NOT LIKE '2::%'";

type Answer = Result<Option<Found>, SqlError>;

/// The key's columns compared byte by byte, for a GROUP BY.
fn exact_key(patient: &Patient) -> String {
    let columns = patient.layout().key().iter().map(|column| patient.exact(column));
    columns.collect::<Vec<_>>().join(", ")
}

pub(super) fn duplicates(patient: &mut Patient) -> Answer {
    let key = patient.layout().key();
    if !patient.has(key) || patient.shape.is_unique(key) {
        return Ok(None);
    }
    let exact = exact_key(patient);
    let groups = format!("SELECT COUNT(*) AS n FROM {} GROUP BY {exact} HAVING COUNT(*) > 1", patient.table());
    let sql = format!("SELECT COUNT(*), COALESCE(SUM(n - 1), 0) FROM ({groups}) AS groups_of_rows");
    let row = patient.database.first(&sql, &[])?.unwrap_or_default();
    let detail = format!("{} too many, of {} sessions", output::rows(row.count(1)), grouped(row.count(0)));
    Ok(Found::rows(row.count(1), detail, Repair::Duplicates))
}

pub(super) fn twins(patient: &mut Patient) -> Answer {
    let key = patient.layout().key();
    if patient.is_file() || !patient.has(key) || patient.shape.is_unique(key) {
        return Ok(None);
    }
    let exact = exact_key(patient);
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM {} GROUP BY {} HAVING COUNT(DISTINCT {exact}) > 1) AS twins",
        patient.table(),
        key.join(", ")
    );
    let groups = patient.database.count(&sql, &[])?;
    let detail = format!("{} groups of rows", grouped(groups));
    let advice = "the repair of folding-collation tells them apart: --lock-ok, or the command it prints";
    Ok(Found::rows(groups, detail, Repair::Advice(advice.into())))
}

pub(super) fn cut(patient: &mut Patient) -> Answer {
    if !patient.has(&["data"]) {
        return Ok(None);
    }
    let condition = if patient.layout() == Layout::Lucee { LUCEE_CUT } else { RAILS_CUT };
    let rows = patient.count_rows(condition)?;
    Ok(Found::rows(rows, output::rows(rows), Repair::Delete(condition)))
}

pub(super) fn bad_expires(patient: &mut Patient) -> Answer {
    if !patient.has(&["expires"]) {
        return Ok(None);
    }
    let condition = if patient.is_file() { BAD_EXPIRES_SQLITE } else { BAD_EXPIRES };
    let rows = patient.count_rows(condition)?;
    Ok(Found::rows(rows, output::rows(rows), Repair::Delete(condition)))
}

pub(super) fn plain_ids(patient: &mut Patient) -> Answer {
    if !patient.has(&["session_id", "id"]) {
        return Ok(None);
    }
    let rows = patient.count_rows(PLAIN_IDS)?;
    Ok(Found::rows(rows, output::rows(rows), Repair::HashIds))
}

pub(super) fn expired(patient: &mut Patient) -> Answer {
    if !patient.has(&["expires"]) {
        return Ok(None);
    }
    let late = patient.now_ms()?.saturating_sub(LATE_MS);
    let sql = format!("SELECT COUNT(*) FROM {} WHERE expires <= ? AND LENGTH(expires) = 13", patient.table());
    let rows = patient.database.count(&sql, &[late.to_string().into()])?;
    Ok(Found::rows(rows, format!("{}, expired more than 2 hours ago", output::rows(rows)), Repair::Prune))
}

pub(super) fn old(patient: &mut Patient) -> Answer {
    if !patient.has(&["updated_at"]) {
        return Ok(None);
    }
    let cutoff = patient.now_ms()?.saturating_sub(u64::from(patient.days) * DAY_MS);
    let sql = format!("SELECT COUNT(*) FROM {} WHERE updated_at < ?", patient.table());
    let rows = patient.database.count(&sql, &[crate::clock::readable_time(cutoff).into()])?;
    let detail = format!("{}, not written for {} days", output::rows(rows), patient.days);
    let advice =
        format!("holdall prune --layout rails --older-than {}: whoever reads only for so long is signed out", patient.days);
    Ok(Found::rows(rows, detail, Repair::Advice(advice)))
}
