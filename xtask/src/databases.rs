//! The suites that need database servers. Their tests start the servers themselves, on loopback, in folders of their own.

use crate::job::Job;
use crate::{process, tools};
use std::path::Path;

/// Features that turn on the tests which start servers. Without them `cargo test` runs on a machine that has none.
pub const FEATURES: [&str; 2] = ["holdall-store/servers", "holdall-test-databases/servers"];

/// Debian's packages. The server's package starts a server of its own on some machines; the tests leave it alone.
const PACKAGES: &str = "mariadb-server mariadb-client galera-4 rsync openssl procps";

/// The programs that come with them and that the tests start.
const PROGRAMS: [&str; 5] = ["mariadbd", "mariadb-install-db", "rsync", "openssl", "ps"];

/// Where Debian and others put the cluster's library.
const PROVIDERS: [&str; 3] =
    ["/usr/lib/galera/libgalera_smm.so", "/usr/lib/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"];

/// Stores and sessions on one MariaDB server, and the tests' servers themselves.
///
/// # Errors
/// When the server is missing and could not be installed; the text names the command that installs it.
pub fn mysql(job: &mut Job) -> Result<(), String> {
    need_servers(job)?;
    job.step("the servers of the tests");
    let servers = ["--features", "servers"];
    job.tests(process::cargo().args(["test", "--package", "holdall-test-databases"]).args(servers))?;
    job.step("the store");
    job.tests(process::cargo().args(["test", "--package", "holdall-store"]).args(servers).args(["--test", "mysql"]))
}

/// Makes sure that the servers are installed.
///
/// # Errors
/// When they are missing and could not be installed; the text names the command that installs them.
pub fn need_servers(job: &mut Job) -> Result<(), String> {
    for program in PROGRAMS {
        tools::need_program(job, program, PACKAGES)?;
    }
    tools::need(job, "the library of Galera", || PROVIDERS.iter().any(|path| Path::new(path).is_file()), PACKAGES)
}
