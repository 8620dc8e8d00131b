//! Rows that are a CFML literal: read, written when asked for, and changed.

use super::graph::{Graph, MAGIC};
use super::literal::{self, Literal, Member};
use super::literal_values::{self, push_date, push_java, push_json, push_text};
use super::read::{Fields, is_shown};
use super::row::DATA_LIMIT;
use super::save::{self, NewRow, id_fields, ms};
use super::shape::{Shape, shape};
use super::show;
use super::stream_read;
use super::{Form, LAST_VISIT, LuceeData, TIME_CREATED, cfid, folded, id_value};
use crate::foreign::{Decoded, Saving};
use base64::prelude::{BASE64_STANDARD, Engine};
use holdall_engine::{Value, ValueRef};
use std::collections::BTreeSet;

/// The fields of a row.
pub(super) fn decode(data: &[u8]) -> Result<Decoded, String> {
    if data.len() > DATA_LIMIT {
        return Err(format!("the data is longer than {DATA_LIMIT} characters"));
    }
    let (_, members) = literal::read_row(data)?;
    let mut fields = Fields::default();
    for member in &members {
        let name = folded(&member.name);
        if let Literal::Date(ms) = member.value {
            fields.date(&name, ms);
        }
        if is_shown(&name) {
            fields.add(&name, value(member)?);
        }
    }
    Ok(fields.decoded())
}

fn value(member: &Member<'_>) -> Result<Value, String> {
    if let Literal::Java(stream) = &member.value {
        let mut graph = Graph::default();
        let root = stream_read::read(&mut graph, stream)?;
        if let Shape::Bytes(bytes) = shape(&graph, root) {
            return Ok(Value::Bytes(bytes.into()));
        }
        return Ok(Value::Foreign { kind: show::kind(&graph, root).into(), raw: stream.as_slice().into() });
    }
    Ok(match literal_values::exact(&member.value) {
        Some(json) => Value::Json(json.into()),
        None => Value::Foreign { kind: literal_values::kind(&member.value).into(), raw: member.raw.as_bytes().into() },
    })
}

/// The data of a new row, as a literal. The fields that say the id are left out but for `sessionid`, as Lucee does.
pub(super) fn encode(layout: &LuceeData, saving: Saving<'_>) -> Result<Vec<u8>, String> {
    let cfid = cfid(saving.key)?;
    let block = &saving.record.block;
    let mut members = Vec::new();
    for (field, time) in [(LAST_VISIT, saving.record.accessed), (TIME_CREATED, saving.record.created)] {
        if block.get(field).is_none() {
            let mut member = opened(field);
            push_date(&mut member, ms(time.0))?;
            members.push(member);
        }
    }
    if id_fields(layout.scope).any(|field| field == SESSION_ID) {
        members.push(session_id(layout, cfid));
    }
    for (name, value) in block.iter().filter(|(name, _)| is_shown(&folded(name))) {
        members.push(written(name, value)?);
    }
    Ok(format!("{{{}}}", members.join(",")).into_bytes())
}

const SESSION_ID: &str = "sessionid";

fn session_id(layout: &LuceeData, cfid: &str) -> String {
    let mut member = opened(SESSION_ID);
    push_text(&mut member, &id_value(SESSION_ID, &layout.application, cfid));
    member
}

/// A member's name and colon.
fn opened(name: &str) -> String {
    let mut member = String::new();
    push_text(&mut member, name);
    member.push(':');
    member
}

/// A member as it stands in a literal.
fn written(name: &str, value: ValueRef<'_>) -> Result<String, String> {
    let mut member = opened(name);
    match value {
        ValueRef::Json(text) => push_json(&mut member, text)?,
        ValueRef::Bytes(bytes) => push_bytes(&mut member, bytes)?,
        ValueRef::Foreign { raw, .. } if raw.starts_with(&MAGIC) => push_java(&mut member, raw)?,
        ValueRef::Foreign { kind, raw } => {
            let text = core::str::from_utf8(raw).ok().filter(|text| kind.starts_with("lucee.") && literal::read(text).is_ok());
            member.push_str(text.ok_or_else(|| format!("a value of the kind '{kind}' is none that Lucee could read"))?);
        }
        ValueRef::Unknown(_) => return Err("a value comes from a newer format of another table".to_owned()),
    }
    Ok(member)
}

/// Bytes are an object of Java.
fn push_bytes(out: &mut String, bytes: &[u8]) -> Result<(), String> {
    let stream = save::bytes_stream(bytes)?;
    out.push_str("evaluateJava(\"");
    BASE64_STANDARD.encode_string(stream, out);
    out.push_str("\")");
    Ok(())
}

/// The data of a row with the fields `changed` as they are in the record. It stays a literal if the layout writes
/// literals, or if something in it has no other form.
pub(super) fn patch(layout: &LuceeData, data: &[u8], changed: &[Box<str>], saving: Saving<'_>) -> Result<Vec<u8>, String> {
    let (prefix, members) = literal::read_row(data)?;
    let sets = changed.iter().any(|name| is_shown(&folded(name)));
    let key = cfid(saving.key)?;
    let stated = members.iter().find(|member| folded(&member.name) == SESSION_ID).map(|member| &member.value);
    let moved = matches!(stated, Some(Literal::Text(text)) if *text != id_value(SESSION_ID, &layout.application, key));
    if !sets && !moved {
        return Ok(data.to_vec());
    }
    if layout.form == Form::Java
        && let Ok(java) = converted(layout, &members, key, ms(saving.now.0))
    {
        return save::patch(layout, &java, changed, saving);
    }
    let names: BTreeSet<_> = changed.iter().map(|name| folded(name)).filter(|name| is_shown(name)).collect();
    let mut texts: Vec<String> = Vec::new();
    for member in &members {
        if moved && folded(&member.name) == SESSION_ID {
            texts.push(self::session_id(layout, key));
        } else if !names.contains(&folded(&member.name)) {
            texts.push(member.text.to_owned());
        }
    }
    for name in changed.iter().filter(|name| is_shown(&folded(name))) {
        if let Some(value) = saving.record.block.get(name) {
            texts.push(written(name, value)?);
        }
    }
    Ok(format!("{prefix}{{{}}}", texts.join(",")).into_bytes())
}

/// The same row in the Java form; an error if something has only the form of a literal. Fields were set when the session
/// was last used, for all that a literal tells; that is what Lucee takes too.
fn converted(layout: &LuceeData, members: &[Member<'_>], cfid: &str, now: i64) -> Result<Vec<u8>, String> {
    let date = |name: &str| {
        let member = members.iter().rfind(|member| folded(&member.name) == name)?;
        if let Literal::Date(ms) = member.value { Some(ms.min(now)) } else { None }
    };
    let time = date(LAST_VISIT).or_else(|| date(TIME_CREATED));
    let mut new = NewRow::new(layout, time.unwrap_or(now));
    for field in id_fields(layout.scope) {
        let text = new.text(&id_value(field, &layout.application, cfid));
        new.add(field, text, time)?;
    }
    for member in literal::last_of_each(members) {
        if super::ID_FIELDS.contains(&&*folded(&member.name)) {
            continue;
        }
        let value = new.builder.literal(&member.value)?;
        new.add(&member.name, value, time)?;
    }
    new.written()
}
