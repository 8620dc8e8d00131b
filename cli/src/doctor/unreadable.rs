//! Rows whose data can't be decoded. Every row is read and decoded as an import would.

use super::finding::{Found, Repair};
use super::patient::Patient;
use crate::db::SqlError;
use crate::import::source::{Item, Source};
use crate::import::tables::{BAD_EXPIRES, Lucee, Rails};
use crate::layout::Layout;
use crate::output;
use crate::problem::Result;
use std::collections::BTreeMap;

/// Rows that are held in memory at a time.
const ROWS: u32 = 200;

pub(super) fn find(patient: &mut Patient) -> std::result::Result<Option<Found>, SqlError> {
    let mut columns = patient.layout().columns().iter().filter(|name| !name.ends_with("_at"));
    if !columns.all(|name| patient.column(name).is_some()) {
        return Ok(None);
    }
    let found = count(patient).map_err(|problem| SqlError { number: 0, kind: problem.kind, text: problem.text })?;
    let reason = found.iter().max_by_key(|(_, count)| **count).map_or_else(String::new, |(why, _)| format!("; mostly: {why}"));
    let rows = found.values().sum();
    let advice = "look at one with 'holdall inspect'; Lucee starts an empty session in its place, Rails answers with an error";
    Ok(Found::rows(rows, format!("{}{reason}", output::rows(rows)), Repair::Advice(advice.into())))
}

/// How many rows can't be decoded, by what is wrong with them. Expired ones are not looked at: nobody reads them. Those
/// with a bad expiry have a finding of their own.
fn count(patient: &Patient) -> Result<BTreeMap<String, u64>> {
    let target = &patient.target;
    let mut source: Box<dyn Source> = match patient.layout() {
        Layout::Lucee => Box::new(Lucee::open(target, None, 0)?),
        _ => Box::new(Rails::open(target, String::new(), u64::MAX)?),
    };
    let now = crate::clock::now_ms();
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let mut after: Option<Vec<Vec<u8>>> = None;
    loop {
        let page = source.page(after.as_deref(), ROWS, now)?;
        for item in page.items {
            match item {
                Item::Unreadable(why) if why != BAD_EXPIRES => *found.entry(why).or_default() += 1,
                _ => {}
            }
        }
        if page.rows < u64::from(ROWS) {
            return Ok(found);
        }
        after = page.last;
    }
}
