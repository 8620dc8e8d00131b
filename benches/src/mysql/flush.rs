//! Flush: batches of updates to MariaDB, against what somebody would write by hand over one connection to the same table.

use super::{filled, options, sql, values};
use crate::bench::Run;
use crate::clock::Start;
use crate::database::{self, Row, STAMP};
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, text};
use holdall::{Holdall, Options};
use holdall_engine::Key;
use holdall_layout::native::encode;
use holdall_test_databases::mysql::prelude::Queryable as _;
use holdall_test_databases::mysql::{Conn, Value};
use holdall_test_databases::{Database, Proxy};
use std::cell::Cell;
use std::time::Duration;

const BATCH: usize = 500;
/// Longer than the whole measurement: nothing is written before it is told.
const NEVER: Duration = Duration::from_hours(2);
/// A round trip over a network takes so much longer than over loopback.
const ADDED: Duration = Duration::from_micros(500);
/// What a hand-written session store runs for each session.
const UPDATE: &str = "UPDATE holdall_sessions SET revision = ?, writer = ?, accessed = ?, data = ? WHERE `key` = ?";
/// What it does to a row that is there, when it sends many in one statement.
const ON_DUPLICATE: &str = " ON DUPLICATE KEY UPDATE revision = VALUES(revision), writer = VALUES(writer), \
    accessed = VALUES(accessed), data = VALUES(data)";

/// Measures all figures.
///
/// # Errors
/// What the server or the bag says, or that none could be started.
pub fn run(run: &mut Run) -> Result<(), String> {
    let rows = run.size(100_000, 20_000);
    let server = options(run, 1_024).start().map_err(text)?;
    let ids: Vec<String> = (0..rows).map(sessions::id).collect();
    let alive = Row::alive();
    let row = |number: usize| (database::key(&ids[number]), alive);
    let (ours, _) = filled(&server, rows, row)?;
    let (bare, _) = filled(&server, rows, row)?;
    let proxy = Proxy::start(server.port()).map_err(text)?;
    let (near, far) = (server.port(), proxy.port());
    let trip = set_distance(&bare, near, &proxy)?;
    let table = Table { ours, bare, ids, round: Cell::new(0) };

    let changed = run.size(20_000, 5_000);
    let measured = table.pairs(run, near, changed, Bare::fastest)?;
    let batches = "flush to MariaDB, 500-row batches, one connection";
    let note = format!(
        "{changed} of {rows} sessions by Holdall::flush; the limit is the faster of a prepared UPDATE in transactions of 500 (sent \
         in bulk) and one INSERT ... ON DUPLICATE KEY UPDATE of 500 rows; innodb_flush_log_at_trx_commit = 1"
    );
    run.add(figure(&format!("{batches}, loopback"), measured, Goal::AtLeast(0.8), note));

    let changed = run.size(10_000, 2_000);
    let measured = table.pairs(run, far, changed, Bare::fastest)?;
    let note = format!("the same with {changed} sessions through a proxy that adds {trip:.2} ms to each round trip");
    run.add(figure(&format!("{batches}, 0.5 ms away"), measured, Goal::AtLeast(0.9), note));

    let changed = run.size(4_000, 1_000);
    let measured = table.pairs(run, near, changed, Bare::one_by_one)?;
    let note = format!("{changed} sessions; the limit commits each UPDATE by itself, as request-by-request stores do");
    run.add(figure("flush to MariaDB against single-row autocommit, loopback", measured, Goal::AtLeast(10.0), note));
    Ok(())
}

fn figure(name: &str, measured: pairs::Pairs, goal: Goal, note: String) -> Figure {
    let (value, limit, ratio) = (measured.value, measured.limit, measured.ratio);
    Figure { name: name.to_owned(), unit: "rows/s", value, limit, ratio, goal, note }
}

/// Makes the proxy delay so that a round trip takes [`ADDED`] longer, its own work included. Answers what it takes longer, in
/// milliseconds.
fn set_distance(database: &Database, near: u16, proxy: &Proxy) -> Result<f64, String> {
    let wanted = ADDED.as_secs_f64() * 1e3;
    let mut each_way = wanted / 2.0;
    for _ in 0..3 {
        proxy.delay(Duration::from_secs_f64(each_way / 1e3));
        let added = round_trip(database, proxy.port())? - round_trip(database, near)?;
        each_way = (each_way - (added - wanted) / 2.0).max(0.0);
    }
    proxy.delay(Duration::from_secs_f64(each_way / 1e3));
    Ok(round_trip(database, proxy.port())? - round_trip(database, near)?)
}

/// How long the shortest question takes, in milliseconds.
fn round_trip(database: &Database, port: u16) -> Result<f64, String> {
    let mut connection = database.connect_as(&database.owner, port).map_err(text)?;
    let mut taken = Vec::new();
    for _ in 0..100 {
        let start = Start::now();
        connection.query_drop("DO 1").map_err(text)?;
        taken.push(start.nanos() / 1e6);
    }
    Ok(pairs::median(taken))
}

/// Two equal tables: a bag holds the stamps of one, so the other way needs its own.
struct Table {
    ours: Database,
    bare: Database,
    ids: Vec<String>,
    /// Counts the rounds of all figures, so that each has another value to write.
    round: Cell<u64>,
}

