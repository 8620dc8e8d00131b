//! Where the sessions are: URLs.

#[cfg(not(all(feature = "mysql", feature = "sqlite")))]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::options::Options;
use holdall_engine::Rules;
use holdall_layout::native::NativeRules;
use holdall_store::{MemoryStore, Store};
use std::sync::Arc;

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

/// The store of a URL.
pub(crate) fn source(url: &str, options: &Options) -> Result<Source> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(Error::invalid("the URL has no scheme: say memory:, sqlite:PATH or mysql://USER:PASSWORD@HOST/DATABASE"));
    };
    match scheme {
        "memory" => memory(rest),
        "sqlite" => sqlite(rest, options),
        "mysql" | "mariadb" => mysql(url, options),
        _ => Err(Error::invalid("the URL's scheme is unknown: say memory:, sqlite:PATH or mysql://USER:PASSWORD@HOST/DATABASE")),
    }
}

/// The rules of the layout; the native one so far.
pub(crate) fn rules(options: &Options) -> Arc<dyn Rules + Send + Sync> {
    Arc::new(NativeRules { application: options.application.clone() })
}

fn memory(rest: &str) -> Result<Source> {
    if !rest.is_empty() {
        return Err(Error::invalid("memory: takes nothing after the colon"));
    }
    Ok(Source::Given(Arc::new(MemoryStore::new())))
}

#[cfg(feature = "mysql")]
fn mysql(url: &str, options: &Options) -> Result<Source> {
    crate::url_mysql::source(url, options)
}

#[cfg(not(feature = "mysql"))]
fn mysql(_: &str, _: &Options) -> Result<Source> {
    Err(Error::new(ErrorKind::Unsupported, "this build has no MySQL: use memory:, or a build with the feature mysql"))
}

#[cfg(feature = "sqlite")]
fn sqlite(rest: &str, options: &Options) -> Result<Source> {
    use holdall_store::{SqliteOptions, SqliteStore};
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !query.is_empty() {
        return Err(Error::invalid("a sqlite: URL takes no parameters: settings are options of the bag"));
    }
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
    let mut settings = SqliteOptions::new(&options.application);
    settings.data_limit = settings.data_limit.max(2 * options.session_limit);
    Ok(Source::Opened(Box::new(move || Ok(Arc::new(SqliteStore::open(&path, settings.clone())?) as Arc<dyn Store>))))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_: &str, _: &Options) -> Result<Source> {
    Err(Error::new(ErrorKind::Unsupported, "this build has no SQLite: use memory:, or a build with the feature sqlite"))
}
