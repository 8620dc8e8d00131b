//! `holdall bench`: what a database does with sessions.

use crate::args::Bench;
use crate::clock::{Start, now_ms, readable_span};
use crate::layout::Layout;
use crate::output::{Output, bytes, grouped};
use crate::problem::{EXIT_OK, Problem, Result};
use crate::stores;
use crate::target::Target;
use holdall_engine::{Block, Key, Loaded, Record, Stamp, Time, ValueRef, Verdict, Wanted, Write, WriteKind, Writer};
use holdall_store::Store;
use serde_json::{Value, json};
use std::time::Duration;

/// Sessions of one batch.
const BATCH: usize = 512;
/// No single measure goes on for longer.
const LONGEST: Duration = Duration::from_secs(3);
const HOUR_MS: u64 = 3_600_000;

/// One line of the result.
struct Figure {
    name: &'static str,
    operations: u64,
    sessions: u64,
    took: Duration,
}

impl Figure {
    fn per_second(&self) -> f64 {
        self.sessions as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Runs the command.
pub fn run(args: &Bench, output: Output) -> Result<u8> {
    let target = Target::of(&args.place)?;
    if target.layout != Layout::Native {
        return Err(Problem::usage("bench measures holdall's own table: leave --layout out"));
    }
    stores::check_table(&target)?;
    let nonce = getrandom::u64().map_err(|error| Problem::failed(format!("the system gives no random numbers: {error}")))?;
    let store = stores::native(&target, &format!("holdall bench {nonce:016x}"))?;
    let subject = Subject { store: store.as_ref(), nonce, size: args.size as usize, start: Time(now_ms()) };
    let figures = subject.measure(args.sessions as usize);
    // Whatever went wrong, nothing stays behind.
    let swept = subject.sweep();
    let mut figures = figures?;
    figures.push(swept?);
    tell(&figures, args, &target, output);
    Ok(EXIT_OK)
}

/// Does something again and again, until it was done `times` times or time is up.
fn repeat(name: &'static str, times: usize, mut work: impl FnMut(usize) -> Result<()>) -> Result<Figure> {
    let start = Start::now();
    let mut done = 0;
    while done < times.max(1) && (done == 0 || start.elapsed() < LONGEST) {
        work(done)?;
        done += 1;
    }
    Ok(Figure { name, operations: done as u64, sessions: done as u64, took: start.elapsed() })
}

fn in_batches(
    name: &'static str,
    all: std::ops::Range<usize>,
    mut work: impl FnMut(std::ops::Range<usize>) -> Result<()>,
) -> Result<Figure> {
    let start = Start::now();
    let (mut next, mut batches) = (all.start, 0);
    while next < all.end && (batches == 0 || start.elapsed() < LONGEST) {
        let end = (next + BATCH).min(all.end);
        work(next..end)?;
        (next, batches) = (end, batches + 1);
    }
    Ok(Figure { name, operations: batches, sessions: (next - all.start) as u64, took: start.elapsed() })
}

/// The store, and the sessions in it.
struct Subject<'a> {
    store: &'a dyn Store,
    nonce: u64,
    size: usize,
    start: Time,
}

impl Subject<'_> {
    fn measure(&self, sessions: usize) -> Result<Vec<Figure>> {
        let singly = repeat("commit of one new session", sessions / 4 + 1, |number| self.create(number..number + 1))?;
        let alone = singly.operations as usize;
        let batched =
            in_batches("commit of new sessions in batches", alone..sessions.max(alone + 1), |range| self.create(range))?;
        let all = alone + batched.sessions as usize;
        let updated = in_batches("commit of changed sessions in batches", 0..all, |range| self.update(range))?;
        let loaded = repeat("load of one session", all.min(4000), |number| self.load((number * 7919) % all, 1))?;
        let together = repeat("load of 64 together", all / 64 + 1, |number| self.load(number * 64 % all, 64.min(all)))?;
        let together = Figure { sessions: together.operations * 64.min(all as u64), ..together };
        Ok(vec![singly, batched, updated, loaded, together])
    }

