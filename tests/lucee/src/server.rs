//! A running Lucee.

use crate::client::{self, Answer};
use crate::jars;
use holdall_layout::lucee::Target;
use holdall_test_databases::{Database, Problem, wait_until};
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a server may take until its first page: far longer than it does.
const LIMIT: Duration = Duration::from_mins(3);

/// The servers that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// 5.4.6.9 on Tomcat 9 (javax).
    Lucee54,
    /// 6.2.0.321 on Tomcat 9 (javax).
    Lucee62,
    /// 7.0.2.106-RC on Tomcat 10 (jakarta).
    Lucee70,
}

impl Version {
    /// The version's name in full.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lucee54 => "5.4.6.9",
            Self::Lucee62 => "6.2.0.321",
            Self::Lucee70 => "7.0.2.106-RC",
        }
    }

    /// What rows for this server are written for.
    pub fn target(self) -> Target {
        match self {
            Self::Lucee54 => Target::Lucee54,
            Self::Lucee62 => Target::Lucee62,
            Self::Lucee70 => Target::Lucee70,
        }
    }

    pub(crate) fn profile(self) -> &'static str {
        match self {
            Self::Lucee54 => "lucee54",
            Self::Lucee62 => "lucee62",
            Self::Lucee70 => "lucee70",
        }
    }

    fn servlet(self) -> &'static str {
        match self {
            Self::Lucee54 | Self::Lucee62 => "lucee.loader.servlet.CFMLServlet",
            Self::Lucee70 => "lucee.loader.servlet.jakarta.CFMLServlet",
        }
    }
}

/// A Lucee whose sessions are in a database. It ends when it is dropped or when the test process ends, however that ends.
#[derive(Debug)]
pub struct Server {
    process: Child,
    port: u16,
    /// Its folders, removed with it.
    folder: TempDir,
}

impl Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When Java or Maven is missing (the text says how to install them), or the server doesn't come up (with its log).
    pub fn start(version: Version, database: &Database) -> Result<Self, Problem> {
        let folder = tempfile::Builder::new().prefix("holdall-lucee-").tempdir()?;
        let class_path = jars::class_path(version, folder.path())?;
        let log = folder.path().join("log");
        let out = File::create(&log)?;
        let owner = &database.owner;
        let mut java = Command::new("java");
        java.args(["-Xmx768m", "-XX:TieredStopAtLevel=1", "-Dlucee.extensions.install=false"]);
        java.args(["-Dlucee.enable.bundle.download=false", "-Dfile.encoding=UTF-8"]);
        java.arg(format!("-Dholdall.database=jdbc:mariadb://127.0.0.1:{}/{}", database.port, database.name));
        java.arg(format!("-Dholdall.user={}", owner.user)).arg(format!("-Dholdall.password={}", owner.password));
        java.args(["-cp", &class_path, "Launcher"]).arg(folder.path().join("work")).arg(jars::path_of("pages"));
        java.arg(version.servlet()).stdin(Stdio::piped()).stdout(out.try_clone()?).stderr(out);
        let process = java.spawn().map_err(|error| jars::missing("java", &error))?;
        let mut server = Self { process, port: 0, folder };
        server.wait().map_err(|problem| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            Problem::new(format!("Lucee {} doesn't start: {problem}\n{log}", version.name()))
        })?;
        Ok(server)
    }

    /// Waits until the server has said its port and answers.
    fn wait(&mut self) -> Result<(), Problem> {
        let log = self.folder.path().join("log");
        wait_until("the server's port", LIMIT, || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let port = said.lines().find_map(|line| line.strip_prefix("PORT ")?.trim().parse().ok());
            self.port = port.unwrap_or(0);
            self.port != 0 || !matches!(self.process.try_wait(), Ok(None))
        })?;
        let mut last = String::new();
        let answers = wait_until("the server's first page", LIMIT, || match self.get("/ping.cfm", None) {
            Ok(answer) if answer.status == 200 => true,
            Ok(answer) => {
                last = answer.body;
                !matches!(self.process.try_wait(), Ok(None))
            }
            Err(_) => !matches!(self.process.try_wait(), Ok(None)),
        });
        answers.map_err(|problem| Problem::new(format!("{problem}: {last}")))?;
        if matches!(self.process.try_wait(), Ok(None)) { Ok(()) } else { Err(Problem::new("it has ended")) }
    }

    /// Asks for a page in the session `cfid`, or in a new one.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub fn get(&self, path: &str, cfid: Option<&str>) -> Result<Answer, Problem> {
        client::get(self.port, path, cfid)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself when its input ends; this is quicker, and waits for it, so that its folders can go.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
