//! The command on SQLite files, and its command line.

#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod create_table;
mod doctor;
mod file;
mod import;
mod look;
mod prune;
