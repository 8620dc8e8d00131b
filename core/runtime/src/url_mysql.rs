//! `mysql:` URLs.

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::layout_url::{self, Foreign};
use crate::options::Options;
use crate::url::Source;
use holdall_store::Store;
use holdall_store::mysql::{MysqlOptions, MysqlStore, MysqlUrl};
use std::sync::Arc;

/// The store of a URL; which one depends on its layout.
pub(crate) fn source(url: &str, options: &mut Options) -> Result<(Source, Layout)> {
    let mut parsed = MysqlUrl::parse(url).map_err(|fault| Error::invalid(&*fault.message))?;
    let foreign = layout_url::foreign(&parsed.layout, parsed.table.as_deref(), &mut parsed.others, options)?;
    let Some(Foreign { layout, table }) = foreign else {
        return Ok((native(parsed, options)?, Layout::native(options)));
    };
    parsed.finish().map_err(|fault| Error::invalid(&*fault.message))?;
    let open = move || Ok(holdall_store::foreign::open_mysql(parsed.server.clone(), &table)?);
    Ok((Source::Opened(Box::new(open)), layout))
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
