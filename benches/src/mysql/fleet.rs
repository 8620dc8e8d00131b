//! Six servers on one MariaDB, a visitor's requests going to any: how often the store must be read when the cookie carries
//! a ticket, and when each open checks.

use super::options;
use crate::bench::Run;
use crate::figure::{Figure, Goal};
use crate::random::Random;
use crate::sessions::{self, text};
use holdall::{Holdall, Options, Sharing};
use holdall_test_databases::Database;
use std::time::Duration;

const BAGS: usize = 6;
const VISITORS: usize = 200;
/// One request in so many changes the session; the others read it, as most pages do.
const CHANGES: usize = 10;

/// Measures the figure.
///
/// # Errors
/// What the server or the bags say, or a stale answer.
pub fn run(run: &mut Run) -> Result<(), String> {
    let requests = run.size(20_000, 2_000);
    let server = options(run, 128).start().map_err(text)?;
    let database = server.database();
    let (by_ticket, by_check) = (reads(&database, requests, true)?, reads(&database, requests, false)?);
    run.add(Figure {
        name: "fleet, 6 bags, random routing, MariaDB: reads by ticket / by check".to_owned(),
        unit: "reads/request",
        value: by_ticket,
        limit: by_check,
        ratio: by_ticket / by_check,
        goal: Goal::AtMost(0.4),
        note: format!(
            "{requests} requests of {VISITORS} visitors to any bag, one in {CHANGES} saves (stored), each checked: none was stale; \
             the limit is a check at each open. Requests follow each other within max_stale (5 s)"
        ),
    });
    Ok(())
}

/// Somebody with a cookie, and what he saw last.
struct Visitor {
    id: String,
    cookie: String,
    visits: u64,
}

/// Store reads per request.
fn reads(database: &Database, requests: usize, by_ticket: bool) -> Result<f64, String> {
    let fleet = || Options::new().sharing(Sharing::Fleet).memory(32 << 20).unsaved(16 << 20).sweep_every(Duration::ZERO);
    let bags = (0..BAGS).map(|_| Holdall::open(&database.url(), fleet()).map_err(text)).collect::<Result<Vec<_>, _>>()?;
    let ids = sessions::fill(&bags[0], VISITORS)?;
    let mut random = Random::new(8);
    let begin = |id: &sessions::Id| {
        let id = String::from_utf8_lossy(id).into_owned();
        Visitor { cookie: id.clone(), id, visits: 0 }
    };
    let mut visitors: Vec<Visitor> = ids.iter().map(begin).collect();
    // Each bag meets each session once, so that only reads of what it knew already are counted.
    for bag in &bags {
        for visitor in &mut visitors {
            visitor.request(bag, false, by_ticket)?;
        }
    }
    let total = || bags.iter().map(|bag| bag.stats().loaded).sum::<u64>();
    let before = total();
    for _ in 0..requests {
        let visitor = &mut visitors[random.below(VISITORS)];
        visitor.request(&bags[random.below(BAGS)], random.below(CHANGES) == 0, by_ticket)?;
    }
    let read = total() - before;
    bags.iter().try_for_each(|bag| bag.close(Duration::from_mins(1)).map(drop).map_err(text))?;
    Ok(read as f64 / requests as f64)
}

impl Visitor {
    fn request(&mut self, bag: &Holdall, change: bool, by_ticket: bool) -> Result<(), String> {
        let mut session = bag.session(&self.cookie).map_err(text)?;
        if session.is_new() {
            return Err("a session was not found".to_owned());
        }
        let visits: Option<u64> = session.get(sessions::SET).map_err(text)?;
        if self.visits > 0 && visits != Some(self.visits) {
            return Err("a stale answer".to_owned());
        }
        if change {
            self.visits += 1;
            sessions::change(&mut session, self.visits)?;
        }
        self.cookie = if by_ticket { session.ticket() } else { self.id.clone() };
        Ok(())
    }
}
