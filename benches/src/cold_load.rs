//! Cold load: open and get of a session that is not in memory, against the bare point select and a split of its JSON.

use crate::bench::Run;
use crate::clock;
use crate::database;
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, text};
use holdall::{Holdall, Options};
use holdall_engine::Key;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

const SELECT: &str = "SELECT data FROM holdall_sessions WHERE key = ?1";

/// A field's name, borrowed from the row where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The row's data, split into fields but not parsed further.
#[derive(Deserialize)]
struct Split<'a> {
    #[serde(borrow)]
    json: BTreeMap<Name<'a>, &'a RawValue>,
}

/// Measures the figure.
///
/// # Errors
/// What SQLite or the bag says.
pub fn run(run: &mut Run) -> Result<(), String> {
    let (rows, loads) = (run.size(100_000, 20_000), run.size(5_000, 2_000));
    let folder = run.folder("load")?;
    let (ours, bare) = (folder.join("ours.db"), folder.join("bare.db"));
    let ids: Vec<String> = (0..rows).map(sessions::id).collect();
    database::make(&ours, &ids)?;
    database::copy(&ours, &bare)?;
    let bag = Holdall::open(&format!("sqlite:{}", ours.display()), Options::new()).map_err(text)?;
    let connection = database::open(&bare)?;
    // What each of the bag's readers has.
    connection.execute_batch("PRAGMA cache_size = -2048").map_err(text)?;
    let order = Random::new(10).order(rows);
    let (warm, rest) = order.split_at(loads);
    load(&bag, &ids, warm)?;
    select(&connection, &ids, warm)?;
    let (mut ours, mut bare) = (rest.chunks_exact(loads), rest.chunks_exact(loads));
    let missing = || "the table has too few rows for so many pairs".to_owned();
    let measured = pairs::measure(
        run.pairs(),
        || load(&bag, &ids, ours.next().ok_or_else(missing)?),
        || select(&connection, &ids, bare.next().ok_or_else(missing)?),
    )?;
    bag.abandon();
    database::close(connection)?;
    run.add(Figure {
        name: "cold load, single, SQLite: open and get of a session on disk".to_owned(),
        unit: "ns",
        value: measured.value,
        limit: measured.limit,
        ratio: measured.ratio,
        goal: Goal::AtMost(1.5),
        note: format!(
            "thread time, {rows} rows at random, each once; the limit is a prepared point select by a key at hand, and a split into borrowed fields"
        ),
    });
    Ok(())
}

/// Nanoseconds of an open of a session that was never asked for before.
fn load(bag: &Holdall, ids: &[String], places: &[u32]) -> Result<f64, String> {
    // In a row, as cookies come, and like the keys of the other side.
    let ids: Vec<[u8; 32]> = places.iter().filter_map(|place| ids[*place as usize].as_bytes().try_into().ok()).collect();
    let mut done = Ok(());
    let nanos = clock::thread_time(|| done = ids.iter().try_for_each(|id| sessions::get(bag, id)));
    done.map(|()| nanos / places.len() as f64)
}

/// Nanoseconds of a select and a split.
fn select(connection: &Connection, ids: &[String], places: &[u32]) -> Result<f64, String> {
    let keys: Vec<Key> = places.iter().map(|place| database::key(&ids[*place as usize])).collect();
    let mut statement = connection.prepare(SELECT).map_err(text)?;
    let mut read = |key: &Key| {
        let mut rows = statement.query([key.as_bytes()]).map_err(text)?;
        let row = rows.next().map_err(text)?.ok_or("a row is missing")?;
        let data = row.get_ref(0).map_err(text)?.as_blob().map_err(text)?;
        let split: Split<'_> = serde_json::from_slice(data).map_err(text)?;
        let field = split.json.get(&Name(Cow::Borrowed(sessions::READ[0]))).ok_or("a field is missing")?;
        std::hint::black_box(field.get());
        Ok::<(), String>(())
    };
    let mut done = Ok(());
    let nanos = clock::thread_time(|| done = keys.iter().try_for_each(&mut read));
    done.map(|()| nanos / places.len() as f64)
}
