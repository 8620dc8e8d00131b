//! Java values as JSON: exactly, or as a view for reading only.

use super::date;
use super::graph::{Graph, NodeId, Part};
use super::jtext;
use super::number::{decimal_text, double_text};
use super::shape::{Pairs, Shape, key_text, shape, shape_of};
use crate::json::DEPTH_LIMIT;
use base64::prelude::{BASE64_STANDARD, Engine};

/// Why a value has no JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoJson {
    /// Something in it is no JSON, or it holds itself, or nests too deep.
    NotExact,
    /// It would be longer than allowed.
    TooLong,
}

/// The value as JSON that stands for exactly this value.
pub(super) fn exact(graph: &Graph<'_>, part: &Part<'_>, limit: usize) -> Result<String, NoJson> {
    show(graph, part, limit, true)
}

/// The value as JSON for reading: dates as text, time spans as days, and of what has no better view its class.
pub(super) fn view(graph: &Graph<'_>, id: NodeId, limit: usize) -> Option<String> {
    show(graph, &Part::Node(id), limit, false).ok()
}

fn show(graph: &Graph<'_>, part: &Part<'_>, limit: usize, exact: bool) -> Result<String, NoJson> {
    let mut shower = Shower { graph, out: String::with_capacity(64), path: Vec::new(), limit, exact };
    shower.part(part)?;
    Ok(shower.out)
}

struct Shower<'g, 'a> {
    graph: &'g Graph<'a>,
    out: String,
    /// The containers around the value at hand.
    path: Vec<NodeId>,
    limit: usize,
    exact: bool,
}

impl<'g, 'a> Shower<'g, 'a> {
    fn part(&mut self, part: &Part<'a>) -> Result<(), NoJson> {
        if self.out.len() > self.limit {
            return Err(NoJson::TooLong);
        }
        let Some(id) = part.node() else {
            self.out.push_str("null");
            return Ok(());
        };
        // One level more than containers may have: for what is in the deepest.
        if self.path.contains(&id) || self.path.len() > DEPTH_LIMIT {
            return self.class(self.graph.class_name(id).unwrap_or_default());
        }
        self.path.push(id);
        let done = self.shape(&shape_of(self.graph, part));
        self.path.pop();
        done
    }

    fn shape(&mut self, shape: &Shape<'g, 'a>) -> Result<(), NoJson> {
        match shape {
            Shape::Null => self.out.push_str("null"),
            Shape::Text(text) => jtext::push_json(&mut self.out, text),
            Shape::Boolean(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Shape::Long(number) => self.out.push_str(&number.to_string()),
            Shape::Double(number) => return self.number(double_text(*number), &number.to_string()),
            Shape::Decimal { negative, magnitude, scale } => {
                return self.number(decimal_text(*negative, magnitude, *scale), "a number with very many digits");
            }
            Shape::Struct(pairs) => return self.pairs(*pairs),
            Shape::Array(elements) => return self.elements(elements),
            _ if self.exact => return Err(NoJson::NotExact),
            Shape::Bytes(bytes) => jtext::push_json_str(&mut self.out, &BASE64_STANDARD.encode(bytes)),
            Shape::Date(ms) => self.out.push_str(&date::json(*ms)),
            Shape::Span(days) => return self.number(double_text(*days), &days.to_string()),
            Shape::Constant(name) => jtext::push_json(&mut self.out, name),
            Shape::JavaMap(pairs) => return self.pairs(*pairs),
            Shape::JavaList(elements) => return self.elements(elements),
            Shape::Query => return self.class(b"lucee.runtime.type.QueryImpl"),
            Shape::Component => return self.class(b"lucee.runtime.ComponentImpl"),
            Shape::Other(class) => return self.class(class),
        }
        Ok(())
    }

    fn number(&mut self, text: Option<String>, otherwise: &str) -> Result<(), NoJson> {
        match text {
            Some(text) => self.out.push_str(&text),
            None if self.exact => return Err(NoJson::NotExact),
            None => jtext::push_json_str(&mut self.out, otherwise),
        }
        Ok(())
    }

    /// Of what has no view its class is said.
    fn class(&mut self, name: &[u8]) -> Result<(), NoJson> {
        if self.exact {
            return Err(NoJson::NotExact);
        }
        self.out.push_str("{\"class\":");
        jtext::push_json(&mut self.out, name);
        self.out.push('}');
        Ok(())
    }

    fn elements(&mut self, elements: &'g [Part<'a>]) -> Result<(), NoJson> {
        self.level()?;
        self.out.push('[');
        for (place, element) in elements.iter().enumerate() {
            self.comma(place);
            self.part(element)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn pairs(&mut self, pairs: Pairs<'g, 'a>) -> Result<(), NoJson> {
        self.level()?;
        self.out.push('{');
        for (place, pair) in pairs.parts.chunks_exact(2).enumerate() {
            self.comma(place);
            let Some(key) = key_text(self.graph, &pair[0]) else { return Err(NoJson::NotExact) };
            jtext::push_json(&mut self.out, key);
            self.out.push(':');
            self.part(&pair[1])?;
        }
        self.out.push('}');
        Ok(())
    }

    /// The container at hand is not too deep.
    fn level(&self) -> Result<(), NoJson> {
        if self.path.len() > DEPTH_LIMIT { Err(NoJson::NotExact) } else { Ok(()) }
    }

    fn comma(&mut self, place: usize) {
        if place > 0 {
            self.out.push(',');
        }
    }
}

/// The word by which a foreign value is called: short for what CFML has, else its Java class.
pub(super) fn kind(graph: &Graph<'_>, id: NodeId) -> String {
    let class = graph.class_name(id).unwrap_or_default();
    let word = match shape(graph, id) {
        Shape::Date(_) if class.starts_with(b"lucee.") => Some("lucee.date"),
        Shape::Span(_) => Some("lucee.timespan"),
        Shape::Struct(_) => Some("lucee.struct"),
        Shape::Array(_) => Some("lucee.array"),
        Shape::Query => Some("lucee.query"),
        Shape::Component => Some("lucee.component"),
        _ => None,
    };
    let name = || jtext::to_string(class).filter(|name| name.len() <= 255 && !name.is_empty());
    word.map(str::to_owned).or_else(name).unwrap_or_else(|| "java.lang.Object".to_owned())
}
