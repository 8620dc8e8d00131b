//! The suites that need database servers. Their tests start the servers themselves, on loopback, in folders of their own.

use crate::job::Job;
use crate::{process, tools};
use std::path::Path;

/// Features that turn on the tests which start servers (or Ruby). Without them `cargo test` runs on a machine that has none.
pub const FEATURES: [&str; 7] = [
    "holdall/servers",
    "holdall-cli/servers",
    "holdall-layout/ruby",
    "holdall-store/servers",
    "holdall-test-databases/servers",
    "holdall-test-galera/servers",
    "holdall-test-lucee/servers",
];

/// The same for one package.
const SERVERS: [&str; 2] = ["--features", "servers"];

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
    let tests = ["--test", "mariadb", "--test", "proxy"];
    job.tests(process::cargo().args(["test", "--package", "holdall-test-databases"]).args(SERVERS).args(tests))?;
    job.step("the store");
    let tests = ["--test", "mysql", "--test", "foreign"];
    job.tests(process::cargo().args(["test", "--package", "holdall-store"]).args(SERVERS).args(tests))?;
    job.step("sessions in the tables of Lucee and Rails");
    job.tests(process::cargo().args(["test", "--package", "holdall"]).args(SERVERS).args(["--test", "foreign"]))
}

/// Sessions that several servers share: on a Galera cluster that loses nodes, over a fail-over, in a rolling restart.
///
/// # Errors
/// As [`mysql`].
pub fn galera(job: &mut Job) -> Result<(), String> {
    need_servers(job)?;
    job.step("the cluster of the tests");
    job.tests(process::cargo().args(["test", "--package", "holdall-test-databases"]).args(SERVERS).args(["--test", "galera"]))?;
    job.step("shared sessions");
    // What the tests print (how long writes stalled) is in the log.
    let tests = ["test", "--package", "holdall-test-galera", "--no-fail-fast"];
    job.tests(process::cargo().args(tests).args(SERVERS).args(["--", "--nocapture"]))
}

/// Installs the servers if a benchmark that is asked for needs them. Where that can't be done, the benchmark says what is
/// missing, and the others run.
pub fn install_for_bench(arguments: &[String]) {
    let is_value = |place: usize| place > 0 && matches!(arguments[place - 1].as_str(), "--json" | "--svg");
    let is_name = |(place, argument): &(usize, &String)| !argument.starts_with('-') && !is_value(*place);
    let names: Vec<&String> = arguments.iter().enumerate().filter(is_name).map(|(_, name)| name).collect();
    let only_asks = arguments.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h" | "--list"));
    if only_asks || !(names.is_empty() || names.iter().any(|name| name.starts_with("mysql"))) {
        return;
    }
    if let Ok(mut job) = Job::start("bench")
        && let Err(problem) = need_servers(&mut job)
    {
        eprintln!("{problem}");
    }
}

/// The command, on real servers and a cluster.
///
/// # Errors
/// When the servers are missing and could not be installed; the text names the command that installs them.
pub fn command(job: &mut Job) -> Result<(), String> {
    need_servers(job)?;
    job.tests(process::cargo().args(["test", "--package", "holdall-cli", "--no-fail-fast"]).args(SERVERS))
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
