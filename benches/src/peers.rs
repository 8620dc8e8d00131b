//! Cycles against the caching store of tower-sessions over SQLite, with the same journal and the same sync setting.
//!
//! The other side is a package of its own (`benches/peers`), since it brings another SQLite: it is built and run here,
//! and makes its cycles when told to, in turn with ours.

use crate::bench::Run;
use crate::clock::Start;
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, Id, text};
use holdall::{Durability, Holdall, Options};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// How many sessions both sides have.
pub const SESSIONS: usize = 10_000;
/// Our window is so many times as long as the other side's. It ends with a flush of all that was changed, which counts:
/// with the usual linger that would happen every 30 s, so a short window would charge far too much of it.
const LONGER: u32 = 3;

/// Measures both figures.
///
/// # Errors
/// If the other side can't be built, or what the bag says.
pub fn run(run: &mut Run) -> Result<(), String> {
    let mut peer = Peer::start(run.folder("peer")?.join("peer.db").as_os_str())?;
    let window = Duration::from_millis(run.size(2_000, 500) as u64);
    let name = "cached cycle, single, 2 threads, SQLite, against tower-sessions + moka";
    let behind = against(run, &mut peer, Options::new(), 2, window)?;
    run.add(Figure { name: name.to_owned(), goal: Goal::AtLeast(100.0), ..behind });
    let name = "cycle with stored, single, 8 threads, SQLite, against the same";
    let stored = against(run, &mut peer, Options::new().durability(Some(Durability::Stored)), 8, window)?;
    run.add(Figure { name: name.to_owned(), goal: Goal::AtLeast(2.0), ..stored });
    peer.stop()
}

fn against(run: &Run, peer: &mut Peer, options: Options, threads: usize, window: Duration) -> Result<Figure, String> {
    let path = run.folder("ours")?.join("sessions.db");
    let bag = Holdall::open(&format!("sqlite:{}", path.display()), options).map_err(text)?;
    let ids = sessions::fill(&bag, SESSIONS)?;
    cycles(&bag, &ids, threads, window / 4)?;
    peer.cycles(threads, window / 4)?;
    let ours = || cycles(&bag, &ids, threads, window * LONGER);
    let measured = pairs::measure(run.pairs(), ours, || peer.cycles(threads, window))?;
    let left = bag.close(Duration::from_mins(1)).map_err(text)?;
    if !left.is_empty() {
        return Err("the bag could not be closed within a minute".to_owned());
    }
    Ok(Figure {
        name: String::new(),
        unit: "cycles/s",
        value: measured.value,
        limit: measured.limit,
        ratio: measured.ratio,
        goal: Goal::Said,
        note: format!(
            "{SESSIONS} sessions, {threads} clients each, write-ahead log and synchronous FULL on both sides; ours flushes at the end of each window of {} s, which counts",
            (window * LONGER).as_secs()
        ),
    })
}

/// Our cycles per second. What they changed is written before the time is taken, so that nothing is left for later.
///
/// # Errors
/// What the bag says.
pub fn cycles(bag: &Holdall, ids: &[Id], threads: usize, window: Duration) -> Result<f64, String> {
    let start = Start::now();
    let work = |thread: usize| {
        let mut random = Random::new(thread as u64 + 1);
        let mut count = 0_u64;
        while start.elapsed() < window {
            sessions::cycle(bag, &ids[random.below(ids.len())], count)?;
            count += 1;
        }
        Ok::<u64, String>(count)
    };
    let counts: Vec<Result<u64, String>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".to_owned()))).collect()
    });
    sessions::flush(bag)?;
    let taken = start.elapsed().as_secs_f64();
    let count = counts.into_iter().sum::<Result<u64, String>>()?;
    Ok(count as f64 / taken)
}

/// The other side: a running program.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Builds it, and starts it over a SQLite file to make or the URL of a MySQL database.
    ///
    /// # Errors
    /// If that fails.
    pub fn start(place: &std::ffi::OsStr) -> Result<Self, String> {
        let program = build()?;
        let mut command = Command::new(&program);
        command.arg(place).arg(SESSIONS.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{} can't be started: {error}", program.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the other side has no pipes".to_owned());
        };
        let mut peer = Self { child, input, output: BufReader::new(output) };
        match peer.answer()?.as_str() {
            "ready" => Ok(peer),
            other => Err(format!("the other side says '{other}' instead of 'ready'")),
        }
    }

    fn answer(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err("the other side has ended".to_owned()),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(format!("the other side can't be heard: {error}")),
        }
    }

    /// Its cycles per second.
    ///
    /// # Errors
    /// What it says.
    pub fn cycles(&mut self, clients: usize, window: Duration) -> Result<f64, String> {
        writeln!(self.input, "{clients} {}", window.as_millis()).map_err(text)?;
        self.input.flush().map_err(text)?;
        let answer = self.answer()?;
        answer.parse().map_err(|_| format!("the other side answers '{answer}'"))
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it can't be waited for.
    pub fn stop(self) -> Result<(), String> {
        let Self { mut child, input, .. } = self;
        drop(input);
        child.wait().map(|_| ()).map_err(text)
    }
}

/// Builds the other side beside this program's own folder, and answers where it is.
fn build() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(text)?;
    let target = here.ancestors().nth(2).unwrap_or(Path::new(".")).join("peers");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--release", "--locked", "--manifest-path"]).arg(manifest);
    cargo.arg("--target-dir").arg(&target).env_remove("CARGO_TARGET_DIR");
    let status = cargo.status().map_err(|error| format!("cargo can't be started: {error}"))?;
    if !status.success() {
        return Err("benches/peers can't be built; what cargo says is above".to_owned());
    }
    Ok(target.join("release/holdall-bench-peers"))
}
