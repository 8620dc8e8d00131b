//! Repairs, each shown first: the statement, whom it keeps waiting, how long.

use super::change::{Change, Lock, Step, steps};
use super::finding::{Finding, Repair};
use super::patient::Patient;
use super::{duplicates, hash_ids, tools};
use crate::args::Doctor;
use crate::clock::{Start, readable_span};
use crate::keyed::Keyed;
use crate::layout::Layout;
use crate::output::{self, Output, grouped};
use crate::problem::{Problem, Result};
use crate::progress::Progress;
use crate::prune::{self, Due, How};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write, stdin, stdout};
use std::time::Duration;

/// Rows that a repair removes or changes in one transaction.
pub const BATCH: u32 = 500;
/// Numbers of a server that can't do a change as it was asked: "not supported for this operation" and "reason".
const CANNOT: [u32; 2] = [1845, 1846];

/// A repair session.
struct Surgery<'a> {
    patient: &'a mut Patient,
    args: &'a Doctor,
    output: Output,
    done: Vec<Value>,
}

/// Repairs what was found. Answers what was done, for programs.
///
/// # Errors
/// A repair failed; those before it stay done.
pub fn run(patient: &mut Patient, findings: &[Finding], args: &Doctor, output: Output) -> Result<Vec<Value>> {
    if findings.iter().all(|finding| matches!(finding.found.repair, Repair::Advice(_))) {
        return Ok(Vec::new());
    }
    patient.database.check_writes()?;
    if !args.yes && (output.json || !stdin().is_terminal()) {
        return Err(Problem::usage("--fix asks before each step, and nobody is there to answer: add --yes"));
    }
    let mut surgery = Surgery { patient, args, output, done: Vec::new() };
    surgery.rows_before(findings)?;
    surgery.alter(findings)?;
    surgery.rows_after(findings)?;
    Ok(surgery.done)
}

