//! A Java object stream as a graph of plain data: class descriptors, objects, arrays and strings.
//!
//! A node holds what stood in the stream, in order, as parts; another node that it names is a part too. So writing a
//! node is writing its parts, and the handles (the numbers by which a stream names what it has already said) come out
//! anew: an unchanged graph gives the same bytes, and any node can be written as a stream of its own.

use std::borrow::Cow;

/// The first bytes of every stream: the magic number and protocol version 5.
pub(super) const MAGIC: [u8; 4] = [0xac, 0xed, 0, 5];

/// In a class's flags: it wrote data of its own after its fields.
pub(super) const WRITES: u8 = 0x01;
/// In a class's flags: its fields are in the stream.
pub(super) const SERIALIZABLE: u8 = 0x02;
/// In a class's flags: it wrote everything itself.
pub(super) const EXTERNAL: u8 = 0x04;
/// In a class's flags: what it wrote itself is in blocks (protocol version 2 of externalizable classes).
pub(super) const BLOCKS: u8 = 0x08;

/// The longest chain of super classes.
pub(super) const CHAIN_LIMIT: usize = 64;

/// A node of a [`Graph`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct NodeId(pub u32);

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A class descriptor.
    Class,
    /// The descriptor of a class made at run time from interfaces.
    Proxy,
    Object,
    Array,
    /// A string of at most 65,535 bytes.
    Text,
    /// A string with a length of eight bytes.
    LongText,
    Enum,
    /// A class that is itself a value.
    ClassValue,
}

impl Kind {
    /// Whether such a node is a string.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::LongText)
    }

    /// The byte that opens such a node.
    pub fn tag(self) -> u8 {
        match self {
            Self::Class => 0x72,
            Self::Object => 0x73,
            Self::Text => 0x74,
            Self::Array => 0x75,
            Self::ClassValue => 0x76,
            Self::LongText => 0x7c,
            Self::Proxy => 0x7d,
            Self::Enum => 0x7e,
        }
    }
}

/// A piece of a node, in the order of the stream.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Here the node gets its handle.
    Handle,
    /// Lengths, names, primitive fields, elements of primitive arrays.
    Raw(Cow<'a, [u8]>),
    /// Data that a class wrote itself; `long` is the form with a length of four bytes.
    Block { long: bool, data: Cow<'a, [u8]> },
    /// null
    Null,
    /// The end of what a class wrote itself.
    End,
    /// Another node, or this one.
    Node(NodeId),
}

impl Part<'_> {
    /// The node that the part names.
    pub fn node(&self) -> Option<NodeId> {
        if let Self::Node(id) = self { Some(*id) } else { None }
    }
}

/// A class's field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The type's letter, as in class files.
    pub code: u8,
    pub name: &'a [u8],
}

impl Field<'_> {
    /// How many bytes a primitive field takes; none for an object or array.
    pub fn width(&self) -> Option<usize> {
        width(self.code)
    }
}

/// How many bytes a primitive takes whose type has this letter; none for objects and arrays.
pub(super) fn width(code: u8) -> Option<usize> {
    match code {
        b'B' | b'Z' => Some(1),
        b'C' | b'S' => Some(2),
        b'I' | b'F' => Some(4),
        b'J' | b'D' => Some(8),
        _ => None,
    }
}

/// What a class descriptor says.
#[derive(Clone)]
pub(super) struct Class<'a> {
    pub name: &'a [u8],
    pub flags: u8,
    pub fields: Vec<Field<'a>>,
    /// Bytes that the primitive fields take.
    pub raw_len: usize,
    /// How many fields are objects or arrays.
    pub objects: usize,
    pub parent: Option<NodeId>,
    /// The descriptor has been read to its end.
    pub whole: bool,
}

impl<'a> Class<'a> {
    pub fn new(name: &'a [u8], flags: u8) -> Self {
        Self { name, flags, fields: Vec::new(), raw_len: 0, objects: 0, parent: None, whole: false }
    }

    pub fn add(&mut self, field: Field<'a>) {
        match field.width() {
            Some(width) => self.raw_len += width,
            None => self.objects += 1,
        }
        self.fields.push(field);
    }

    /// Whether something follows the fields, up to an end.
    pub fn has_notes(&self) -> bool {
        self.flags & (WRITES | EXTERNAL) != 0
    }
}

pub(super) struct Node<'a> {
    pub kind: Kind,
    /// The descriptor of an object, array or enum.
    pub class: Option<NodeId>,
    /// What a descriptor says.
    pub about: Option<Box<Class<'a>>>,
    /// Of a string all that it has: its length and its bytes. It has no parts; most nodes are strings.
    pub text: Cow<'a, [u8]>,
    /// Where its parts are among the graph's.
    parts: (u32, u32),
}

impl Node<'_> {
    pub fn new(kind: Kind) -> Self {
        Self { kind, class: None, about: None, text: Cow::Borrowed(&[]), parts: (0, 0) }
    }
}

/// Where an object's data begins among its parts: behind its class and its handle.
const FIRST_LEVEL: usize = 2;

/// A class and those above it.
pub(super) struct Chain {
    classes: [NodeId; CHAIN_LIMIT],
    start: usize,
}

impl Chain {
    /// The classes, the most general first.
    pub fn classes(&self) -> &[NodeId] {
        &self.classes[self.start..]
    }
}

/// What one class of an object's chain has in the object.
pub(super) struct Level<'g, 'a> {
    pub class: &'g Class<'a>,
    /// The primitive fields.
    raw: &'g [u8],
    /// The fields that are objects.
    objects: &'g [Part<'a>],
    /// What the class wrote itself, without the end.
    pub notes: &'g [Part<'a>],
    /// Where the notes start among the object's parts.
    pub notes_at: usize,
}

