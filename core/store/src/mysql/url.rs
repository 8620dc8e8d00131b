//! `mysql:` URLs.

use super::server::{DEFAULT_PORT, Host, Server, Tls};
use holdall_engine::{Fault, FaultKind};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a URL says:
/// `mysql://USER:PASSWORD@HOST[:PORT][,HOST2[:PORT]...]/DATABASE[?name=value[&...]]`, or `mariadb://...`, which is the
/// same.
///
/// User, password, database and values may be percent-encoded. An IPv6 address stands in brackets. Without a host the
/// parameter `socket` must name a Unix socket.
///
/// | parameter | value |
/// |---|---|
/// | `layout` | how sessions lie in the table: `native` (default) or another that the build knows |
/// | `table` | the table's name; each layout has a default |
/// | `socket` | the path of a Unix socket, instead of hosts |
/// | `tls` | `off`, `unverified` or `verify`; `off` on this machine, else `verify` |
/// | `tls_ca` | a file with certificates of authorities, for `verify` |
/// | `connections` | at most so many, 1 to 1,000 |
/// | `connect_timeout_ms`, `statement_timeout_ms` | see [`Server`] |
/// | `lock_wait_seconds` | 1 to 5 |
///
/// Other parameters are kept in [`MysqlUrl::others`] for the layout to take.
#[derive(Clone, Debug)]
pub struct MysqlUrl {
    /// How to reach the servers.
    pub server: Server,
    /// The name of the layout.
    pub layout: String,
    /// The table's name, if one is given.
    pub table: Option<String>,
    /// What else was given. Whoever opens the store takes out what he knows and then calls [`MysqlUrl::finish`].
    pub others: BTreeMap<String, String>,
}

impl MysqlUrl {
    /// Whether `url` is meant to be read by [`MysqlUrl::parse`].
    pub fn is_mysql(url: &str) -> bool {
        url.split_once(':').is_some_and(|(scheme, _)| matches!(scheme, "mysql" | "mariadb"))
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// [`FaultKind::Config`] for one that isn't of that form; the message never shows the user's part.
    pub fn parse(url: &str) -> Result<Self, Fault> {
        let rest = url.strip_prefix("mysql://").or_else(|| url.strip_prefix("mariadb://"));
        let rest = rest.ok_or_else(|| wrong("it does not begin with mysql:// or mariadb://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (account, place) = rest.rsplit_once('@').ok_or_else(|| wrong("it names no user"))?;
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        let (hosts, database) = place.split_once('/').ok_or_else(|| wrong("it names no database"))?;
        let mut others = parameters(query)?;
        let mut server = Server::new(
            Host::new("localhost", DEFAULT_PORT),
            &decode(user, "the user")?,
            &decode(password, "the password")?,
            &decode(database, "the database")?,
        );
        server.hosts = hosts_of(hosts)?;
        settings(&mut server, &mut others)?;
        let layout = others.remove("layout").unwrap_or_else(|| "native".to_owned());
        let table = others.remove("table");
        let parsed = Self { server, layout, table, others };
        parsed.check()?;
        Ok(parsed)
    }

    fn check(&self) -> Result<(), Fault> {
        if self.server.user.is_empty() {
            return Err(wrong("it names no user"));
        }
        if self.server.database.is_empty() {
            return Err(wrong("it names no database"));
        }
        if self.server.hosts.is_empty() && self.server.socket.is_none() {
            return Err(wrong("it names neither a host nor a socket"));
        }
        match &self.table {
            Some(table) => super::check_identifier(table, "table").map(drop),
            None => Ok(()),
        }
    }

    /// Takes a parameter of the layout.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.others.remove(name)
    }

    /// Makes sure that nothing is left: a parameter that nobody knows is a mistake, not a wish.
    ///
    /// # Errors
    /// [`FaultKind::Config`], naming the first parameter that is left.
    pub fn finish(&self) -> Result<(), Fault> {
        match self.others.keys().next() {
            Some(name) => Err(wrong(&format!("the parameter {name} is unknown for the layout {}", self.layout))),
            None => Ok(()),
        }
    }
}

fn wrong(why: &str) -> Fault {
    Fault::new(
        FaultKind::Config,
        format!("the MySQL URL can't be used: {why}; its form is mysql://USER:PASSWORD@HOST:PORT/DATABASE?name=value"),
    )
}

fn hosts_of(text: &str) -> Result<Vec<Host>, Fault> {
    text.split(',').filter(|part| !part.is_empty()).map(host_of).collect()
}

fn host_of(text: &str) -> Result<Host, Fault> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, rest) = rest.split_once(']').ok_or_else(|| wrong("a host has no closing bracket"))?;
            (name, rest.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong("a port is not a number up to 65535"))?,
        None => DEFAULT_PORT,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(wrong("a host is neither a name nor an address; a password with @ or / in it must be percent-encoded"));
    }
    Ok(Host::new(name, port))
}

fn parameters(query: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut found = BTreeMap::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(|| wrong("a parameter has no value"))?;
        let name = decode(name, "a parameter")?;
        if found.insert(name.clone(), decode(value, "a parameter")?).is_some() {
            return Err(wrong(&format!("the parameter {name} is given twice")));
        }
    }
    Ok(found)
}

fn settings(server: &mut Server, given: &mut BTreeMap<String, String>) -> Result<(), Fault> {
    server.socket = given.remove("socket").map(PathBuf::from);
    let ca = given.remove("tls_ca").map(PathBuf::from);
    let is_local = server.socket.is_some() || server.hosts.iter().all(Host::is_loopback);
    server.tls = match (given.remove("tls").as_deref(), ca) {
        (Some("off"), None) => Tls::Off,
        (Some("unverified"), None) => Tls::Unverified,
        (Some("verify"), ca) | (None, ca @ Some(_)) => Tls::Verify { ca },
        (None, None) if is_local => Tls::Off,
        (None, None) => Tls::Verify { ca: None },
        (Some("off" | "unverified"), Some(_)) => return Err(wrong("tls_ca needs tls=verify")),
        (Some(_), _) => return Err(wrong("tls must be off, unverified or verify")),
    };
    if let Some(number) = number(given, "connections", 1, 1000)? {
        server.connections = number as usize;
    }
    if let Some(number) = number(given, "connect_timeout_ms", 1, 600_000)? {
        server.connect_timeout_ms = number;
    }
    if let Some(number) = number(given, "statement_timeout_ms", 100, 600_000)? {
        server.statement_timeout_ms = number;
    }
    if let Some(number) = number(given, "lock_wait_seconds", 1, 5)? {
        server.lock_wait_seconds = number;
    }
    Ok(())
}

fn number(given: &mut BTreeMap<String, String>, name: &str, least: u32, most: u32) -> Result<Option<u32>, Fault> {
    let Some(text) = given.remove(name) else { return Ok(None) };
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => Err(wrong(&format!("{name} must be a number from {least} to {most}"))),
    }
}

fn decode(text: &str, what: &str) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(wrong(&format!("{what} has a % without two hexadecimal digits after it")));
        };
        bytes.push((high * 16 + low) as u8);
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(wrong(&format!("{what} is not text"))),
    }
}
