//! Two processes on one SQLite file, a visitor's requests going to either: how often the store must be read when the
//! cookie carries a ticket, and when each open checks.

use crate::bench::Run;
use crate::figure::{Figure, Goal};
use crate::random::Random;
use crate::sessions::{self, text};
use holdall::{Holdall, Options, Sharing};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The argument that makes this program one of the processes.
pub const WORKER: &str = "--fleet-worker";
/// The line that asks a process how often it has read.
const READS: &str = "reads";
const VISITORS: usize = 500;

/// Measures the figure.
///
/// # Errors
/// What the bags say.
pub fn run(run: &mut Run) -> Result<(), String> {
    let requests = run.size(8_000, 1_000);
    let path = run.folder("fleet")?.join("sessions.db");
    let bag = Holdall::open(&format!("sqlite:{}", path.display()), Options::new()).map_err(text)?;
    let ids = sessions::fill(&bag, VISITORS)?;
    let ids: Vec<String> = ids.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect();
    bag.close(Duration::from_mins(1)).map_err(text)?;
    let by_ticket = reads(&path, &ids, requests, true)?;
    let by_check = reads(&path, &ids, requests, false)?;
    run.add(Figure {
        name: "fleet cycle, two processes, one SQLite file: reads by ticket / by check".to_owned(),
        unit: "reads/request",
        value: by_ticket,
        limit: by_check,
        ratio: by_ticket / by_check,
        goal: Goal::AtMost(0.6),
        note: format!(
            "{requests} cycles of {VISITORS} visitors, each cycle in either process, saved as stored; the limit is a check at each open"
        ),
    });
    Ok(())
}

/// Store reads per request.
fn reads(path: &Path, ids: &[String], requests: usize, by_ticket: bool) -> Result<f64, String> {
    let mut processes = [Process::start(path)?, Process::start(path)?];
    let mut cookies = ids.to_vec();
    let mut random = Random::new(8);
    // Each process meets each session once, so that only reads of what it knew already are counted.
    for process in &mut processes {
        for (number, cookie) in cookies.iter_mut().enumerate() {
            let ticket = process.cycle(cookie, number)?;
            *cookie = if by_ticket { ticket } else { ids[number].clone() };
        }
    }
    let before = total(&mut processes)?;
    for number in 0..requests {
        let visitor = random.below(VISITORS);
        let ticket = processes[random.below(2)].cycle(&cookies[visitor], number)?;
        if by_ticket {
            cookies[visitor] = ticket;
        }
    }
    let read = total(&mut processes)? - before;
    processes.into_iter().try_for_each(Process::stop)?;
    Ok(read as f64 / requests as f64)
}

fn total(processes: &mut [Process; 2]) -> Result<u64, String> {
    processes.iter_mut().map(Process::reads).sum()
}

/// One of the two.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(path: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(text)?;
        let mut command = Command::new(program);
        command.arg(WORKER).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(text)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self { child, input, output: BufReader::new(output) }),
            _ => Err("a process has no pipes".to_owned()),
        }
    }

    fn ask(&mut self, line: &str) -> Result<String, String> {
        writeln!(self.input, "{line}").map_err(text)?;
        let mut answer = String::new();
        match self.output.read_line(&mut answer) {
            Ok(0) => Err("a process of the fleet has ended".to_owned()),
            Ok(_) => Ok(answer.trim().to_owned()),
            Err(error) => Err(text(error)),
        }
    }

    /// A visitor's request; answers his new ticket.
    fn cycle(&mut self, cookie: &str, number: usize) -> Result<String, String> {
        self.ask(&format!("{cookie} {number}"))
    }

    fn reads(&mut self) -> Result<u64, String> {
        self.ask(READS)?.parse().map_err(text)
    }

    fn stop(self) -> Result<(), String> {
        let Self { mut child, input, .. } = self;
        drop(input);
        let status = child.wait().map_err(text)?;
        if status.success() { Ok(()) } else { Err("a process of the fleet failed".to_owned()) }
    }
}

/// The life of one of the two: a line is a request, or asks for the count of reads.
///
/// # Errors
/// What the bag says.
pub fn work(arguments: &[String]) -> Result<(), String> {
    let path = arguments.first().ok_or("the database is missing")?;
    let bag = Holdall::open(&format!("sqlite:{path}"), Options::new().sharing(Sharing::Fleet)).map_err(text)?;
    for line in std::io::stdin().lines() {
        let line = line.map_err(text)?;
        let answer = match line.split_once(' ') {
            None if line == READS => bag.stats().loaded.to_string(),
            None => return Err(format!("not understood: {line}")),
            Some((cookie, number)) => request(&bag, cookie, number.parse().map_err(text)?)?,
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(text)?;
    }
    bag.close(Duration::from_mins(1)).map(|_| ()).map_err(text)
}

fn request(bag: &Holdall, cookie: &str, number: u64) -> Result<String, String> {
    let mut session = bag.session(cookie).map_err(text)?;
    if session.is_new() {
        return Err("a session was not found".to_owned());
    }
    sessions::change(&mut session, number)?;
    Ok(session.ticket())
}
