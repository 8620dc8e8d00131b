//! Folders for one run, removed afterwards.

use crate::clock;
use std::path::{Path, PathBuf};

/// A fresh folder in the system's place for temporary files; removed, with all that is in it, when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes the folder.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn new(purpose: &str) -> Result<Self, String> {
        let name = format!("holdall-{purpose}-{}-{:08x}", std::process::id(), clock::entropy() as u32);
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)
            .map_err(|error| format!("the folder {} can't be made: {error}; is TMPDIR writable?", path.display()))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A left-over folder is untidy and harms nothing.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
