//! Flush to Lucee's table, each row read, merged and written, against what somebody would write by hand over one connection:
//! the whole `data` anew, without looking.

use super::options;
use crate::bench::Run;
use crate::clock::Start;
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, text};
use holdall::{Holdall, Options};
use holdall_layout::lucee::MYSQL_SCHEMA;
use holdall_test_databases::Database;
use holdall_test_databases::mysql::prelude::Queryable as _;
use holdall_test_databases::mysql::{Conn, Value};
use std::time::Duration;

const BATCH: usize = 500;
/// Longer than the whole measurement: nothing is written before it is told.
const NEVER: Duration = Duration::from_hours(2);
/// Sessions saved before a flush while the table is filled.
const FILL: usize = 5_000;
const UPDATE: &str = "UPDATE cf_session_data SET expires = ?, data = ? WHERE cfid = ? AND name = ?";
const MANY: &str = "INSERT INTO cf_session_data (expires, data, cfid, name) VALUES ";
const ON_DUPLICATE: &str = " ON DUPLICATE KEY UPDATE expires = VALUES(expires), data = VALUES(data)";

/// A row of the table: expires, data, cfid, name.
type Row = (String, String, String, String);

/// Measures the figure.
///
/// # Errors
/// What the server or the bag says.
pub fn run(run: &mut Run) -> Result<(), String> {
    let (rows, changed) = (run.size(50_000, 10_000), run.size(10_000, 2_500));
    let server = options(run, 512).start().map_err(text)?;
    let (ours, bare) = (server.database(), server.database());
    let options = Options::new().memory(1 << 30).unsaved(512 << 20).linger(NEVER).linger_cap(NEVER).keep(NEVER);
    let options = options.batch_rows(BATCH).batch_bytes(4 << 20).sweep_every(Duration::ZERO);
    make_table(&ours)?;
    let bag = Holdall::open(&format!("{}?layout=lucee", ours.url()), options).map_err(text)?;
    let ids = fill(&bag, rows)?;
    server.execute(&format!("CREATE TABLE {}.cf_session_data LIKE {}.cf_session_data", bare.name, ours.name)).map_err(text)?;
    let copied = format!("INSERT INTO {}.cf_session_data SELECT * FROM {}.cf_session_data", bare.name, ours.name);
    server.execute(&copied).map_err(text)?;
    let mut hand = Hand::connect(&bare)?;
    let mut random = Random::new(4);
    let mut orders = Vec::new();
    orders.resize_with(run.pairs(), || random.order(rows));
    let (mut ours_round, mut bare_round) = (0, 0);
    let measured = pairs::measure(
        run.pairs(),
        || {
            ours_round += 1;
            flush(&bag, &ids, &orders[ours_round - 1][..changed], ours_round as u64)
        },
        || {
            bare_round += 1;
            hand.fastest(&orders[bare_round - 1][..changed])
        },
    )?;
    let sent = bag.stats();
    if sent.rows_updated != (changed * run.pairs()) as u64 || sent.conflicts > 0 {
        return Err(format!("{} rows were updated, {} in conflict", sent.rows_updated, sent.conflicts));
    }
    bag.close(Duration::from_mins(1)).map_err(text)?;
    run.add(Figure {
        name: "flush to cf_session_data, 500-row batches, merge included, one connection, loopback".to_owned(),
        unit: "rows/s",
        value: measured.value,
        limit: measured.limit,
        ratio: measured.ratio,
        goal: Goal::AtLeast(0.5),
        note: format!(
            "{changed} of {rows} sessions in Java's serialisation; the limit writes as much data without reading it first, by the \
             faster of a prepared UPDATE in transactions of 500 (sent in bulk) and one INSERT ... ON DUPLICATE KEY UPDATE"
        ),
    });
    Ok(())
}

/// The table as `holdall create-table` makes it.
fn make_table(database: &Database) -> Result<(), String> {
    let mut connection = database.connect().map_err(text)?;
    let statements: String = MYSQL_SCHEMA.lines().filter(|line| !line.starts_with("--")).collect();
    statements.split(';').filter(|part| !part.trim().is_empty()).try_for_each(|part| connection.query_drop(part).map_err(text))
}

fn fill(bag: &Holdall, count: usize) -> Result<Vec<String>, String> {
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        let mut session = bag.new_session().map_err(text)?;
        session.replace_json(&sessions::json(number)).map_err(text)?;
        let _ = session.save().map_err(text)?;
        ids.push(session.id().to_owned());
        if number % FILL == FILL - 1 {
            sessions::flush(bag)?;
        }
    }
    sessions::flush(bag)?;
    Ok(ids)
}

fn flush(bag: &Holdall, ids: &[String], order: &[u32], round: u64) -> Result<f64, String> {
    order.iter().try_for_each(|place| sessions::cycle(bag, ids[*place as usize].as_bytes(), 1_000 + round))?;
    let start = Start::now();
    sessions::flush(bag)?;
    Ok(order.len() as f64 / start.elapsed().as_secs_f64())
}

/// A connection that is used by hand, and all rows, which it knows.
struct Hand {
    connection: Conn,
    rows: Vec<Row>,
    round: u8,
    many: String,
}

impl Hand {
    fn connect(database: &Database) -> Result<Self, String> {
        let mut connection = database.connect().map_err(text)?;
        let rows = connection.query("SELECT expires, data, cfid, name FROM cf_session_data ORDER BY cfid").map_err(text)?;
        Ok(Self { connection, rows, round: 0, many: many(BATCH) })
    }

    /// The better of the two ways to write many rows.
    fn fastest(&mut self, order: &[u32]) -> Result<f64, String> {
        let by_loop = self.rate(order, Self::write_prepared)?;
        Ok(by_loop.max(self.rate(order, Self::write_at_once)?))
    }

    fn rate(&mut self, order: &[u32], write: fn(&mut Self, &[Vec<Value>]) -> Result<(), String>) -> Result<f64, String> {
        // Other content of the same size, or the server would see that there is nothing to write.
        self.round = (self.round + 1) % 26;
        let last = char::from(b'a' + self.round);
        let values: Vec<Vec<Value>> = order
            .iter()
            .map(|place| {
                let (expires, data, id, name) = &self.rows[*place as usize];
                let data = format!("{}{last}", &data[..data.len() - 1]);
                [expires, &data, id, name].map(|text| Value::Bytes(text.clone().into_bytes())).to_vec()
            })
            .collect();
        let start = Start::now();
        for batch in values.chunks(BATCH) {
            write(self, batch)?;
        }
        Ok(order.len() as f64 / start.elapsed().as_secs_f64())
    }

    fn write_prepared(&mut self, batch: &[Vec<Value>]) -> Result<(), String> {
        self.connection.query_drop("BEGIN").map_err(text)?;
        self.connection.exec_batch(UPDATE, batch).map_err(text)?;
        self.connection.query_drop("COMMIT").map_err(text)
    }

    fn write_at_once(&mut self, batch: &[Vec<Value>]) -> Result<(), String> {
        let statement = if batch.len() == BATCH { self.many.clone() } else { many(batch.len()) };
        self.connection.exec_drop(statement, batch.concat()).map_err(text)
    }
}

fn many(rows: usize) -> String {
    format!("{MANY}{}{ON_DUPLICATE}", vec!["(?, ?, ?, ?)"; rows].join(", "))
}
