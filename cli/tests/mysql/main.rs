//! The command on real MariaDB servers, which the tests start themselves.

#[path = "../common/mod.rs"]
mod common;

mod create_table;
mod doctor_galera;
mod doctor_lucee;
mod doctor_rails;
mod doctor_settings;
mod errors;
mod import;
mod look;
mod prune;
mod table;
