//! Where the sessions are: URLs.

#[cfg(not(all(feature = "mysql", feature = "sqlite")))]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::options::Options;
use holdall_store::{MemoryStore, Store};
#[cfg(feature = "sqlite")]
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long to wait for another process that is writing a SQLite file.
#[cfg(feature = "sqlite")]
const BUSY_TIMEOUT_MS: u32 = 5000;

/// Opens a store.
type Opener = Box<dyn Fn() -> Result<Arc<dyn Store>> + Send + Sync>;

/// Where a bag has its store from.
pub(crate) enum Source {
    /// It is opened with the bag, closed before a fork, and opened again by both sides.
    Opened(Opener),
    /// One store for the bag's whole life. A fork leaves it open: closing it might lose what is in it.
    Given(Arc<dyn Store>),
}

impl Source {
    /// The store, opened if it has to be.
    pub(crate) fn store(&self) -> Result<Arc<dyn Store>> {
        match self {
            Self::Opened(opener) => opener(),
            Self::Given(store) => Ok(store.clone()),
        }
    }
}

/// The store of a URL, and how sessions lie in it. The options are adapted to the layout.
pub(crate) fn source(url: &str, options: &mut Options) -> Result<(Source, Layout)> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(Error::invalid("the URL has no scheme: say memory:, sqlite:PATH or mysql://USER:PASSWORD@HOST/DATABASE"));
    };
    match scheme {
        "memory" => Ok((memory(rest)?, Layout::native(options))),
        "sqlite" => sqlite(rest, options),
        "mysql" | "mariadb" => mysql(url, options),
        _ => Err(Error::invalid("the URL's scheme is unknown: say memory:, sqlite:PATH or mysql://USER:PASSWORD@HOST/DATABASE")),
    }
}

fn memory(rest: &str) -> Result<Source> {
    if !rest.is_empty() {
        return Err(Error::invalid("memory: takes nothing after the colon"));
    }
    Ok(Source::Given(Arc::new(MemoryStore::new())))
}

#[cfg(feature = "mysql")]
fn mysql(url: &str, options: &mut Options) -> Result<(Source, Layout)> {
    crate::url_mysql::source(url, options)
}

#[cfg(not(feature = "mysql"))]
fn mysql(_: &str, _: &mut Options) -> Result<(Source, Layout)> {
    Err(Error::new(ErrorKind::Unsupported, "this build has no MySQL: use memory:, or a build with the feature mysql"))
}

#[cfg(feature = "sqlite")]
fn sqlite(rest: &str, options: &mut Options) -> Result<(Source, Layout)> {
    use holdall_store::{SqliteOptions, SqliteStore};
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut parameters = parameters(query)?;
    if path.is_empty() {
        return Err(Error::invalid("a sqlite: URL needs the path of a file, as in sqlite:sessions.db"));
    }
    if path.contains('\0') {
        return Err(Error::invalid("a path can't contain NUL"));
    }
    if path == ":memory:" {
        return Err(Error::invalid("sqlite::memory: would be one database for each connection: use memory:"));
    }
    let path = std::path::PathBuf::from(path);
    let layout = parameters.remove("layout").unwrap_or_else(|| "native".to_owned());
    let table = parameters.remove("table");
    let foreign = crate::layout_url::foreign(&layout, table.as_deref(), &mut parameters, options)?;
    let is_left = parameters.keys().next().is_some() || (foreign.is_none() && table.is_some());
    if is_left {
        return Err(Error::invalid(
            "a sqlite: URL has a parameter that its layout does not know: other settings are options of the bag",
        ));
    }
    if let Some(crate::layout_url::Foreign { layout, table }) = foreign {
        let open = move || Ok(holdall_store::foreign::open_sqlite(&path, BUSY_TIMEOUT_MS, &table)?);
        return Ok((Source::Opened(Box::new(open)), layout));
    }
    let mut settings = SqliteOptions::new(&options.application);
    settings.data_limit = settings.data_limit.max(2 * options.session_limit);
    let open = move || Ok(Arc::new(SqliteStore::open(&path, settings.clone())?) as Arc<dyn Store>);
    Ok((Source::Opened(Box::new(open)), Layout::native(options)))
}

/// `name=value` pairs. A path may have any characters, so nothing in a SQLite URL is percent-encoded.
#[cfg(feature = "sqlite")]
fn parameters(query: &str) -> Result<BTreeMap<String, String>> {
    let pairs = query.split('&').filter(|part| !part.is_empty());
    let mut found = BTreeMap::new();
    for part in pairs {
        let (name, value) = part.split_once('=').ok_or_else(|| Error::invalid("a parameter of the sqlite: URL has no value"))?;
        if found.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Error::invalid("a parameter of the sqlite: URL is given twice"));
        }
    }
    Ok(found)
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_: &str, _: &mut Options) -> Result<(Source, Layout)> {
    Err(Error::new(ErrorKind::Unsupported, "this build has no SQLite: use memory:, or a build with the feature sqlite"))
}
