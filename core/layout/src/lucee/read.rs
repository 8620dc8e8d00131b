//! From a row in the Java form to fields.

use super::graph::{Graph, NodeId, Part};
use super::literal;
use super::literal_values;
use super::row::{self, DATA_LIMIT, Row};
use super::shape::{Shape, shape_of};
use super::show::{self, NoJson};
use super::stream_read;
use super::stream_write::Writer;
use super::{ID_FIELDS, LAST_VISIT, TIME_CREATED, folded};
use crate::foreign::Decoded;
use holdall_engine::{Block, NAME_LIMIT, Time, Value};

/// The longest view.
const VIEW_LIMIT: usize = 1 << 20;

/// The fields of a row, as they are found.
#[derive(Default)]
pub(super) struct Fields {
    values: Vec<(String, Value)>,
    created: Option<i64>,
    accessed: Option<i64>,
}

impl Fields {
    /// Notes the date in a field, if it is one that says when the session was begun or used.
    pub fn date(&mut self, name: &str, ms: i64) {
        match name {
            TIME_CREATED => self.created = Some(ms),
            LAST_VISIT => self.accessed = Some(ms),
            _ => {}
        }
    }

    /// Notes a field. `name` is folded.
    pub fn add(&mut self, name: &str, value: Value) {
        self.values.push((name.to_owned(), value));
    }

    pub fn decoded(self) -> Decoded {
        let block = Block::from_fields(self.values.iter().map(|(name, value)| (name.as_str(), value.as_ref())));
        let time = |ms: Option<i64>| ms.and_then(|ms| u64::try_from(ms).ok()).map(Time);
        Decoded { block, created: time(self.created), accessed: time(self.accessed) }
    }
}

/// Whether a field is shown. `name` is folded.
pub(super) fn is_shown(name: &str) -> bool {
    name.len() <= NAME_LIMIT && !ID_FIELDS.contains(&name)
}

/// The fields of a row.
pub(super) fn decode(data: &[u8]) -> Result<Decoded, String> {
    if data.len() > DATA_LIMIT {
        return Err(format!("the data is longer than {DATA_LIMIT} characters"));
    }
    let bytes = row::bytes_of(data)?;
    let row = Row::read(&bytes)?;
    let limit = bytes.len() * 16 + (1 << 20);
    let one = bytes.len() * 8 + (1 << 16);
    let mut values = Values { row: &row, writer: Writer::new(&row.graph, limit), left: limit, one };
    let mut fields = Fields::default();
    for entry in row.entries()?.into_iter().filter(|entry| !entry.removed) {
        let name = folded(&entry.name);
        if let Shape::Date(ms) = shape_of(&row.graph, &entry.value) {
            fields.date(&name, ms);
        }
        if is_shown(&name) {
            fields.add(&name, values.value(&entry.value)?);
        }
    }
    Ok(fields.decoded())
}

/// Makes values of one row, within a limit for all of them: rows can name one object many times.
struct Values<'r, 'a> {
    row: &'r Row<'a>,
    writer: Writer<'r, 'a>,
    /// Bytes of JSON that may still be made.
    left: usize,
    /// Bytes of JSON that one value may take.
    one: usize,
}

impl<'a> Values<'_, 'a> {
    fn value(&mut self, part: &Part<'a>) -> Result<Value, String> {
        let graph = &self.row.graph;
        if let Shape::Bytes(bytes) = shape_of(graph, part) {
            self.take(bytes.len())?;
            return Ok(Value::Bytes(bytes.into()));
        }
        let limit = self.left.min(self.one);
        match (show::exact(graph, part, limit), part.node()) {
            (Ok(json), _) => {
                self.take(json.len())?;
                Ok(Value::Json(json.into()))
            }
            (Err(NoJson::TooLong), Some(id)) => {
                self.take(limit)?;
                self.foreign(id)
            }
            (Err(NoJson::NotExact), Some(id)) => self.foreign(id),
            (Err(_), None) => Err("a value is neither null nor an object".to_owned()),
        }
    }

    fn foreign(&mut self, id: NodeId) -> Result<Value, String> {
        let raw = self.writer.stream(id).ok_or_else(too_much)?;
        Ok(Value::Foreign { kind: show::kind(&self.row.graph, id).into(), raw: raw.into() })
    }

    fn take(&mut self, len: usize) -> Result<(), String> {
        self.left = self.left.checked_sub(len).ok_or_else(too_much)?;
        Ok(())
    }
}

fn too_much() -> String {
    "the row's values name each other so often that they would take many times the row's length".to_owned()
}

/// A foreign value as JSON, for reading.
pub(super) fn view(raw: &[u8]) -> Option<String> {
    if raw.starts_with(&super::graph::MAGIC) {
        let mut graph = Graph::default();
        let root = stream_read::read(&mut graph, raw).ok()?;
        return show::view(&graph, root, VIEW_LIMIT);
    }
    literal_values::view(&literal::read(core::str::from_utf8(raw).ok()?).ok()?)
}
