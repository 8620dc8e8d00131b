//! A row in the Java form: a stream with the time of the save and the bytes of a second stream, the session's map.

use super::graph::{Graph, NodeId, Part};
use super::jtext;
use super::shape::{self, Pairs};
use super::stream_read;
use base64::prelude::{BASE64_STANDARD, Engine};
use std::borrow::Cow;

/// The longest data that is read, in characters.
pub(super) const DATA_LIMIT: usize = 128 << 20;

/// The bytes of a row in base64.
pub(super) fn bytes_of(data: &[u8]) -> Result<Vec<u8>, String> {
    BASE64_STANDARD.decode(data).map_err(|_| "the data is neither a CFML literal nor base64".to_owned())
}

/// A row's two streams.
pub(super) struct Row<'a> {
    /// The stream around the map, as it was read.
    outer: Graph<'a>,
    /// The stored value: its second part is the time, its third the bytes.
    stored: NodeId,
    /// When the row was last saved.
    pub saved: i64,
    /// The map's stream.
    pub graph: Graph<'a>,
    /// The session's map.
    pub map: NodeId,
}

/// A field of the session as the row has it.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    /// The field's name as it is spelt.
    pub name: String,
    /// Where among the holder's parts the key is; the item is behind it.
    pub at: usize,
    /// When the field was set.
    pub time: i64,
    /// The field is gone.
    pub removed: bool,
    pub value: Part<'a>,
}

impl<'a> Row<'a> {
    /// Reads both streams.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut outer = Graph::default();
        let stored = stream_read::read(&mut outer, bytes)?;
        let (saved, barr) = parts_of(&outer, stored).ok_or("the data is no session value of Lucee")?;
        let Some(Part::Raw(Cow::Borrowed(inner))) = outer.parts(barr).get(3) else {
            return Err("the data is no session value of Lucee".to_owned());
        };
        let mut graph = Graph::default();
        let map = stream_read::read(&mut graph, inner)?;
        Ok(Self { outer, stored, saved, graph, map })
    }

    /// The pairs of the session's map.
    pub fn pairs(&self) -> Result<Pairs<'_, 'a>, String> {
        shape::pairs(&self.graph, self.map).ok_or_else(|| "the session's map is of a class that is not known".to_owned())
    }

    /// The session's fields.
    pub fn entries(&self) -> Result<Vec<Entry<'a>>, String> {
        let pairs = self.pairs()?;
        let wrong = || "an entry of the session's map is not of Lucee's form".to_owned();
        let entry = |(place, pair): (usize, &[Part<'a>])| {
            let name = shape::key_text(&self.graph, &pair[0]).and_then(jtext::to_string)?;
            let item = self.graph.only_level(pair[1].node()?)?;
            let ours = item.class.name == super::classes::ITEM.as_bytes() && item.class.fields.len() == 3;
            let time = i64::from_be_bytes(item.number("lastModifed")?);
            let removed = item.raw("removed")? != [0];
            let value = item.object("value")?.clone();
            ours.then_some(Entry { name, at: pairs.at + 2 * place, time, removed, value })
        };
        pairs.parts.chunks_exact(2).enumerate().map(|pair| entry(pair).ok_or_else(wrong)).collect()
    }

    /// The data of the row with the map's stream `inner`, saved at `saved`.
    pub fn written(mut self, saved: i64, inner: Vec<u8>) -> Result<Vec<u8>, String> {
        let (_, barr) = parts_of(&self.outer, self.stored).ok_or("the data is no session value of Lucee")?;
        let parts = self.outer.parts_mut(barr);
        parts[2] = Part::Raw(Cow::Owned((inner.len() as u32).to_be_bytes().to_vec()));
        parts[3] = Part::Raw(Cow::Owned(inner));
        let time = Part::Raw(Cow::Owned(saved.to_be_bytes().to_vec()));
        self.outer.parts_mut(self.stored)[2] = time;
        text(&self.outer, self.stored)
    }
}

/// A whole stream as the text of a row.
pub(super) fn text(graph: &Graph<'_>, root: NodeId) -> Result<Vec<u8>, String> {
    let stream = super::stream_write::Writer::new(graph, DATA_LIMIT / 4 * 3).stream(root);
    let stream = stream.ok_or_else(|| format!("the data would be longer than {DATA_LIMIT} characters"))?;
    Ok(BASE64_STANDARD.encode(stream).into_bytes())
}

/// The time and the array of bytes in a stored value.
fn parts_of(graph: &Graph<'_>, stored: NodeId) -> Option<(i64, NodeId)> {
    let own = graph.only_level(stored)?;
    let ours = own.class.name == super::classes::STORED.as_bytes() && own.class.fields.len() == 2;
    let barr = own.object("barr")?.node().filter(|id| graph.class_name(*id) == Some(b"[B"))?;
    let time = i64::from_be_bytes(own.number("lastModified")?);
    (ours && !own.class.has_notes()).then_some((time, barr))
}
