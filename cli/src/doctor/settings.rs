//! Findings about the server's settings. They are told with the line for its configuration, never changed here.

use super::finding::{Found, Repair};
use super::patient::Patient;
use crate::output::bytes;

/// Sessions above this are rare, and the usual default.
const PACKET_WANTED: u64 = 16 << 20;

pub(super) fn loose_mode(patient: &Patient) -> Option<Found> {
    let mode = &patient.server.sql_mode;
    if patient.is_file() || mode.contains("STRICT_TRANS_TABLES") || mode.contains("STRICT_ALL_TABLES") {
        return None;
    }
    let advice = "add STRICT_TRANS_TABLES to sql_mode in the server's configuration (and SET GLOBAL sql_mode), then let the \
        applications reconnect";
    Some(Found::new("sql_mode has neither STRICT_TRANS_TABLES nor STRICT_ALL_TABLES", Repair::Advice(advice.into())))
}

pub(super) fn small_packet(patient: &Patient) -> Option<Found> {
    if patient.is_file() || patient.server.packet >= PACKET_WANTED {
        return None;
    }
    let advice = "max_allowed_packet = 64M in the server's configuration; SET GLOBAL max_allowed_packet = 67108864 for now";
    let detail = format!("max_allowed_packet is {}", bytes(patient.server.packet));
    Some(Found::new(detail, Repair::Advice(advice.into())))
}

pub(super) fn galera_flush(patient: &Patient) -> Option<Found> {
    if !patient.server.galera || patient.server.flush != 0 {
        return None;
    }
    let advice = "innodb_flush_log_at_trx_commit = 1 on every node; SET GLOBAL does it without a restart";
    Some(Found::new("innodb_flush_log_at_trx_commit is 0 on a Galera node", Repair::Advice(advice.into())))
}

pub(super) fn flush(patient: &Patient) -> Option<Found> {
    let flush = patient.server.flush;
    if patient.is_file() || flush == 1 || (patient.server.galera && flush == 0) {
        return None;
    }
    let advice = "innodb_flush_log_at_trx_commit = 1 in the server's configuration; SET GLOBAL does it without a restart";
    Some(Found::new(format!("innodb_flush_log_at_trx_commit is {flush}"), Repair::Advice(advice.into())))
}

pub(super) fn read_only(patient: &Patient) -> Option<Found> {
    let advice = "repair and prune on the primary; its replicas follow";
    patient.server.read_only.then(|| Found::new("read_only is on", Repair::Advice(advice.into())))
}
