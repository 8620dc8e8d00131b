//! One MariaDB server.

use crate::certificates::{self, Certificates};
use crate::process::Process;
use crate::{Database, MariaDbOptions, Problem, folder, programs, template, wait_until};
use mysql::prelude::Queryable as _;
use mysql::{Conn, OptsBuilder};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// How long a server may take until it answers: far longer than it does, for machines with much else to do.
const START: Duration = Duration::from_mins(1);

/// How often to begin anew when somebody else took the free port first.
const PORTS_TRIED: u32 = 5;

/// A MariaDB server on a port of its own on 127.0.0.1, with its data in a temporary folder. It is killed, and its folder
/// removed, when it is dropped or when the test process ends, however that ends.
///
/// All threads may use one server. Its root has no password and gets in only by the socket ([`MariaDb::admin`]).
#[derive(Debug)]
pub struct MariaDb {
    // Before the folder, so that the server has ended when the folder goes.
    process: Mutex<Option<Process>>,
    port: u16,
    options: MariaDbOptions,
    certificates: Option<Certificates>,
    folder: TempDir,
    data: TempDir,
}

/// The server that all tests of this process share. Start one of your own where a test changes its settings or ends it.
///
/// # Panics
/// When it can't be started; the text says why, and how to install it where it is missing.
pub fn shared() -> &'static MariaDb {
    static SHARED: OnceLock<MariaDb> = OnceLock::new();
    SHARED.get_or_init(|| MariaDb::start().expect("the tests' MariaDB server"))
}

impl MariaDb {
    /// Starts a server with the usual options and waits until it answers.
    ///
    /// # Errors
    /// When it isn't installed (the text says how to), or doesn't start (with the end of its log).
    pub fn start() -> Result<Self, Problem> {
        Self::options().start()
    }

    /// The usual options, to be changed.
    pub fn options() -> MariaDbOptions {
        MariaDbOptions::default()
    }

    pub(crate) fn start_with(options: MariaDbOptions) -> Result<Self, Problem> {
        let mut server = Self::prepare(options)?;
        for _ in 1..PORTS_TRIED {
            match server.start_again() {
                Err(_) if server.log().contains("Address already in use") => server.port = free_port()?,
                outcome => return outcome.map(|()| server),
            }
        }
        server.start_again()?;
        Ok(server)
    }

    /// Makes its folders and chooses its port, and does not start it yet.
    pub(crate) fn prepare(options: MariaDbOptions) -> Result<Self, Problem> {
        // Two folders: the path of a socket must be short.
        let (folder, data) = (new_folder(None)?, new_folder(options.folder_in.as_deref())?);
        let from = options.data_from.clone().map_or_else(|| template::find(user()), Ok)?;
        folder::copy(&from, &data.path().join("data"))?;
        std::fs::create_dir(data.path().join("temporary"))?;
        let certificates = match &options.tls_name {
            Some(name) => Some(certificates::make(&folder.path().join("tls"), name)?),
            None => None,
        };
        if let Some(other) = &options.user {
            for made in [folder.path(), data.path()] {
                folder::give(made, other)?;
            }
        }
        Ok(Self { process: Mutex::new(None), port: free_port()?, options, certificates, folder, data })
    }

    /// Starts the server, which was stopped or killed, on the same port with the same data.
    ///
    /// # Errors
    /// When it doesn't start; with the end of its log.
    pub fn start_again(&self) -> Result<(), Problem> {
        self.launch(&[], |server| server.admin().is_ok())
    }

    /// Starts it with these words more, and waits until it is ready.
    pub(crate) fn launch(&self, words: &[String], is_ready: impl Fn(&Self) -> bool) -> Result<(), Problem> {
        let mut process = self.process();
        if process.as_mut().is_some_and(Process::runs) {
            return Err(Problem::new("the server is running"));
        }
        // The one that has ended leaves before the next one gets its port and socket.
        drop(process.take());
        let _ = std::fs::remove_file(self.socket());
        let mut command = self.command()?;
        let output = std::fs::File::options().create(true).append(true).open(self.folder.path().join("output.log"))?;
        command.args(words).stdout(output.try_clone()?).stderr(output);
        let started = process.insert(Process::start(&mut command, &[self.folder.path(), self.data.path()])?);
        let mut ended = false;
        let waited = wait_until("the server answered", START, || {
            ended = !started.runs();
            ended || is_ready(self)
        });
        if waited.is_ok() && !ended {
            return Ok(());
        }
        drop(process.take());
        Err(Problem::new(format!("mariadbd did not start: {}", self.end_of_log())))
    }

