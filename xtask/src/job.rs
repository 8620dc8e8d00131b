//! One suite at work: its steps, its log, its counts.

use crate::counts::{self, Counts};
use crate::process::{self, Trouble};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How long one command of a suite may take.
const COMMAND_LIMIT: Duration = Duration::from_mins(30);

/// A suite while it runs. Commands write into its log; checks and counted lines add up in it.
#[derive(Debug)]
pub struct Job {
    log: File,
    path: PathBuf,
    counts: Counts,
    limit: Duration,
}

impl Job {
    /// Starts a log of this name in `target/xtask`.
    ///
    /// # Errors
    /// When the log can't be written.
    pub fn start(name: &str) -> Result<Self, String> {
        let directory = crate::paths::work();
        std::fs::create_dir_all(&directory).map_err(|error| format!("{} can't be made: {error}", directory.display()))?;
        let path = directory.join(format!("{name}.log"));
        // Appending, since the programs of a suite write into it too.
        let log = File::options().create(true).append(true).read(true).open(&path);
        let log = log.and_then(|log| log.set_len(0).map(|()| log));
        let log = log.map_err(|error| format!("the log {} can't be written: {error}", path.display()))?;
        Ok(Self { log, path, counts: Counts::default(), limit: COMMAND_LIMIT })
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Where the log is.
    pub fn log_path(&self) -> &std::path::Path {
        &self.path
    }

    /// Commands from here on may take this long at most.
    pub fn limit_commands_to(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Says what comes next, to the reader and into the log.
    pub fn step(&mut self, what: &str) {
        println!("    {what}");
        self.note(&format!("== {what}"));
    }

    /// Writes a line into the log.
    pub fn note(&mut self, line: &str) {
        // A log that can't be written must not stop the suite; its commands would say so.
        let _ = writeln!(self.log, "{line}");
    }

    /// One check that is a test of its own: counted, and told when it fails.
    pub fn check(&mut self, name: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => {
                self.counts.passed += 1;
                self.note(&format!("ok      {name}"));
            }
            Err(problem) => {
                self.counts.failed += 1;
                self.note(&format!("FAILED  {name}: {problem}"));
                println!("    FAILED  {name}: {}", problem.lines().next().unwrap_or(""));
            }
        }
    }

    /// Runs a command whose output holds counts of tests. One that counts none has failed: a name may have changed, so that
    /// nothing was run.
    ///
    /// # Errors
    /// When the command could not be started; a command that fails is counted, not returned.
    pub fn tests(&mut self, command: &mut Command) -> Result<(), String> {
        let (outcome, output) = self.execute(command)?;
        let found = counts::read(&output);
        self.counts.add(found);
        match outcome {
            Ok(()) if found.is_empty() => {
                let name = process::readable(command);
                self.check(&name, Err("it succeeded and counted no test".to_owned()));
            }
            Ok(()) => {}
            Err(problem) => {
                if found.failed == 0 {
                    self.counts.failed += 1;
                }
                println!("    FAILED  {problem}");
            }
        }
        Ok(())
    }

    /// Runs a command that is one test: it passes when the command succeeds.
    ///
    /// # Errors
    /// When the command could not be started; a command that fails is counted, not returned.
    pub fn passes(&mut self, command: &mut Command) -> Result<(), String> {
        let name = process::readable(command);
        let (outcome, _) = self.execute(command)?;
        self.check(&name, outcome);
        Ok(())
    }

    /// Runs a command that has to succeed and is no test itself, such as a build; gives what it printed.
    ///
    /// # Errors
    /// When it can't be started, fails or takes too long.
    pub fn need(&mut self, command: &mut Command) -> Result<String, String> {
        let (outcome, output) = self.execute(command)?;
        outcome.map(|()| output)
    }

    /// Runs a command that has to fail: a canary that a checker must catch. Gives what it printed.
    ///
    /// # Errors
    /// When it succeeds, or could not be started.
    pub fn must_fail(&mut self, command: &mut Command) -> Result<String, String> {
        let (outcome, output) = self.execute(command)?;
        match outcome {
            Err(_) => Ok(output),
            Ok(()) => Err(format!("'{}' should have failed and did not", process::readable(command))),
        }
    }

    /// The inner result is the command's; the outer one says that it could not even be started.
    fn execute(&mut self, command: &mut Command) -> Result<(Result<(), String>, String), String> {
        let words = process::readable(command);
        self.note(&format!("$ {words}"));
        let from = self.log.seek(SeekFrom::End(0)).map_err(|error| self.log_trouble(&error))?;
        let ended = process::run_into(command, &self.log, self.limit);
        self.log.seek(SeekFrom::Start(from)).map_err(|error| self.log_trouble(&error))?;
        let mut output = Vec::new();
        self.log.read_to_end(&mut output).map_err(|error| self.log_trouble(&error))?;
        let output = String::from_utf8_lossy(&output).into_owned();
        let outcome = match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("'{words}' {}", process::describe(status))),
            Err(Trouble::Late(limit)) => Err(format!("'{words}' took more than {} min and was killed", limit.as_secs() / 60)),
            Err(Trouble::Start(error)) => return Err(format!("'{words}' could not be started: {error}")),
        };
        if let Err(problem) = &outcome {
            self.note(&format!("-- {problem}"));
        }
        Ok((outcome, output))
    }

    fn log_trouble(&self, error: &std::io::Error) -> String {
        format!("the log {} can't be read: {error}", self.path.display())
    }
}
