//! A row in JSON form: `{"value":{...}}`, or the members alone.

use crate::foreign::{Unreadable, Unwritable};
use crate::native_parts::{Members, Part, Text};
use holdall_engine::{Block, NAME_LIMIT, ValueRef};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The member that holds the session.
const VALUE: &str = "value";

type Raw<'a> = Members<'a, &'a RawValue>;

/// The fields of a row.
pub(super) fn decode(data: &[u8], wrapped: bool) -> Result<Block, Unreadable> {
    let (_, fields) = split(data, wrapped)?;
    let shown = fields.iter().filter(|(name, _)| is_name(&name.0));
    Ok(Block::from_fields(shown.map(|(name, value)| (&*name.0, ValueRef::Json(value.get())))))
}

/// A new row.
pub(super) fn encode(block: &Block, wrapped: bool) -> Result<Vec<u8>, Unwritable> {
    let mut out = Vec::with_capacity(block.size() + 16);
    out.extend(if wrapped { &b"{\"value\":{"[..] } else { b"{" });
    for (place, (name, value)) in block.iter().enumerate() {
        put_member(&mut out, place, name, json_of(value)?);
    }
    out.extend(if wrapped { &b"}}"[..] } else { b"}" });
    Ok(out)
}

/// The row with some fields replaced, added or removed. Of two members with one name the later counts, as in Ruby.
pub(super) fn patch(data: &[u8], changed: &[Box<str>], block: &Block, wrapped: bool) -> Result<Vec<u8>, Unwritable> {
    let (around, fields) = split(data, wrapped).map_err(|Unreadable(why)| Unwritable(why))?;
    // The place of the last member of each changed name.
    let mut last: BTreeMap<&str, Option<usize>> = changed.iter().map(|name| (&**name, None)).collect();
    for (place, (Text(name), _)) in fields.iter().enumerate() {
        if let Some(last) = last.get_mut(&**name) {
            *last = Some(place);
        }
    }
    let mut members: Vec<(&str, &str)> = Vec::with_capacity(fields.len() + changed.len());
    for (place, (Text(name), value)) in fields.iter().enumerate() {
        match (last.get(&**name), block.get(name)) {
            (None, _) => members.push((name, value.get())),
            (Some(last), Some(value)) if *last == Some(place) => members.push((name, json_of(value)?)),
            _ => {}
        }
    }
    for (name, _) in last.iter().filter(|(_, last)| last.is_none()) {
        if let Some(value) = block.get(name) {
            members.push((name, json_of(value)?));
        }
    }
    let mut inner = vec![b'{'];
    for (place, (name, value)) in members.iter().enumerate() {
        put_member(&mut inner, place, name, value);
    }
    inner.push(b'}');
    if !wrapped {
        return Ok(inner);
    }
    let mut out = vec![b'{'];
    let mut is_written = false;
    for (place, (Text(name), value)) in around.iter().enumerate() {
        let is_session = **name == *VALUE;
        is_written |= is_session;
        let text = if is_session { as_text(&inner) } else { value.get() };
        put_member(&mut out, place, name, text);
    }
    if !is_written {
        put_member(&mut out, around.len(), VALUE, as_text(&inner));
    }
    out.push(b'}');
    Ok(out)
}

/// What is put together from texts is text.
fn as_text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// The members around the session, and the session's own.
fn split(data: &[u8], wrapped: bool) -> Result<(Raw<'_>, Raw<'_>), Unreadable> {
    let text = core::str::from_utf8(data).map_err(|_| Unreadable("the data is not UTF-8".into()))?;
    let outer = members(text).map_err(|Unreadable(why)| {
        let hint =
            if text.starts_with("BA") { ": it looks like Marshal; does the application use serializer marshal?" } else { "" };
        Unreadable(format!("{why}{hint}").into())
    })?;
    if !wrapped {
        return Ok((Vec::new(), outer));
    }
    let inner = match outer.iter().rev().find(|(name, _)| *name.0 == *VALUE) {
        Some((_, value)) if value.get() != "null" => members(value.get())?,
        _ => Vec::new(),
    };
    Ok((outer, inner))
}

fn members(text: &str) -> Result<Raw<'_>, Unreadable> {
    let part: Part<'_, &RawValue> = serde_json::from_str(text)
        .map_err(|error| Unreadable(format!("the data is not a JSON object: look at column {}", error.column()).into()))?;
    Ok(part.0)
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_LIMIT && !name.starts_with('\0')
}

fn json_of(value: ValueRef<'_>) -> Result<&str, Unwritable> {
    match value {
        ValueRef::Json(text) => Ok(text),
        ValueRef::Bytes(_) => Err(Unwritable("bytes have no form in a JSON row: set text, or use serializer marshal".into())),
        _ => Err(Unwritable("a Ruby object has no form in a JSON row".into())),
    }
}

fn put_member(out: &mut Vec<u8>, place: usize, name: &str, value: &str) {
    if place > 0 {
        out.push(b',');
    }
    out.extend(serde_json::to_string(name).unwrap_or_default().as_bytes());
    out.push(b':');
    out.extend(value.as_bytes());
}
