//! Findings about keys and indexes.

use super::change::Change;
use super::finding::{Found, Repair};
use super::patient::Patient;

/// Longest key of the old row formats, in bytes.
const OLD_KEY_LIMIT: u64 = 767;

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn row_format(patient: &Patient) -> Option<Found> {
    let format = &patient.shape.row_format;
    let key = patient.layout().key();
    let is_old = format == "COMPACT" || format == "REDUNDANT";
    let bytes: u64 = key.iter().filter_map(|name| patient.column(name)).filter_map(|column| column.limit).sum();
    if !is_old || bytes <= OLD_KEY_LIMIT || patient.shape.is_unique(key) {
        return None;
    }
    let detail = format!("ROW_FORMAT={format}: at most {OLD_KEY_LIMIT} bytes, the key has up to {bytes}");
    Some(Found::new(detail, Repair::Alter(vec![Change::RowFormat("DYNAMIC")])))
}

pub(super) fn no_primary_key(patient: &Patient) -> Option<Found> {
    let key = patient.layout().key();
    if !patient.has(key) || patient.shape.is_unique(key) {
        return None;
    }
    if patient.shape.indexes.iter().any(|index| index.primary) {
        // Someone gave the table a key of his own (a number, say): a unique index does the same.
        let name = format!("ux_{}", patient.shape.table);
        let change = Change::Index { name, columns: owned(key), unique: true };
        return Some(Found::new("there is a primary key, but none on cfid and name", Repair::Alter(vec![change])));
    }
    let repair = Repair::Alter(vec![Change::PrimaryKey(owned(key))]);
    Some(Found::new("there is no unique index over exactly cfid and name", repair))
}

pub(super) fn no_unique_index(patient: &Patient) -> Option<Found> {
    let key = patient.layout().key();
    if !patient.has(key) || patient.shape.is_unique(key) {
        return None;
    }
    let plain = patient.shape.indexes.iter().find(|index| !index.unique && index.is_over(key));
    let name = format!("index_{}_on_session_id", patient.shape.table);
    let mut changes = Vec::new();
    // An index of the same columns that is not unique is of no further use.
    let name = match plain {
        Some(plain) => {
            changes.push(Change::Drop(plain.name.clone()));
            if plain.name == name { format!("{name}_unique") } else { name }
        }
        None => name,
    };
    changes.insert(0, Change::Index { name, columns: owned(key), unique: true });
    Some(Found::new("there is no unique index on session_id", Repair::Alter(changes)))
}

pub(super) fn no_row_id(patient: &Patient) -> Option<Found> {
    if !patient.has(&["id"]) || patient.shape.indexes.iter().any(|index| index.primary) {
        return None;
    }
    Some(Found::new("there is no primary key", Repair::Alter(vec![Change::PrimaryKey(owned(&["id"]))])))
}

pub(super) fn wrong_index(patient: &Patient) -> Option<Found> {
    let columns = ["cfid", "name", "expires"];
    let wrong = patient.shape.indexes.iter().find(|index| index.unique && !index.primary && index.is_over(&columns));
    let wrong = wrong?;
    let detail = format!("{} is over {}", wrong.name, wrong.columns.join(", "));
    Some(Found::new(detail, Repair::Alter(vec![Change::Drop(wrong.name.clone())])))
}

pub(super) fn no_expiry_index(patient: &Patient) -> Option<Found> {
    let column = patient.layout().expiry();
    if !patient.has(&[column]) || patient.shape.is_indexed_by(column) {
        return None;
    }
    let table = &patient.shape.table;
    let name = match patient.layout() {
        crate::layout::Layout::Rails => format!("index_{table}_on_updated_at"),
        _ => format!("ix_{table}_{column}"),
    };
    let change = Change::Index { name, columns: owned(&[column]), unique: false };
    Some(Found::new(format!("no index begins with {column}"), Repair::Alter(vec![change])))
}
