//! `holdall import`: copies sessions from another table into holdall's own.

mod django;
mod native;
pub mod source;
mod state;
pub mod tables;
mod write;

use crate::args::{Import, Table, Where};
use crate::clock::{now_ms, readable_span};
use crate::layout::Layout;
use crate::output::{Output, grouped};
use crate::problem::{EXIT_FINDINGS, EXIT_OK, Problem, Result};
use crate::progress::Progress;
use crate::target::Target;
use serde_json::json;
use source::{Item, Page, Source};
use state::State;
use std::collections::BTreeMap;
use write::{Outcome, Sink};

/// What became of the rows so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that were read.
    pub read: u64,
    /// Of these, sessions whose time is over: they are left behind.
    pub expired: u64,
    /// Of these, older rows of a session that has several.
    pub duplicates: u64,
    /// Of these, rows that can't be decoded; by what is wrong.
    pub unreadable: BTreeMap<String, u64>,
    /// Sessions that are in the target now, and were read back and compared.
    pub verified: u64,
    /// Of the sessions, those that this run wrote.
    pub written: u64,
    /// Those that were there, with the same content.
    pub same: u64,
    /// Those that were there with other content, and were left alone.
    pub different: u64,
    /// Those that were there with other content, and were written again.
    pub updated: u64,
    /// Those that ended in the target, and stay ended.
    pub ended: u64,
    /// Those that the target refused, or that were not the same when they were read back.
    pub failed: u64,
}

impl Counts {
    fn unreadable_rows(&self) -> u64 {
        self.unreadable.values().sum()
    }
}

/// Runs the command.
pub fn run(args: &Import, output: Output) -> Result<u8> {
    let source = source_target(args)?;
    let target = sink_target(args)?;
    let mut source_rows = source::open(&source, args)?;
    let fingerprint = format!("{} {} {}", source.shown(), source.layout.name(), source.table);
    let mut state = State::open(args.state.as_deref().filter(|_| !args.dry_run), &fingerprint)?;
    let mut sink = if args.dry_run { None } else { Some(Sink::open(&target, args.update)?) };
    let total = source_rows.count()?;
    let mut progress = Progress::new(output, "rows", total.saturating_sub(state.counts.read));
    let copied = copy(source_rows.as_mut(), sink.as_mut(), &mut state, args.batch, &mut progress);
    progress.finish();
    let counts = state.counts.clone();
    tell(&counts, args, total, &progress, output);
    copied?;
    state.finish();
    let well = counts.unreadable_rows() + counts.failed + counts.different == 0;
    Ok(if well { EXIT_OK } else { EXIT_FINDINGS })
}

fn source_target(args: &Import) -> Result<Target> {
    let table = Table { layout: Some(args.from), table: args.source.table.clone(), application: None };
    Target::of(&Where { url: args.source.url.clone(), table })
}

fn sink_target(args: &Import) -> Result<Target> {
    let target = Target::parse(&args.to, &Where { url: None, table: Table::default() })?;
    if target.layout != Layout::Native {
        return Err(Problem::usage("--to must name holdall's own table: leave layout out of its URL"));
    }
    if args.from != Layout::Native && args.from != Layout::Lucee && args.application.is_none() {
        return Err(Problem::usage("say under which name the sessions are stored: --application NAME"));
    }
    Ok(target)
}

fn copy(
    source: &mut dyn Source,
    mut sink: Option<&mut Sink>,
    state: &mut State,
    batch: u32,
    progress: &mut Progress,
) -> Result<()> {
    loop {
        let Page { items, last, rows } = source.page(state.after.as_deref(), batch, now_ms())?;
        let counts = &mut state.counts;
        counts.read += rows;
        let mut sessions = Vec::new();
        for item in items {
            match item {
                Item::Session(session) => sessions.push(*session),
                Item::Expired => counts.expired += 1,
                Item::Duplicate => counts.duplicates += 1,
                Item::Unreadable(why) => *counts.unreadable.entry(why).or_default() += 1,
            }
        }
        if let Some(sink) = sink.as_deref_mut() {
            for outcome in sink.write(sessions)? {
                tally(counts, outcome);
            }
        }
        progress.add(rows);
        let Some(last) = last.filter(|_| rows >= u64::from(batch)) else { return Ok(()) };
        state.after = Some(last);
        state.save()?;
    }
}

fn tally(counts: &mut Counts, outcome: Outcome) {
    let number = match outcome {
        Outcome::Written => &mut counts.written,
        Outcome::Same => &mut counts.same,
        Outcome::Different => &mut counts.different,
        Outcome::Updated => &mut counts.updated,
        Outcome::Ended => &mut counts.ended,
        Outcome::Failed => &mut counts.failed,
    };
    *number += 1;
    if matches!(outcome, Outcome::Written | Outcome::Same | Outcome::Updated) {
        counts.verified += 1;
    }
}

fn tell(counts: &Counts, args: &Import, total: u64, progress: &Progress, output: Output) {
    output.answer(&json!({
        "rows": total, "read": counts.read, "expired": counts.expired, "duplicates": counts.duplicates,
        "unreadable": counts.unreadable, "written": counts.written, "same": counts.same, "different": counts.different,
        "updated": counts.updated, "ended": counts.ended, "failed": counts.failed, "verified": counts.verified,
        "dry_run": args.dry_run, "milliseconds": progress.elapsed().as_millis() as u64,
    }));
    let line = |count: u64, what: &str| {
        if count > 0 {
            output.say(&format!("    {:>12} {what}", grouped(count)));
        }
    };
    let done = if args.dry_run { "Read (nothing was written)" } else { "Imported" };
    output.say(&format!("{done} in {}:", readable_span(progress.elapsed())));
    let lines = |entries: &[(u64, &str)]| entries.iter().for_each(|(count, what)| line(*count, what));
    lines(&[
        (counts.read, "rows read"),
        (counts.expired, "expired, left behind"),
        (counts.duplicates, "older rows of sessions that have several"),
        (counts.written, "written"),
        (counts.same, "there already, the same"),
        (counts.updated, "there already, written again"),
        (counts.different, "there already, different: left alone (--update writes them again)"),
        (counts.ended, "ended in the target, and stay so"),
        (counts.failed, "NOT written: the target refused them, or they were not the same when read back"),
        (counts.verified, "in the target, read back and compared"),
    ]);
    for (why, count) in &counts.unreadable {
        output.say(&format!("    {:>12} can't be read: {why}", grouped(*count)));
    }
    if counts.read != total {
        let text = format!(
            "The table had {} rows at the start: others wrote to it meanwhile, or two rows have one key.",
            grouped(total)
        );
        output.say(&text);
    }
}
