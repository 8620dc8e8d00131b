//! The MySQL store on real MariaDB servers.

mod connections;
mod cuts;
mod errors;
mod lease;
mod made;
mod plans;
mod shape;
mod suite;
mod table;
mod url;
