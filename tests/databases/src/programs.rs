//! Finding the programs of the servers.

use crate::Problem;
use std::path::{Path, PathBuf};

/// What installs everything that the tests with servers need.
pub(crate) const INSTALL: &str =
    "apt-get install -y --no-install-recommends mariadb-server mariadb-client galera-4 rsync openssl";

/// Where a server lies that is not on the path of an ordinary user.
const BESIDE_THE_PATH: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin"];

/// Where Debian and others put the cluster's library.
const PROVIDERS: [&str; 3] =
    ["/usr/lib/galera/libgalera_smm.so", "/usr/lib/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"];

/// The path of a program.
///
/// # Errors
/// When it isn't installed; the text says which command installs it.
pub(crate) fn find(name: &str) -> Result<PathBuf, Problem> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(BESIDE_THE_PATH.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file()).ok_or_else(|| missing(&format!("the program '{name}'")))
}

/// The path of the cluster's library.
///
/// # Errors
/// When it isn't installed; the text says which command installs it.
pub(crate) fn galera_provider() -> Result<&'static Path, Problem> {
    PROVIDERS.iter().map(Path::new).find(|file| file.is_file()).ok_or_else(|| missing("the library of Galera"))
}

fn missing(what: &str) -> Problem {
    Problem::new(format!("{what} is missing; on Debian or Ubuntu, as root: {INSTALL}"))
}