    /// The server's program with all its options.
    pub(crate) fn command(&self) -> Result<Command, Problem> {
        let options = &self.options;
        let mut command = Command::new(programs::find("mariadbd")?);
        let runs_as = options.user.as_ref().map_or(user(), |other| &other.name);
        command.arg("--no-defaults").arg(format!("--user={runs_as}"));
        let mut set = |name: &str, value: &dyn std::fmt::Display| {
            command.arg(format!("--{}={value}", name.replace('_', "-")));
        };
        set("datadir", &self.data().display());
        // Servers that share this one remove each other's temporary tables.
        set("tmpdir", &self.temporary().display());
        set("socket", &self.socket().display());
        set("pid_file", &self.folder.path().join("mariadbd.pid").display());
        set("log_error", &self.log_file().display());
        set("bind_address", &"127.0.0.1");
        set("port", &self.port);
        set("innodb_flush_log_at_trx_commit", &options.flush_log);
        set("innodb_buffer_pool_size", &format!("{}M", options.memory_mib));
        set("innodb_log_file_size", &format!("{}M", options.log_mib));
        set("character_set_server", &"utf8mb4");
        set("max_connections", &300);
        set("performance_schema", &"OFF");
        set("innodb_buffer_pool_dump_at_shutdown", &"OFF");
        set("innodb_buffer_pool_load_at_startup", &"OFF");
        if let Some(mib) = options.disk_mib {
            set("innodb_file_per_table", &"OFF");
            set("innodb_data_file_path", &format!("ibdata1:12M:autoextend:max:{mib}M"));
        }
        if let Some(files) = &self.certificates {
            set("ssl_ca", &files.authority.display());
            set("ssl_cert", &files.certificate.display());
            set("ssl_key", &files.key.display());
        }
        for (name, value) in &options.variables {
            set(name, value);
        }
        command.args(["--skip-name-resolve", "--skip-log-bin"]);
        Ok(command)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The certificate of the authority that vouches for the server; only with [`MariaDbOptions::tls`].
    pub fn authority(&self) -> Option<&Path> {
        self.certificates.as_ref().map(|files| &*files.authority)
    }

    /// The certificate of an authority that knows nothing of the server; only with [`MariaDbOptions::tls`].
    pub fn strange_authority(&self) -> Option<&Path> {
        self.certificates.as_ref().map(|files| &*files.stranger)
    }

    /// A new, empty database with users of its own.
    ///
    /// # Panics
    /// When the server refuses; it has no reason to.
    pub fn database(&self) -> Database {
        Database::make(self).expect("a database of the test's own")
    }

    /// A connection as root, by the socket.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub fn admin(&self) -> Result<Conn, Problem> {
        let socket = self.socket();
        let options = OptsBuilder::new().user(Some("root")).socket(Some(socket.to_string_lossy().into_owned()));
        // The driver would ask for the packet size at once, which a node that is cut off from its cluster doesn't answer.
        Ok(Conn::new(options.prefer_socket(false).max_allowed_packet(Some(16 << 20)))?)
    }

    /// Carries out a statement as root.
    ///
    /// # Errors
    /// What the server says.
    pub fn execute(&self, statement: &str) -> Result<(), Problem> {
        self.admin()?.query_drop(statement).map_err(|error| Problem::while_doing(statement, &error))
    }

    /// Lets the server end in order.
    ///
    /// # Errors
    /// When it doesn't within a minute.
    pub fn stop(&self) -> Result<(), Problem> {
        let mut process = self.process();
        let Some(running) = process.as_mut() else { return Ok(()) };
        running.signal("TERM")?;
        running.wait_for_end()?;
        drop(process.take());
        Ok(())
    }

    /// Kills the server at once, as `kill -9` does.
    pub fn kill(&self) {
        drop(self.process().take());
    }

    /// Stops the server in the midst of what it does (SIGSTOP): connections stay, nothing is answered.
    ///
    /// # Errors
    /// When it isn't running.
    pub fn freeze(&self) -> Result<(), Problem> {
        self.signal("STOP")
    }

    /// The reverse of [`MariaDb::freeze`].
    ///
    /// # Errors
    /// When it isn't running.
    pub fn thaw(&self) -> Result<(), Problem> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> Result<(), Problem> {
        self.process().as_mut().ok_or_else(|| Problem::new("the server is not running"))?.signal(name)
    }

    /// Copies the data as it is at this moment into a new folder `to`: the server is stopped for that, and started again.
    /// [`MariaDbOptions::data_from`] begins with such a copy.
    ///
    /// # Errors
    /// When the server doesn't stop or start, or the copy can't be made.
    pub fn copy_data(&self, to: &Path) -> Result<(), Problem> {
        self.stop()?;
        folder::copy(&self.data(), to)?;
        self.start_again()
    }

    /// Where the data is.
    pub fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    fn temporary(&self) -> PathBuf {
        self.data.path().join("temporary")
    }

    /// What the server has told so far.
    pub fn log(&self) -> String {
        std::fs::read(self.log_file()).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("error.log")
    }

    /// The errors and the last lines.
    fn end_of_log(&self) -> String {
        let log = self.log();
        let last = log.lines().count().saturating_sub(12);
        let told = log.lines().enumerate().filter(|(number, line)| *number >= last || line.contains("[ERROR]"));
        told.map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn new_folder(place: Option<&Path>) -> Result<TempDir, Problem> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("holdall-db-");
    let made = place.map_or_else(|| builder.tempdir(), |place| builder.tempdir_in(place));
    made.map_err(|error| Problem::while_doing("making a temporary folder", &error))
}

/// Whom the server runs as: it wants to be told when that is root.
pub(crate) fn user() -> &'static str {
    static USER: OnceLock<String> = OnceLock::new();
    USER.get_or_init(|| {
        let named = Command::new("id").arg("-un").output().ok().filter(|output| output.status.success());
        named.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    })
}

/// A port of 127.0.0.1 that nobody listens at.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> Result<u16, Problem> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
