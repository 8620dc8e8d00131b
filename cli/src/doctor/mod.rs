//! `holdall doctor`: finds what is wrong with a table and its server, and repairs it.

mod change;
mod checks;
mod columns;
mod duplicates;
mod finding;
mod fix;
mod hash_ids;
mod keys;
mod native;
mod patient;
mod rows;
mod settings;
mod tools;
mod unreadable;

use crate::args::Doctor;
use crate::output::{self, Output, bytes};
use crate::problem::{EXIT_FINDINGS, EXIT_OK, Result};
use crate::target::Target;
use finding::{Finding, Repair, Severity};
use patient::Patient;
use serde_json::{Value, json};

/// Runs the command.
pub fn run(args: &Doctor, output: Output) -> Result<u8> {
    let mut patient = Patient::open(Target::of(&args.place)?, args)?;
    output.say(&about(&patient));
    let findings = checks::run(&mut patient, args.quick)?;
    tell(&findings, &patient, args.fix, output);
    if !args.fix {
        output.answer(&json!({"table": about_json(&patient), "findings": findings.iter().map(|finding| as_json(finding, &patient)).collect::<Vec<_>>()}));
        return Ok(code(&findings));
    }
    let repairs = fix::run(&mut patient, &findings, args, output)?;
    patient.look_again()?;
    let left = checks::run(&mut patient, args.quick)?;
    if !findings.is_empty() {
        output.say("");
        tell_left(&left, output);
    }
    output.answer(&json!({
        "table": about_json(&patient),
        "findings": left.iter().map(|finding| as_json(finding, &patient)).collect::<Vec<_>>(),
        "found_before": findings.iter().map(|finding| as_json(finding, &patient)).collect::<Vec<_>>(),
        "repairs": repairs,
    }));
    Ok(code(&left))
}

fn code(findings: &[Finding]) -> u8 {
    let is_bad = |finding: &Finding| finding.check.severity > Severity::Note;
    if findings.iter().any(is_bad) { EXIT_FINDINGS } else { EXIT_OK }
}

fn about(patient: &Patient) -> String {
    let shape = &patient.shape;
    format!(
        "Table {} ({}) at {}: about {}, {}, {} {}.",
        shape.table,
        patient.layout().name(),
        patient.target.shown(),
        output::rows(shape.rows),
        bytes(shape.bytes),
        patient.database.flavour().name(),
        version(patient),
    )
}

fn version(patient: &Patient) -> String {
    let (major, minor, patch) = patient.database.version();
    if patient.is_file() { major.to_string() } else { format!("{major}.{minor}.{patch}") }
}

fn about_json(patient: &Patient) -> Value {
    json!({
        "name": patient.shape.table,
        "layout": patient.layout().name(),
        "place": patient.target.shown(),
        "rows": patient.shape.rows,
        "bytes": patient.shape.bytes,
        "server": patient.database.flavour().name(),
        "version": version(patient),
    })
}

fn as_json(finding: &Finding, patient: &Patient) -> Value {
    json!({
        "code": finding.check.code,
        "severity": finding.check.severity.name(),
        "meaning": finding.check.sentence,
        "detail": finding.found.detail,
        "rows": finding.found.rows,
        "repair": in_words(&finding.found.repair, patient),
        "repaired_by_fix": !matches!(finding.found.repair, Repair::Advice(_)),
    })
}

fn in_words(repair: &Repair, patient: &Patient) -> String {
    match repair {
        Repair::Advice(advice) => advice.clone(),
        Repair::Alter(changes) if patient.is_file() => {
            let statements = changes.iter().filter_map(|change| change.in_sqlite(&patient.shape.table));
            statements.collect::<Vec<_>>().join("; ")
        }
        Repair::Alter(changes) => changes.iter().map(change::Change::clause).collect::<Vec<_>>().join(", "),
        Repair::Duplicates => "of each session's rows keep the one that lives longest".to_owned(),
        Repair::Delete(_) => "remove these rows: nothing can read them".to_owned(),
        Repair::Prune => "remove what has expired, as 'holdall prune' does".to_owned(),
        Repair::HashIds => "store the ids hashed, as 'rake db:sessions:upgrade' does".to_owned(),
    }
}

fn tell(findings: &[Finding], patient: &Patient, fixing: bool, output: Output) {
    if findings.is_empty() {
        output.say("Nothing is wrong with it.");
        return;
    }
    for finding in findings {
        let check = &finding.check;
        output.say(&format!("\n{}: {} ({})", check.severity.name(), check.sentence, check.code));
        output.say(&format!("    found:  {}", finding.found.detail));
        output.say(&format!("    repair: {}", in_words(&finding.found.repair, patient)));
    }
    if !fixing && findings.iter().any(|finding| !matches!(finding.found.repair, Repair::Advice(_))) {
        output.say("\n'holdall doctor --fix' repairs it, step by step, and asks before each.");
    }
}

fn tell_left(left: &[Finding], output: Output) {
    if left.is_empty() {
        output.say("Looked again: nothing is wrong any more.");
        return;
    }
    output.say("Looked again. What is left:");
    for finding in left {
        output.say(&format!("    {}: {} ({})", finding.check.severity.name(), finding.found.detail, finding.check.code));
    }
}
