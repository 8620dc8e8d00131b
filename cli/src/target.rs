//! Where a table is: what a URL and the options beside it say.

use crate::args::Where;
use crate::layout::Layout;
use crate::problem::{Kind, Problem, Result};
use holdall_layout::rails::Serializer;
use holdall_store::mysql::{MysqlUrl, Server};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Parameters of a bag's URL that say how it opens or writes a table, and mean nothing here.
const FOR_BAGS: [&str; 6] = ["create", "lucee", "form", "allow_duplicates", "secure_session_only", "application"];

/// The database.
#[derive(Clone, Debug)]
pub enum Place {
    /// Nowhere that a command could look.
    Memory,
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A server.
    Server(Box<Server>),
}

/// A table in a database.
#[derive(Clone, Debug)]
pub struct Target {
    /// The database.
    pub place: Place,
    /// Whose table it is.
    pub layout: Layout,
    /// The table's name.
    pub table: String,
    /// The application, if one is named.
    pub application: Option<String>,
    /// How a Rails application serialises sessions, as far as it matters to a reader.
    pub serializer: Serializer,
    /// After how many days the URL's bags trim a Rails table.
    pub trim_days: Option<u32>,
}

impl Target {
    /// Reads a URL and the options beside it, which win.
    pub fn of(given: &Where) -> Result<Self> {
        let url = given.url.as_deref().filter(|url| !url.is_empty());
        let url = url.ok_or_else(|| Problem::usage("no URL is given: name one, or set HOLDALL_URL"))?;
        Self::parse(url, given)
    }

    /// The same for a URL that stands elsewhere on the command line.
    pub fn parse(url: &str, given: &Where) -> Result<Self> {
        let read = read(url)?;
        let layout = match (given.table.layout, &read.layout) {
            (Some(layout), _) => layout,
            (None, Some(name)) => Layout::of_name(name)?,
            (None, None) => Layout::Native,
        };
        let mut parameters = read.parameters;
        let mut take = |name: &str| parameters.remove(name);
        let application = given.table.application.clone().or(take("application"));
        let is_client = layout == Layout::Lucee && take("scope").as_deref() == Some("client");
        let default = if is_client { "cf_client_data" } else { layout.default_table() };
        let table = given.table.table.clone().or(read.table).unwrap_or_else(|| default.to_owned());
        check_identifier(&table)?;
        let serializer = match take("serializer").as_deref() {
            // The others are told apart by how a row begins.
            Some("null") => Serializer::Null,
            _ => Serializer::Hybrid,
        };
        let trim_days = take("trim_days").and_then(|days| days.parse().ok());
        if take("data_column").is_some_and(|column| column != "data") {
            return Err(Problem::usage("this command knows the column data only, not another data_column"));
        }
        let unknown = parameters.keys().find(|name| !FOR_BAGS.contains(&name.as_str()));
        if let Some(name) = unknown {
            return Err(Problem::usage(format!("the URL's parameter {name} is unknown for the layout {}", layout.name())));
        }
        Ok(Self { place: read.place, layout, table, application, serializer, trim_days })
    }

    /// Where it is, for people: never the password.
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Memory => "memory:".to_owned(),
            Place::Sqlite(path) => format!("sqlite:{}", path.display()),
            Place::Server(server) => {
                let hosts: Vec<String> = server.hosts.iter().map(ToString::to_string).collect();
                let hosts = if hosts.is_empty() { "socket".to_owned() } else { hosts.join(",") };
                format!("mysql://{}@{hosts}/{}", server.user, server.database)
            }
        }
    }
}

struct Read {
    place: Place,
    layout: Option<String>,
    table: Option<String>,
    /// What else the URL says.
    parameters: BTreeMap<String, String>,
}

fn read(url: &str) -> Result<Read> {
    match url.split_once(':') {
        Some(("memory", "")) => Ok(Read { place: Place::Memory, layout: None, table: None, parameters: BTreeMap::new() }),
        Some(("sqlite", rest)) => read_sqlite(rest),
        Some(("mysql" | "mariadb", _)) => {
            let read = MysqlUrl::parse(url).map_err(|fault| Problem::new(Kind::Usage, &*fault.message))?;
            let place = Place::Server(Box::new(read.server));
            Ok(Read { place, layout: Some(read.layout), table: read.table, parameters: read.others })
        }
        _ => Err(Problem::usage("the URL's form is sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE")),
    }
}

fn read_sqlite(rest: &str) -> Result<Read> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() || path == ":memory:" || path.contains('\0') {
        return Err(Problem::usage("a sqlite: URL needs the path of a file, as in sqlite:sessions.db"));
    }
    let parameter = |part: &str| part.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let parts = query.split('&').filter(|part| !part.is_empty());
    let parts: Option<BTreeMap<String, String>> = parts.map(parameter).collect();
    let mut parameters = parts.ok_or_else(|| Problem::usage("a parameter of the sqlite: URL has no value"))?;
    let (layout, table) = (parameters.remove("layout"), parameters.remove("table"));
    Ok(Read { place: Place::Sqlite(PathBuf::from(path)), layout, table, parameters })
}

/// Table names are put into statements: only plain ones are taken.
fn check_identifier(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(Problem::usage("a table's name has 1 to 64 letters, digits, _ or $"));
    }
    Ok(())
}
