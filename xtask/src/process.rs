//! Running other programs: cargo with a clean environment, output into a log, a time limit that takes the whole family.

use crate::clock;
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// What `cargo run` leaves in the environment and what must not reach the programs that a suite starts: the loader would
/// prefer the libraries of an ordinary build, and the toolchain could not be chosen any more.
const INHERITED: [&str; 4] = ["LD_LIBRARY_PATH", "CARGO", "RUSTUP_TOOLCHAIN", "RUST_RECURSION_COUNT"];

/// A program, in the root of the repository, without what `cargo run` put into the environment.
pub fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(crate::paths::root());
    for variable in INHERITED {
        command.env_remove(variable);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Cargo as the user chose it; coloured output would end up in logs.
pub fn cargo() -> Command {
    let mut command = program("cargo");
    // A toolchain that the user named (`cargo +beta xtask …`) stays in force for what runs inside.
    if let Some(toolchain) = std::env::var_os("RUSTUP_TOOLCHAIN") {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    command.env("CARGO_TERM_COLOR", "never");
    command
}

/// Cargo of the nightly toolchain.
pub fn nightly_cargo() -> Command {
    let mut command = program("cargo");
    command.arg("+nightly").env("CARGO_TERM_COLOR", "never").env_remove("RUSTC").env_remove("RUSTDOC");
    command
}

/// The command as a person would type it.
pub fn readable(command: &Command) -> String {
    let mut words = vec![quoted(command.get_program())];
    words.extend(command.get_args().map(quoted));
    words.join(" ")
}

fn quoted(word: &std::ffi::OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains([' ', '\'', '"', '*', '$']) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    word.into_owned()
}

/// Why a program did not end by itself, or could not be started.
#[derive(Debug)]
pub enum Trouble {
    /// It could not be started.
    Start(std::io::Error),
    /// It ran longer than it may and was killed.
    Late(Duration),
}

/// Runs the command with its output appended to the file, for `limit` at most.
///
/// # Errors
/// [`Trouble`] when it could not be started or was killed for being late.
pub fn run_into(command: &mut Command, log: &File, limit: Duration) -> Result<ExitStatus, Trouble> {
    let out = log.try_clone().map_err(Trouble::Start)?;
    let errors = log.try_clone().map_err(Trouble::Start)?;
    command.stdin(Stdio::null()).stdout(out).stderr(errors);
    let mut child = command.spawn().map_err(Trouble::Start)?;
    let ended = clock::poll(limit, || child.try_wait().transpose());
    match ended {
        Some(Ok(status)) => Ok(status),
        Some(Err(error)) => Err(Trouble::Start(error)),
        None => {
            kill_family(&mut child);
            Err(Trouble::Late(limit))
        }
    }
}

/// Kills the child and everything it started: cargo alone would leave the test that hangs behind.
fn kill_family(child: &mut Child) {
    let mut family = vec![child.id()];
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        family.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        next += 1;
    }
    let _ = child.kill();
    for id in family.iter().skip(1) {
        let _ = Command::new("kill").args(["-KILL", &id.to_string()]).stderr(Stdio::null()).status();
    }
    let _ = child.wait();
}

/// Why a program that ended badly did so, in words.
pub fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was killed by signal {signal}");
    }
    status.code().map_or_else(|| "ended without a code".to_owned(), |code| format!("ended with code {code}"))
}
