//! Makes Java objects in a graph: the values that a session's fields become.

use super::Target;
use super::classes::{self, Spec};
use super::graph::{Class, Field, Graph, Kind, Node, NodeId, Part};
use super::jtext;
use super::number::{JavaNumber, java_number};
use super::stream_read;
use crate::content;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The type of a struct that no more is known of.
const STRUCT_TYPE: i32 = -1;
/// The type of a struct that keeps its order.
const ORDERED_TYPE: i32 = 1;
const LOAD_FACTOR: [u8; 4] = [0x3f, 0x40, 0, 0];

/// A graph that grows. Class descriptors that it has already are used again, with whatever version they have.
pub(super) struct Builder<'a> {
    pub graph: Graph<'a>,
    target: Target,
    /// The descriptors of the graph by name, in order of appearance.
    known: BTreeMap<Cow<'a, [u8]>, Vec<NodeId>>,
    /// Classes that were asked for before. Few and looked for often.
    found: Vec<(&'static str, NodeId)>,
    /// The names of fields' types, which streams say once.
    types: BTreeMap<Vec<u8>, NodeId>,
}

impl<'a> Builder<'a> {
    /// A builder that adds to `graph`.
    pub fn new(graph: Graph<'a>, target: Target) -> Self {
        let mut builder = Self { graph, target, known: BTreeMap::new(), found: Vec::new(), types: BTreeMap::new() };
        builder.note_classes(0);
        builder
    }

    /// Notes the descriptors among the nodes from `start` on.
    fn note_classes(&mut self, start: usize) {
        for place in start..self.graph.nodes.len() {
            let id = NodeId(place as u32);
            let node = self.graph.node(id);
            let Some(about) = node.about.as_ref().filter(|_| node.kind == Kind::Class) else { continue };
            self.known.entry(Cow::Borrowed(about.name)).or_default().push(id);
            let types = self.graph.parts(id).iter().filter_map(Part::node);
            let texts: Vec<(Vec<u8>, NodeId)> =
                types.filter_map(|id| self.graph.text(id).map(|text| (text.to_vec(), id))).collect();
            for (text, id) in texts {
                self.types.entry(text).or_insert(id);
            }
        }
    }

    /// The descriptor of a class: the one that the graph has, if it says the same fields, else a new one.
    fn class(&mut self, name: &'static str) -> Result<NodeId, String> {
        if let Some((_, id)) = self.found.iter().find(|(found, _)| core::ptr::eq(*found, name)) {
            return Ok(*id);
        }
        let id = self.new_class(name)?;
        self.found.push((name, id));
        Ok(id)
    }

    fn new_class(&mut self, name: &'static str) -> Result<NodeId, String> {
        let spec = classes::find(name).ok_or_else(|| format!("the class {name} is not known"))?;
        let known = self.known.get(name.as_bytes()).into_iter().flatten().take(8);
        if let Some(found) = known.copied().find(|id| self.is_like(*id, spec)) {
            return Ok(found);
        }
        let parent = spec.parent.map(|parent| self.class(parent)).transpose()?;
        let mut about = Class::new(spec.name.as_bytes(), spec.flags);
        let mut head = short(spec.name.as_bytes());
        head.extend(classes::version(spec, self.target).to_be_bytes());
        let mut flags = vec![spec.flags];
        flags.extend((spec.fields.len() as u16).to_be_bytes());
        let mut parts = vec![raw(head), Part::Handle, raw(flags)];
        for (code, name, type_name) in spec.fields {
            let mut field = vec![*code];
            field.extend(short(name.as_bytes()));
            parts.push(raw(field));
            if matches!(code, b'L' | b'[') {
                parts.push(Part::Node(self.type_name(type_name)));
            }
            about.add(Field { code: *code, name: name.as_bytes() });
        }
        parts.push(Part::End);
        parts.push(parent.map_or(Part::Null, Part::Node));
        (about.parent, about.whole) = (parent, true);
        let mut node = Node::new(Kind::Class);
        node.about = Some(Box::new(about));
        let id = self.graph.add(node);
        self.graph.set_parts(id, parts);
        self.known.entry(Cow::Borrowed(spec.name.as_bytes())).or_default().push(id);
        Ok(id)
    }

