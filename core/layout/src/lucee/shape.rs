//! What a node of the graph is to a CFML program.

use super::graph::{Graph, Kind, Level, NodeId, Part};

/// The package of Lucee's maps.
const MAPS: &[u8] = b"lucee.commons.collection.concurrent.ConcurrentHashMap";

/// A value as a CFML program knows it.
pub(super) enum Shape<'g, 'a> {
    Null,
    /// In modified UTF-8.
    Text(&'g [u8]),
    Double(f64),
    Long(i64),
    Decimal {
        negative: bool,
        magnitude: &'g [u8],
        scale: i32,
    },
    Boolean(bool),
    Bytes(&'g [u8]),
    /// Milliseconds since 1970.
    Date(i64),
    /// Days.
    Span(f64),
    Struct(Pairs<'g, 'a>),
    Array(&'g [Part<'a>]),
    /// A map of Java's own.
    JavaMap(Pairs<'g, 'a>),
    /// A list of Java's own.
    JavaList(&'g [Part<'a>]),
    /// An enum's constant, in modified UTF-8.
    Constant(&'g [u8]),
    Query,
    Component,
    /// Anything else; the name of its class in modified UTF-8.
    Other(&'a [u8]),
}

/// The pairs of a map, and where they are.
#[derive(Clone, Copy)]
pub(super) struct Pairs<'g, 'a> {
    /// Key, value, key, value, …
    pub parts: &'g [Part<'a>],
    /// The node whose parts they are.
    pub holder: NodeId,
    /// Where among its parts the first key is.
    pub at: usize,
    /// The map counts its pairs in the block before them (`java.util.HashMap`).
    pub counted: bool,
}

/// What the part `part` of a node is.
pub(super) fn shape_of<'g, 'a>(graph: &'g Graph<'a>, part: &Part<'a>) -> Shape<'g, 'a> {
    match part {
        Part::Node(id) => shape(graph, *id),
        _ => Shape::Null,
    }
}

/// What the node `id` is.
pub(super) fn shape<'g, 'a>(graph: &'g Graph<'a>, id: NodeId) -> Shape<'g, 'a> {
    match graph.node(id).kind {
        Kind::Text | Kind::LongText => graph.text(id).map_or(Shape::Other(b"java.lang.String"), Shape::Text),
        Kind::Array => array(graph, id),
        Kind::Object => object(graph, id),
        Kind::Enum => {
            let constant = graph.parts(id).last().and_then(Part::node).and_then(|text| graph.text(text));
            constant.map_or_else(|| other(graph, id), Shape::Constant)
        }
        Kind::Class | Kind::Proxy | Kind::ClassValue => Shape::Other(b"java.lang.Class"),
    }
}

fn other<'g, 'a>(graph: &'g Graph<'a>, id: NodeId) -> Shape<'g, 'a> {
    Shape::Other(graph.class_name(id).unwrap_or(b"java.lang.Object"))
}

fn array<'g, 'a>(graph: &'g Graph<'a>, id: NodeId) -> Shape<'g, 'a> {
    match (graph.class_name(id), graph.parts(id)) {
        (Some(b"[B"), [_, _, _, Part::Raw(bytes)]) => Shape::Bytes(bytes),
        _ => other(graph, id),
    }
}

fn object<'g, 'a>(graph: &'g Graph<'a>, id: NodeId) -> Shape<'g, 'a> {
    let name = graph.class_name(id).unwrap_or_default();
    if name.ends_with(b"NullSupportJDK$NullValue") {
        return Shape::Null;
    }
    let known = graph.levels(id).and_then(|levels| known(graph, id, name, &levels));
    known.unwrap_or_else(|| other(graph, id))
}

fn known<'g, 'a>(graph: &'g Graph<'a>, id: NodeId, name: &[u8], levels: &[Level<'g, 'a>]) -> Option<Shape<'g, 'a>> {
    let own = levels.last()?;
    Some(match name {
        b"java.lang.Double" => Shape::Double(f64::from_be_bytes(own.number("value")?)),
        b"java.lang.Long" => Shape::Long(i64::from_be_bytes(own.number("value")?)),
        b"java.lang.Integer" => Shape::Long(i64::from(i32::from_be_bytes(own.number("value")?))),
        b"java.lang.Boolean" => Shape::Boolean(own.raw("value")? != [0]),
        b"java.math.BigDecimal" => return decimal(graph, own),
        b"lucee.runtime.type.dt.DateTimeImpl" | b"lucee.runtime.type.dt.DateImpl" | b"lucee.runtime.type.dt.TimeImpl" => {
            Shape::Date(date(levels)?)
        }
        b"java.util.Date" | b"java.sql.Timestamp" | b"java.sql.Date" | b"java.sql.Time" => Shape::Date(date(levels)?),
        b"lucee.runtime.type.dt.TimeSpanImpl" => Shape::Span(f64::from_be_bytes(own.number("value")?)),
        b"lucee.runtime.type.StructImpl" => Shape::Struct(pairs(graph, own.object("map")?.node()?)?),
        b"lucee.runtime.type.ArrayImpl" => return lucee_array(graph, levels).map(Shape::Array),
        b"lucee.runtime.type.QueryImpl" => Shape::Query,
        b"lucee.runtime.ComponentImpl" => Shape::Component,
        b"java.util.ArrayList" => Shape::JavaList(list(graph, id)?),
        _ => Shape::JavaMap(pairs(graph, id)?),
    })
}

fn decimal<'g, 'a>(graph: &'g Graph<'a>, own: &Level<'g, 'a>) -> Option<Shape<'g, 'a>> {
    let scale = i32::from_be_bytes(own.number("scale")?);
    let integer = graph.levels(own.object("intVal")?.node()?)?;
    let integer = integer.last().filter(|level| level.class.name == b"java.math.BigInteger")?;
    let signum = i32::from_be_bytes(integer.number("signum")?);
    let Shape::Bytes(magnitude) = shape(graph, integer.object("magnitude")?.node()?) else { return None };
    Some(Shape::Decimal { negative: signum < 0, magnitude, scale })
}

/// The time in a `java.util.Date` at the root of the chain.
fn date(levels: &[Level<'_, '_>]) -> Option<i64> {
    let root = levels.first().filter(|level| level.class.name == b"java.util.Date")?;
    let [Part::Block { data, .. }, ..] = root.notes else { return None };
    Some(i64::from_be_bytes(data.as_ref().try_into().ok()?))
}

/// A CFML array holds a synchronised list around a plain one.
fn lucee_array<'g, 'a>(graph: &'g Graph<'a>, levels: &[Level<'g, 'a>]) -> Option<&'g [Part<'a>]> {
    let holder = levels.iter().find_map(|level| level.object("list"))?.node()?;
    if graph.class_name(holder)? == b"java.util.ArrayList" {
        return list(graph, holder);
    }
    let wrapped = graph.levels(holder)?;
    let own = wrapped.last().filter(|level| level.class.name.starts_with(b"java.util.Collections$Synchronized"))?;
    list(graph, own.object("list")?.node()?)
}

