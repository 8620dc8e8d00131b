//! The families of figures, and what each is given.

use crate::curve::Curve;
use crate::figure::Figure;
use std::path::PathBuf;

/// One family of figures that are measured together.
#[derive(Debug)]
pub struct Bench {
    /// What `cargo xtask bench NAME` calls it.
    pub name: &'static str,
    /// What it measures, in one line.
    pub about: &'static str,
    /// Measures.
    pub run: fn(&mut Run) -> Result<(), String>,
}

/// All families, in the order of the report.
#[rustfmt::skip]
pub const BENCHES: &[Bench] = &[
    Bench { name: "get",     about: "cached get against a raw map",                             run: crate::cached_get::run },
    Bench { name: "memory",  about: "memory of a session",                                      run: crate::memory::run },
    Bench { name: "flush",   about: "writing batches to SQLite against the bare loop",          run: crate::flush::run },
    Bench { name: "linger",  about: "rows written per request, in virtual time",                run: crate::linger::run },
    Bench { name: "peers",   about: "cycles against a caching store over the same database",    run: crate::peers::run },
    Bench { name: "fleet",   about: "store reads of two processes, by ticket and by check",     run: crate::fleet::run },
    Bench { name: "latency", about: "a cycle's p99 while batches are written",                  run: crate::latency::run },
    Bench { name: "load",    about: "a session that is not in memory against the bare select",  run: crate::cold_load::run },
    Bench { name: "prune",   about: "sweeping expired rows against one DELETE",                 run: crate::pruning::run },
    Bench { name: "mysql-flush", about: "writing batches to MariaDB against the bare ways",     run: crate::mysql::flush::run },
    Bench { name: "mysql-lucee", about: "writing batches to cf_session_data against the bare ways", run: crate::mysql::lucee::run },
    Bench { name: "mysql-peers", about: "cycles against tower-sessions over the same MariaDB",  run: crate::mysql::peers::run },
    Bench { name: "mysql-fleet", about: "store reads of six bags on MariaDB, by ticket and by check", run: crate::mysql::fleet::run },
    Bench { name: "mysql-prune", about: "sweeping a MariaDB table against one DELETE",          run: crate::mysql::pruning::run },
    Bench { name: "c",       about: "the C call against the Rust call",                         run: crate::c_call::run },
];

/// What a family is given, and where it puts what it finds.
#[derive(Debug)]
pub struct Run {
    /// Fewer pairs and smaller tables: to see that everything works, not to quote.
    pub quick: bool,
    /// What was found.
    pub figures: Vec<Figure>,
    /// Latencies for the drawing.
    pub curves: Vec<Curve>,
    /// A folder on the disk where cargo builds, for databases. It goes at the end.
    pub scratch: PathBuf,
}

impl Run {
    /// How many pairs to measure.
    pub fn pairs(&self) -> usize {
        if self.quick { 3 } else { 7 }
    }

    /// How many pairs to measure where one takes long.
    pub fn few_pairs(&self) -> usize {
        if self.quick { 1 } else { 5 }
    }

    /// The first number, or the second in a quick run.
    pub fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// Keeps a figure, and prints it.
    pub fn add(&mut self, figure: Figure) {
        println!("{}", crate::report::line(&figure));
        self.figures.push(figure);
    }

    /// A new, empty folder for a database.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.scratch.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|error| format!("{} can't be emptied: {error}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
        Ok(folder)
    }
}
