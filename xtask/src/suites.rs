//! The suites of `cargo xtask test`: a table, and those that are a few cargo commands.

use crate::clock::{self, Start};
use crate::job::Job;
use crate::report::{self, Outcome};
use crate::{c_programs, databases, demo, lucee, process, readme, sanitizers, tools};
use std::process::ExitCode;

/// A part of the tests that can be run by its name.
#[derive(Debug)]
pub struct Suite {
    /// What `cargo xtask test NAME` calls it.
    pub name: &'static str,
    /// What it proves, in one line.
    pub about: &'static str,
    /// Runs it. Tests that fail are counted in the job; an error is what kept the suite from going on.
    pub run: fn(&mut Job) -> Result<(), String>,
}

/// All suites, in the order in which they run: what fails fast comes first. Adding or taking out one is one line.
#[rustfmt::skip]
pub const SUITES: &[Suite] = &[
    Suite { name: "format",   about: "rustfmt has nothing to change",                                  run: format },
    Suite { name: "tidy",     about: "arrows between crates, unsafe, file sizes, symbols, links",      run: tidy },
    Suite { name: "clippy",   about: "no warning of rustc or clippy",                                  run: clippy },
    Suite { name: "docs",     about: "the Rust documentation builds without a warning",                run: docs },
    Suite { name: "unit",     about: "every crate's own tests and the examples in its documentation",  run: unit },
    Suite { name: "slim",     about: "builds without MySQL, and without any database",                 run: slim },
    Suite { name: "steps",    about: "the scenarios that every language has to pass, in Rust and C",   run: steps },
    Suite { name: "mysql",    about: "stores and sessions on a real MariaDB server",                   run: databases::mysql },
    Suite { name: "galera",   about: "shared sessions: a cluster that breaks, fail-over, rolling restart", run: databases::galera },
    Suite { name: "cli",      about: "the holdall command on files, on a MariaDB server and on a cluster", run: databases::command },
    Suite { name: "lucee",    about: "real Lucee servers and the rows of the layout lucee",           run: lucee::servers },
    Suite { name: "ruby",     about: "rows of the layout rails are what Ruby itself would write",       run: ruby },
    Suite { name: "damage",   about: "a million damaged rows: no panic, and nothing wrong is read",    run: lucee::damage },
    Suite { name: "sim",      about: "the engine's laws in simulation: the kept seeds and 1,000 fresh", run: sim },
    Suite { name: "planted",  about: "the simulator finds every bug that is planted for it",           run: planted },
    Suite { name: "c",        about: "header, symbols, link lines and tests of the C library",         run: c_programs::suite },
    Suite { name: "c-asan",   about: "the C tests under AddressSanitizer and UBSan",                   run: sanitizers::address },
    Suite { name: "c-tsan",   about: "the C tests under ThreadSanitizer",                              run: sanitizers::thread },
    Suite { name: "valgrind", about: "the C tests under valgrind",                                     run: sanitizers::valgrind },
    Suite { name: "miri",     about: "the engine, and the C library's handles, under miri",              run: sanitizers::miri },
    Suite { name: "readme",   about: "the programs that the documents show run as shown",              run: readme::suite },
    Suite { name: "demo",     about: "`cargo xtask demo` with a part of the traffic",                  run: demo::suite },
];

