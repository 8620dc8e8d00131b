//! Two bags and the stock software on the same row, all writing. The stock software reads the row, changes it in its own
//! memory and writes it back whole, without a lock; whatever comes between its read and its write is lost. That gap is its
//! own, and is counted out here. Nothing else may be lost: no field that a save was acknowledged for, and none of the
//! stock software's.

use crate::made::{Site, Stock, Table, quiet};
use holdall::{Done, ErrorKind, Holdall, Mode, Open, Save, Sharing, ValueRef};
use holdall_layout::foreign::{ForeignData, Saving};
use holdall_layout::lucee::LuceeData;
use holdall_layout::rails::{RailsData, private_id};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Each of the writers saves so often at least, and until the stock software has written often enough too.
const SAVES: u64 = 60;
/// So often.
const STOCK_WRITES: u64 = 30;
/// Begins and ends of saves between two writes of the stock software.
const BETWEEN: u64 = 24;
/// Writers for each of two bags.
const WRITERS: usize = 2;

/// Points in time that can be compared: each is later than all that were given out before.
#[derive(Default)]
struct Ticks(AtomicU64);

impl Ticks {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// From when to when something was going on.
type Span = (u64, u64);

fn overlap(a: Span, b: Span) -> bool {
    a.0 < b.1 && b.0 < a.1
}

/// The stock software, working at one session.
struct Stocked {
    connection: Stock,
    table: Table,
    id: String,
    data: Arc<dyn ForeignData>,
}

impl Stocked {
    fn new(site: &Site, table: Table, id: &str) -> Self {
        let data: Arc<dyn ForeignData> = match table {
            Table::Rails => Arc::new(RailsData::default()),
            Table::Lucee => Arc::new(LuceeData::new("shop")),
        };
        Self { connection: site.connect(), table, id: id.to_owned(), data }
    }

    /// The row's data, by the stock software's own statement.
    fn read(&mut self) -> Option<String> {
        match self.table {
            Table::Rails => {
                let sql = "SELECT data FROM sessions WHERE session_id = ? LIMIT 1";
                self.connection.cell(sql, &[&private_id(self.id.as_bytes())])
            }
            Table::Lucee => {
                let sql = "SELECT data FROM cf_session_data WHERE cfid=? AND name=? AND expires > ?";
                self.connection.cell(sql, &[&self.id, "shop", "1000000000000"])
            }
        }
    }

    /// Writes it back. Lucee inserts where its update finds nothing; Rails takes that for success.
    fn write(&mut self, data: &str) {
        match self.table {
            Table::Rails => {
                let sql = "UPDATE sessions SET data = ?, updated_at = ? WHERE session_id = ?";
                self.connection.execute(sql, &[data, "2026-11-24 12:00:00.000000", &private_id(self.id.as_bytes())]);
            }
            Table::Lucee => {
                let values = ["1999999999999", data, &self.id, "shop"];
                let update = "UPDATE cf_session_data SET expires=?, data=? WHERE cfid=? AND name=?";
                if self.connection.execute(update, &values) == 0 {
                    let insert = "INSERT INTO cf_session_data (expires, data, cfid, name) VALUES(?, ?, ?, ?)";
                    self.connection.execute(insert, &values);
                }
            }
        }
    }

    fn number(&self, data: &str, field: &str) -> Option<u64> {
        let block = self.data.decode(data.as_bytes()).expect("readable").block;
        match block.get(field)? {
            ValueRef::Json(text) => text.trim_end_matches(".0").parse().ok(),
            _ => None,
        }
    }

    /// The data with a field set, as the stock software's memory would have it.
    fn with(&self, data: &str, field: &str, number: u64) -> String {
        let mut changes = holdall_engine::Changes::new();
        changes.set_json(field, &number.to_string());
        let block = self.data.decode(data.as_bytes()).expect("readable").block.with(&changes);
        let record = holdall_engine::Record {
            stamp: holdall_engine::Stamp::default(),
            created: holdall::Time(1),
            accessed: holdall::Time(1),
            idle_ms: 0,
            deadline: holdall::Time::NEVER,
            principal: None,
            meta: None,
            block,
        };
        let key = holdall_engine::Key::new(self.id.as_bytes());
        let saving = Saving { key: &key, record: &record, now: holdall::Time(1_790_000_000_000) };
        let patched = self.data.patch(data.as_bytes(), &[field.into()], saving).expect("writable");
        String::from_utf8(patched).expect("text")
    }
}

/// Says at its end that the stock software has written often enough.
struct Enough<'a>(&'a AtomicU64);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }
}

fn pause(ms: u64) {
    std::thread::park_timeout(Duration::from_millis(ms));
}

fn fleet(site: &Site) -> Holdall {
    site.open(quiet().sharing(Sharing::Fleet))
}

/// Saves one field of its own again and again; answers when each save was going on.
fn keep_saving(bag: &Holdall, id: &str, field: &str, ticks: &Ticks, stock_writes: &AtomicU64) -> Vec<Span> {
    let mut spans = Vec::new();
    for number in 1.. {
        if number > SAVES && stock_writes.load(Ordering::Relaxed) >= STOCK_WRITES {
            break;
        }
        let from = ticks.next();
        let mut session = bag.session(id).expect("opens");
        assert!(!session.is_new(), "the session is there");
        session.set(field, &number).expect("sets");
        assert_eq!(session.save(), Ok(Done::Done));
        spans.push((from, ticks.next()));
        pause(2);
    }
    spans
}

