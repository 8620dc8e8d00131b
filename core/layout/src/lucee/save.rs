//! From fields to a row in the Java form: a new row, or a row with some fields changed.

use super::build::Builder;
use super::graph::{Graph, NodeId, Part};
use super::jtext;
use super::literal::{self, Literal};
use super::read::is_shown;
use super::row::{self, Entry, Row};
use super::shape::{Shape, shape_of};
use super::stream_write::Writer;
use super::{ID_FIELDS, LAST_VISIT, LuceeData, Scope, TIME_CREATED, cfid, folded, id_value};
use crate::foreign::Saving;
use holdall_engine::ValueRef;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Foreign values that are literals, read before the graph is built that borrows from them.
type Literals<'a> = BTreeMap<&'a str, Literal<'a>>;

/// The data of a new row.
pub(super) fn encode(layout: &LuceeData, saving: Saving<'_>) -> Result<Vec<u8>, String> {
    let cfid = cfid(saving.key)?;
    let block = &saving.record.block;
    let literals = literals(block.iter())?;
    let mut new = NewRow::new(layout, ms(saving.now.0));
    for field in id_fields(layout.scope) {
        let text = new.text(&id_value(field, &layout.application, cfid));
        new.add(field, text, None)?;
    }
    for (field, time) in [(TIME_CREATED, saving.record.created), (LAST_VISIT, saving.record.accessed)] {
        if block.get(field).is_none() {
            let date = Part::Node(new.builder.date(ms(time.0))?);
            new.add(field, date, None)?;
        }
    }
    if layout.scope == Scope::Client && block.get(HIT_COUNT).is_none() {
        let hits = new.builder.json("1")?;
        new.add(HIT_COUNT, hits, None)?;
    }
    for (name, value) in block.iter().filter(|(name, _)| is_shown(&folded(name))) {
        let value = value_part(&mut new.builder, name, value, &literals)?;
        new.add(name, value, None)?;
    }
    new.written()
}

const HIT_COUNT: &str = "hitcount";

/// The fields of a scope that say the id.
pub(super) fn id_fields(scope: Scope) -> impl Iterator<Item = &'static str> {
    ID_FIELDS.into_iter().filter(move |field| scope == Scope::Session || *field != "sessionid")
}

/// A row of Lucee's own making, under construction.
pub(super) struct NewRow<'a> {
    pub builder: Builder<'a>,
    pairs: Vec<Part<'a>>,
    /// When the row is saved.
    pub now: i64,
}

impl<'a> NewRow<'a> {
    pub fn new(layout: &LuceeData, now: i64) -> Self {
        Self { builder: Builder::new(Graph::default(), layout.target), pairs: Vec::new(), now }
    }

    pub fn text(&mut self, text: &str) -> Part<'a> {
        Part::Node(self.builder.text(&jtext::encode(text.as_bytes())))
    }

    /// Adds a field that was set at `time`, or now.
    pub fn add(&mut self, name: &str, value: Part<'a>, time: Option<i64>) -> Result<(), String> {
        let key = self.builder.key(&jtext::encode(name.as_bytes()))?;
        let item = self.builder.item(time.unwrap_or(self.now), false, value)?;
        self.pairs.extend([Part::Node(key), Part::Node(item)]);
        Ok(())
    }

    /// The row's data.
    pub fn written(mut self) -> Result<Vec<u8>, String> {
        let map = self.builder.map(self.pairs)?;
        let inner = stream(&self.builder.graph, map)?;
        let mut outer = Builder::new(Graph::default(), super::Target::default());
        let stored = outer.stored(self.now, inner)?;
        row::text(&outer.graph, stored)
    }
}

/// The data of a row with the fields `changed` as they are in the record.
pub(super) fn patch(layout: &LuceeData, data: &[u8], changed: &[Box<str>], saving: Saving<'_>) -> Result<Vec<u8>, String> {
    let cfid = cfid(saving.key)?;
    let block = &saving.record.block;
    let bytes = row::bytes_of(data)?;
    let mut row = Row::read(&bytes)?;
    let entries = row.entries()?;
    let named = changed.iter().filter_map(|name| Some((&**name, block.get(name)?)));
    let literals = literals(named)?;
    let now = ms(saving.now.0);
    let pairs = row.pairs()?;
    let (holder, counted, end) = (pairs.holder, pairs.counted, pairs.at + pairs.parts.len());
    let builder = Builder::new(core::mem::take(&mut row.graph), layout.target);
    let count = entries.len();
    let mut fields: BTreeMap<String, Vec<Entry<'_>>> = BTreeMap::new();
    for entry in entries {
        fields.entry(folded(&entry.name).into_owned()).or_default().push(entry);
    }
    let (gone, new, edited) = (Vec::new(), Vec::new(), false);
    let mut edit = Edit { builder, fields, count, holder, counted, end, now, gone, new, edited };
    for name in changed.iter().filter(|name| is_shown(&folded(name))) {
        match block.get(name) {
            Some(value) => {
                let value = value_part(&mut edit.builder, name, value, &literals)?;
                edit.set(name, value)?;
            }
            None => edit.remove(name)?,
        }
    }
    edit.name_id(layout, cfid)?;
    if !edit.edited {
        return Ok(data.to_vec());
    }
    row.graph = edit.finished();
    let inner = stream(&row.graph, row.map)?;
    // A save that seems no later than the last would be taken for an older one.
    let saved = now.max(row.saved.saturating_add(1));
    row.written(saved, inner)
}

