//! Pruning a MariaDB table: a sweep in short steps, against one DELETE that holds locks on all rows for as long as it takes.

use super::{filled, options, store};
use crate::bench::Run;
use crate::clock::{self, Start};
use crate::database::{self, APPLICATION, Row};
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, text};
use holdall_engine::Time;
use holdall_store::Store as _;
use holdall_test_databases::mysql::prelude::Queryable as _;
use holdall_test_databases::{Database, MariaDb};
use std::path::Path;

const HOUR_MS: u64 = 3_600_000;
const LIMIT: u32 = 1_000;
/// For 1,000,000 rows of a kilobyte with their indexes, so that both ways work in memory.
const POOL_MIB: u32 = 2_560;
const DELETE: &str = "DELETE FROM holdall_sessions WHERE application = ? AND state = 0 AND expires <= ?";
/// Reads every page of the table and of the index, so that none has to come from the disk later.
const WARM: [&str; 2] = [
    "SELECT SUM(LENGTH(data)) FROM holdall_sessions FORCE INDEX (PRIMARY)",
    "SELECT COUNT(*) FROM holdall_sessions FORCE INDEX (expires) WHERE application = 'default' AND state = 0 AND expires > 0",
];

/// What one way of pruning took, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Taken {
    total: f64,
    longest: f64,
    /// The call that comes when nothing is left to sweep, and the shortest question beside it.
    idle: (f64, f64),
}

/// Measures all figures.
///
/// # Errors
/// What the server says, or that none could be started.
pub fn run(run: &mut Run) -> Result<(), String> {
    let rows = run.size(1_000_000, 40_000);
    let many = table(run, rows, rows / 2)?;
    let of = |taken: &[(Taken, f64)], what: fn(&Taken) -> f64| {
        pairs::of(&taken.iter().map(|(swept, deleted)| (what(swept), *deleted)).collect::<Vec<_>>())
    };
    let note = format!("{} expired of {rows} rows in steps of {LIMIT}; the limit is one DELETE over the index", rows / 2);
    run.add(figure("pruning 500k expired of 1M rows in MariaDB: total", of(&many, |taken| taken.total), Goal::AtMost(1.7), note));
    let note = "the longest step of the same, each a transaction of its own; the limit is the one DELETE".to_owned();
    let longest = of(&many, |taken| taken.longest);
    run.add(figure("pruning 500k expired of 1M rows in MariaDB: longest statement", longest, Goal::AtMost(0.05), note));

    let few = table(run, rows, rows / 100)?;
    let note = format!("{} expired of {rows} rows in steps of {LIMIT}; the limit is one DELETE over the index", rows / 100);
    run.add(figure("pruning 10k expired of 1M rows in MariaDB: total", of(&few, |taken| taken.total), Goal::AtMost(4.5), note));

    let idle = pairs::of(&few.iter().map(|(swept, _)| swept.idle).collect::<Vec<_>>());
    let note = format!("{} live rows; the limit is the shortest question that can be asked", rows - rows / 100);
    run.add(figure("sweep when nothing has expired, 1M rows in MariaDB", idle, Goal::Within { times: 1.0, plus: 10.0 }, note));
    Ok(())
}

fn figure(name: &str, measured: pairs::Pairs, goal: Goal, note: String) -> Figure {
    let (value, limit, ratio) = (measured.value, measured.limit, measured.ratio);
    Figure { name: name.to_owned(), unit: "ms", value, limit, ratio, goal, note }
}

/// Makes a table, and prunes copies of the whole server in both ways, in turn.
fn table(run: &Run, rows: usize, expired: usize) -> Result<Vec<(Taken, f64)>, String> {
    let folder = run.folder("mysql-prune")?;
    let (template, now) = (folder.join("template"), Time(clock::wall_ms()));
    let database = make(run, &template, now, rows, expired)?;
    let mut taken = Vec::new();
    for pair in 0..run.few_pairs() {
        let by_sweep = || sweep(run, &template, &database, now, expired);
        let by_delete = || delete(run, &template, &database, now, expired);
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
fn make(run: &Run, template: &Path, now: Time, rows: usize, expired: usize) -> Result<Database, String> {
    let mut random = Random::new(11);
    let mut ages = vec![None; rows];
    for place in &random.order(rows)[..expired] {
        ages[*place as usize] = Some(2 * HOUR_MS + random.below(22 * HOUR_MS as usize) as u64);
    }
    let server = options(run, POOL_MIB).start().map_err(text)?;
    let (database, connection) = filled(&server, rows, |number| {
        let accessed = ages[number].map_or(now, |age| now - age);
        (database::key(&sessions::id(number)), Row { accessed, idle_ms: HOUR_MS / 2, deadline: now + 24 * HOUR_MS })
    })?;
    drop(connection);
    server.copy_data(template).map_err(text)?;
    Ok(database)
}

/// Before this, by the row's `expires`, a row is to go.
fn before(now: Time) -> Time {
    now - HOUR_MS
}

/// A server over a copy of the data, all of which is in memory.
fn copy(run: &Run, template: &Path, database: &Database) -> Result<(MariaDb, Database), String> {
    let server = options(run, POOL_MIB).data_from(template).start().map_err(text)?;
    let database = Database { port: server.port(), ..database.clone() };
    let mut connection = database.connect().map_err(text)?;
    for statement in WARM {
        connection.query_drop(statement).map_err(text)?;
    }
    Ok((server, database))
}

fn sweep(run: &Run, template: &Path, database: &Database, now: Time, expired: usize) -> Result<Taken, String> {
    let (_server, database) = copy(run, template, database)?;
    let store = store(&database)?;
    let mut taken = Taken { total: 0.0, longest: 0.0, idle: (0.0, 0.0) };
    let mut gone = 0;
    let step = || {
        let start = Start::now();
        let swept = store.sweep(before(now), now, LIMIT).map_err(|fault| fault.message.to_string())?;
        Ok::<_, String>((start.nanos() / 1e6, swept))
    };
    loop {
        let (millis, swept) = step()?;
        taken.total += millis;
        taken.longest = taken.longest.max(millis);
        gone += swept.expired as usize;
        if !swept.more {
            break;
        }
    }
    taken.idle.0 = step()?.0;
    let mut connection = database.connect().map_err(text)?;
    connection.query_drop("DO 1").map_err(text)?;
    let start = Start::now();
    connection.query_drop("DO 1").map_err(text)?;
    taken.idle.1 = start.nanos() / 1e6;
    if gone == expired { Ok(taken) } else { Err(format!("{gone} rows were swept instead of {expired}")) }
}

fn delete(run: &Run, template: &Path, database: &Database, now: Time, expired: usize) -> Result<f64, String> {
    let (_server, database) = copy(run, template, database)?;
    let mut connection = database.connect().map_err(text)?;
    let start = Start::now();
    connection.exec_drop(DELETE, (APPLICATION, before(now).0)).map_err(text)?;
    let millis = start.nanos() / 1e6;
    let gone = connection.affected_rows() as usize;
    if gone == expired { Ok(millis) } else { Err(format!("{gone} rows were deleted instead of {expired}")) }
}
