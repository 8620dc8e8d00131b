//! Memory of a session that is in the cache and written.

use crate::bench::Run;
use crate::database;
use crate::figure::{Figure, Goal};
use crate::sessions::{self, text};
use holdall::{Holdall, Options};

/// Sessions loaded before the first look, so that what SQLite keeps of the file is not counted.
const WARM: usize = 2_000;

/// Bytes that the allocator has given out, its own headers included.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(clippy::unnecessary_wraps, reason = "other systems don't tell")]
fn allocated() -> Result<usize, String> {
    // SAFETY: mallinfo2 takes nothing, returns plain numbers, and may be called at any time.
    let info = unsafe { libc::mallinfo2() };
    Ok(info.uordblks + info.hblkhd)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn allocated() -> Result<usize, String> {
    Err("only glibc tells what it has given out".to_owned())
}

/// Measures the figure.
///
/// # Errors
/// What the bag says, or that the allocator tells nothing.
pub fn run(run: &mut Run) -> Result<(), String> {
    let count = run.size(100_000, 20_000);
    let path = run.folder("memory")?.join("sessions.db");
    let ids: Vec<String> = (0..count + WARM).map(sessions::id).collect();
    database::make(&path, &ids)?;
    let options = Options::new().memory(1 << 30);
    let bag = Holdall::open(&format!("sqlite:{}", path.display()), options).map_err(text)?;
    ids[..WARM].iter().try_for_each(|id| sessions::get(&bag, id.as_bytes()))?;
    let (before, charged_before) = (allocated()?, bag.stats().memory_bytes);
    ids[WARM..].iter().try_for_each(|id| sessions::get(&bag, id.as_bytes()))?;
    let (after, stats) = (allocated()?, bag.stats());
    if stats.sessions != (count + WARM) as u64 || stats.unsaved != 0 {
        return Err(format!("{} sessions are in memory, {} unsaved", stats.sessions, stats.unsaved));
    }
    bag.abandon();
    let value = after.saturating_sub(before) as f64 / count as f64;
    let charged = (stats.memory_bytes - charged_before) as f64 / count as f64;
    let limit = sessions::SESSION.len() as f64;
    run.add(Figure {
        name: "memory of a cached session, 762 B of JSON in 20 fields".to_owned(),
        unit: "bytes",
        value,
        limit,
        ratio: value / limit,
        goal: Goal::Within { times: 1.3, plus: 200.0 },
        note: format!(
            "what the allocator gave out for {count} loaded sessions; the limit is the JSON; the block alone has {} bytes; the bag charges {charged:.0}",
            sessions::block(0)?.size()
        ),
    });
    Ok(())
}
