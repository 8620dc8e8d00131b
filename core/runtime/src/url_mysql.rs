//! `mysql:` URLs.

use crate::error::{Error, Result};
use crate::options::Options;
use crate::url::Source;
use holdall_store::Store;
use holdall_store::mysql::{MysqlOptions, MysqlStore, MysqlUrl};
use std::sync::Arc;

/// The store of a URL; which one depends on its layout.
pub(crate) fn source(url: &str, options: &Options) -> Result<Source> {
    let parsed = MysqlUrl::parse(url).map_err(|fault| Error::invalid(&*fault.message))?;
    match parsed.layout.as_str() {
        "native" => native(parsed, options),
        _ => Err(Error::invalid("the URL's layout is unknown: say layout=native")),
    }
}

fn native(mut url: MysqlUrl, options: &Options) -> Result<Source> {
    let create = match url.take("create").as_deref() {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(Error::invalid("the URL's parameter create must be true or false")),
    };
    url.finish().map_err(|fault| Error::invalid(&*fault.message))?;
    let mut settings = MysqlOptions::new(&options.application, url.server);
    settings.create = create;
    if let Some(table) = url.table {
        settings.table = table;
    }
    settings.data_limit = settings.data_limit.max(2 * options.session_limit);
    Ok(Source::Opened(Box::new(move || Ok(Arc::new(MysqlStore::open(settings.clone())?) as Arc<dyn Store>))))
}
