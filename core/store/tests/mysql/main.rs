//! The MySQL store on real MariaDB servers.

mod lease;
mod made;
mod suite;
