//! How far an import is, kept in a file so that it can go on there. The file holds the last key that was read, which is a
//! session's id: it is readable by its owner only, and goes when the import is done.

use super::Counts;
use crate::problem::{Problem, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The place of an import.
#[derive(Debug)]
pub struct State {
    path: Option<PathBuf>,
    fingerprint: String,
    /// The last row that was read.
    pub after: Option<Vec<Vec<u8>>>,
    /// What became of the rows so far.
    pub counts: Counts,
}

impl State {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// The file is of another import, or can't be read.
    pub fn open(path: Option<&Path>, fingerprint: &str) -> Result<Self> {
        let mut state =
            Self { path: path.map(Path::to_owned), fingerprint: fingerprint.to_owned(), after: None, counts: Counts::default() };
        let Some(path) = path.filter(|path| path.exists()) else { return Ok(state) };
        let text = fs::read_to_string(path).map_err(|error| unusable(path, &error.to_string()))?;
        let value: Value = serde_json::from_str(&text).map_err(|_| unusable(path, "it is not one of holdall's"))?;
        if value["source"] != fingerprint {
            return Err(unusable(path, "it belongs to the import of another table"));
        }
        state.after = place(&value["after"]);
        if state.after.is_none() {
            return Err(unusable(path, "it names no place"));
        }
        state.counts = counts(&value["counts"]);
        Ok(state)
    }

    /// Writes the file anew: under another name first, so that it is whole at every moment.
    pub fn save(&self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let after: Vec<String> = self.after.iter().flatten().map(|part| BASE64.encode(part)).collect();
        let text = json!({"source": self.fingerprint, "after": after, "counts": as_json(&self.counts)}).to_string();
        let new = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&new).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_data()));
        let done = written.and_then(|()| fs::rename(&new, path));
        done.map_err(|error| Problem::failed(format!("the state file {} can't be written: {error}", path.display())))
    }

    /// The import is done: the file goes.
    pub fn finish(&self) {
        if let Some(path) = &self.path {
            // It may never have been written: the table had one page.
            let _ = fs::remove_file(path);
        }
    }
}

fn unusable(path: &Path, why: &str) -> Problem {
    Problem::usage(format!("the state file {} can't be used: {why}; remove it to begin anew", path.display()))
}

fn place(value: &Value) -> Option<Vec<Vec<u8>>> {
    let parts = value.as_array().filter(|parts| !parts.is_empty())?;
    parts.iter().map(|part| BASE64.decode(part.as_str()?).ok()).collect()
}

fn as_json(counts: &Counts) -> Value {
    json!({
        "read": counts.read, "expired": counts.expired, "duplicates": counts.duplicates, "unreadable": counts.unreadable,
        "verified": counts.verified, "written": counts.written, "same": counts.same, "different": counts.different,
        "updated": counts.updated, "ended": counts.ended, "failed": counts.failed,
    })
}

fn counts(value: &Value) -> Counts {
    let number = |name: &str| value[name].as_u64().unwrap_or(0);
    let unreadable = value["unreadable"].as_object().into_iter().flatten();
    Counts {
        read: number("read"),
        expired: number("expired"),
        duplicates: number("duplicates"),
        unreadable: unreadable.map(|(why, count)| (why.clone(), count.as_u64().unwrap_or(0))).collect(),
        verified: number("verified"),
        written: number("written"),
        same: number("same"),
        different: number("different"),
        updated: number("updated"),
        ended: number("ended"),
        failed: number("failed"),
    }
}
