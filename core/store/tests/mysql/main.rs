//! The MySQL store on real MariaDB servers.

mod made;
mod suite;
