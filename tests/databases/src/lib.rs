//! Real databases for tests, on loopback, in folders of their own: nothing of the machine's own servers is touched.
//!
//! * [`MariaDb`] starts a server and ends it, also when the test process is killed.
//! * [`Galera`] starts three of them as a cluster, and breaks it in the ways in which clusters break.
//! * [`Proxy`] stands between a client and a server, and cuts, delays, freezes or redirects what goes through.
//!
//! The servers come from Debian's packages `mariadb-server`, `galera-4` and `rsync`. Where they are missing, starting fails
//! with the command that installs them.
#![forbid(unsafe_code)]

mod certificates;
mod clock;
mod database;
mod folder;
mod galera;
mod mariadb;
mod options;
mod pipes;
mod problem;
mod process;
mod programs;
mod proxy;
mod template;

pub use clock::{Deadline, pause, wait_until};
pub use database::{Database, Login};
pub use galera::{Detection, Galera, NODES};
pub use mariadb::{MariaDb, shared};
pub use options::MariaDbOptions;
pub use problem::Problem;
pub use proxy::{Direction, Moment, Proxy};

pub use mysql;