/// Counts in a field of its own, and finds each time what it wrote the last time: no bag ever takes it back.
fn keep_stocking(stocked: &mut Stocked, ticks: &Ticks, stop: &AtomicBool, writes: &AtomicU64) -> (Vec<Span>, u64) {
    // Whatever ends this thread, the others must not wait for it.
    let _enough = Enough(writes);
    let (mut gaps, mut count) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let from = ticks.next();
        let data = stocked.read().expect("the row is there");
        assert_eq!(stocked.number(&data, "stock").unwrap_or(0), count, "what the stock software wrote");
        count += 1;
        let new = stocked.with(&data, "stock", count);
        stocked.write(&new);
        gaps.push((from, ticks.next()));
        writes.store(count, Ordering::Relaxed);
        // Some saves come between two writes, however slow the machine is.
        let until = ticks.next() + BETWEEN;
        while ticks.0.load(Ordering::SeqCst) < until && !stop.load(Ordering::Relaxed) {
            pause(1);
        }
    }
    (gaps, count)
}

fn nothing_is_lost_but_in_the_gap(site: &Site, table: Table) {
    let bags = [fleet(site), fleet(site)];
    let mut session = bags[0].new_session().expect("opens");
    session.set("start", &true).expect("sets");
    assert_eq!(session.save(), Ok(Done::Done));
    let id = session.id().to_owned();
    let (ticks, stop, stocks) = (Ticks::default(), AtomicBool::new(false), AtomicU64::new(0));
    let saved: Mutex<Vec<(String, Vec<Span>)>> = Mutex::default();
    let mut stocked = Stocked::new(site, table, &id);

    let (gaps, count) = std::thread::scope(|scope| {
        let stock = scope.spawn(|| keep_stocking(&mut stocked, &ticks, &stop, &stocks));
        let writers: Vec<_> = (0..2 * WRITERS)
            .map(|number| {
                let (bag, id, ticks, saved, stocks) = (&bags[number % 2], &id, &ticks, &saved, &stocks);
                scope.spawn(move || {
                    let field = format!("writer{number}");
                    let spans = keep_saving(bag, id, &field, ticks, stocks);
                    saved.lock().expect("no panic").push((field, spans));
                })
            })
            .collect();
        let done: Vec<bool> = writers.into_iter().map(|writer| writer.join().is_ok()).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(done.into_iter().all(|done| done), "every save was acknowledged");
        stock.join().expect("the stock software found what it wrote")
    });

    let data = stocked.read().expect("the row is there");
    assert_eq!(stocked.number(&data, "stock"), Some(count));
    let mut apart = 0;
    for (field, spans) in saved.into_inner().expect("no panic") {
        let is_apart = |span: &&Span| !gaps.iter().any(|gap| overlap(**span, *gap));
        apart += spans.iter().filter(is_apart).count();
        // The last save that no gap took part in: later ones may have been lost, this one not.
        let safe = spans.iter().rposition(|span| is_apart(&span)).map_or(0, |place| place as u64 + 1);
        let is = stocked.number(&data, &field).unwrap_or(0);
        assert!(is >= safe, "{field} is {is}, but {safe} was acknowledged outside of every gap");
    }
    println!("{table:?}: {count} writes of the stock software, {apart} saves outside of its gaps");
    assert!(count >= STOCK_WRITES && apart as u64 >= STOCK_WRITES, "both were at work: {count} and {apart}");
}

#[test]
fn rails_and_two_bags_lose_nothing_but_in_its_gap() {
    for site in Site::each(Table::Rails) {
        nothing_is_lost_but_in_the_gap(&site, Table::Rails);
    }
}

#[test]
fn lucee_and_two_bags_lose_nothing_but_in_its_gap() {
    for site in Site::each(Table::Lucee) {
        nothing_is_lost_but_in_the_gap(&site, Table::Lucee);
    }
}

/// Bag one destroys the session while bag two has unsaved changes to it and the stock software goes on.
fn destroyed_stays_destroyed(site: &Site, table: Table) {
    let bags = [fleet(site), fleet(site)];
    for round in 0..10 {
        let mut first = bags[0].new_session().expect("opens");
        first.set("n", &round).expect("sets");
        assert_eq!(first.save(), Ok(Done::Done));
        let id = first.id().to_owned();
        let mut stocked = Stocked::new(site, table, &id);
        let mut second = bags[1].session(&id).expect("opens");
        second.set("late", &round).expect("sets");
        let data = stocked.read().expect("the row is there");
        stocked.write(&stocked.with(&data, "stock", 1));
        let data = stocked.read().expect("the row is there");
        assert_eq!(first.destroy(), Ok(Done::Done));
        if table == Table::Rails {
            // It read before and writes after the end: its update finds nothing.
            stocked.write(&data);
        }
        assert_eq!(second.save().expect_err("the session has ended").kind(), ErrorKind::Gone);
        let behind = Save { durability: Some(holdall::Durability::Behind), if_unchanged: false };
        second.set("later", &round).expect("sets");
        assert_eq!(second.save_with(behind).expect_err("for good").kind(), ErrorKind::Gone);
        assert_eq!(stocked.read(), None, "no row came back");
        for bag in &bags {
            let existing = Open { mode: Mode::Existing, ..Open::default() };
            assert!(bag.open_session(id.as_bytes(), existing).is_err());
        }
    }
}

#[test]
fn what_is_destroyed_stays_destroyed_beside_rails() {
    for site in Site::each(Table::Rails) {
        destroyed_stays_destroyed(&site, Table::Rails);
    }
}

#[test]
fn what_is_destroyed_stays_destroyed_beside_lucee() {
    for site in Site::each(Table::Lucee) {
        destroyed_stays_destroyed(&site, Table::Lucee);
    }
}
