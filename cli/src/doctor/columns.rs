//! Findings about columns.

use super::change::Change;
use super::finding::{Found, Repair};
use super::patient::Patient;
use crate::layout::Layout;
use crate::shape::Column;

/// What a data column must at least take, in bytes: 16 MiB less one, as `mediumtext` does.
const DATA_WANTED: u64 = (1 << 24) - 1;

pub(super) fn missing(patient: &Patient) -> Option<Found> {
    // Timestamps have a finding of their own: Rails works without them.
    let wanted = patient.layout().columns().iter().filter(|name| !name.ends_with("_at"));
    let missing: Vec<&str> = wanted.copied().filter(|name| patient.column(name).is_none()).collect();
    if missing.is_empty() {
        return None;
    }
    let advice = format!("is --layout {} right? If so, make the table anew with create-table", patient.layout().name());
    Some(Found::new(format!("missing: {}", missing.join(", ")), Repair::Advice(advice)))
}

pub(super) fn extra(patient: &Patient) -> Option<Found> {
    let known = |column: &&Column| patient.layout().columns().iter().any(|name| column.is(name));
    let columns = patient.shape.columns.iter().filter(|column| !known(column));
    let names: Vec<&str> =
        columns.filter(|column| !column.nullable && !column.has_default).map(|column| column.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let advice = "give it a default (ALTER TABLE ... ALTER column SET DEFAULT ...) or let it be NULL";
    Some(Found::new(format!("NOT NULL without a default: {}", names.join(", ")), Repair::Advice(advice.into())))
}

pub(super) fn timestamps(patient: &Patient) -> Option<Found> {
    if patient.has(&["created_at", "updated_at"]) {
        return None;
    }
    let advice = "a migration: add_column for both, datetime, null: false, with the present time as the default";
    Some(Found::new("the table was made by Session.create_table!, not by the migration", Repair::Advice(advice.into())))
}

pub(super) fn engine(patient: &Patient) -> Option<Found> {
    let engine = &patient.shape.engine;
    if patient.is_file() || engine.eq_ignore_ascii_case("innodb") {
        return None;
    }
    Some(Found::new(format!("the engine is {engine}"), Repair::Alter(vec![Change::Engine("InnoDB")])))
}

pub(super) fn short_data(patient: &Patient) -> Option<Found> {
    let name = patient.layout().data();
    let column = patient.column(name)?;
    let limit = column.limit.filter(|limit| !patient.is_file() && *limit < DATA_WANTED)?;
    // A charset or NULL that the table has is kept: MODIFY says the whole column anew.
    let charset = match (&column.charset, &column.collation) {
        (Some(charset), Some(collation)) => format!(" CHARACTER SET {charset} COLLATE {collation}"),
        _ => String::new(),
    };
    let null = if patient.layout() == Layout::Lucee { " NOT NULL" } else { "" };
    let kind = if column.kind.contains("blob") || column.kind.contains("binary") { "LONGBLOB" } else { "LONGTEXT" };
    let change = Change::Type(name.into(), format!("{kind}{charset}{null}"));
    let detail = format!("{name} is {}, which takes {limit} bytes", column.full);
    Some(Found::new(detail, Repair::Alter(vec![change])))
}

pub(super) fn nullable_data(patient: &Patient) -> Option<Found> {
    let column = patient.column("data").filter(|column| column.nullable)?;
    // A column that is too short is given NOT NULL along with its new type.
    if patient.is_file() || column.limit.is_some_and(|limit| limit < DATA_WANTED) {
        return None;
    }
    let change = Change::NotNull("data".into(), format!("{} NOT NULL", definition(column)));
    Some(Found::new("data was made without NOT NULL", Repair::Alter(vec![change])))
}

fn definition(column: &Column) -> String {
    match (&column.charset, &column.collation) {
        (Some(charset), Some(collation)) => format!("{} CHARACTER SET {charset} COLLATE {collation}", column.full),
        _ => column.full.clone(),
    }
}

pub(super) fn narrow_charset(patient: &Patient) -> Option<Found> {
    let column = patient.column(patient.layout().data())?;
    let charset = column.charset.clone().filter(|charset| charset != "utf8mb4" && charset != "utf16")?;
    let null = if patient.layout() == Layout::Lucee { " NOT NULL" } else { "" };
    let name = patient.layout().data();
    let change = Change::Type(name.into(), format!("LONGTEXT CHARACTER SET utf8mb4{null}"));
    Some(Found::new(format!("{name} is in {charset}"), Repair::Alter(vec![change])))
}

/// Whether a collation tells all texts apart but for blanks at the end.
fn is_exact(collation: &str) -> bool {
    collation.ends_with("_bin") || collation == "binary"
}

/// Whether a collation ignores blanks at the end.
fn pads(collation: &str) -> bool {
    !(collation.contains("nopad") || collation.contains("_0900_") || collation == "binary")
}

pub(super) fn folding(patient: &Patient) -> Option<Found> {
    keys_with(patient, |collation| !is_exact(collation))
}

pub(super) fn padding(patient: &Patient) -> Option<Found> {
    // A collation that folds is replaced anyway.
    keys_with(patient, |collation| is_exact(collation) && pads(collation))
}

/// Key columns whose collation is of a sort, with the change that makes them exact.
fn keys_with(patient: &Patient, sort: impl Fn(&str) -> bool) -> Option<Found> {
    let exact = patient.exact_collation();
    let key = patient.layout().key();
    let columns = key.iter().filter_map(|name| patient.column(name));
    let columns: Vec<&Column> = columns
        .filter(|column| column.collation.as_deref().is_some_and(|collation| sort(collation) && collation != exact))
        .collect();
    let first = columns.first()?;
    let change = |column: &Column| {
        let null = if column.nullable { "" } else { " NOT NULL" };
        Change::Type(column.name.clone(), format!("{} CHARACTER SET utf8mb4 COLLATE {exact}{null}", column.full))
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let detail = format!("{} compared by {}", names.join(", "), first.collation.as_deref().unwrap_or_default());
    Some(Found::new(detail, Repair::Alter(columns.iter().map(|column| change(column)).collect())))
}
