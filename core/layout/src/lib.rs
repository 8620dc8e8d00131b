//! How a session lies in a table: rows to sessions and back, the keys, and the SQL text. Pure: nothing here opens,
//! waits or reads a clock, so that native stores and wasm share it.
//!
//! * [`native`] is holdall's own table, `holdall_sessions`: its key, its `data` column, its expiry buckets.
//! * [`native_sqlite`] is the SQL text of that table for SQLite, [`native_mysql`] for MySQL and MariaDB.
//! * [`foreign`] is what a table that other software uses too needs to say about its data.
//! * [`lucee`] is the `cf_session_data` and `cf_client_data` of Lucee.
//! * [`rails`] is the `sessions` table of Rails.
//! * [`json`] checks JSON text at the boundary and compares it by content.
#![forbid(unsafe_code)]

mod content;
pub mod foreign;
pub mod json;
pub mod lease_mysql;
pub mod lucee;
pub mod native;
mod native_data;
pub mod native_mysql;
mod native_parts;
pub mod native_sqlite;
pub mod rails;