    /// Keys are spread as hashes are.
    fn key(&self, number: usize) -> Key {
        use sha2::{Digest, Sha256};
        Key::new(&Sha256::digest([self.nonce.to_be_bytes(), (number as u64).to_be_bytes()].concat()))
    }

    fn record(&self, number: usize, revision: u64) -> Record {
        let writer = Writer { nonce: self.nonce, number: number as u64 * 4 + revision };
        let text = format!("\"{}\"", "holdall ".repeat(self.size / 8 + 1).chars().take(self.size - 2).collect::<String>());
        Record {
            stamp: Stamp { revision, writer },
            created: self.start,
            accessed: self.start,
            idle_ms: HOUR_MS,
            deadline: Time::NEVER,
            principal: None,
            meta: None,
            block: Block::from_fields([("text", ValueRef::Json(&text))]),
        }
    }

    fn create(&self, range: std::ops::Range<usize>) -> Result<()> {
        let create = |number| Write { key: self.key(number), kind: WriteKind::Create { record: self.record(number, 1) } };
        self.commit(&range.map(create).collect::<Vec<_>>())
    }

    fn update(&self, range: std::ops::Range<usize>) -> Result<()> {
        let update = |number| {
            let base = self.record(number, 1).stamp;
            let changed = ["text".into()].into();
            Write { key: self.key(number), kind: WriteKind::Update { base, record: self.record(number, 2), changed } }
        };
        self.commit(&range.map(update).collect::<Vec<_>>())
    }

    fn commit(&self, writes: &[Write]) -> Result<()> {
        let verdicts = self.store.commit(writes, Time(now_ms()))?;
        if verdicts.iter().all(|verdict| matches!(verdict, Verdict::Done { .. })) {
            return Ok(());
        }
        Err(Problem::failed("the database did not take every session"))
    }

    fn load(&self, first: usize, count: usize) -> Result<()> {
        let wanted: Vec<Wanted> = (first..first + count).map(|number| Wanted { key: self.key(number), known: None }).collect();
        let reply = self.store.load(&wanted, Time(now_ms()))?;
        // The last keys of a batch may lie beyond those that were made in time.
        match reply.rows.first() {
            Some(Loaded::Row(_)) => Ok(()),
            _ => Err(Problem::failed("a session that was just committed is not there")),
        }
    }

    /// Removes every session of this run: they all expire within the hour.
    fn sweep(&self) -> Result<Figure> {
        let (start, now) = (Start::now(), Time(now_ms()));
        let (mut removed, mut steps) = (0, 0);
        loop {
            let swept = self.store.sweep(now + 2 * HOUR_MS, now, 1000)?;
            removed += u64::from(swept.expired);
            steps += 1;
            if !swept.more {
                return Ok(Figure { name: "sweep", operations: steps, sessions: removed, took: start.elapsed() });
            }
        }
    }
}

fn tell(figures: &[Figure], args: &Bench, target: &Target, output: Output) {
    let as_json = |figure: &Figure| -> Value {
        json!({
            "name": figure.name, "operations": figure.operations, "sessions": figure.sessions,
            "microseconds": figure.took.as_micros() as u64, "sessions_per_second": figure.per_second().round(),
        })
    };
    output.answer(&json!({
        "place": target.shown(), "size": args.size, "figures": figures.iter().map(as_json).collect::<Vec<_>>(),
    }));
    output.say(&format!("{}, sessions of {}", target.shown(), bytes(args.size.into())));
    for figure in figures {
        let each = figure.took.as_secs_f64() * 1e3 / figure.operations.max(1) as f64;
        let rate = grouped(figure.per_second().round() as u64);
        let (sessions, took) = (grouped(figure.sessions), readable_span(figure.took));
        output.say(&format!("    {:<38} {rate:>10} sessions/s   {each:.2} ms each   ({sessions} in {took})", figure.name));
    }
}
