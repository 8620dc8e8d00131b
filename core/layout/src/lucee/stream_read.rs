//! Reads a Java object stream into a [`Graph`], without recursion and within limits. Builds data, never classes.

use super::graph::{
    BLOCKS, CHAIN_LIMIT, Class, EXTERNAL, Field, Graph, Kind, MAGIC, Node, NodeId, Part, SERIALIZABLE, WRITES, width,
};
use super::jtext;
use std::borrow::Cow;

/// What a stream may have at most: parts of nodes, of about 32 bytes each.
const PARTS_LIMIT: usize = 2_000_000;
/// Steps that may be under way at once: how deep a stream nests.
const STEPS_LIMIT: usize = 1 << 14;
/// The first handle of a stream.
const FIRST_HANDLE: u32 = 0x7e_0000;

/// What is to be read next for a node.
#[derive(Clone, Copy)]
enum Step {
    /// Its class descriptor.
    Class,
    /// The super class of the descriptor that it is.
    Parent,
    /// The flags and the number of fields of the descriptor that it is.
    About,
    /// So many fields of the descriptor that it is.
    Fields(u16),
    /// The type of a field, a string.
    TypeName,
    /// All its parts have been read.
    Parts,
    /// The descriptor is whole now.
    Whole,
    /// It gets its handle.
    Handle,
    /// The data of the object that it is.
    Data,
    /// The part of the data that one class of its chain has.
    Level(NodeId),
    /// The elements of the array that it is.
    Elements,
    /// The name of the enum's constant.
    Constant,
    /// So many values.
    Values(u32),
    /// Whatever comes until an end.
    Notes,
}

/// Reads one stream that holds exactly one object, and adds its nodes to `graph`.
///
/// # Errors
/// What is wrong with it: a kind and a place, no content.
pub(super) fn read<'a>(graph: &mut Graph<'a>, input: &'a [u8]) -> Result<NodeId, String> {
    // About so many nodes does a stream have, if it is not one long string.
    let nodes = (input.len() / 32).min(1 << 12);
    graph.reserve(nodes);
    let mut reader = Reader {
        input,
        at: 0,
        graph,
        handles: Vec::with_capacity(nodes),
        steps: Vec::with_capacity(64),
        open: Vec::with_capacity(64),
        starts: Vec::with_capacity(16),
        count: 0,
    };
    if reader.take(MAGIC.len())? != MAGIC {
        return Err("a Java object stream of protocol 5 was expected".to_owned());
    }
    let Some(root) = reader.value()? else { return Err(reader.wrong("an object")) };
    while let Some((node, step)) = reader.steps.pop() {
        reader.step(node, step)?;
        if reader.steps.len() > STEPS_LIMIT {
            return Err("the Java object stream nests too deep".to_owned());
        }
    }
    if reader.at != input.len() {
        return Err(reader.wrong("the end"));
    }
    Ok(root)
}

struct Reader<'g, 'a> {
    input: &'a [u8],
    at: usize,
    graph: &'g mut Graph<'a>,
    handles: Vec<NodeId>,
    /// What is still to be read, the next at the end.
    steps: Vec<(NodeId, Step)>,
    /// The parts of the nodes under way, those of the innermost node at the end.
    open: Vec<Part<'a>>,
    /// Where among them those of each node begin.
    starts: Vec<usize>,
    /// How many parts there were.
    count: usize,
}

