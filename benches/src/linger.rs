//! How many rows are written per request: what lingering saves. In virtual time, so always the same.

use crate::bench::Run;
use crate::figure::{Figure, Goal};
use crate::sessions;
use crate::virtual_time::{World, rows};
use holdall_engine::{Block, Changes, Config, Limits, Time};
use std::collections::BTreeMap;

const START: Time = Time(1_700_000_000_000);
const LIMITS_IDLE_MS: u64 = 1_800_000;
const DAY_MS: u64 = 86_400_000;
/// The traffic of the demo.
const REQUESTS: &str = include_str!("../../examples/data/requests.tsv");

/// Measures all figures.
///
/// # Errors
/// What the engine says.
pub fn run(run: &mut Run) -> Result<(), String> {
    hot(run)?;
    traffic(run, 1, "all requests changing")?;
    traffic(run, 5, "20 % changing")
}

fn limits(now: Time) -> Limits {
    Limits { idle_ms: LIMITS_IDLE_MS, deadline: now + DAY_MS }
}

fn first_changes(number: usize) -> Result<Changes, String> {
    Ok(Changes::between(&Block::empty(), &sessions::block(number)?, |old, new| old == new))
}

fn visit(number: usize) -> Changes {
    let mut changes = Changes::new();
    changes.set_json(sessions::SET, &number.to_string());
    changes
}

/// 1,000 sessions that never rest.
fn hot(run: &mut Run) -> Result<(), String> {
    const COUNT: usize = 1_000;
    const EVERY_MS: usize = 100;
    let seconds = run.size(300, 60);
    let config = Config { linger_ms: 1_000, linger_cap_ms: 10_000, ..Config::default() };
    let mut world = World::new(&config, START);
    let ids: Vec<String> = (0..COUNT).map(sessions::id).collect();
    let mut requests = 0;
    for millis in 0..seconds * 1_000 {
        let now = START + millis as u64;
        world.advance(now);
        for number in (millis % EVERY_MS..COUNT).step_by(EVERY_MS) {
            requests += 1;
            match world.open(&ids[number])? {
                Some(_) => world.save(&ids[number], &visit(requests), None)?,
                None => world.save(&ids[number], &first_changes(number)?, Some(limits(now)))?,
            }
        }
    }
    world.close();
    let value = rows(&world.stats()) as f64 / requests as f64;
    run.add(Figure {
        name: "rows per request, 1,000 hot sessions, linger 1 s, cap 10 s".to_owned(),
        unit: "rows/request",
        value,
        limit: 1.0,
        ratio: value,
        goal: Goal::AtMost(0.011),
        note: format!(
            "virtual time: each session changes 10 times a second for {seconds} s, first and last write included; the limit is a write at each change"
        ),
    });
    Ok(())
}

/// Four days of a real web server's visitors.
fn traffic(run: &mut Run, every: usize, what: &str) -> Result<(), String> {
    let mut world = World::new(&Config::default(), START);
    let mut cookies: BTreeMap<&str, String> = BTreeMap::new();
    let (mut requests, mut changed, mut begun) = (0_usize, 0_usize, 0_usize);
    for line in REQUESTS.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(second), Some(client)) = (columns.next(), columns.next()) else { continue };
        let second: u64 = second.parse().map_err(|_| format!("no number of seconds: {second}"))?;
        let now = START + second * 1_000;
        world.advance(now);
        let known = match cookies.get(client) {
            Some(cookie) => world.open(cookie)?.is_some(),
            None => false,
        };
        if requests.is_multiple_of(every) {
            changed += 1;
            if known {
                world.save(&cookies[client], &visit(requests), None)?;
            } else {
                let id = sessions::id(begun);
                world.save(&id, &first_changes(begun)?, Some(limits(now)))?;
                cookies.insert(client, id);
                begun += 1;
            }
        }
        requests += 1;
    }
    world.close();
    let stats = world.stats();
    let value = rows(&stats) as f64 / requests as f64;
    let limit = changed as f64 / requests as f64;
    run.add(Figure {
        name: format!("rows per request, 83 hours of real traffic, linger 10 s, {what}"),
        unit: "rows/request",
        value,
        limit,
        ratio: value / limit,
        goal: Goal::Said,
        note: format!(
            "virtual time: {requests} requests, {begun} sessions begun, {} updates and {} uses written; the limit is write-through, a write at each change",
            stats.rows_updated, stats.rows_touched
        ),
    });
    Ok(())
}
