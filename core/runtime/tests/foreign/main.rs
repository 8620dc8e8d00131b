//! Bags over the tables of Lucee and Rails: in SQLite files, and (with the feature `servers`) in a real MariaDB.

mod fields;
mod made;
mod opening;
mod stock;
