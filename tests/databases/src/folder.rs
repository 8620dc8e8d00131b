//! Folders: copies of data, and where cargo builds.

use crate::Problem;
use std::fs;
use std::path::{Path, PathBuf};

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