/// A row's map, being changed.
struct Edit<'a> {
    builder: Builder<'a>,
    /// The entries by their folded names; a name has one, unless the row is damaged.
    fields: BTreeMap<String, Vec<Entry<'a>>>,
    /// How many entries there are.
    count: usize,
    /// The node whose parts the pairs are.
    holder: NodeId,
    counted: bool,
    /// Behind the last pair.
    end: usize,
    now: i64,
    /// Places of keys that go away with their items.
    gone: Vec<usize>,
    /// Pairs that are new.
    new: Vec<Part<'a>>,
    edited: bool,
}

impl<'a> Edit<'a> {
    fn found(&self, name: &str) -> Vec<Entry<'a>> {
        self.fields.get(&*folded(name)).cloned().unwrap_or_default()
    }

    /// Puts a value in the place of a field's old one, or behind all.
    fn set(&mut self, name: &str, value: Part<'a>) -> Result<(), String> {
        self.edited = true;
        if let Some(entry) = self.found(name).pop() {
            return self.replace(&entry, false, value);
        }
        let key = self.builder.key(&jtext::encode(name.as_bytes()))?;
        let item = self.builder.item(self.now, false, value)?;
        self.new.extend([Part::Node(key), Part::Node(item)]);
        Ok(())
    }

    fn replace(&mut self, entry: &Entry<'a>, removed: bool, value: Part<'a>) -> Result<(), String> {
        let item = self.builder.item(self.now.max(entry.time), removed, value)?;
        self.builder.graph.parts_mut(self.holder)[entry.at + 1] = Part::Node(item);
        Ok(())
    }

    /// Marks a field as removed, so that a Lucee that still has it in memory learns of it. In a map of Java's own, which
    /// can't be cleaned by Lucee while it looks through it, the entry goes away.
    fn remove(&mut self, name: &str) -> Result<(), String> {
        for entry in self.found(name) {
            if self.counted {
                self.gone.push(entry.at);
            } else if !entry.removed {
                self.replace(&entry, true, Part::Null)?;
            } else {
                continue;
            }
            self.edited = true;
        }
        Ok(())
    }

    /// Makes the fields right that say the id, if the row's is another (after a rotation).
    fn name_id(&mut self, layout: &LuceeData, cfid: &str) -> Result<(), String> {
        let Some(entry) = self.found("cfid").pop() else { return Ok(()) };
        if matches!(shape_of(&self.builder.graph, &entry.value), Shape::Text(text) if text == cfid.as_bytes()) {
            return Ok(());
        }
        for field in id_fields(layout.scope) {
            let text = id_value(field, &layout.application, cfid);
            let value = Part::Node(self.builder.text(&jtext::encode(text.as_bytes())));
            self.set(field, value)?;
        }
        Ok(())
    }

    /// The graph with all changes.
    fn finished(mut self) -> Graph<'a> {
        self.gone.sort_unstable();
        self.gone.dedup();
        let count = (self.count - self.gone.len() + self.new.len() / 2) as u32;
        let first = self.end - 2 * self.count;
        if self.gone.is_empty() && self.new.is_empty() {
            return self.builder.graph;
        }
        let mut parts = self.builder.graph.parts(self.holder).to_vec();
        parts.splice(self.end..self.end, self.new);
        for at in self.gone.iter().rev() {
            parts.drain(*at..at + 2);
        }
        if let (true, Some(Part::Block { data, .. })) = (self.counted, parts.get_mut(first - 1)) {
            let mut head = data.to_vec();
            head.truncate(4);
            head.extend(count.to_be_bytes());
            *data = Cow::Owned(head);
        }
        self.builder.graph.set_parts(self.holder, parts);
        self.builder.graph
    }
}

/// The foreign values among `fields` that are literals.
fn literals<'a>(fields: impl Iterator<Item = (&'a str, ValueRef<'a>)>) -> Result<Literals<'a>, String> {
    let mut literals = Literals::new();
    for (name, value) in fields {
        if let ValueRef::Foreign { kind, raw } = value
            && !raw.starts_with(&super::graph::MAGIC)
        {
            let text = core::str::from_utf8(raw).ok().filter(|_| kind.starts_with("lucee."));
            let text = text.ok_or_else(|| format!("a value of the kind '{kind}' is none that Lucee could read"))?;
            literals.insert(name, literal::read(text)?);
        }
    }
    Ok(literals)
}

/// A field's value as Java objects.
fn value_part<'a>(
    builder: &mut Builder<'a>,
    name: &str,
    value: ValueRef<'a>,
    literals: &'a Literals<'a>,
) -> Result<Part<'a>, String> {
    match value {
        ValueRef::Json(text) => builder.json(text),
        ValueRef::Bytes(bytes) => Ok(Part::Node(builder.bytes(Cow::Borrowed(bytes))?)),
        ValueRef::Foreign { raw, .. } => match literals.get(name) {
            Some(literal) => builder.literal(literal),
            None => Ok(Part::Node(builder.graft(raw)?)),
        },
        ValueRef::Unknown(_) => Err("a value comes from a newer format of another table".to_owned()),
    }
}

fn stream(graph: &Graph<'_>, root: NodeId) -> Result<Vec<u8>, String> {
    let stream = Writer::new(graph, row::DATA_LIMIT / 4 * 3).stream(root);
    stream.ok_or_else(|| format!("the data would be longer than {} characters", row::DATA_LIMIT))
}

/// A time as Java has it.
pub(super) fn ms(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// A stream with bytes alone.
pub(super) fn bytes_stream(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut builder = Builder::new(Graph::default(), super::Target::default());
    let root = builder.bytes(Cow::Borrowed(bytes))?;
    stream(&builder.graph, root)
}