impl<'g, 'a> Level<'g, 'a> {
    /// The bytes of the primitive field `name`.
    pub fn raw(&self, name: &str) -> Option<&'g [u8]> {
        let mut at = 0;
        for field in &self.class.fields {
            let Some(width) = field.width() else { continue };
            if field.name == name.as_bytes() {
                return self.raw.get(at..at + width);
            }
            at += width;
        }
        None
    }

    /// The object in the field `name`.
    pub fn object(&self, name: &str) -> Option<&'g Part<'a>> {
        let objects = self.class.fields.iter().filter(|field| field.width().is_none());
        let place = objects.enumerate().find(|(_, field)| field.name == name.as_bytes())?.0;
        self.objects.get(place)
    }

    /// The primitive field `name` as a number.
    pub fn number<const N: usize>(&self, name: &str) -> Option<[u8; N]> {
        self.raw(name)?.try_into().ok()
    }
}

/// All nodes of one or more streams.
#[derive(Default)]
pub(super) struct Graph<'a> {
    pub nodes: Vec<Node<'a>>,
    /// The parts of all nodes, those of each together: one piece of memory instead of hundreds.
    parts: Vec<Part<'a>>,
}

impl<'a> Graph<'a> {
    /// Adds a node.
    pub fn add(&mut self, node: Node<'a>) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }

    pub fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[id.0 as usize]
    }

    pub fn node_mut(&mut self, id: NodeId) -> &mut Node<'a> {
        &mut self.nodes[id.0 as usize]
    }

    /// A node's parts.
    pub fn parts(&self, id: NodeId) -> &[Part<'a>] {
        let (start, end) = self.node(id).parts;
        &self.parts[start as usize..end as usize]
    }

    /// A node's parts, to be changed one by one.
    pub fn parts_mut(&mut self, id: NodeId) -> &mut [Part<'a>] {
        let (start, end) = self.node(id).parts;
        &mut self.parts[start as usize..end as usize]
    }

    /// Gives a node its parts, or others than it had.
    pub fn set_parts(&mut self, id: NodeId, parts: impl IntoIterator<Item = Part<'a>>) {
        let start = self.parts.len() as u32;
        self.parts.extend(parts);
        self.node_mut(id).parts = (start, self.parts.len() as u32);
    }

    /// Makes room for the parts of so many nodes.
    pub fn reserve(&mut self, nodes: usize) {
        self.nodes.reserve(nodes);
        self.parts.reserve(5 * nodes);
    }

    /// What the descriptor `id` says.
    pub fn about(&self, id: NodeId) -> Option<&Class<'a>> {
        self.node(id).about.as_deref()
    }

    /// The name of the class of an object, array or enum.
    pub fn class_name(&self, id: NodeId) -> Option<&'a [u8]> {
        self.about(self.node(id).class?).map(|class| class.name)
    }

    /// The class's chain, the most general class first; none if it is too long or turns back on itself.
    pub fn chain(&self, class: NodeId) -> Option<Chain> {
        let mut chain = Chain { classes: [class; CHAIN_LIMIT], start: CHAIN_LIMIT - 1 };
        let mut last = class;
        while let Some(parent) = self.about(last)?.parent {
            chain.start = chain.start.checked_sub(1)?;
            chain.classes[chain.start] = parent;
            last = parent;
        }
        Some(chain)
    }

    /// What each class of its chain has in the object `id`, the most general class first.
    pub fn levels(&self, id: NodeId) -> Option<Vec<Level<'_, 'a>>> {
        let mut at = FIRST_LEVEL;
        let chain = self.chain(self.node(id).class?)?;
        chain.classes().iter().map(|class| self.level(id, *class, &mut at)).collect()
    }

    /// What the object `id` has, if its class has no super class.
    pub fn only_level(&self, id: NodeId) -> Option<Level<'_, 'a>> {
        let class = self.node(id).class?;
        let alone = self.about(class)?.parent.is_none();
        if alone { self.level(id, class, &mut { FIRST_LEVEL }) } else { None }
    }

    /// What `class` has in the object `id`, from the part `at` on; `at` goes behind it.
    fn level(&self, id: NodeId, class: NodeId, at: &mut usize) -> Option<Level<'_, 'a>> {
        let parts = self.parts(id);
        let class = self.about(class)?;
        let mut raw: &[u8] = &[];
        let mut objects: &[Part<'a>] = &[];
        if class.flags & (EXTERNAL | SERIALIZABLE) == SERIALIZABLE {
            if class.raw_len > 0 {
                let Part::Raw(bytes) = parts.get(*at)? else { return None };
                raw = bytes;
                *at += 1;
            }
            objects = parts.get(*at..*at + class.objects)?;
            *at += class.objects;
        }
        let notes_at = *at;
        let mut notes: &[Part<'a>] = &[];
        if class.has_notes() {
            let rest = parts.get(*at..)?;
            let end = rest.iter().position(|part| matches!(part, Part::End))?;
            notes = &rest[..end];
            *at += end + 1;
        }
        Some(Level { class, raw, objects, notes, notes_at })
    }

    /// The bytes of a string, in modified UTF-8.
    pub fn text(&self, id: NodeId) -> Option<&[u8]> {
        let node = self.node(id);
        node.text.get(if node.kind == Kind::LongText { 8 } else { 2 }..).filter(|_| node.kind.is_text())
    }
}
