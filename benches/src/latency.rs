//! The latency of a cached cycle, while the changes of all cycles are written in batches, and while nothing is.

use crate::bench::Run;
use crate::clock::Start;
use crate::curve::Curve;
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, Id, text};
use holdall::{Holdall, Options};
use std::time::Duration;

const SESSIONS: usize = 10_000;
/// Longer than the whole measurement.
const NEVER: Duration = Duration::from_hours(2);
/// Shorter than a batch takes.
const SOON: Duration = Duration::from_millis(10);

/// Measures the figure, and two curves for the drawing.
///
/// # Errors
/// What the bag says.
pub fn run(run: &mut Run) -> Result<(), String> {
    // One bag writes nothing before the end, the other writes a change soon after it was made: as long as cycles go
    // on its saver never rests.
    let (still, still_ids) = bag(run, "still", NEVER)?;
    let (writing, writing_ids) = bag(run, "writing", SOON)?;
    let window = Duration::from_millis(run.size(1_000, 300) as u64);
    let (mut calm, mut busy) = (Vec::new(), Vec::new());
    cycles(&still, &still_ids, window)?;
    let before = writing.stats();
    let measured = pairs::measure(
        run.pairs(),
        || {
            busy.push(cycles(&writing, &writing_ids, window)?);
            sessions::flush(&writing)?;
            p99(&busy)
        },
        || {
            calm.push(cycles(&still, &still_ids, window)?);
            p99(&calm)
        },
    )?;
    let after = writing.stats();
    let (rows, batches) = (after.rows_updated - before.rows_updated, after.batches - before.batches);
    still.abandon();
    writing.abandon();
    if batches < 10 * run.pairs() as u64 {
        return Err(format!("only {batches} batches were written meanwhile"));
    }
    let count: usize = busy.iter().map(Vec::len).sum();
    run.add(Figure {
        name: "p99 of a cached cycle, single, while flushing / not flushing".to_owned(),
        unit: "ns",
        value: measured.value,
        limit: measured.limit,
        ratio: measured.ratio,
        goal: Goal::AtMost(2.0),
        note: format!(
            "1 thread over {SESSIONS} sessions on SQLite, {count} cycles while {rows} rows are written in {batches} batches; reading the clock included"
        ),
    });
    run.curves.push(Curve::of("cached cycle, not flushing", &mut calm));
    run.curves.push(Curve::of("cached cycle, while flushing", &mut busy));
    Ok(())
}

fn bag(run: &Run, name: &str, linger: Duration) -> Result<(Holdall, Vec<Id>), String> {
    let path = run.folder(name)?.join("sessions.db");
    let options = Options::new().linger(linger).linger_cap(linger).keep(NEVER).idle(Duration::ZERO);
    let bag = Holdall::open(&format!("sqlite:{}", path.display()), options).map_err(text)?;
    let ids = sessions::fill(&bag, SESSIONS)?;
    Ok((bag, ids))
}

fn p99(windows: &[Vec<u32>]) -> Result<f64, String> {
    let last = windows.last().filter(|window| !window.is_empty()).ok_or("no cycle was made")?;
    let mut sorted = last.clone();
    sorted.sort_unstable();
    Ok(pairs::percentile(&sorted, 0.99))
}

/// The nanoseconds of each cycle within the window.
fn cycles(bag: &Holdall, ids: &[Id], window: Duration) -> Result<Vec<u32>, String> {
    let mut random = Random::new(9);
    let mut nanos = Vec::with_capacity(2_000_000);
    let start = Start::now();
    let mut last = start.elapsed();
    while last < window {
        let place = random.below(ids.len());
        let before = start.elapsed();
        sessions::cycle(bag, &ids[place], nanos.len() as u64)?;
        last = start.elapsed();
        nanos.push(u32::try_from(last.saturating_sub(before).as_nanos()).unwrap_or(u32::MAX));
    }
    Ok(nanos)
}