    /// Whether the descriptor and those above it have the fields of the class that is written.
    fn is_like(&self, id: NodeId, spec: &Spec) -> bool {
        let Some(about) = self.graph.about(id) else { return false };
        let same_field = |(field, said): (&Field<'_>, &(u8, &str, &str))| (field.code, field.name) == (said.0, said.1.as_bytes());
        let same_fields = about.fields.len() == spec.fields.len() && about.fields.iter().zip(spec.fields).all(same_field);
        let same_parent = match (about.parent, spec.parent.and_then(classes::find)) {
            (None, None) => true,
            (Some(parent), Some(spec)) => self.is_like(parent, spec),
            _ => false,
        };
        about.name == spec.name.as_bytes() && about.flags == spec.flags && about.whole && same_fields && same_parent
    }

    fn type_name(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.types.get(name.as_bytes()) {
            return *id;
        }
        let id = self.text(name.as_bytes());
        self.types.insert(name.as_bytes().to_vec(), id);
        id
    }

    /// A string, given in modified UTF-8.
    pub fn text(&mut self, text: &[u8]) -> NodeId {
        let (kind, mut said) = match u16::try_from(text.len()) {
            Ok(len) => (Kind::Text, len.to_be_bytes().to_vec()),
            Err(_) => (Kind::LongText, (text.len() as u64).to_be_bytes().to_vec()),
        };
        said.extend_from_slice(text);
        let mut node = Node::new(kind);
        node.text = Cow::Owned(said);
        self.graph.add(node)
    }

    fn object(&mut self, class: &'static str, data: impl IntoIterator<Item = Part<'a>>) -> Result<NodeId, String> {
        let class = self.class(class)?;
        let mut node = Node::new(Kind::Object);
        node.class = Some(class);
        let id = self.graph.add(node);
        self.graph.set_parts(id, [Part::Node(class), Part::Handle].into_iter().chain(data));
        Ok(id)
    }

    /// Adds data to an object that has none and that the data names.
    fn fill<const N: usize>(&mut self, id: NodeId, data: [Part<'a>; N]) {
        let head = self.graph.parts(id).to_vec();
        self.graph.set_parts(id, head.into_iter().chain(data));
    }

    fn array(&mut self, class: &'static str, count: usize, data: impl IntoIterator<Item = Part<'a>>) -> Result<NodeId, String> {
        let id = self.object(class, [raw((count as u32).to_be_bytes().to_vec())].into_iter().chain(data))?;
        self.graph.node_mut(id).kind = Kind::Array;
        Ok(id)
    }

    /// An array of bytes.
    pub fn bytes(&mut self, bytes: Cow<'a, [u8]>) -> Result<NodeId, String> {
        self.array(classes::BYTES, bytes.len(), [Part::Raw(bytes)])
    }

    /// A key of a map, as Lucee has them.
    pub fn key(&mut self, text: &[u8]) -> Result<NodeId, String> {
        let text = self.text(text);
        self.object(classes::KEY, [Part::Node(text), Part::End])
    }

    /// Lucee's map with these keys and values.
    pub fn map(&mut self, pairs: Vec<Part<'a>>) -> Result<NodeId, String> {
        let state = self.object(classes::LOCK_STATE, [raw(vec![0; 4])])?;
        let segment = self.object(classes::SEGMENT, [Part::Node(state), raw(LOAD_FACTOR.to_vec())])?;
        let segments = self.array(classes::SEGMENTS, 1, [Part::Node(segment)])?;
        let head = [raw(vec![0, 0, 0, 0, 0, 0, 0, 32]), Part::Node(segments)];
        self.object(classes::MAP, head.into_iter().chain(pairs).chain([Part::Null, Part::Null, Part::End]))
    }

    /// A map that keeps its order, as Lucee's ordered structs have it.
    fn linked_map(&mut self, pairs: Vec<Part<'a>>) -> Result<NodeId, String> {
        let count = pairs.len() as u32 / 2;
        let buckets = (count * 2).next_power_of_two().max(32);
        let threshold = buckets / 4 * 3;
        let head =
            [raw([LOAD_FACTOR, threshold.to_be_bytes()].concat()), block([buckets.to_be_bytes(), count.to_be_bytes()].concat())];
        let map = self.object(classes::LINKED_MAP, head.into_iter().chain(pairs).chain([Part::End, raw(vec![0])]))?;
        let safe = self.object(classes::SAFE_MAP, [])?;
        self.fill(safe, [Part::Node(map), Part::Node(safe), Part::End]);
        Ok(safe)
    }

    /// A struct with these keys and values.
    pub fn structure(&mut self, pairs: Vec<Part<'a>>, ordered: bool) -> Result<NodeId, String> {
        let (kind, map) = if ordered { (ORDERED_TYPE, self.linked_map(pairs)?) } else { (STRUCT_TYPE, self.map(pairs)?) };
        self.object(classes::STRUCT, [raw(kind.to_be_bytes().to_vec()), Part::Node(map)])
    }

    /// A CFML array.
    pub fn list(&mut self, elements: Vec<Part<'a>>) -> Result<NodeId, String> {
        let size = (elements.len() as u32).to_be_bytes().to_vec();
        let head = [raw(size.clone()), block(size)];
        let list = self.object(classes::LIST, head.into_iter().chain(elements).chain([Part::End]))?;
        let safe = self.object(classes::SAFE_LIST, [])?;
        self.fill(safe, [Part::Node(list), Part::Node(safe), Part::End, Part::Node(list)]);
        self.object(classes::ARRAY, [Part::Node(safe)])
    }

    pub fn boolean(&mut self, truth: bool) -> Result<NodeId, String> {
        self.object(classes::BOOLEAN, [raw(vec![u8::from(truth)])])
    }

    /// A date and time, in milliseconds since 1970.
    pub fn date(&mut self, ms: i64) -> Result<NodeId, String> {
        self.object(classes::DATE, [block(ms.to_be_bytes().to_vec()), Part::End])
    }

    /// A time span.
    pub fn span(&mut self, [days, hours, minutes, seconds]: [i64; 4]) -> Result<NodeId, String> {
        let ms = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
        let mut fields = days.to_be_bytes().to_vec();
        for field in [hours, 0, minutes, seconds] {
            fields.extend((field as i32).to_be_bytes());
        }
        // As Lucee reckons it, part by part.
        #[allow(clippy::cast_precision_loss)] // The parts are small.
        let value = days as f64 + hours as f64 / 24.0 + minutes as f64 / 1440.0 + seconds as f64 / 86_400.0;
        fields.extend(value.to_be_bytes());
        fields.extend(ms.to_be_bytes());
        self.object(classes::SPAN, [raw(fields)])
    }

    pub fn number(&mut self, number: JavaNumber) -> Result<NodeId, String> {
        match number {
            JavaNumber::Double(double) => self.object(classes::DOUBLE, [raw(double.to_be_bytes().to_vec())]),
            JavaNumber::Long(long) => self.object(classes::LONG, [raw(long.to_be_bytes().to_vec())]),
            JavaNumber::Decimal { negative, magnitude, scale } => {
                let magnitude = self.bytes(Cow::Owned(magnitude))?;
                let mut fields = Vec::new();
                // What Java writes for what it works out anew; then the sign.
                for field in [-1_i32, -1, -2, -2, if negative { -1 } else { 1 }] {
                    fields.extend(field.to_be_bytes());
                }
                let integer = self.object(classes::INTEGER, [raw(fields), Part::Node(magnitude), Part::End])?;
                self.object(classes::DECIMAL, [raw(scale.to_be_bytes().to_vec()), Part::Node(integer), Part::End])
            }
        }
    }

    /// An entry of a session's map: when it was set, whether it was removed, its value.
    pub fn item(&mut self, time: i64, removed: bool, value: Part<'a>) -> Result<NodeId, String> {
        let mut fields = time.to_be_bytes().to_vec();
        fields.push(u8::from(removed));
        self.object(classes::ITEM, [raw(fields), value])
    }

    /// What a row's data begins with: the time of the save and the map's own stream.
    pub fn stored(&mut self, time: i64, map: Vec<u8>) -> Result<NodeId, String> {
        let map = self.bytes(Cow::Owned(map))?;
        self.object(classes::STORED, [raw(time.to_be_bytes().to_vec()), Part::Node(map)])
    }

    /// JSON text as CFML values.
    pub fn json(&mut self, text: &str) -> Result<Part<'a>, String> {
        let content = content::read(text).ok_or("a value isn't JSON")?;
        self.content(&content)
    }

    fn content(&mut self, content: &content::Node<'_>) -> Result<Part<'a>, String> {
        let id = match content {
            content::Node::Word(b"null") => return Ok(Part::Null),
            content::Node::Word(word) => self.boolean(*word == b"true")?,
            content::Node::Number(number) => {
                let number = java_number(number).ok_or("a number has too many digits")?;
                self.number(number)?
            }
            content::Node::Text(text) => self.text(&jtext::encode(text)),
            content::Node::Array(elements) => {
                let elements = elements.iter().map(|element| self.content(element)).collect::<Result<_, _>>()?;
                self.list(elements)?
            }
            content::Node::Object(members) => {
                let mut pairs = Vec::with_capacity(2 * members.len());
                for (name, value) in members {
                    let key = self.key(&jtext::encode(name))?;
                    pairs.extend([Part::Node(key), self.content(value)?]);
                }
                self.structure(pairs, false)?
            }
        };
        Ok(Part::Node(id))
    }

    /// The object of a stream that stands by itself. Its descriptors that the graph has already are taken from there.
    pub fn graft(&mut self, stream: &'a [u8]) -> Result<NodeId, String> {
        let start = self.graph.nodes.len();
        let root = stream_read::read(&mut self.graph, stream)?;
        let mut same: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        for place in start..self.graph.nodes.len() {
            let id = NodeId(place as u32);
            let Some(about) = self.graph.about(id) else { continue };
            // A stream that stands by itself has each class once; what has many of one name is not worth looking through.
            let known = self.known.get(about.name).into_iter().flatten().take(8);
            if let Some(known) = known.copied().find(|known| self.is_same(*known, id)) {
                same.insert(id, known);
            }
        }
        let swap = |id: NodeId| same.get(&id).copied().unwrap_or(id);
        for place in start..self.graph.nodes.len() {
            let id = NodeId(place as u32);
            let node = self.graph.node_mut(id);
            node.class = node.class.map(swap);
            if let Some(about) = &mut node.about {
                about.parent = about.parent.map(swap);
            }
            for part in self.graph.parts_mut(id) {
                if let Part::Node(id) = part {
                    *id = swap(*id);
                }
            }
        }
        self.note_classes(start);
        Ok(root)
    }

    /// Whether two descriptors say exactly the same, up to the root.
    fn is_same(&self, a: NodeId, b: NodeId) -> bool {
        let (parts_a, parts_b) = (self.graph.parts(a), self.graph.parts(b));
        let (a, b) = (self.graph.node(a), self.graph.node(b));
        let types = |part: &Part<'a>| part.node().and_then(|id| self.graph.text(id).map(<[u8]>::to_vec));
        let (Some(about_a), Some(about_b)) = (&a.about, &b.about) else { return false };
        // The last part is the parent.
        let (parts_a, parts_b) = (&parts_a[..parts_a.len() - 1], &parts_b[..parts_b.len() - 1]);
        let same_part = |(a, b): (&Part<'a>, &Part<'a>)| match (types(a), types(b)) {
            (None, None) => a == b && a.node().is_none(),
            (a, b) => a == b,
        };
        let same_parent = match (about_a.parent, about_b.parent) {
            (None, None) => true,
            (Some(a), Some(b)) => a == b || self.is_same(a, b),
            _ => false,
        };
        a.kind == b.kind && parts_a.len() == parts_b.len() && parts_a.iter().zip(parts_b).all(same_part) && same_parent
    }
}

fn raw<'a>(bytes: Vec<u8>) -> Part<'a> {
    Part::Raw(Cow::Owned(bytes))
}

fn block<'a>(bytes: Vec<u8>) -> Part<'a> {
    Part::Block { long: false, data: Cow::Owned(bytes) }
}

fn short(text: &[u8]) -> Vec<u8> {
    let mut out = (text.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(text);
    out
}
