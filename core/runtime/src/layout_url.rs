//! The layouts of other software, as URLs say them.
//!
//! | URL parameter | layout | |
//! |---|---|---|
//! | `layout` | | `native` (default), `lucee` or `rails` |
//! | `table` | lucee, rails | its name; `cf_session_data`, `sessions` |
//! | `allow_duplicates` | lucee, rails | `true`: take a table that doesn't keep a session from having two rows |
//! | `lucee` | lucee | the Lucee that new rows are written for: `5.4`, `6.2` (default) or `7.0` |
//! | `form` | lucee | how new rows are written: `java` (default) or `literal` |
//! | `scope` | lucee | `session` (default) or `client` |
//! | `serializer` | rails | `marshal` (default), `json`, `hybrid` or `null`: the application's setting |
//! | `secure_session_only` | rails | `true`: as the application's setting |
//! | `data_column` | rails | `data` |
//! | `trim_days` | rails | sessions unused for so long are swept; without it none ever is |

use crate::error::{Error, Result};
use crate::layout::{IdShape, Layout, unsupported};
use crate::options::{Options, millis};
use holdall_layout::foreign::ForeignData;
use holdall_layout::lucee::{Form, LuceeData, LuceeRules, Scope, Target};
use holdall_layout::rails::{RailsData, RailsRules, Serializer};
use holdall_store::foreign::{ForeignOptions, ForeignTable};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A layout of other software's, as a URL says it.
pub(crate) struct Foreign {
    pub layout: Layout,
    /// For the store.
    pub table: ForeignOptions,
}

/// Reads the parameters of a foreign layout, and adapts the options to it. None for the native layout.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] for a layout or a parameter that isn't known, [`crate::ErrorKind::Unsupported`] for an option that
/// such a table has no place for.
pub(crate) fn foreign(
    name: &str,
    table: Option<&str>,
    parameters: &mut BTreeMap<String, String>,
    options: &mut Options,
) -> Result<Option<Foreign>> {
    let mut foreign = match name {
        "native" => return Ok(None),
        "lucee" => lucee(parameters, options)?,
        "rails" => rails(parameters, options)?,
        _ => return Err(Error::invalid("the URL's layout is unknown: say layout=native, lucee or rails")),
    };
    if !options.rotation_grace.is_zero() {
        return Err(unsupported("rotation_grace: no row can stand for an old id"));
    }
    if let Some(table) = table {
        table.clone_into(&mut foreign.table.name);
    }
    foreign.table.allow_duplicates = flag(parameters, "allow_duplicates")?;
    foreign.table.idle_ms = millis(options.idle_limit());
    foreign.table.absolute_ms = millis(options.absolute_limit());
    foreign.table.slack_ms = options.engine_config().slack_for(foreign.table.idle_ms);
    Ok(Some(foreign))
}

fn lucee(parameters: &mut BTreeMap<String, String>, options: &mut Options) -> Result<Foreign> {
    // Lucee has no absolute limit. Its session time-out is the host's to say; the default is 30 minutes there too.
    options.absolute = Some(options.absolute.unwrap_or(Duration::ZERO));
    if options.idle_limit().is_zero() {
        return Err(Error::invalid("layout=lucee needs an idle limit: the application's session time-out"));
    }
    let target = match parameters.remove("lucee") {
        None => Target::default(),
        Some(name) => Target::named(&name).ok_or_else(|| Error::invalid("the parameter lucee must be 5.4, 6.2 or 7.0"))?,
    };
    let form = match parameters.remove("form").as_deref() {
        None | Some("java") => Form::Java,
        Some("literal") => Form::Literal,
        Some(_) => return Err(Error::invalid("the parameter form must be java or literal")),
    };
    let (scope, name) = match parameters.remove("scope").as_deref() {
        None | Some("session") => (Scope::Session, "cf_session_data"),
        Some("client") => (Scope::Client, "cf_client_data"),
        Some(_) => return Err(Error::invalid("the parameter scope must be session or client")),
    };
    let data: Arc<dyn ForeignData> = Arc::new(LuceeData { application: options.application.clone(), target, form, scope });
    let table = ForeignTable::Lucee { application: options.application.clone() };
    Ok(Foreign {
        layout: Layout { rules: Arc::new(LuceeRules), foreign: Some(data.clone()), ids: IdShape::Uuid },
        table: ForeignOptions::new(table, name, data),
    })
}

fn rails(parameters: &mut BTreeMap<String, String>, options: &mut Options) -> Result<Foreign> {
    // A Rails session lives as long as its cookie: there are no limits but those that the host sets.
    options.idle = Some(options.idle.unwrap_or(Duration::ZERO));
    options.absolute = Some(options.absolute.unwrap_or(Duration::ZERO));
    let serializer = match parameters.remove("serializer") {
        None => Serializer::default(),
        Some(name) => Serializer::from_name(&name)
            .ok_or_else(|| Error::invalid("the parameter serializer must be marshal, json, hybrid or null"))?,
    };
    let trim_age_ms = match parameters.remove("trim_days") {
        None => None,
        Some(days) => match days.parse::<u64>() {
            Ok(days @ 1..=36_500) => Some(days * 86_400_000),
            _ => return Err(Error::invalid("the parameter trim_days must be a number of days from 1 to 36500")),
        },
    };
    let data: Arc<dyn ForeignData> = Arc::new(RailsData { serializer });
    let table = ForeignTable::Rails {
        data_column: parameters.remove("data_column").unwrap_or_else(|| "data".to_owned()),
        secure_session_only: flag(parameters, "secure_session_only")?,
        trim_age_ms,
    };
    Ok(Foreign {
        layout: Layout { rules: Arc::new(RailsRules), foreign: Some(data.clone()), ids: IdShape::Hex },
        table: ForeignOptions::new(table, holdall_layout::rails::sql::TABLE, data),
    })
}

fn flag(parameters: &mut BTreeMap<String, String>, name: &str) -> Result<bool> {
    match parameters.remove(name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::invalid(format!("the URL's parameter {name} must be true or false"))),
    }
}
