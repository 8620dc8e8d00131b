//! Cycles against the caching store of tower-sessions over the same MariaDB server.

use super::options;
use crate::bench::Run;
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::peers::{Peer, SESSIONS, cycles};
use crate::sessions::{self, text};
use holdall::{Durability, Holdall, Options};
use std::time::Duration;

const THREADS: usize = 8;

/// Measures the figure.
///
/// # Errors
/// If a side can't be started, or what the bag says.
pub fn run(run: &mut Run) -> Result<(), String> {
    let server = options(run, 256).start().map_err(text)?;
    let (ours, theirs) = (server.database(), server.database());
    let window = Duration::from_millis(run.size(3_000, 500) as u64);
    let mut peer = Peer::start(theirs.url().as_ref())?;
    let bag = Holdall::open(&ours.url(), Options::new().durability(Some(Durability::Stored))).map_err(text)?;
    let ids = sessions::fill(&bag, SESSIONS)?;
    cycles(&bag, &ids, THREADS, window / 4)?;
    peer.cycles(THREADS, window / 4)?;
    let measured = pairs::measure(run.pairs(), || cycles(&bag, &ids, THREADS, window), || peer.cycles(THREADS, window))?;
    bag.close(Duration::from_mins(1)).map_err(text)?;
    peer.stop()?;
    run.add(Figure {
        name: "cycle with stored, single, 8 threads, MariaDB, against tower-sessions + moka".to_owned(),
        unit: "cycles/s",
        value: measured.value,
        limit: measured.limit,
        ratio: measured.ratio,
        goal: Goal::AtLeast(2.0),
        note: format!(
            "{SESSIONS} sessions and {THREADS} clients each; every cycle waits for its commit on both sides, ours share commits; \
             {THREADS} connections there; innodb_flush_log_at_trx_commit = 1"
        ),
    });
    Ok(())
}
