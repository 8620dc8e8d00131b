//! Pruning: a sweep of expired rows in short steps, against one DELETE that holds the database for as long as it takes.

use crate::bench::Run;
use crate::clock::{self, Start};
use crate::database::{self, APPLICATION, Row};
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, text};
use holdall_engine::Time;
use holdall_layout::native_sqlite as sql;
use holdall_store::{SqliteOptions, SqliteStore, Store as _};
use rusqlite::params;
use std::path::Path;

const HOUR_MS: u64 = 3_600_000;
const LIMIT: u32 = 1_000;
const DELETE: &str = "DELETE FROM holdall_sessions WHERE application = ?1 AND state = 0 AND expires <= ?2";

/// What one way of pruning took, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Taken {
    total: f64,
    longest: f64,
    calls: u32,
}

/// Measures all figures of pruning.
///
/// # Errors
/// What SQLite says.
pub fn run(run: &mut Run) -> Result<(), String> {
    let rows = run.size(400_000, 40_000);
    let many = table(run, rows, rows / 2)?;
    let totals: Vec<(f64, f64)> = many.iter().map(|(swept, deleted)| (swept.total, *deleted)).collect();
    let longest: Vec<(f64, f64)> = many.iter().map(|(swept, deleted)| (swept.longest, *deleted)).collect();
    let (total, longest) = (pairs::of(&totals), pairs::of(&longest));
    let what = format!("{} expired of {rows} rows in steps of {LIMIT}; the limit is one DELETE over the index", rows / 2);
    run.add(figure("pruning 200k expired of 400k rows: total", total, Goal::AtMost(1.7), what));
    let what = "the longest step of the same, during which nobody else can write; the limit is the one DELETE".to_owned();
    run.add(figure("pruning 200k expired of 400k rows: longest statement", longest, Goal::AtMost(0.05), what));

    let few = table(run, rows, rows / 100)?;
    let totals: Vec<(f64, f64)> = few.iter().map(|(swept, deleted)| (swept.total, *deleted)).collect();
    let calls = few.iter().map(|(swept, _)| swept.calls).max().unwrap_or(0);
    let due = (rows / 100) as u32;
    if calls > due / LIMIT + 2 {
        return Err(format!("{calls} steps for {due} rows: the sweep walked through the table"));
    }
    let what = format!("{due} expired of {rows} rows in {calls} calls, all by the index (no scan); the limit is one DELETE");
    run.add(figure("pruning 4k expired of 400k rows: total", pairs::of(&totals), Goal::AtMost(4.5), what));
    Ok(())
}

fn figure(name: &str, measured: pairs::Pairs, goal: Goal, note: String) -> Figure {
    let (value, limit, ratio) = (measured.value, measured.limit, measured.ratio);
    Figure { name: name.to_owned(), unit: "ms", value, limit, ratio, goal, note }
}

/// Makes a table and prunes copies of it in both ways, in turn.
fn table(run: &Run, rows: usize, expired: usize) -> Result<Vec<(Taken, f64)>, String> {
    let folder = run.folder("prune")?;
    let (template, copy) = (folder.join("template.db"), folder.join("copy.db"));
    let now = Time(clock::wall_ms());
    make(&template, now, rows, expired)?;
    check_plans(&template)?;
    let mut taken = Vec::new();
    for pair in 0..run.few_pairs() {
        let by_sweep = || sweep(&template, &copy, now, expired);
        let by_delete = || delete(&template, &copy, now, expired);
        taken.push(if pair % 2 == 0 {
            let swept = by_sweep()?;
            (swept, by_delete()?)
        } else {
            let deleted = by_delete()?;
            (by_sweep()?, deleted)
        });
    }
    std::fs::remove_dir_all(&folder).map_err(|error| format!("{} can't be removed: {error}", folder.display()))?;
    Ok(taken)
}

/// The expired rows lie anywhere in the table, and expired at any time of the day.
fn make(path: &Path, now: Time, rows: usize, expired: usize) -> Result<(), String> {
    let mut random = Random::new(11);
    let mut ages = vec![None; rows];
    for place in &random.order(rows)[..expired] {
        ages[*place as usize] = Some(2 * HOUR_MS + random.below(22 * HOUR_MS as usize) as u64);
    }
    database::make_with(path, rows, |number| {
        let accessed = ages[number].map_or(now, |age| now - age);
        (database::key(&sessions::id(number)), Row { accessed, idle_ms: HOUR_MS / 2, deadline: now + 24 * HOUR_MS })
    })
}

/// Before this, by the row's `expires`, a row is to go.
fn before(now: Time) -> Time {
    now - HOUR_MS
}

fn sweep(template: &Path, copy: &Path, now: Time, expired: usize) -> Result<Taken, String> {
    renew(template, copy)?;
    let store = SqliteStore::open(copy, SqliteOptions::new(APPLICATION)).map_err(|fault| fault.message.to_string())?;
    let mut taken = Taken { total: 0.0, longest: 0.0, calls: 0 };
    let mut gone = 0;
    loop {
        let start = Start::now();
        let swept = store.sweep(before(now), now, LIMIT).map_err(|fault| fault.message.to_string())?;
        let millis = start.nanos() / 1e6;
        taken.total += millis;
        taken.longest = taken.longest.max(millis);
        taken.calls += 1;
        gone += swept.expired as usize;
        if !swept.more {
            break;
        }
    }
    store.close().map_err(|fault| fault.message.to_string())?;
    if gone == expired { Ok(taken) } else { Err(format!("{gone} rows were swept instead of {expired}")) }
}

fn delete(template: &Path, copy: &Path, now: Time, expired: usize) -> Result<f64, String> {
    renew(template, copy)?;
    let connection = database::open(copy)?;
    let start = Start::now();
    let gone = connection.execute(DELETE, params![APPLICATION, database::integer(before(now).0)]).map_err(text)?;
    let millis = start.nanos() / 1e6;
    database::close(connection)?;
    if gone == expired { Ok(millis) } else { Err(format!("{gone} rows were deleted instead of {expired}")) }
}

/// A fresh copy, all of it written to the disk, so that the measurement doesn't wait for that.
fn renew(template: &Path, copy: &Path) -> Result<(), String> {
    for suffix in ["-wal", "-shm"] {
        let mut beside = copy.as_os_str().to_owned();
        beside.push(suffix);
        if Path::new(&beside).exists() {
            std::fs::remove_file(&beside).map_err(text)?;
        }
    }
    database::copy(template, copy)?;
    std::fs::File::open(copy).and_then(|file| file.sync_all()).map_err(text)
}

/// The statements that find and remove a few rows use the index: none reads through the table.
fn check_plans(path: &Path) -> Result<(), String> {
    let connection = database::open(path)?;
    for statement in [sql::SWEEP_PROBE, sql::SWEEP_COUNT, sql::SWEEP_OLDEST, sql::SWEEP_ONE] {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).map_err(text)?;
        let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
        let mut rows = explain.query(rusqlite::params_from_iter(nulls)).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            let step: String = row.get(3).map_err(text)?;
            if step.contains("SCAN holdall_sessions") {
                return Err(format!("a sweep of few rows scans the table: {step}"));
            }
        }
    }
    database::close(connection)
}
