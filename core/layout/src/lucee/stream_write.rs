//! Writes a [`Graph`], or a part of it, as a Java object stream.

use super::graph::{Graph, MAGIC, NodeId, Part};

/// Writes streams out of one graph.
pub(super) struct Writer<'g, 'a> {
    graph: &'g Graph<'a>,
    /// For each node the number of the stream in which it got a handle, and the handle's last 32 bits.
    handles: Vec<(u32, u32)>,
    stream: u32,
    /// Bytes that may still be written.
    left: usize,
}

impl<'g, 'a> Writer<'g, 'a> {
    /// A writer that writes at most `limit` bytes in all.
    pub fn new(graph: &'g Graph<'a>, limit: usize) -> Self {
        Self { graph, handles: vec![(0, 0); graph.nodes.len()], stream: 0, left: limit }
    }

    /// A whole stream with the node `root` and all that it names; none if that goes beyond the limit.
    pub fn stream(&mut self, root: NodeId) -> Option<Vec<u8>> {
        self.stream += 1;
        let mut next = 0x7e_0000_u32;
        let mut out = MAGIC.to_vec();
        out.push(self.graph.node(root).kind.tag());
        // A string has nothing but this.
        out.extend_from_slice(&self.graph.node(root).text);
        // Nodes under way, and the part of each that comes next.
        let mut open = vec![(root, 0_usize)];
        while let Some((id, place)) = open.last_mut() {
            let Some(part) = self.graph.parts(*id).get(*place) else {
                open.pop();
                continue;
            };
            *place += 1;
            match part {
                Part::Handle => {
                    self.handles[id.0 as usize] = (self.stream, next);
                    next += 1;
                }
                Part::Raw(raw) => out.extend_from_slice(raw),
                Part::Block { long, data } => block(&mut out, *long, data),
                Part::Null => out.push(0x70),
                Part::End => out.push(0x78),
                Part::Node(child) => match self.handles[child.0 as usize] {
                    (stream, handle) if stream == self.stream => {
                        out.push(0x71);
                        out.extend(handle.to_be_bytes());
                    }
                    _ => {
                        let node = self.graph.node(*child);
                        out.push(node.kind.tag());
                        if node.kind.is_text() {
                            self.handles[child.0 as usize] = (self.stream, next);
                            next += 1;
                            out.extend_from_slice(&node.text);
                        } else {
                            open.push((*child, 0));
                        }
                    }
                },
            }
            if out.len() > self.left {
                return None;
            }
        }
        self.left -= out.len();
        Some(out)
    }
}

fn block(out: &mut Vec<u8>, long: bool, data: &[u8]) {
    if long {
        out.push(0x7a);
        out.extend((data.len() as u32).to_be_bytes());
    } else {
        out.extend([0x77, data.len() as u8]);
    }
    out.extend_from_slice(data);
}
