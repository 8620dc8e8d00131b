//! Where a MySQL or MariaDB server is, and how it is talked to.

use std::fmt;
use std::path::PathBuf;

/// The port of a host that names none.
pub const DEFAULT_PORT: u16 = 3306;

/// How to reach the servers of one database. Start from [`Server::new`] and change what must differ.
#[derive(Clone, Debug)]
pub struct Server {
    /// The servers that may hold the database, tried in this order until one takes writes.
    pub hosts: Vec<Host>,
    /// A Unix socket, used instead of the hosts.
    pub socket: Option<PathBuf>,
    /// The account's name.
    pub user: String,
    /// The account's password; it may be empty.
    pub password: Password,
    /// The database (schema) that holds the table.
    pub database: String,
    /// Whether the connection is encrypted; a socket never is.
    pub tls: Tls,
    /// Connections at most; 8. They are opened when needed.
    pub connections: usize,
    /// How long a connection to one host may take, in milliseconds; 3,000.
    pub connect_timeout_ms: u32,
    /// How long one statement may take, in milliseconds; 8,000, which is longer than a Galera cluster stands still
    /// when a node dies. The server ends a longer one; if it doesn't answer at all, the connection is given up two
    /// seconds later.
    pub statement_timeout_ms: u32,
    /// How long a statement waits for a row that another transaction holds, in seconds; 5.
    pub lock_wait_seconds: u32,
}

impl Server {
    /// The usual settings for a database on one host, without encryption if the host is this machine.
    pub fn new(host: Host, user: &str, password: &str, database: &str) -> Self {
        let tls = if host.is_loopback() { Tls::Off } else { Tls::Verify { ca: None } };
        Self {
            hosts: vec![host],
            socket: None,
            user: user.to_owned(),
            password: Password(password.to_owned()),
            database: database.to_owned(),
            tls,
            connections: 8,
            connect_timeout_ms: 3000,
            statement_timeout_ms: 8000,
            lock_wait_seconds: 5,
        }
    }
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// A name or an address; IPv6 without brackets.
    pub name: String,
    /// Its TCP port.
    pub port: u16,
}

impl Host {
    /// A host by name or address, on a port.
    pub fn new(name: &str, port: u16) -> Self {
        Self { name: name.to_owned(), port }
    }

    /// Whether what is sent there stays on this machine.
    pub fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// A password: neither `Debug` nor `Display` shows it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Best effort: the text is overwritten where it lay; copies that the driver made are out of reach.
impl Drop for Password {
    fn drop(&mut self) {
        let length = self.0.len();
        self.0.clear();
        self.0.extend(std::iter::repeat_n('\0', length));
    }
}

/// How much TLS protects. There is no "if the server offers it": whoever sits between could take the offer away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Everything is sent in clear, the sessions too.
    Off,
    /// Encrypted, but anyone may be at the other end.
    Unverified,
    /// Encrypted, and the server proves its name by a certificate of a public authority or of one in the file `ca`
    /// (PEM or DER).
    Verify {
        /// Further authorities.
        ca: Option<PathBuf>,
    },
}
