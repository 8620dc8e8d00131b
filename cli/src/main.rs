//! The `holdall` command: makes, examines, repairs, prunes and moves session tables.
#![forbid(unsafe_code)]
#![allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "rates, sizes and progress are for people to read")]

mod args;
mod bench;
mod clock;
mod create_table;
mod db;
mod doctor;
mod fields;
mod import;
mod inspect;
mod keyed;
mod layout;
mod output;
mod pace;
mod problem;
mod progress;
mod prune;
mod script;
mod sessions;
mod shape;
mod stats;
mod stores;
mod target;

use args::{Cli, Command};
use clap::Parser;
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.json };
    let done = match &cli.command {
        Command::CreateTable(args) => create_table::run(args, output),
        Command::Doctor(args) => doctor::run(args, output),
        Command::Prune(args) => prune::run(args, output),
        Command::Inspect(args) => inspect::run(args, output),
        Command::Sessions(args) => sessions::run(args, output),
        Command::Stats(args) => stats::run(args, output),
        Command::Import(args) => import::run(args, output),
        Command::Bench(args) => bench::run(args, output),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(problem) => {
            output.problem(&problem);
            ExitCode::from(problem.exit_code())
        }
    }
}
