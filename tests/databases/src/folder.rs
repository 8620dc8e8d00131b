//! Folders: copies of data, and where cargo builds.

use crate::Problem;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Somebody on this machine.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub name: String,
    pub number: u32,
}

impl User {
    /// Somebody by name; nobody if there is none.
    pub fn find(name: &str) -> Option<Self> {
        let told = Command::new("id").args(["-u", name]).output().ok().filter(|output| output.status.success())?;
        let number = String::from_utf8_lossy(&told.stdout).trim().parse().ok()?;
        Some(Self { name: name.to_owned(), number })
    }
}

/// Gives a folder and everything in it to somebody.
pub(crate) fn give(folder: &Path, user: &User) -> Result<(), Problem> {
    let trouble = |error: std::io::Error| Problem::while_doing(&format!("giving {} to {}", folder.display(), user.name), &error);
    chown(folder, Some(user.number), None).map_err(trouble)?;
    for entry in fs::read_dir(folder).map_err(trouble)? {
        let entry = entry.map_err(trouble)?;
        if entry.file_type().map_err(trouble)?.is_dir() {
            give(&entry.path(), user)?;
        } else {
            chown(entry.path(), Some(user.number), None).map_err(trouble)?;
        }
    }
    Ok(())
}

/// Copies a folder with everything in it. `to` must not exist.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    let trouble = |error: std::io::Error| Problem::while_doing(&format!("copying {}", from.display()), &error);
    fs::create_dir(to).map_err(trouble)?;
    for entry in fs::read_dir(from).map_err(trouble)? {
        let entry = entry.map_err(trouble)?;
        let kind = entry.file_type().map_err(trouble)?;
        let copied = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&entry.path(), &copied)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), copied).map_err(trouble)?;
        }
    }
    Ok(())
}

/// Cargo's target folder: the one that this program was built in, by the mark that cargo leaves there.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let built_in = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let otherwise = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    built_in.map_or_else(otherwise, Path::to_path_buf)
}
