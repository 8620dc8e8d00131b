//! How sessions lie in the table: the rules, the codec and the ids that belong to a layout.

use crate::error::{Error, ErrorKind};
use crate::options::Options;
use crate::shard::AnyRules;
use holdall_layout::foreign::ForeignData;
use holdall_layout::native::NativeRules;
use std::sync::Arc;

/// What new ids look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(not(any(feature = "mysql", feature = "sqlite")), allow(dead_code, reason = "only databases have such layouts"))]
pub(crate) enum IdShape {
    /// 24 random bytes in base64url.
    Native,
    /// A random UUID in lower case, the only shape that Lucee takes.
    Uuid,
    /// 16 random bytes in hexadecimal, as Rails makes them.
    Hex,
}

/// What the API has to know about a layout.
pub(crate) struct Layout {
    pub rules: AnyRules,
    /// The codec of a table that other software uses too.
    pub foreign: Option<Arc<dyn ForeignData>>,
    pub ids: IdShape,
}

impl Layout {
    /// holdall's own table.
    pub(crate) fn native(options: &Options) -> Self {
        let rules = Arc::new(NativeRules { application: options.application.clone() });
        Self { rules, foreign: None, ids: IdShape::Native }
    }
}

/// What a table of other software's has no place for.
pub(crate) fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the tables of Lucee and Rails have no place for {what}"))
}
