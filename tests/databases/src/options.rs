//! What a server is started with.

use crate::folder::User;
use crate::{MariaDb, Problem};
use std::path::PathBuf;

/// How a server is to be; [`MariaDb::options`] gives the usual ones.
#[derive(Clone, Debug)]
pub struct MariaDbOptions {
    pub(crate) flush_log: u8,
    pub(crate) memory_mib: u32,
    pub(crate) log_mib: u32,
    pub(crate) tls_name: Option<String>,
    pub(crate) disk_mib: Option<u32>,
    pub(crate) data_from: Option<PathBuf>,
    pub(crate) folder_in: Option<PathBuf>,
    pub(crate) user: Option<User>,
    pub(crate) variables: Vec<(String, String)>,
}

impl Default for MariaDbOptions {
    fn default() -> Self {
        Self {
            flush_log: 2,
            memory_mib: 48,
            log_mib: 24,
            tls_name: None,
            disk_mib: None,
            data_from: None,
            folder_in: None,
            user: None,
            variables: Vec::new(),
        }
    }
}

impl MariaDbOptions {
    /// `innodb_flush_log_at_trx_commit`: 1 waits for the disk at each commit, as real servers should; 2, the default here,
    /// survives a kill but no loss of power; 0 loses the last second to both.
    #[must_use]
    pub fn flush_log_at_commit(mut self, mode: u8) -> Self {
        self.flush_log = mode;
        self
    }

    /// The sizes of the buffer pool and of the redo log, in MiB. Small by default; a benchmark needs more.
    #[must_use]
    pub fn memory(mut self, pool_mib: u32, log_mib: u32) -> Self {
        (self.memory_mib, self.log_mib) = (pool_mib, log_mib);
        self
    }

    /// Encrypted connections, with a certificate for this name; `localhost` covers 127.0.0.1 as well.
    #[must_use]
    pub fn tls(mut self, name: &str) -> Self {
        self.tls_name = Some(name.to_owned());
        self
    }

    /// The tables may take so many MiB together (12 are taken from the start), as if the disk were full then:
    /// writes fail with 1114.
    #[must_use]
    pub fn disk(mut self, mib: u32) -> Self {
        self.disk_mib = Some(mib);
        self
    }

    /// Begins with a copy of this data folder ([`MariaDb::copy_data`]) instead of an empty one.
    #[must_use]
    pub fn data_from(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_from = Some(folder.into());
        self
    }

    /// Makes the server's folder in this one instead of the system's temporary folder.
    #[must_use]
    pub fn folder_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder_in = Some(folder.into());
        self
    }

    /// Somebody else owns the folders and runs the server; only root may want that.
    pub(crate) fn run_as(mut self, user: Option<User>) -> Self {
        self.user = user;
        self
    }

    /// Any variable of the server: `("max_allowed_packet", "1M")`, `("sql_mode", "")`, `("read_only", "1")`.
    #[must_use]
    pub fn set(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// When it isn't installed (the text says how to), or doesn't start (with the end of its log).
    pub fn start(self) -> Result<MariaDb, Problem> {
        MariaDb::start_with(self)
    }
}
