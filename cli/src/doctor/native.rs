//! What the store of holdall's own table says of it.

use super::finding::{Found, Repair};
use super::patient::Patient;

pub(super) fn find(patient: &Patient) -> Option<Found> {
    let first = patient.own_check.first()?;
    let more = patient.own_check.len() - 1;
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    let advice =
        "rows that can't be read are kept; a table of another shape is made anew with create-table, and filled with import";
    Some(Found::new(format!("{first}{more}"), Repair::Advice(advice.into())))
}
