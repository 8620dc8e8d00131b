//! Values of the CFML literal: as JSON, as Java objects, and written.

use super::build::Builder;
use super::date::{self, Civil};
use super::graph::{Graph, Part};
use super::jtext::{self, push_json_str};
use super::literal::{Literal, Member, last_of_each};
use super::number::exact_double;
use super::shape::{Shape, shape};
use super::stream_read;
use crate::content;
use base64::prelude::{BASE64_STANDARD, Engine};

/// The value as JSON that stands for exactly this value; none if JSON has no such thing.
pub(super) fn exact(value: &Literal<'_>) -> Option<String> {
    let mut out = String::new();
    push(&mut out, value, true).then_some(out)
}

/// The value as JSON for reading; none if there is nothing to see.
pub(super) fn view(value: &Literal<'_>) -> Option<String> {
    let mut out = String::new();
    push(&mut out, value, false).then_some(out)
}

fn push(out: &mut String, value: &Literal<'_>, exact: bool) -> bool {
    match value {
        Literal::Null => out.push_str("null"),
        Literal::Boolean(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Literal::Number(number) => out.push_str(number),
        Literal::Text(text) => push_json_str(out, text),
        Literal::Array(elements) => return push_all(out, "[", elements.iter().map(|element| (None, element)), "]", exact),
        Literal::Struct { members, .. } => {
            let members = members.iter().map(|member| (Some(member.name.as_str()), &member.value));
            return push_all(out, "{", members, "}", exact);
        }
        _ if exact => return false,
        Literal::Date(ms) => out.push_str(&date::json(*ms)),
        Literal::Zoned(civil, zone) => push_json_str(out, &format!("{}[{zone}]", civil.text())),
        #[allow(clippy::cast_precision_loss)] // Bounded by a million days.
        Literal::Span([days, hours, minutes, seconds]) => {
            let seconds = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
            out.push_str(&(seconds as f64 / 86_400.0).to_string());
        }
        Literal::Java(stream) => {
            let mut graph = Graph::default();
            let seen = stream_read::read(&mut graph, stream).ok().and_then(|root| super::show::view(&graph, root, 1 << 20));
            out.push_str(&seen.unwrap_or_else(|| "null".to_owned()));
        }
        Literal::Call(name) => {
            out.push_str("{\"class\":");
            push_json_str(out, name);
            out.push('}');
        }
    }
    true
}

fn push_all<'v, 't: 'v>(
    out: &mut String,
    open: &str,
    values: impl Iterator<Item = (Option<&'v str>, &'v Literal<'t>)>,
    close: &str,
    exact: bool,
) -> bool {
    out.push_str(open);
    for (place, (name, value)) in values.enumerate() {
        if place > 0 {
            out.push(',');
        }
        if let Some(name) = name {
            push_json_str(out, name);
            out.push(':');
        }
        if !push(out, value, exact) {
            return false;
        }
    }
    out.push_str(close);
    true
}

/// The word by which a value is called that has no exact JSON.
pub(super) fn kind(value: &Literal<'_>) -> &'static str {
    match value {
        Literal::Date(_) | Literal::Zoned(..) => "lucee.date",
        Literal::Span(_) => "lucee.timespan",
        Literal::Array(_) => "lucee.array",
        Literal::Struct { .. } => "lucee.struct",
        Literal::Call(name) if name.eq_ignore_ascii_case("query") => "lucee.query",
        Literal::Call(name) if name.eq_ignore_ascii_case("evaluateComponent") => "lucee.component",
        _ => "lucee.literal",
    }
}

impl<'a> Builder<'a> {
    /// The value as Java objects; an error says what has no such form.
    pub fn literal(&mut self, value: &'a Literal<'_>) -> Result<Part<'a>, String> {
        let id = match value {
            Literal::Null => return Ok(Part::Null),
            Literal::Boolean(truth) => self.boolean(*truth)?,
            // As Lucee reads a literal: as a double.
            Literal::Number(number) => {
                let double = number.parse::<f64>().ok().filter(|double| double.is_finite());
                self.number(super::number::JavaNumber::Double(double.ok_or("a number is too large")?))?
            }
            Literal::Text(text) => self.text(&jtext::encode(text.as_bytes())),
            Literal::Array(elements) => {
                let elements = elements.iter().map(|element| self.literal(element)).collect::<Result<_, _>>()?;
                self.list(elements)?
            }
            Literal::Struct { ordered, members } => {
                let pairs = self.members(members)?;
                self.structure(pairs, *ordered)?
            }
            Literal::Date(ms) => self.date(*ms)?,
            Literal::Span(parts) => self.span(*parts)?,
            Literal::Zoned(..) => {
                return Err("a date in a time zone of its own has to stay in a row that is a literal".to_owned());
            }
            Literal::Java(stream) => self.graft(stream)?,
            Literal::Call(_) => {
                return Err("a value that is the call of a function has to stay in a row that is a literal".to_owned());
            }
        };
        Ok(Part::Node(id))
    }

    fn members(&mut self, members: &'a [Member<'_>]) -> Result<Vec<Part<'a>>, String> {
        let mut pairs = Vec::with_capacity(2 * members.len());
        for member in last_of_each(members) {
            let key = self.key(&jtext::encode(member.name.as_bytes()))?;
            pairs.extend([Part::Node(key), self.literal(&member.value)?]);
        }
        Ok(pairs)
    }
}

/// Appends a string as a literal.
pub(super) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '#') {
            out.push(character);
        }
        out.push(character);
    }
    out.push('"');
}

/// Appends a date as a literal.
pub(super) fn push_date(out: &mut String, ms: i64) -> Result<(), String> {
    let civil = Civil::of(ms).ok_or("a date lies before the year 0 or after 9999")?;
    let Civil { year, month, day, hour, minute, second, milli } = civil;
    out.push_str(&format!("createDateTime({year},{month},{day},{hour},{minute},{second},{milli},\"UTC\")"));
    Ok(())
}

/// Appends JSON text as a literal.
pub(super) fn push_json(out: &mut String, text: &str) -> Result<(), String> {
    push_content(out, &content::read(text).ok_or("a value isn't JSON")?)
}

fn push_content(out: &mut String, content: &content::Node<'_>) -> Result<(), String> {
    match content {
        content::Node::Word(b"null") => out.push_str("nullValue()"),
        content::Node::Word(word) => out.push_str(if *word == b"true" { "true" } else { "false" }),
        content::Node::Number(number) => {
            let double = exact_double(number).ok_or("a number has more digits than a literal keeps")?;
            out.push_str(&super::number::double_text(double).unwrap_or_default());
        }
        content::Node::Text(text) => push_text(out, utf8(text)?),
        content::Node::Array(elements) => {
            out.push('[');
            for (place, element) in elements.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                push_content(out, element)?;
            }
            out.push(']');
        }
        content::Node::Object(members) => {
            out.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                push_text(out, utf8(name)?);
                out.push(':');
                push_content(out, value)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    core::str::from_utf8(text).map_err(|_| "a string has half a surrogate pair, which a literal can't hold".to_owned())
}

/// Appends a Java stream as a literal: a date as a date, anything else as it is.
pub(super) fn push_java(out: &mut String, stream: &[u8]) -> Result<(), String> {
    let mut graph = Graph::default();
    let root = stream_read::read(&mut graph, stream)?;
    if let Shape::Date(ms) = shape(&graph, root)
        && super::show::kind(&graph, root) == "lucee.date"
    {
        return push_date(out, ms);
    }
    out.push_str("evaluateJava(\"");
    BASE64_STANDARD.encode_string(stream, out);
    out.push_str("\")");
    Ok(())
}
