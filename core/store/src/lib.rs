//! Keeps sessions: the [`Store`] trait, the stores that come with holdall, and the suite that every store passes.
//!
//! * [`MemoryStore`] keeps them in this process.
//! * [`SqliteStore`] (feature `sqlite`) keeps them in a SQLite file of their own, in the native table.
//! * [`MysqlStore`] (feature `mysql`) keeps them in the native table of a MySQL or MariaDB database.
//! * `suite` (feature `suite`) holds one function per behaviour, to run over any store.
#![forbid(unsafe_code)]

mod apply;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub mod foreign;
mod memory;
#[cfg(feature = "mysql")]
pub mod mysql;
mod resolve;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod store;
#[cfg(feature = "suite")]
pub mod suite;

pub use memory::MemoryStore;
#[cfg(feature = "mysql")]
pub use mysql::{MysqlOptions, MysqlStore, MysqlUrl};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
pub use store::{Checked, LoadReply, Store};
