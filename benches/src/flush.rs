//! Flush: batches of updates to SQLite, against the bare prepared loop on the same table.

use crate::bench::Run;
use crate::clock::Start;
use crate::database::{self, STAMP};
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, text};
use holdall::{Holdall, Options};
use holdall_engine::Key;
use holdall_layout::native::encode;
use rusqlite::{Connection, params};
use std::time::Duration;

const BATCH: usize = 500;
/// Longer than the whole measurement: nothing is written before it is told.
const NEVER: Duration = Duration::from_hours(2);
/// What a hand-written session store would run for each session.
const BARE: &str = "UPDATE holdall_sessions SET revision = ?2, writer = ?3, accessed = ?4, data = ?5 WHERE key = ?1";

/// Measures the figure.
///
/// # Errors
/// What SQLite or the bag says.
pub fn run(run: &mut Run) -> Result<(), String> {
    let (rows, changed) = (run.size(100_000, 20_000), run.size(20_000, 5_000));
    let folder = run.folder("flush")?;
    let (ours, bare) = (folder.join("ours.db"), folder.join("bare.db"));
    let ids: Vec<String> = (0..rows).map(sessions::id).collect();
    let keys: Vec<Key> = ids.iter().map(|id| database::key(id)).collect();
    database::make(&ours, &ids)?;
    database::copy(&ours, &bare)?;
    let options = Options::new().memory(1 << 30).unsaved(512 << 20).linger(NEVER).linger_cap(NEVER).keep(NEVER);
    let bag = Holdall::open(&format!("sqlite:{}", ours.display()), options.batch_rows(BATCH)).map_err(text)?;
    let connection = database::open(&bare)?;
    let mut random = Random::new(4);
    let (mut orders, mut round) = (Vec::new(), (0, 0));
    orders.resize_with(run.pairs(), || random.order(rows));
    let measured = pairs::measure(
        run.pairs(),
        || {
            round.0 += 1;
            flush(&bag, &ids, &orders[round.0 - 1][..changed], round.0 as u64)
        },
        || {
            round.1 += 1;
            bare_loop(&connection, &keys, &orders[round.1 - 1][..changed], round.1 as u64)
        },
    )?;
    let sent = bag.stats();
    if sent.rows_updated != (changed * run.pairs()) as u64 || sent.conflicts > 0 {
        return Err(format!("{} rows were updated, {} in conflict", sent.rows_updated, sent.conflicts));
    }
    bag.abandon();
    database::close(connection)?;
    run.add(Figure {
        name: "flush to SQLite, 500-row batches, updates of data only".to_owned(),
        unit: "rows/s",
        value: measured.value,
        limit: measured.limit,
        ratio: measured.ratio,
        goal: Goal::AtLeast(0.9),
        note: format!(
            "{changed} of {rows} sessions by Holdall::flush; the limit is a prepared UPDATE in transactions of 500; both write-ahead log, synchronous FULL"
        ),
    });
    Ok(())
}

/// Rows per second of a flush of changed sessions.
fn flush(bag: &Holdall, ids: &[String], order: &[u32], round: u64) -> Result<f64, String> {
    order.iter().try_for_each(|place| sessions::cycle(bag, ids[*place as usize].as_bytes(), 1_000 + round))?;
    let start = Start::now();
    sessions::flush(bag)?;
    Ok(order.len() as f64 / start.elapsed().as_secs_f64())
}

/// Rows per second of the bare loop. What it writes is made before.
fn bare_loop(connection: &Connection, keys: &[Key], order: &[u32], round: u64) -> Result<f64, String> {
    let rows: Vec<(&Key, Vec<u8>)> = order
        .iter()
        .map(|place| Ok((&keys[*place as usize], encode(&sessions::block(*place as usize)?))))
        .collect::<Result<_, String>>()?;
    let start = Start::now();
    for batch in rows.chunks(BATCH) {
        connection.execute_batch("BEGIN IMMEDIATE").map_err(text)?;
        let mut update = connection.prepare_cached(BARE).map_err(text)?;
        for (key, data) in batch {
            let revision = database::integer(STAMP.revision + round);
            let accessed = database::integer(crate::clock::wall_ms());
            update.execute(params![key.as_bytes(), revision, STAMP.writer.to_bytes(), accessed, data]).map_err(text)?;
        }
        connection.execute_batch("COMMIT").map_err(text)?;
    }
    Ok(order.len() as f64 / start.elapsed().as_secs_f64())
}
