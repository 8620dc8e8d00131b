//! `cargo xtask bench`: see `cargo xtask bench --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    holdall_bench::command::main(&arguments)
}
