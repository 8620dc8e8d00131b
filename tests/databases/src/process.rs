//! A server's process, and the guard that ends it when this process ends in any way.

use crate::{Problem, wait_until};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long an orderly end may take.
const END: Duration = Duration::from_mins(1);

/// Reads from a pipe that only the test process holds. If the pipe ends without the word "done", the test process is gone
/// (killed, aborted, or over with a server in a static), and the server and its folders go too. The server may have ended
/// by itself and its number may be another's by then, so its name is looked at first.
const GUARD: &str = r#"
trap '' INT TERM HUP
read -r word
[ "$word" = done ] && exit 0
if ! [ -d /proc/self ] || grep -q mariadbd "/proc/$1/comm" 2>/dev/null; then kill -KILL "$1" 2>/dev/null; fi
tries=0
while [ -e "/proc/$1/exe" ] && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
shift
rm -rf "$@"
"#;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    server: Child,
    guard: Child,
}

impl Process {
    /// Starts a server that has these folders for itself.
    pub fn start(command: &mut Command, folders: &[&Path]) -> Result<Self, Problem> {
        // In groups of their own: a Ctrl-C at the terminal is for the test.
        let server = command.stdin(Stdio::null()).process_group(0).spawn();
        let mut server = server.map_err(|error| Problem::while_doing("starting mariadbd", &error))?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard", &server.id().to_string()]).args(folders).process_group(0);
        match guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(guard) => Ok(Self { server, guard }),
            Err(error) => {
                let _ = server.kill();
                let _ = server.wait();
                Err(Problem::while_doing("starting the guard of mariadbd", &error))
            }
        }
    }

    /// It hasn't ended.
    pub fn runs(&mut self) -> bool {
        matches!(self.server.try_wait(), Ok(None))
    }

    /// Sends a signal by name: `STOP`, `CONT`, `TERM`.
    pub fn signal(&mut self, name: &str) -> Result<(), Problem> {
        if !self.runs() {
            return Err(Problem::new("the server has ended"));
        }
        let id = self.server.id().to_string();
        let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id]).status()?;
        if status.success() { Ok(()) } else { Err(Problem::new(format!("the server could not be sent {name}"))) }
    }

    /// Waits until the server, which was told to end, has ended.
    pub fn wait_for_end(&mut self) -> Result<Duration, Problem> {
        wait_until("the server had ended", END, || !self.runs())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both have ended already, or end now; there is nothing else to do about a failure here.
        let _ = self.server.kill();
        let _ = self.server.wait();
        if let Some(mut pipe) = self.guard.stdin.take() {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.guard.wait();
    }
}