impl Table {
    fn pairs(&self, run: &Run, port: u16, changed: usize, way: Way) -> Result<pairs::Pairs, String> {
        let options = Options::new().memory(1 << 30).unsaved(512 << 20).linger(NEVER).linger_cap(NEVER).keep(NEVER);
        let url = self.ours.url_for(&self.ours.owner, port);
        let bag = Holdall::open(&url, options.batch_rows(BATCH).sweep_every(Duration::ZERO)).map_err(text)?;
        let mut bare = Bare::connect(&self.bare, port)?;
        let mut random = Random::new(4);
        let mut orders = Vec::new();
        orders.resize_with(run.pairs(), || random.order(self.ids.len()));
        let (mut ours_round, mut bare_round) = (0, 0);
        let measured = pairs::measure(
            run.pairs(),
            || {
                ours_round += 1;
                self.round.set(self.round.get() + 1);
                flush(&bag, &self.ids, &orders[ours_round - 1][..changed], self.round.get())
            },
            || {
                bare_round += 1;
                let rows = self.rows(&orders[bare_round - 1][..changed])?;
                way(&mut bare, &rows)
            },
        )?;
        let sent = bag.stats();
        if sent.rows_updated != (changed * run.pairs()) as u64 || sent.conflicts > 0 {
            return Err(format!("{} rows were updated, {} in conflict", sent.rows_updated, sent.conflicts));
        }
        bag.close(Duration::from_mins(1)).map_err(text)?;
        Ok(measured)
    }

    /// What the bare ways write, made before the clock runs.
    fn rows(&self, order: &[u32]) -> Result<Vec<(Key, Vec<u8>)>, String> {
        let row = |place: &u32| Ok((database::key(&self.ids[*place as usize]), encode(&sessions::block(*place as usize)?)));
        order.iter().map(row).collect()
    }
}

/// Rows per second of a flush of changed sessions.
fn flush(bag: &Holdall, ids: &[String], order: &[u32], round: u64) -> Result<f64, String> {
    order.iter().try_for_each(|place| sessions::cycle(bag, ids[*place as usize].as_bytes(), 1_000 + round))?;
    let start = Start::now();
    sessions::flush(bag)?;
    Ok(order.len() as f64 / start.elapsed().as_secs_f64())
}

/// Writes rows by hand and answers how many a second.
type Way = fn(&mut Bare, &[(Key, Vec<u8>)]) -> Result<f64, String>;

/// A connection that is used by hand.
struct Bare {
    connection: Conn,
    revision: u64,
    many: String,
}

impl Bare {
    fn connect(database: &Database, port: u16) -> Result<Self, String> {
        let connection = database.connect_as(&database.owner, port).map_err(text)?;
        Ok(Self { connection, revision: STAMP.revision, many: sql().insert(BATCH) + ON_DUPLICATE })
    }

    /// The better of the two ways to write many rows.
    fn fastest(&mut self, rows: &[(Key, Vec<u8>)]) -> Result<f64, String> {
        let by_loop = self.rate(rows, Self::write_prepared)?;
        Ok(by_loop.max(self.rate(rows, Self::write_at_once)?))
    }

    fn one_by_one(&mut self, rows: &[(Key, Vec<u8>)]) -> Result<f64, String> {
        self.rate(rows, |bare, batch| {
            batch.iter().try_for_each(|row| bare.connection.exec_drop(UPDATE, bare.update(row)).map_err(text))
        })
    }

    fn rate(
        &mut self,
        rows: &[(Key, Vec<u8>)],
        write: impl Fn(&mut Self, &[(Key, Vec<u8>)]) -> Result<(), String>,
    ) -> Result<f64, String> {
        self.revision += 1;
        let start = Start::now();
        for batch in rows.chunks(BATCH) {
            write(self, batch)?;
        }
        Ok(rows.len() as f64 / start.elapsed().as_secs_f64())
    }

    fn write_prepared(&mut self, batch: &[(Key, Vec<u8>)]) -> Result<(), String> {
        let values: Vec<_> = batch.iter().map(|row| self.update(row)).collect();
        self.connection.query_drop("BEGIN").map_err(text)?;
        self.connection.exec_batch(UPDATE, values).map_err(text)?;
        self.connection.query_drop("COMMIT").map_err(text)
    }

    fn write_at_once(&mut self, batch: &[(Key, Vec<u8>)]) -> Result<(), String> {
        let mut all = Vec::with_capacity(batch.len() * 13);
        let alive = Row::alive();
        for (key, data) in batch {
            let mut row = values(0, &(key.clone(), alive))?;
            row[3] = self.revision.into();
            row[12] = Value::Bytes(data.clone());
            all.extend(row);
        }
        let statement = if batch.len() == BATCH { self.many.clone() } else { sql().insert(batch.len()) + ON_DUPLICATE };
        self.connection.exec_drop(statement, all).map_err(text)
    }

    /// The parameters of [`UPDATE`].
    fn update(&self, (key, data): &(Key, Vec<u8>)) -> Vec<Value> {
        vec![
            self.revision.into(),
            STAMP.writer.to_bytes().to_vec().into(),
            crate::clock::wall_ms().into(),
            Value::Bytes(data.clone()),
            key.as_bytes().into(),
        ]
    }
}
