//! The store over tables that other software uses too: SQLite files, and (with the feature `servers`) a real MariaDB.

#[cfg(feature = "servers")]
mod cuts;
mod made;
mod many;
#[cfg(feature = "servers")]
mod plans;
mod rows;
mod shape;
mod suite;
