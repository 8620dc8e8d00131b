//! `holdall prune`: removes what has expired, in small steps.

mod native;
mod table;

pub use table::Due;

use crate::args::Prune;
use crate::clock;
use crate::db::{Database, SqlError};
use crate::keyed::Step;
use crate::layout::Layout;
use crate::output::{self, Output};
use crate::pace::Pace;
use crate::problem::{EXIT_FINDINGS, EXIT_OK, Kind, Problem, Result};
use crate::progress::Progress;
use crate::shape::{self, Shape};
use crate::target::Target;
use serde_json::json;
use std::time::Duration;

/// How far this machine's clock and the database's may be apart, in milliseconds.
const CLOCK_LIMIT_MS: u64 = 60_000;
/// Steps that fail one after the other before pruning gives up; a lock that is held passes.
const PATIENCE: u32 = 10;

/// Removes rows whose time is over, some at a time.
pub trait Pruner {
    /// How many rows are due.
    fn count(&mut self) -> Result<u64>;
    /// Removes up to `rows` of them.
    fn step(&mut self, rows: u32) -> std::result::Result<Step, SqlError>;
}

/// How to go about it.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Rows in one step at most.
    pub batch: u32,
    /// Rows in all at most.
    pub limit: Option<u64>,
    /// Pause between the steps.
    pub pauses: bool,
}

/// Runs the command.
pub fn run(args: &Prune, output: Output) -> Result<u8> {
    let target = Target::of(&args.place)?;
    let days = match (target.layout, args.older_than.or(target.trim_days)) {
        (Layout::Rails, None) => {
            return Err(Problem::usage("a rails table says nothing of expiry: give --older-than DAYS, or trim_days in the URL"));
        }
        (Layout::Native | Layout::Lucee, Some(_)) => {
            return Err(Problem::usage("--older-than is for rails tables; here rows say themselves when they expire"));
        }
        (Layout::Django, _) => return Err(Problem::usage("django tables are pruned by 'manage.py clearsessions'")),
        (_, days) => days,
    };
    let mut pruner: Box<dyn Pruner> = match target.layout {
        Layout::Native => Box::new(native::Sweeps::open(&target, args.margin)?),
        _ => Box::new(Due::open(&target, days, args.margin)?),
    };
    let due = pruner.count()?;
    if args.dry_run {
        output.say(&format!("{} of {} due; nothing was removed.", output::rows(due), target.table));
        output.answer(&json!({"due": due, "removed": 0, "dry_run": true}));
        return Ok(EXIT_OK);
    }
    let how = How { batch: args.batch, limit: args.limit, pauses: !args.no_pause };
    let mut progress = Progress::new(output, "rows", args.limit.map_or(due, |limit| limit.min(due)));
    let done = remove(pruner.as_mut(), how, &mut progress);
    progress.finish();
    let took = progress.elapsed();
    let removed = progress.done();
    output.say(&format!("Removed {} of {} in {}.", output::rows(removed), target.table, clock::readable_span(took)));
    let failure = done.err();
    let error = failure.as_ref().map(|failure| failure.text.clone());
    output.answer(&json!({"due": due, "removed": removed, "milliseconds": took.as_millis() as u64, "error": error}));
    match failure {
        None => Ok(EXIT_OK),
        Some(failure) if output.json => Ok(failure.exit_code().max(EXIT_FINDINGS)),
        Some(failure) => Err(failure),
    }
}

/// Removes until nothing is due any more.
pub fn remove(pruner: &mut dyn Pruner, how: How, progress: &mut Progress) -> Result<()> {
    let mut pace = Pace::new(how.batch, how.pauses);
    let mut failures = 0;
    loop {
        let left = how.limit.map_or(u64::MAX, |limit| limit.saturating_sub(progress.done()));
        let rows = u64::from(pace.rows()).min(left) as u32;
        if rows == 0 {
            return Ok(());
        }
        let start = clock::Start::now();
        let step = match pruner.step(rows) {
            Ok(step) => step,
            // A lock: someone works on these very rows.
            Err(error) if is_lock(&error) && failures < PATIENCE => {
                failures += 1;
                clock::pause(Duration::from_millis(100) * failures);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        failures = 0;
        let took = start.elapsed();
        progress.add(step.removed);
        if !step.more {
            return Ok(());
        }
        clock::pause(pace.after(step.removed, took));
    }
}

/// Whether another transaction was in the way, so that the step left nothing behind and can be repeated.
pub fn is_lock(error: &SqlError) -> bool {
    /// Deadlock, lock wait; SQLite: busy.
    const LOCKS: [u32; 4] = [1213, 1205, 5, 517];
    LOCKS.contains(&error.number)
}

/// The time by which a database's rows are judged: the earlier of its clock and this machine's, so that one that is
/// ahead ends nobody's session.
pub fn safe_now(database: &mut Database) -> Result<u64> {
    let (theirs, ours) = (database.now_ms()?, clock::now_ms());
    if theirs.abs_diff(ours) > CLOCK_LIMIT_MS {
        let apart = clock::readable_span(Duration::from_millis(theirs.abs_diff(ours)));
        let text = format!("this machine's clock and the database's are {apart} apart: set the wrong one; nothing was removed");
        return Err(Problem::new(Kind::Failed, text));
    }
    Ok(theirs.min(ours))
}

/// Makes sure that the table can be pruned step by step.
fn check_index(database: &mut Database, target: &Target) -> Result<Shape> {
    database.check_writes()?;
    let shape = shape::read(database, &target.table, &target.shown())?;
    let column = target.layout.expiry();
    if shape.column(column).is_none() {
        let text = format!("the table {} has no column {column}: 'holdall doctor' says what to do", target.table);
        return Err(Problem::missing(text));
    }
    // holdall's own index leads there by application and state.
    if shape.is_indexed_by(column) || target.layout == Layout::Native {
        return Ok(shape);
    }
    let text = format!(
        "the table {} has no index on {column}, so that each step would read all of it: 'holdall doctor --fix' makes one",
        target.table
    );
    Err(Problem::failed(text))
}
