//! A data folder that is installed once and copied for every server.

use crate::{Problem, folder, programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Its log, which every server makes anew in the size that it needs; a small one is copied faster.
const LOG: &str = "--innodb-log-file-size=8M";

/// The folder to copy, made if this user hasn't one for this version of the server.
pub(crate) fn find(user: &str) -> Result<PathBuf, Problem> {
    find_or_make(user, |place, data| {
        // Servers remove each other's temporary tables where they share a folder for them.
        let temporary = place.join("temporary");
        fs::create_dir(&temporary)?;
        install(data, &temporary, user)
    })
}

/// The folder of this name, made by `make` (which is given a folder for its use, and where to put the data) if there is none
/// for this version of the server.
pub(crate) fn find_or_make(name: &str, make: impl FnOnce(&Path, &Path) -> Result<(), Problem>) -> Result<PathBuf, Problem> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let place = folder::target().join("holdall-databases");
    let template = place.join(format!("{}-{name}", version()?));
    if template.is_dir() {
        return Ok(template);
    }
    fs::create_dir_all(&place).map_err(|error| Problem::while_doing(&format!("making {}", place.display()), &error))?;
    let fresh = tempfile::tempdir_in(&place)?;
    let data = fresh.path().join("data");
    make(fresh.path(), &data)?;
    match fs::rename(&data, &template) {
        Ok(()) => Ok(template),
        // Another process was faster.
        Err(_) if template.is_dir() => Ok(template),
        Err(error) => Err(Problem::while_doing(&format!("making {}", template.display()), &error)),
    }
}

/// As it can stand in the name of a file.
fn version() -> Result<String, Problem> {
    let output = Command::new(programs::find("mariadbd")?).args(["--no-defaults", "--version"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().skip_while(|word| *word != "Ver").nth(1);
    let version = version.ok_or_else(|| Problem::new("'mariadbd --version' did not tell a version"))?;
    Ok(version.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' }).collect())
}

fn install(data: &Path, temporary: &Path, user: &str) -> Result<(), Problem> {
    let mut command = Command::new(programs::find("mariadb-install-db")?);
    command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", LOG]);
    command.arg(format!("--user={user}")).arg(format!("--datadir={}", data.display()));
    command.arg(format!("--tmpdir={}", temporary.display()));
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    Err(Problem::new(format!("mariadb-install-db failed: {}", String::from_utf8_lossy(&told))))
}