/// The elements of Java's plain list.
fn list<'g, 'a>(graph: &'g Graph<'a>, id: NodeId) -> Option<&'g [Part<'a>]> {
    let levels = graph.levels(id)?;
    let own = levels.last().filter(|level| level.class.name == b"java.util.ArrayList")?;
    let size = u32::from_be_bytes(own.number("size")?) as usize;
    let [Part::Block { .. }, elements @ ..] = own.notes else { return None };
    (elements.len() == size && elements.iter().all(is_value)).then_some(elements)
}

/// The pairs of any map that Lucee holds a session or a struct in, or of Java's own maps.
pub(super) fn pairs<'g, 'a>(graph: &'g Graph<'a>, map: NodeId) -> Option<Pairs<'g, 'a>> {
    let mut map = map;
    // A synchronised map around a linked one, a map that delegates to Java's: one step each.
    for _ in 0..3 {
        let levels = graph.levels(map)?;
        let own = levels.last()?;
        if own.class.name == b"java.util.Collections$SynchronizedMap" {
            map = own.object("m")?.node()?;
            continue;
        }
        if own.class.name.starts_with(MAPS) {
            if let Some(delegate) = own.object("delegate") {
                map = delegate.node()?;
                continue;
            }
            return concurrent(map, own);
        }
        if own.class.name == b"java.util.concurrent.ConcurrentHashMap" {
            return concurrent(map, own);
        }
        let hashed = levels.iter().find(|level| level.class.name == b"java.util.HashMap")?;
        let plain = matches!(own.class.name, b"java.util.HashMap" | b"java.util.LinkedHashMap");
        return if plain { counted(map, hashed) } else { None };
    }
    None
}

/// Pairs that end with a null key and a null value.
fn concurrent<'g, 'a>(holder: NodeId, level: &Level<'g, 'a>) -> Option<Pairs<'g, 'a>> {
    let [parts @ .., Part::Null, Part::Null] = level.notes else { return None };
    let whole = parts.len().is_multiple_of(2) && parts.iter().all(is_value);
    whole.then_some(Pairs { parts, holder, at: level.notes_at, counted: false })
}

/// Pairs after a block with the number of buckets and of pairs.
fn counted<'g, 'a>(holder: NodeId, level: &Level<'g, 'a>) -> Option<Pairs<'g, 'a>> {
    let [Part::Block { data, .. }, parts @ ..] = level.notes else { return None };
    let size = u32::from_be_bytes(data.get(4..8)?.try_into().ok()?) as usize;
    let whole = parts.len() == size.checked_mul(2)? && parts.iter().all(is_value);
    whole.then_some(Pairs { parts, holder, at: level.notes_at + 1, counted: true })
}

fn is_value(part: &Part<'_>) -> bool {
    matches!(part, Part::Null | Part::Node(_))
}

/// The text of a key: a Lucee key or a string; in modified UTF-8.
pub(super) fn key_text<'g>(graph: &'g Graph<'_>, part: &Part<'_>) -> Option<&'g [u8]> {
    let id = part.node()?;
    if graph.class_name(id) != Some(b"lucee.runtime.type.KeyImpl") {
        return graph.text(id);
    }
    let [text] = graph.only_level(id)?.notes else { return None };
    graph.text(text.node()?)
}
