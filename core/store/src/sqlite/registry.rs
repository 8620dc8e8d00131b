//! Which files this copy of SQLite has open, and whether another copy in this process has one of them open too.
//!
//! POSIX locks belong to the process: closing *any* descriptor of a file drops them all. A copy of the SQLite library
//! knows its own descriptors and takes care, but not those of another copy, and both then write without locks. When
//! this was tried, rows were lost although both commits succeeded. A descriptor inherited over a fork is as bad.
//! So a file of which this process has descriptors that we didn't open is refused, where the system shows them
//! (`/proc/self/fd`). What opens the file later than us isn't seen.

use holdall_engine::{Fault, FaultKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static OPEN: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

struct Entry {
    path: PathBuf,
    process: u32,
    stores: usize,
    /// Descriptors that appeared while we opened connections.
    ours: Vec<u32>,
}

impl Entry {
    /// Opens a connection with `open`, and counts the descriptors that appear as ours.
    fn count<T>(&mut self, open: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let before = descriptors(&self.path);
        let opened = open()?;
        let new = descriptors(&self.path).into_iter().filter(|descriptor| !before.contains(descriptor));
        self.ours.extend(new);
        Ok(opened)
    }

    fn is_open_elsewhere(&self) -> bool {
        descriptors(&self.path).iter().any(|descriptor| !self.ours.contains(descriptor))
    }
}

/// Keeps a file on the list for as long as a store has it open.
#[derive(Debug)]
pub(crate) struct Registered {
    path: PathBuf,
    process: u32,
}

fn entries() -> MutexGuard<'static, Vec<Entry>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the file at `path` (absolute, and existing) on the list and opens the first connection with `open`.
pub(crate) fn enter<T>(path: &Path, open: impl FnOnce() -> Result<T, Fault>) -> Result<(Registered, T), Fault> {
    let mut entries = entries();
    let process = std::process::id();
    let inherited = entries.iter().any(|entry| entry.path == path && entry.process != process);
    entries.retain(|entry| entry.process == process);
    let place = entries.iter().position(|entry| entry.path == path).unwrap_or_else(|| {
        entries.push(Entry { path: path.to_owned(), process, stores: 0, ours: Vec::new() });
        entries.len() - 1
    });
    let entry = &mut entries[place];
    let opened = if entry.is_open_elsewhere() { Err(refusal(path, inherited)) } else { entry.count(open) };
    match opened {
        Ok(opened) => {
            entries[place].stores += 1;
            Ok((Registered { path: path.to_owned(), process }, opened))
        }
        Err(fault) => {
            entries.retain(|entry| entry.stores > 0);
            Err(fault)
        }
    }
}

impl Registered {
    /// Opens a further connection to the file with `open`.
    pub(crate) fn further<T>(&self, open: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let mut entries = entries();
        match entries.iter_mut().find(|entry| entry.path == self.path && entry.process == self.process) {
            Some(entry) => entry.count(open),
            None => open(),
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // In a forked child the list is the parent's, and its lock may have been held at the fork.
        if self.process != std::process::id() {
            return;
        }
        let mut entries = entries();
        if let Some(entry) = entries.iter_mut().find(|entry| entry.path == self.path && entry.process == self.process) {
            entry.stores -= 1;
        }
        entries.retain(|entry| entry.stores > 0);
    }
}

fn refusal(path: &Path, inherited: bool) -> Fault {
    let path = path.display();
    let message = if inherited {
        format!("the SQLite file {path} was open across a fork: close it before the fork, and open it on either side after it")
    } else {
        format!(
            "the SQLite file {path} is already open in this process by something else (another copy of the SQLite library, \
             or a plain file handle); both together would lose rows: close the other one, or use a file of its own"
        )
    };
    Fault::new(FaultKind::Config, message)
}

/// This process's descriptors of the database file, its log and its shared memory; none where the system doesn't say.
#[cfg(target_os = "linux")]
fn descriptors(path: &Path) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt;
    let file = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(PathBuf::from(name)).ok().map(|data| (data.dev(), data.ino()))
    };
    let files: Vec<(u64, u64)> = ["", "-wal", "-shm"].into_iter().filter_map(file).collect();
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    open.flatten()
        .filter(|entry| std::fs::metadata(entry.path()).is_ok_and(|data| files.contains(&(data.dev(), data.ino()))))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn descriptors(_path: &Path) -> Vec<u32> {
    Vec::new()
}