/// `cargo xtask test [NAME ...]`: the suites named, or all.
pub fn main(names: &[String]) -> ExitCode {
    if names.iter().any(|name| name == "--list") {
        for suite in SUITES {
            println!("{:<10} {}", suite.name, suite.about);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = names.iter().find(|name| !SUITES.iter().any(|suite| suite.name == **name)) {
        let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        eprintln!("There is no suite '{unknown}'. The suites are: {}", known.join(" "));
        return ExitCode::from(2);
    }
    let chosen = SUITES.iter().filter(|suite| names.is_empty() || names.iter().any(|name| name == suite.name));
    let outcomes: Vec<Outcome> = chosen.map(run_suite).collect();
    println!("{}", report::summary(&outcomes));
    if outcomes.iter().all(|outcome| outcome.counts.failed == 0) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_suite(suite: &Suite) -> Outcome {
    println!("{}: {}", suite.name, suite.about);
    let start = Start::now();
    let mut counts = crate::counts::Counts::default();
    match Job::start(suite.name) {
        Ok(mut job) => {
            if let Err(problem) = (suite.run)(&mut job) {
                job.check("the suite", Err(problem));
            }
            if job.counts().ignored > 0 {
                let problem = format!("{} tests are ignored; here every test runs or goes", job.counts().ignored);
                job.check("no test is left out", Err(problem));
            }
            if job.counts().is_empty() {
                job.check("the suite", Err("it ran no test at all".to_owned()));
            }
            counts = job.counts();
            if counts.failed > 0 {
                let log = std::fs::read_to_string(job.log_path()).unwrap_or_default();
                println!("{}    the whole log: {}", report::tail(&log, 60), job.log_path().display());
            }
        }
        Err(problem) => {
            println!("    FAILED  {problem}");
            counts.failed = 1;
        }
    }
    let time = start.elapsed();
    let word = if counts.failed == 0 { "ok" } else { "FAILED" };
    println!("    {word}: {} passed, {} failed in {}", counts.passed, counts.failed, clock::readable(time));
    Outcome { name: suite.name, counts, time }
}

fn format(job: &mut Job) -> Result<(), String> {
    job.passes(process::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy(job: &mut Job) -> Result<(), String> {
    let servers = databases::FEATURES.join(",");
    let all = ["clippy", "--workspace", "--all-targets", "--features", &servers, "--", "-D", "warnings"];
    job.passes(process::cargo().args(all))
}

fn docs(job: &mut Job) -> Result<(), String> {
    let mut command = process::cargo();
    job.passes(command.args(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn ruby(job: &mut Job) -> Result<(), String> {
    tools::need_program(job, "ruby", "ruby")?;
    let tests = ["test", "--package", "holdall-layout", "--features", "ruby", "--test", "ruby"];
    job.tests(process::cargo().args(tests))
}

fn tidy(job: &mut Job) -> Result<(), String> {
    job.tests(process::cargo().args(["test", "--package", "holdall-tidy"]))
}

fn unit(job: &mut Job) -> Result<(), String> {
    // Those left out are suites of their own.
    let others = ["--exclude", "holdall-tidy", "--exclude", "holdall-steps"];
    job.tests(process::cargo().args(["test", "--workspace", "--no-fail-fast"]).args(others))
}

fn slim(job: &mut Job) -> Result<(), String> {
    let sqlite = ["--no-default-features", "--features", "sqlite"];
    job.step("SQLite alone");
    job.tests(process::cargo().args(["test", "--package", "holdall"]).args(sqlite))?;
    job.passes(process::cargo().args(["build", "--package", "holdall-ffi"]).args(sqlite))?;
    job.step("no database");
    for package in ["holdall", "holdall-ffi"] {
        job.passes(process::cargo().args(["build", "--no-default-features", "--package", package]))?;
    }
    Ok(())
}

fn sim(job: &mut Job) -> Result<(), String> {
    let simulator = ["run", "--release", "--package", "holdall-sim", "--"];
    job.tests(process::cargo().args(simulator).args(["run", "--seeds", "1000"]))
}

fn planted(job: &mut Job) -> Result<(), String> {
    let simulator = ["run", "--release", "--package", "holdall-sim", "--features", "planted", "--"];
    job.tests(process::cargo().args(simulator).arg("planted"))
}

fn steps(job: &mut Job) -> Result<(), String> {
    job.step("Rust");
    job.tests(process::cargo().args(["test", "--package", "holdall-steps"]))?;
    job.step("C");
    tools::need_c_compiler(job)?;
    c_programs::steps(job)
}
