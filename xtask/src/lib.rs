//! The entry points of this repository: `cargo xtask demo | test | bench | sim | dist`.
//!
//! Each suite of `cargo xtask test` is one entry of [`suites::SUITES`]. Nothing is ever skipped silently: a missing tool is
//! installed where that can be done, and is a failure that names the command otherwise.

pub mod c_library;
pub mod c_programs;
pub mod clock;
pub mod counts;
pub mod databases;
pub mod demo;
pub mod dist;
pub mod job;
pub mod lucee;
pub mod paths;
pub mod process;
pub mod readme;
pub mod report;
pub mod sanitizers;
pub mod scratch;
pub mod suites;
pub mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  demo [--quick]                build the C library, replay real traffic through it, prove that nothing was lost
  test [NAME ...]               run every suite, or those named; `cargo xtask test --list` names them
  bench [--quick] [--json FILE] [--svg DIR] [NAME ...]
                                measure, each figure beside the raw limit of the same run
  sim ARGUMENT ...              the deterministic simulator (`cargo xtask sim help`)
  dist                          the C library as an install tree and an archive under target/holdall
  help                          this text

A newcomer needs `demo` and `test`. `cargo test` alone runs the quick tests.";

/// Carries out the command that the arguments name; the exit code says whether all went well.
pub fn run(arguments: &[String]) -> ExitCode {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    match command {
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        "test" => suites::main(rest),
        "demo" => finish(demo::main(rest)),
        "dist" => finish(dist::main()),
        "bench" => {
            databases::install_for_bench(rest);
            forward("holdall-bench", rest)
        }
        "sim" => forward("holdall-sim", rest),
        unknown => {
            eprintln!("There is no command '{unknown}'.\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn finish(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("\n{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Hands the arguments to a program of the workspace, built for release, and passes its exit code on.
fn forward(package: &str, arguments: &[String]) -> ExitCode {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--release", "--package", package, "--"]).args(arguments);
    match command.status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => finish(Err(format!("cargo could not be started: {error}"))),
    }
}