impl<'a> Reader<'_, 'a> {
    fn wrong(&self, expected: &str) -> String {
        format!("the Java object stream has something else than {expected} before byte {}", self.at)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let rest = &self.input[self.at..];
        let Some(taken) = rest.get(..len) else {
            return Err(format!("the Java object stream ends at byte {}, within a value", self.input.len()));
        };
        self.at += len;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N)?);
        Ok(number)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.number::<1>()?[0])
    }

    /// A short string: its length and the string, and the string alone.
    fn short_text(&mut self) -> Result<(&'a [u8], &'a [u8]), String> {
        let start = self.at;
        let len = u16::from_be_bytes(self.number()?);
        let text = self.take(usize::from(len))?;
        if !jtext::is_valid(text) {
            return Err(self.wrong("modified UTF-8"));
        }
        Ok((&self.input[start..self.at], text))
    }

    /// A part of the innermost node under way.
    fn push(&mut self, part: Part<'a>) -> Result<(), String> {
        self.count += 1;
        if self.count > PARTS_LIMIT {
            return Err(format!("the Java object stream has more than {PARTS_LIMIT} parts"));
        }
        self.open.push(part);
        Ok(())
    }

    fn push_raw(&mut self, raw: &'a [u8]) -> Result<(), String> {
        self.push(Part::Raw(Cow::Borrowed(raw)))
    }

    fn handle(&mut self, node: NodeId) -> Result<(), String> {
        self.handles.push(node);
        self.push(Part::Handle)
    }

    /// A value, which becomes a part: null, a reference, or a new node, which is under way from then on. Gives the node.
    fn value(&mut self) -> Result<Option<NodeId>, String> {
        let tag = self.byte()?;
        self.tagged(tag)
    }

    fn tagged(&mut self, tag: u8) -> Result<Option<NodeId>, String> {
        let kind = match tag {
            0x70 => {
                self.push(Part::Null)?;
                return Ok(None);
            }
            0x71 => return self.reference(),
            0x72 => Kind::Class,
            0x73 => Kind::Object,
            0x74 => Kind::Text,
            0x75 => Kind::Array,
            0x76 => Kind::ClassValue,
            0x7c => Kind::LongText,
            0x7d => Kind::Proxy,
            0x7e => Kind::Enum,
            _ => return Err(self.wrong("a value")),
        };
        let node = self.graph.add(Node::new(kind));
        self.push(Part::Node(node))?;
        self.begin(node, kind)?;
        Ok(Some(node))
    }

    fn reference(&mut self) -> Result<Option<NodeId>, String> {
        let handle = u32::from_be_bytes(self.number()?);
        let place = handle.checked_sub(FIRST_HANDLE).map(|place| place as usize);
        let node = place.and_then(|place| self.handles.get(place)).copied();
        let node = node.ok_or_else(|| self.wrong("a handle of what came before"))?;
        self.push(Part::Node(node))?;
        Ok(Some(node))
    }

    /// Reads a new node's head and notes the steps that follow, the last first.
    fn begin(&mut self, node: NodeId, kind: Kind) -> Result<(), String> {
        if kind.is_text() {
            return self.string(node, kind);
        }
        self.starts.push(self.open.len());
        self.steps.push((node, Step::Parts));
        let steps: &[Step] = match kind {
            Kind::Text | Kind::LongText => &[],
            Kind::Class => return self.begin_class(node),
            Kind::Proxy => return self.begin_proxy(node),
            Kind::Object => &[Step::Data, Step::Handle, Step::Class],
            Kind::Array => &[Step::Elements, Step::Handle, Step::Class],
            Kind::Enum => &[Step::Constant, Step::Handle, Step::Class],
            Kind::ClassValue => &[Step::Handle, Step::Class],
        };
        self.steps.extend(steps.iter().map(|step| (node, *step)));
        Ok(())
    }

    fn string(&mut self, node: NodeId, kind: Kind) -> Result<(), String> {
        self.handles.push(node);
        let start = self.at;
        let len =
            if kind == Kind::Text { u64::from(u16::from_be_bytes(self.number()?)) } else { u64::from_be_bytes(self.number()?) };
        let text = self.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        if !jtext::is_valid(text) {
            return Err(self.wrong("modified UTF-8"));
        }
        self.graph.node_mut(node).text = Cow::Borrowed(&self.input[start..self.at]);
        Ok(())
    }

    fn begin_class(&mut self, node: NodeId) -> Result<(), String> {
        let start = self.at;
        let (_, name) = self.short_text()?;
        self.take(8)?;
        self.push_raw(&self.input[start..self.at])?;
        self.handle(node)?;
        self.graph.node_mut(node).about = Some(Box::new(Class::new(name, 0)));
        self.steps.extend([(node, Step::Whole), (node, Step::Parent), (node, Step::Notes), (node, Step::About)]);
        Ok(())
    }

    fn begin_proxy(&mut self, node: NodeId) -> Result<(), String> {
        self.handle(node)?;
        let start = self.at;
        let interfaces = u32::from_be_bytes(self.number()?);
        for _ in 0..interfaces {
            self.short_text()?;
        }
        self.push_raw(&self.input[start..self.at])?;
        self.graph.node_mut(node).about = Some(Box::new(Class::new(b"a proxy class", SERIALIZABLE)));
        self.steps.extend([(node, Step::Whole), (node, Step::Parent), (node, Step::Notes)]);
        Ok(())
    }

    fn step(&mut self, node: NodeId, step: Step) -> Result<(), String> {
        match step {
            Step::Handle => self.handle(node),
            Step::Class => {
                let Some(class) = self.descriptor()? else { return Err(self.wrong("a class descriptor")) };
                self.graph.node_mut(node).class = Some(class);
                Ok(())
            }
            Step::Parent => {
                let parent = self.descriptor()?;
                self.about_mut(node).parent = parent;
                Ok(())
            }
            Step::About => self.about(node),
            Step::Fields(left) => self.field(node, left),
            Step::TypeName | Step::Constant => self.text_value(),
            Step::Parts => {
                let start = self.starts.pop().unwrap_or_default();
                self.graph.set_parts(node, self.open.drain(start..));
                Ok(())
            }
            Step::Whole => {
                self.about_mut(node).whole = true;
                Ok(())
            }
            Step::Data => self.data(node),
            Step::Level(class) => self.level(node, class),
            Step::Elements => self.elements(node),
            Step::Values(left) => self.values(node, left),
            Step::Notes => self.notes(node),
        }
    }

    /// Only descriptors have such steps.
    fn about_mut(&mut self, node: NodeId) -> &mut Class<'a> {
        self.graph.node_mut(node).about.get_or_insert_with(|| Box::new(Class::new(b"", 0)))
    }

    /// A class descriptor or null.
    fn descriptor(&mut self) -> Result<Option<NodeId>, String> {
        match self.value()? {
            Some(class) if self.graph.about(class).is_none() => Err(self.wrong("a class descriptor")),
            class => Ok(class),
        }
    }

    fn text_value(&mut self) -> Result<(), String> {
        match self.value()? {
            Some(text) if self.graph.node(text).kind.is_text() => Ok(()),
            _ => Err(self.wrong("a string")),
        }
    }

    fn about(&mut self, node: NodeId) -> Result<(), String> {
        let start = self.at;
        let flags = self.byte()?;
        let fields = u16::from_be_bytes(self.number()?);
        self.push_raw(&self.input[start..self.at])?;
        let external = flags & EXTERNAL != 0;
        if external && (flags & (BLOCKS | WRITES | SERIALIZABLE) != BLOCKS || fields > 0) {
            return Err(self.wrong("a class whose data can be told apart"));
        }
        self.about_mut(node).flags = flags;
        self.steps.push((node, Step::Fields(fields)));
        Ok(())
    }

    fn field(&mut self, node: NodeId, left: u16) -> Result<(), String> {
        let Some(left) = left.checked_sub(1) else { return Ok(()) };
        let start = self.at;
        let code = self.byte()?;
        let (_, name) = self.short_text()?;
        self.push_raw(&self.input[start..self.at])?;
        self.about_mut(node).add(Field { code, name });
        self.steps.push((node, Step::Fields(left)));
        match code {
            b'L' | b'[' => self.steps.push((node, Step::TypeName)),
            _ if width(code).is_none() => return Err(self.wrong("the type of a field")),
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, node: NodeId) -> Result<(), String> {
        let class = self.graph.node(node).class;
        let Some(chain) = class.and_then(|class| self.graph.chain(class)) else {
            return Err(format!("the Java object stream has a class with more than {CHAIN_LIMIT} super classes"));
        };
        if !chain.classes().iter().all(|class| self.graph.about(*class).is_some_and(|about| about.whole)) {
            return Err(self.wrong("a class descriptor that is whole"));
        }
        self.steps.extend(chain.classes().iter().rev().map(|class| (node, Step::Level(*class))));
        Ok(())
    }

    fn level(&mut self, node: NodeId, class: NodeId) -> Result<(), String> {
        let Some(class) = self.graph.about(class) else { return Ok(()) };
        let (flags, raw_len, objects, has_notes) = (class.flags, class.raw_len, class.objects, class.has_notes());
        if has_notes {
            self.steps.push((node, Step::Notes));
        }
        if flags & SERIALIZABLE == 0 {
            return Ok(());
        }
        if raw_len > 0 {
            let raw = self.take(raw_len)?;
            self.push_raw(raw)?;
        }
        if objects > 0 {
            self.steps.push((node, Step::Values(objects as u32)));
        }
        Ok(())
    }

    fn elements(&mut self, node: NodeId) -> Result<(), String> {
        let start = self.at;
        let count = u32::from_be_bytes(self.number()?);
        self.push_raw(&self.input[start..self.at])?;
        let name = self.graph.class_name(node).unwrap_or_default();
        match name {
            [b'[', code] => {
                let Some(width) = width(*code) else { return Err(self.wrong("an array of a known type")) };
                let elements = self.take((count as usize).saturating_mul(width))?;
                self.push_raw(elements)
            }
            [b'[', b'[' | b'L', ..] => {
                self.steps.push((node, Step::Values(count)));
                Ok(())
            }
            _ => Err(self.wrong("an array's class")),
        }
    }

    fn values(&mut self, node: NodeId, left: u32) -> Result<(), String> {
        let Some(left) = left.checked_sub(1) else { return Ok(()) };
        self.steps.push((node, Step::Values(left)));
        self.value()?;
        Ok(())
    }

    fn notes(&mut self, node: NodeId) -> Result<(), String> {
        let tag = self.byte()?;
        let part = match tag {
            0x78 => return self.push(Part::End),
            0x77 => {
                let len = usize::from(self.byte()?);
                Part::Block { long: false, data: Cow::Borrowed(self.take(len)?) }
            }
            0x7a => {
                let len = u32::from_be_bytes(self.number()?) as usize;
                Part::Block { long: true, data: Cow::Borrowed(self.take(len)?) }
            }
            _ => {
                self.steps.push((node, Step::Notes));
                self.tagged(tag)?;
                return Ok(());
            }
        };
        self.steps.push((node, Step::Notes));
        self.push(part)
    }
}
