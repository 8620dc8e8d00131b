//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that hold what is made, not written.
const MADE: [&str; 5] = ["target", "out", "node_modules", "corpus", ".git"];

/// A text file of the repository.
#[derive(Debug, Clone)]
pub struct Text {
    /// Its path from the root, with `/`.
    pub path: String,
    /// What it holds.
    pub content: String,
}

impl Text {
    /// The path ends with a dot and one of these.
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| extensions.contains(&found))
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// All text files of the repository, sorted by path.
pub fn texts() -> Vec<Text> {
    let root = root();
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// One file of the repository.
///
/// # Errors
/// When it can't be read; the text names it.
pub fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path} can't be read: {error}"))
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<Text>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !MADE.contains(&name.as_str()) && !name.starts_with("target-") {
                collect(root, &path, found);
            }
            continue;
        }
        // A file that is no UTF-8 is no text.
        let Ok(content) = fs::read_to_string(&path) else { continue };
        let below = path.strip_prefix(root).unwrap_or(&path);
        found.push(Text { path: below.to_string_lossy().replace('\\', "/"), content });
    }
}
