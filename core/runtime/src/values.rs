//! JSON in and out of fields.

use crate::error::{Error, ErrorKind, Result};
use holdall_engine::{Block, Changes, NAME_LIMIT, ValueRef};
use holdall_layout::foreign::ForeignData;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Checks a field's name: 1 to 255 bytes, no NUL.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.contains('\0') {
        return Err(Error::invalid("a field's name must have 1 to 255 bytes and no NUL"));
    }
    if name.len() > NAME_LIMIT {
        let size = name.len();
        return Err(Error::new(ErrorKind::TooLarge, format!("a field's name has {size} bytes; the limit is {NAME_LIMIT}")));
    }
    Ok(())
}

/// Checks JSON text.
pub(crate) fn check_json(text: &str) -> Result<()> {
    holdall_layout::json::check_json(text).map_err(|error| Error::invalid(error.to_string()))
}

/// All JSON fields as one object, spliced from their raw texts; and the views of those that a layout can show.
pub(crate) fn to_json(block: &Block, foreign: Option<&dyn ForeignData>) -> String {
    let mut json = String::with_capacity(block.size() + 16);
    json.push('{');
    for (name, value) in block.iter() {
        let view;
        let text = match (value, foreign) {
            (ValueRef::Json(text), _) => text,
            (ValueRef::Foreign { kind, raw }, Some(foreign)) => {
                view = foreign.view(kind, raw);
                let Some(view) = &view else { continue };
                view
            }
            _ => continue,
        };
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&serde_json::to_string(name).unwrap_or_default());
        json.push(':');
        json.push_str(text);
    }
    json.push('}');
    json
}

/// The changes that make the JSON fields of `shown` those of the object `whole`. Bytes and foreign fields are left alone.
pub(crate) fn changes_to(
    whole: &str,
    shown: &Block,
    foreign: Option<&dyn ForeignData>,
    same: impl Fn(ValueRef<'_>, ValueRef<'_>) -> bool,
) -> Result<Changes> {
    check_json(whole)?;
    let fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(whole).map_err(|_| Error::invalid("the whole session must be one JSON object"))?;
    let fields = match foreign {
        Some(data) => fields.into_iter().map(|(name, value)| (data.fold(&name).into_owned(), value)).collect(),
        None => fields,
    };
    let mut changes = Changes::new();
    for (name, value) in &fields {
        check_name(name)?;
        let value = value.get();
        match shown.get(name) {
            Some(old @ ValueRef::Json(_)) if same(old, ValueRef::Json(value)) => {}
            Some(ValueRef::Foreign { kind, raw }) if foreign.is_some() => {
                let view = foreign.and_then(|data| data.view(kind, raw));
                if !view.is_some_and(|view| same(ValueRef::Json(&view), ValueRef::Json(value))) {
                    changes.set_json(name, value);
                }
            }
            Some(ValueRef::Json(_)) | None => changes.set_json(name, value),
            Some(_) => return Err(Error::invalid("a field that holds bytes can't be replaced through JSON: remove it first")),
        }
    }
    for (name, value) in shown.iter() {
        if matches!(value, ValueRef::Json(_)) && !fields.contains_key(name) {
            changes.remove(name);
        }
    }
    Ok(changes)
}