impl Surgery<'_> {
    /// What must be gone before keys can be made, and what need not be copied.
    fn rows_before(&mut self, findings: &[Finding]) -> Result<()> {
        for finding in findings {
            let rows = finding.found.rows.unwrap_or(0);
            match &finding.found.repair {
                Repair::Duplicates => {
                    let about = format!("remove {} duplicates, up to 50 sessions per transaction", grouped(rows));
                    self.rows("duplicates", &about, |surgery| duplicates::remove(surgery.patient, surgery.output, rows))?;
                }
                Repair::Delete(condition) => {
                    let patient = &self.patient;
                    let delete = Keyed::new(&patient.database, &patient.shape, patient.layout(), condition, Vec::new(), None);
                    let about = format!("{}    -- {}", delete.shown().replace('\n', "\\n"), output::rows(rows));
                    let code = finding.check.code;
                    self.rows(code, &about, |surgery| delete_all(surgery.patient, surgery.output, &delete, rows))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What goes faster with the indexes in place.
    fn rows_after(&mut self, findings: &[Finding]) -> Result<()> {
        for finding in findings {
            let rows = finding.found.rows.unwrap_or(0);
            match finding.found.repair {
                Repair::Prune => {
                    let about = format!("remove {} expired rows, up to 1,000 per transaction", grouped(rows));
                    self.rows("expired-rows", &about, |surgery| prune_expired(surgery.patient, surgery.output, rows))?;
                }
                Repair::HashIds => {
                    let about = format!("hash {} ids, {BATCH} rows per transaction", grouped(rows));
                    self.rows("plain-ids", &about, |surgery| hash_ids::run(surgery.patient, surgery.output, rows))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn rows(&mut self, code: &str, about: &str, work: impl FnOnce(&mut Self) -> Result<u64>) -> Result<()> {
        self.output.say(&format!("\n{about}"));
        self.output.say("    locks the rows of one transaction at a time, and pauses between them");
        if !self.agreed() {
            return Ok(());
        }
        let start = Start::now();
        let rows = work(self)?;
        self.output.say(&format!("    done: {} in {}", output::rows(rows), readable_span(start.elapsed())));
        self.done.push(json!({"repair": code, "rows": rows, "milliseconds": start.elapsed().as_millis() as u64}));
        Ok(())
    }

    fn alter(&mut self, findings: &[Finding]) -> Result<()> {
        // A key can't be made before the collation tells such rows apart, nor in an engine that takes only short keys.
        let all_at_once = findings.iter().any(|finding| matches!(finding.check.code, "twins" | "not-innodb"));
        let mut changes: Vec<Change> = Vec::new();
        for finding in findings {
            let Repair::Alter(wanted) = &finding.found.repair else { continue };
            changes.extend(wanted.iter().filter(|change| !changes.contains(change)).cloned().collect::<Vec<_>>());
        }
        merge_types(&mut changes);
        let galera = self.patient.server.galera;
        if all_at_once && changes.iter().any(Change::is_copying) {
            return self.together(&changes);
        }
        for step in steps(&changes, &self.patient.shape, &self.patient.database, galera) {
            self.step(&step)?;
        }
        Ok(())
    }

    fn together(&mut self, changes: &[Change]) -> Result<()> {
        let (rest, keys): (Vec<Change>, Vec<Change>) = changes.iter().cloned().partition(Change::is_copying);
        let all: Vec<Change> = rest.into_iter().chain(keys).collect();
        let step = Step::copying(all, &self.patient.shape, &self.patient.database, self.patient.server.galera);
        self.step(&step)
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        let shape = &self.patient.shape;
        let seconds = Duration::from_secs(step.seconds.max(1));
        self.output.say(&format!("\n{}", step.statement));
        self.output.say(&format!(
            "    {}; about {} for {} ({}), several times as long on slow disks",
            in_words(step.lock, self.patient.is_file()),
            readable_span(seconds),
            output::rows(shape.rows),
            output::bytes(shape.bytes),
        ));
        if step.lock > Lock::None && !self.patient.is_file() && !self.args.lock_ok {
            self.hand_over(step);
            return Ok(());
        }
        if !self.agreed() {
            return Ok(());
        }
        let start = Start::now();
        match self.patient.database.execute(&step.statement, &[]) {
            Ok(_) => {}
            Err(error) if CANNOT.contains(&error.number) => {
                self.output.say(&format!("    the server can't do this while others write: {}", error.text));
                let changes = step.changes.clone();
                let galera = self.patient.server.galera;
                let copying = Step::copying(changes, &self.patient.shape, &self.patient.database, galera);
                if self.args.lock_ok {
                    return self.step(&copying);
                }
                self.hand_over(&copying);
                return Ok(());
            }
            Err(error) => return Err(failed(&error)),
        }
        self.output.say(&format!("    done in {}", readable_span(start.elapsed())));
        self.done.push(json!({
            "repair": "alter", "statement": step.statement, "milliseconds": start.elapsed().as_millis() as u64,
        }));
        self.patient.look_again()
    }

    /// Prints what another tool can do without keeping anyone waiting.
    fn hand_over(&mut self, step: &Step) {
        let commands = tools::commands(self.patient, step);
        self.output.say("    not done: others would wait. Run it with --lock-ok, or let a tool copy the table meanwhile:");
        for command in &commands {
            self.output.say(&format!("\n    {command}"));
        }
        self.done.push(json!({"repair": "not done", "statement": step.statement, "commands": commands}));
    }

    /// Asks, unless it was said beforehand.
    fn agreed(&self) -> bool {
        if self.args.yes {
            return true;
        }
        let _ = write!(stdout(), "    do it? [y/N] ");
        let _ = stdout().flush();
        let mut answer = String::new();
        let read = stdin().read_line(&mut answer);
        let yes = read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes");
        if !yes {
            self.output.say("    left as it is");
        }
        yes
    }
}

/// Of two new definitions of one column the last has everything: a type with its character set, and NOT NULL.
fn merge_types(changes: &mut Vec<Change>) {
    let column = |change: &Change| match change {
        Change::Type(column, _) | Change::NotNull(column, _) => Some(column.clone()),
        _ => None,
    };
    let columns: Vec<Option<String>> = changes.iter().map(column).collect();
    let mut place = 0;
    changes.retain(|_| {
        let is_last = columns[place].is_none() || !columns[place + 1..].contains(&columns[place]);
        place += 1;
        is_last
    });
}

fn in_words(lock: Lock, is_file: bool) -> &'static str {
    match lock {
        _ if is_file => "locks the file: other writes wait",
        Lock::None => "reads and writes go on; it needs the table alone for a moment at the start and the end",
        Lock::Writes => "writes to the table wait until it is done; reads go on",
        Lock::Cluster => "every node of the cluster stops until it is done",
    }
}

fn failed(error: &crate::db::SqlError) -> Problem {
    let text = match error.number {
        1062 => "the change was undone: two rows of one session came in meanwhile; run 'holdall doctor --fix' again".to_owned(),
        1205 => "the change was not made: a transaction holds the table for long; try again when it has ended".to_owned(),
        _ => format!("the change was not made: {}", error.text),
    };
    Problem::new(error.kind, text)
}

fn delete_all(patient: &mut Patient, output: Output, delete: &Keyed, rows: u64) -> Result<u64> {
    let mut progress = Progress::new(output, "rows", rows);
    loop {
        let start = Start::now();
        let step = delete.step(&mut patient.database, BATCH)?;
        progress.add(step.removed);
        if !step.more || step.removed == 0 {
            progress.finish();
            return Ok(progress.done());
        }
        crate::clock::pause(start.elapsed());
    }
}

fn prune_expired(patient: &mut Patient, output: Output, rows: u64) -> Result<u64> {
    if patient.layout() != Layout::Lucee {
        return Ok(0);
    }
    let mut due = Due::open(&patient.target, None, None)?;
    let mut progress = Progress::new(output, "rows", rows);
    let how = How { batch: 1000, limit: None, pauses: true };
    let done = prune::remove(&mut due, how, &mut progress);
    progress.finish();
    done.map(|()| progress.done())
}
