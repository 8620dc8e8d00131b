//! `holdall stats`: counts of what is in a table.

use crate::args::Stats;
use crate::clock::{now_ms, readable_time};
use crate::db::{Database, Row, Value};
use crate::layout::Layout;
use crate::output::{self, Output, bytes, grouped};
use crate::problem::{EXIT_OK, Problem, Result};
use crate::shape::{self, Shape};
use crate::target::Target;
use serde_json::{Value as Json, json};

/// Counts of one application, or of the whole table.
struct Counts {
    application: Option<String>,
    live: u64,
    expired: u64,
    dead: u64,
    bytes: u64,
    longest: u64,
}

/// Runs the command.
pub fn run(args: &Stats, output: Output) -> Result<u8> {
    let target = Target::of(&args.place)?;
    let mut database = Database::open(&target, false)?;
    let shape = shape::read(&mut database, &target.table, &target.shown())?;
    let now = database.now_ms()?.min(now_ms());
    let counts = if args.quick { None } else { Some(counts(&mut database, &target, now)?) };
    tell(&target, &shape, counts.as_deref(), now, output);
    Ok(EXIT_OK)
}

fn counts(database: &mut Database, target: &Target, now: u64) -> Result<Vec<Counts>> {
    let table = database.quoted(&target.table);
    let sizes = "COALESCE(SUM(LENGTH(data)), 0), COALESCE(MAX(LENGTH(data)), 0)";
    let (sql, values): (String, Vec<Value>) = match target.layout {
        Layout::Native => (
            format!(
                "SELECT application, SUM(state = 0 AND expires > ?), SUM(state = 0 AND expires <= ?), SUM(state <> 0), {sizes} \
                 FROM {table} GROUP BY application ORDER BY application"
            ),
            vec![now.into(), now.into()],
        ),
        Layout::Lucee => (
            format!("SELECT name, SUM(expires > ?), SUM(expires <= ?), 0, {sizes} FROM {table} GROUP BY name ORDER BY name"),
            vec![now.to_string().into(), now.to_string().into()],
        ),
        Layout::Rails => (format!("SELECT NULL, COUNT(*), 0, 0, {sizes} FROM {table}"), Vec::new()),
        Layout::Django => (
            format!(
                "SELECT NULL, COALESCE(SUM(expire_date > ?), 0), COALESCE(SUM(expire_date <= ?), 0), 0, \
                 COALESCE(SUM(LENGTH(session_data)), 0), COALESCE(MAX(LENGTH(session_data)), 0) FROM {table}"
            ),
            vec![readable_time(now).into(), readable_time(now).into()],
        ),
    };
    let rows = database.query(&sql, &values)?;
    let wanted = target.application.as_deref();
    let counts: Vec<Counts> =
        rows.iter().map(count).filter(|count| wanted.is_none() || count.application.as_deref() == wanted).collect();
    match wanted {
        Some(_) if counts.is_empty() => Err(Problem::missing("the application has no sessions in this table")),
        _ => Ok(counts),
    }
}

fn count(row: &Row) -> Counts {
    Counts {
        application: row.text(0),
        live: row.count(1),
        expired: row.count(2),
        dead: row.count(3),
        bytes: row.count(4),
        longest: row.count(5),
    }
}

fn tell(target: &Target, shape: &Shape, counts: Option<&[Counts]>, now: u64, output: Output) {
    let as_json = |count: &Counts| -> Json {
        json!({
            "application": count.application, "live": count.live, "expired": count.expired, "dead": count.dead,
            "bytes": count.bytes, "longest": count.longest,
        })
    };
    output.answer(&json!({
        "table": shape.table, "layout": target.layout.name(), "place": target.shown(), "now": now,
        "rows_about": shape.rows, "table_bytes": shape.bytes,
        "applications": counts.map(|counts| counts.iter().map(as_json).collect::<Vec<_>>()),
    }));
    output.say(&format!("Table {} ({}) at {}", shape.table, target.layout.name(), target.shown()));
    output.say(&format!("    about {} rows, {} with its indexes", grouped(shape.rows), bytes(shape.bytes)));
    let Some(counts) = counts else { return };
    let cells = |count: &Counts| {
        let rows = count.live + count.expired;
        let average = count.bytes.checked_div(rows).unwrap_or(0);
        vec![
            count.application.clone().unwrap_or_else(|| "-".to_owned()),
            grouped(count.live),
            grouped(count.expired),
            grouped(count.dead),
            bytes(count.bytes),
            bytes(average),
            bytes(count.longest),
        ]
    };
    let head = ["APPLICATION", "LIVE", "EXPIRED", "DEAD", "DATA", "AVERAGE", "LONGEST"];
    output.say("");
    output.say(&output::table(&head, &counts.iter().map(cells).collect::<Vec<_>>()));
}
