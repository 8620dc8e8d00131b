//! `cargo xtask demo`: real traffic through the C library, then proof that nothing was lost.
//!
//! The work is done by `examples/c/replay.c`, which knows four modes: `replay DATA DB`, `verify DATA DB`, `crash DATA DB ACKLOG`
//! (appends a line to ACKLOG for each save that was answered OK as stored) and `check-crash DB ACKLOG`. This file builds it,
//! runs the modes in processes of their own, and kills one of them.

use crate::c_programs::{Kit, words};
use crate::clock::{self, Start};
use crate::job::Job;
use crate::process;
use crate::scratch::Scratch;
use crate::{c_library, paths, tools};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How many requests the quick demo replays.
const QUICK_REQUESTS: usize = 2_000;
/// How long the run that is to be killed may take until it has acknowledged enough.
const CRASH_LIMIT: Duration = Duration::from_mins(3);

/// What a demo works with.
#[derive(Debug)]
struct Demo {
    program: PathBuf,
    data: PathBuf,
    requests: usize,
    folder: Scratch,
    /// The programs print for the reader, rather than into the log.
    aloud: bool,
}

/// `cargo xtask demo [--quick]`.
///
/// # Errors
/// When something can't be built or a proof fails.
pub fn main(arguments: &[String]) -> Result<(), String> {
    let quick = match arguments {
        [] => false,
        [word] if word == "--quick" => true,
        _ => return Err("usage: cargo xtask demo [--quick]".to_owned()),
    };
    let start = Start::now();
    let mut job = Job::start("demo")?;
    let demo = prepare(&mut job, quick, true).map_err(|problem| format!("{problem}\nThe log: {}", job.log_path().display()))?;
    let rounds = if quick { 1 } else { 3 };
    for (title, stage) in stages(rounds) {
        println!("\n== {title}");
        stage(&demo, &mut job).map_err(|problem| format!("{title}: FAILED: {problem}"))?;
    }
    println!("\nThe demo is done: every proof holds ({}).", clock::readable(start.elapsed()));
    Ok(())
}

/// The suite `demo`: the quick form, each stage a test.
///
/// # Errors
/// When something can't be built.
pub fn suite(job: &mut Job) -> Result<(), String> {
    let demo = prepare(job, true, false)?;
    for (title, stage) in stages(1) {
        job.step(title);
        let outcome = stage(&demo, job);
        job.check(title, outcome);
    }
    Ok(())
}

type Stage = fn(&Demo, &mut Job) -> Result<(), String>;

fn stages(crashes: usize) -> Vec<(&'static str, Stage)> {
    let mut stages: Vec<(&'static str, Stage)> = vec![
        ("Replaying the traffic on a SQLite file", replay),
        ("A second process compares every session with an independent tally", verify),
    ];
    for _ in 0..crashes {
        stages.push((
            "A process that saves as 'stored' is killed with SIGKILL, and another one looks for what it acknowledged",
            crash,
        ));
    }
    stages
}

fn prepare(job: &mut Job, quick: bool, aloud: bool) -> Result<Demo, String> {
    tools::need_c_compiler(job)?;
    let library = c_library::build(job)?;
    job.step("compiling examples/c/replay.c");
    let link = library.link_shared();
    let kit = Kit { name: "demo", compile: words(&["-std=c11", "-O2"]), link, ..Kit::default() };
    let program = kit.build(job, "replay", &[paths::root().join("examples/c/replay.c")])?;
    let folder = Scratch::new("demo")?;
    let (data, requests) = traffic(quick, folder.path())?;
    Ok(Demo { program, data, requests, folder, aloud })
}

/// The data, and the number of requests in it: all, or a file with the first of them.
fn traffic(quick: bool, folder: &Path) -> Result<(PathBuf, usize), String> {
    let whole = paths::root().join("examples/data/requests.tsv");
    let text = fs::read_to_string(&whole).map_err(|error| format!("{} can't be read: {error}", whole.display()))?;
    let requests = text.lines().count().saturating_sub(1);
    if !quick {
        return Ok((whole, requests));
    }
    let part: Vec<&str> = text.lines().take(QUICK_REQUESTS + 1).collect();
    let path = folder.join("requests.tsv");
    fs::write(&path, part.join("\n") + "\n").map_err(|error| format!("{} can't be written: {error}", path.display()))?;
    Ok((path, part.len() - 1))
}

fn replay(demo: &Demo, job: &mut Job) -> Result<(), String> {
    demo.run(job, &["replay".into(), demo.data.clone(), demo.folder.path().join("sessions.db")])
}

fn verify(demo: &Demo, job: &mut Job) -> Result<(), String> {
    demo.run(job, &["verify".into(), demo.data.clone(), demo.folder.path().join("sessions.db")])
}

/// Kills the program somewhere in the middle, as its log of acknowledged saves shows, and has another process check.
fn crash(demo: &Demo, job: &mut Job) -> Result<(), String> {
    let round = clock::entropy();
    let database = demo.folder.path().join(format!("crash-{round:016x}.db"));
    let acknowledged = demo.folder.path().join(format!("crash-{round:016x}.acknowledged"));
    let tenth = (demo.requests / 10).max(1) as u64;
    let enough = (tenth + round % (tenth * 4)) as usize;
    let mut command = demo.command(&["crash".into(), demo.data.clone(), database.clone(), acknowledged.clone()]);
    command.stdin(Stdio::null());
    if !demo.aloud {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    job.note(&format!("$ {}", process::readable(&command)));
    let child = command.spawn().map_err(|error| format!("it can't be started: {error}"))?;
    let seen = kill_after(child, &acknowledged, enough)?;
    demo.say(job, &format!("killed after {seen} acknowledged saves (the aim was {enough})"));
    demo.run(job, &["check-crash".into(), database, acknowledged])
}

/// Waits until the log has that many lines, then kills the process; gives the number of lines that the log has in the end.
fn kill_after(mut child: Child, log: &Path, enough: usize) -> Result<usize, String> {
    let reached = clock::poll(CRASH_LIMIT, || match child.try_wait() {
        Ok(None) if count_lines(log) >= enough => Some(Ok(())),
        Ok(None) => None,
        Ok(Some(status)) => Some(Err(format!("it {} before it could be killed", process::describe(status)))),
        Err(error) => Some(Err(format!("it can't be watched: {error}"))),
    });
    // SIGKILL: the process can't tidy up.
    let _ = child.kill();
    let status = child.wait().map_err(|error| format!("its end can't be awaited: {error}"))?;
    match reached {
        Some(outcome) => outcome?,
        None => return Err(format!("it acknowledged fewer than {enough} saves within {} s", CRASH_LIMIT.as_secs())),
    }
    if !process::describe(status).contains("signal 9") {
        return Err(format!("it should have been killed by signal 9, but {}", process::describe(status)));
    }
    Ok(count_lines(log))
}

fn count_lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |bytes| bytes.split(|&byte| byte == b'\n').count() - 1)
}

impl Demo {
    fn command(&self, arguments: &[PathBuf]) -> Command {
        let mut command = process::program(&self.program);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn run(&self, job: &mut Job, arguments: &[PathBuf]) -> Result<(), String> {
        let mut command = self.command(arguments);
        if !self.aloud {
            return job.need(&mut command).map(|_| ());
        }
        let status = command.status().map_err(|error| format!("{} can't be started: {error}", self.program.display()))?;
        if status.success() { Ok(()) } else { Err(format!("'{}' {}", process::readable(&command), process::describe(status))) }
    }

    fn say(&self, job: &mut Job, line: &str) {
        job.note(line);
        if self.aloud {
            println!("{line}");
        }
    }
}
