//! What clients were promised, and what the store was seen to commit. Knows nothing of an engine's inside.

use crate::faults::Plan;
use crate::trace::Violation;
use holdall_engine::{Block, Key, Reason, Time, ValueRef};
use std::collections::BTreeMap;

/// How many fields a session has.
pub const FIELDS: usize = 6;
/// Their names; the last is a mere touch by the layout's rules.
pub const NAMES: [&str; FIELDS] = ["a", "b", "c", "d", "e", "visit"];

/// Per field the number of the write that set it; 0 where there is no such field.
pub type Fields = [u32; FIELDS];

/// A change of one field that a client asked for. Its number is its place in [`Model::writes`] and, in a set, is in
/// the value too, so that each value tells whose it is.
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Clone, Debug)]
pub struct WriteInfo {
    /// Of which session.
    pub lineage: usize,
    /// Through which id.
    pub id: usize,
    /// Which field.
    pub field: usize,
    /// Where it was asked for, and in which run of that node.
    pub node: usize,
    /// The node's run.
    pub run: u32,
    /// What the field becomes: the write's own number, or 0 for a removal.
    pub value: u32,
    /// What the field was in that node's memory before.
    pub over: u32,
    /// With a condition: what the field had to be.
    pub shown: Option<u32>,
    /// It came with a create.
    pub creates: bool,
    /// The store can't take it.
    pub poison: bool,
    /// Where in the history it was last committed.
    pub landed: Option<usize>,
    /// Since when (in happenings) its node knows that it is committed.
    pub known: Option<u64>,
    /// It was refused or lost, and its caller told so.
    pub void: bool,
    /// It was refused: it must never be committed.
    pub refused: bool,
    /// The oldest committed state that its node may have known of the field.
    pub after: usize,
    /// At which happening it was asked for.
    pub asked_seq: u64,
    /// The bytes after the number.
    pub pad: u32,
}

/// One committed state of a session.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The virtual time.
    pub at: u64,
    /// The revision of its stamp.
    pub revision: u64,
    /// The fields.
    pub fields: Fields,
    /// The principal; 0 for none.
    pub principal: u8,
    /// Who wrote it.
    pub node: usize,
}

/// What one node did with one session in its present run.
#[derive(Clone, Debug, Default)]
pub struct NodeView {
    /// The run that this is about.
    pub run: u32,
    /// The last write of each field asked for here.
    pub last: [u32; FIELDS],
    /// The oldest committed state that may still be shown here, per field.
    pub floor: [usize; FIELDS],
    /// The newest write of each field that was committed from here.
    pub landed: [u32; FIELDS],
    /// Through which id it was seen here last: what one id showed says nothing about a load of another on its way.
    pub seen_id: usize,
    /// The highest revision shown here.
    pub revision: u64,
    /// The last use here, by the node's clock.
    pub used: Time,
    /// Through which id.
    pub used_id: usize,
    /// The session was ended here.
    pub ended: bool,
    /// A purge may have ended it here.
    pub purged: bool,
    /// Fields of others overwritten from here, and reported.
    pub overwrites: u32,
    /// Fields reported.
    pub overwrites_told: u32,
    /// Lost changes were reported.
    pub loss_told: bool,
    /// What the last calls of `set_principal` here asked for, and over which one.
    pub principals: Vec<(u8, u8)>,
    /// How many such calls there were.
    pub principal_calls: u32,
}

/// One id of a session.
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Clone, Debug)]
pub struct IdInfo {
    /// The id's bytes.
    pub bytes: Vec<u8>,
    /// Its row's key.
    pub key: Key,
    /// Whose it is.
    pub lineage: usize,
    /// The id that was rotated to this one.
    pub parent: Option<usize>,
    /// The node and run that made it.
    pub made_by: (usize, u32),
    /// A client knows it.
    pub told: bool,
    /// A write of it was sent.
    pub sent: bool,
    /// Since when its row lives, in virtual time.
    pub live_since: Option<u64>,
    /// Since when its row is dead, an alias or gone again.
    pub gone_at: Option<u64>,
    /// By the store's clock.
    pub alias_until: Time,
    /// When the alias was destroyed, in virtual time.
    pub alias_ended: Option<u64>,
    /// Nodes (and runs) that must not open it any more.
    pub closed: Vec<(usize, u32)>,
    /// Its dead row was swept.
    pub swept: bool,
    /// Its row can't be read.
    pub corrupt: bool,
}

/// One session, through all its ids.
#[derive(Clone, Debug)]
pub struct Lineage {
    /// Its ids, oldest first.
    pub ids: Vec<usize>,
    /// The node and run that began it.
    pub creator: (usize, u32),
    /// What was committed.
    pub history: Vec<Commit>,
    /// When and why its row ended.
    pub ended: Option<(u64, Reason)>,
    /// Someone asked for its end.
    pub destroy_tried: bool,
    /// The store lost part of its history: little can be promised.
    pub relaxed: bool,
    /// Someone tried to create it again: once it is over and swept, that makes a new session of that name.
    pub create_retried: bool,
    /// The store's `accessed` over time.
    pub accessed: Vec<(u64, Time)>,
    /// The last use anywhere, by the clock of the node.
    pub last_use: Time,
    /// The last use anywhere in virtual time.
    pub last_use_at: u64,
    /// Its idle limit.
    pub idle_ms: u64,
    /// Its deadline.
    pub deadline: Time,
    /// Per node.
    pub views: Vec<NodeView>,
    /// The principals it ever had, as bits.
    pub principals: u8,
    /// `Created` events seen.
    pub created_events: u32,
    /// Ended with its last content as an event.
    pub claims: u32,
}

impl Lineage {
    /// Whether clients can't be promised what they see: the store lost states, or two creates met under one id.
    pub fn is_excused(&self) -> bool {
        self.relaxed || self.create_retried
    }
}

/// Everything that was promised and seen.
#[derive(Debug)]
pub struct Model {
    /// The run's character.
    pub plan: Plan,
    /// All writes; number 0 is none.
    pub writes: Vec<WriteInfo>,
    /// All ids.
    pub ids: Vec<IdInfo>,
    /// All sessions.
    pub lineages: Vec<Lineage>,
    /// Which id a key belongs to.
    pub keys: BTreeMap<Key, usize>,
    /// Each node's present run.
    pub runs: Vec<u32>,
    /// Counts happenings.
    pub seq: u64,
    /// The first thing found wrong.
    pub violation: Option<Violation>,
    /// Checks made, to see that there were some.
    pub checks: u64,
}

impl Model {
    /// Nothing was promised yet.
    pub fn new(plan: &Plan) -> Self {
        let none = WriteInfo {
            lineage: usize::MAX,
            id: usize::MAX,
            field: 0,
            node: usize::MAX,
            run: 0,
            value: 0,
            over: 0,
            shown: None,
            creates: false,
            poison: false,
            landed: None,
            known: None,
            void: true,
            refused: true,
            after: 0,
            asked_seq: 0,
            pad: 0,
        };
        Self {
            plan: plan.clone(),
            writes: vec![none],
            ids: Vec::new(),
            lineages: Vec::new(),
            keys: BTreeMap::new(),
            runs: vec![1; plan.nodes],
            seq: 0,
            violation: None,
            checks: 0,
        }
    }

    /// Records a violation, if it is the first.
    pub fn fail(&mut self, invariant: &'static str, what: impl Into<String>) {
        if self.violation.is_none() {
            self.violation = Some(Violation { invariant, what: what.into() });
        }
    }

    /// A new session, not known to anybody yet.
    pub fn new_lineage(&mut self, node: usize, idle_ms: u64, deadline: Time, at: (u64, Time)) -> usize {
        self.lineages.push(Lineage {
            ids: Vec::new(),
            creator: (node, self.runs[node]),
            history: Vec::new(),
            ended: None,
            destroy_tried: false,
            relaxed: false,
            create_retried: false,
            accessed: Vec::new(),
            last_use: at.1,
            last_use_at: at.0,
            idle_ms,
            deadline,
            views: vec![NodeView::default(); self.plan.nodes],
            principals: 0,
            created_events: 0,
            claims: 0,
        });
        self.lineages.len() - 1
    }

    /// A new id of a session.
    pub fn new_id(&mut self, lineage: usize, node: usize, parent: Option<usize>) -> usize {
        let id = self.ids.len();
        let bytes = format!("{id:04}-of-session-{lineage}").into_bytes();
        let key = key_of(&bytes);
        self.keys.insert(key.clone(), id);
        self.ids.push(IdInfo {
            bytes,
            key,
            lineage,
            parent,
            made_by: (node, self.runs[node]),
            told: self.lineages[lineage].ids.is_empty(),
            sent: false,
            live_since: None,
            gone_at: None,
            alias_until: Time::ZERO,
            alias_ended: None,
            closed: Vec::new(),
            swept: false,
            corrupt: false,
        });
        self.lineages[lineage].ids.push(id);
        id
    }

    /// What a node did with a session in its present run.
    pub fn view(&mut self, lineage: usize, node: usize) -> &mut NodeView {
        let run = self.runs[node];
        let view = &mut self.lineages[lineage].views[node];
        if view.run != run {
            *view = NodeView { run, floor: view.floor, ..NodeView::default() };
        }
        view
    }

    /// Whether an id must not open at a node.
    pub fn is_closed(&self, id: usize, node: usize) -> bool {
        self.ids[id].closed.contains(&(node, self.runs[node]))
    }

    /// From now on the id must not open at this node, in this run.
    pub fn close(&mut self, id: usize, node: usize) {
        let run = self.runs[node];
        self.ids[id].closed.push((node, run));
    }

    /// From now on no id of the session may open at this node, in this run.
    pub fn end_at(&mut self, lineage: usize, node: usize) {
        self.view(lineage, node).ended = true;
    }

    /// A use of the session at a node.
    pub fn used(&mut self, id: usize, node: usize, at: u64, clock: Time) {
        let lineage = self.ids[id].lineage;
        let view = self.view(lineage, node);
        (view.used, view.used_id) = (clock, id);
        let lineage = &mut self.lineages[lineage];
        lineage.last_use = lineage.last_use.max(clock);
        lineage.last_use_at = at;
    }

    /// The value text of a write.
    pub fn text(number: u32, pad: u32) -> String {
        let mut text = format!("\"v{number}.");
        text.extend(std::iter::repeat_n('x', pad as usize));
        text.push('"');
        text
    }

    /// Reads a block back into the numbers of the writes; checks that each value is whole and in its place.
    pub fn decode(&mut self, lineage: usize, block: &Block) -> Fields {
        let mut fields = [0; FIELDS];
        for (name, value) in block.iter() {
            let Some(field) = NAMES.iter().position(|known| *known == name) else {
                self.fail("I5 no phantom", format!("session {lineage} has a field {name}"));
                continue;
            };
            let ValueRef::Json(text) = value else {
                self.fail("I5 no phantom", format!("session {lineage}: field {name} is no JSON"));
                continue;
            };
            let digits = text.bytes().skip(2).take_while(u8::is_ascii_digit);
            let number = digits.fold(0_u32, |number, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')));
            match self.writes.get(number as usize) {
                Some(write) if write.lineage != lineage => {
                    let other = write.lineage;
                    self.fail("I6 no cross-session data", format!("session {lineage} holds a value of session {other}"));
                }
                Some(write) if write.field != field || write.value != number || text.len() != Self::length(number, write.pad) => {
                    self.fail("I5 no phantom", format!("session {lineage}: field {name} holds a torn or foreign value"));
                }
                Some(_) => fields[field] = number,
                None => self.fail("I5 no phantom", format!("session {lineage}: field {name} was never set to that")),
            }
        }
        fields
    }

    fn length(number: u32, pad: u32) -> usize {
        4 + number.to_string().len() + pad as usize
    }

    /// Whether a write that was asked for through one id is part of the session under another at that node: only a
    /// rotation from there takes along what is not committed.
    pub fn travels_with(&self, number: u32, id: usize) -> bool {
        let write = &self.writes[number as usize];
        self.leads_to(write.id, id, (write.node, write.run))
    }

    /// Whether rotations at this node, in this run, led from one id to another.
    pub fn leads_to(&self, from: usize, to: usize, by: (usize, u32)) -> bool {
        let mut id = to;
        while id != from {
            let info = &self.ids[id];
            match info.parent {
                Some(parent) if info.made_by == by => id = parent,
                _ => return false,
            }
        }
        true
    }

    /// Whether a write is neither committed nor given up.
    pub fn is_open(&self, number: u32) -> bool {
        let write = &self.writes[number as usize];
        number != 0 && write.landed.is_none() && !write.void && write.run == self.runs[write.node]
    }

    /// Whether a write is known by its node to lie over this value: what was there when it was asked for, under a chain
    /// of the node's own writes that it does not know to be committed.
    pub fn lies_over(&self, number: u32, value: u32) -> bool {
        let write = &self.writes[number as usize];
        let mut over = write.over;
        if self.lay_over_before(number, value, write.asked_seq) {
            return true;
        }
        loop {
            if self.lay_over_before(over, value, write.asked_seq) {
                return true;
            }
            let under = &self.writes[over as usize];
            let here = if over == 0 { 0 } else { under.value };
            if here == value {
                return true;
            }
            if over == 0
                || (under.node, under.run) != (write.node, write.run)
                || under.known.is_some_and(|known| known <= write.asked_seq)
            {
                return false;
            }
            over = under.over;
        }
    }
}

impl Model {
    /// Whether the field had this value just before a write landed whose node did not know of it then: when the field has
    /// come back to that, nobody there can tell.
    fn lay_over_before(&self, number: u32, value: u32, then: u64) -> bool {
        let write = &self.writes[number as usize];
        let Some(landed) = write.landed.filter(|_| write.known.is_none_or(|known| known > then)) else { return false };
        let before = landed.checked_sub(1).and_then(|before| self.lineages[write.lineage].history.get(before));
        before.is_some_and(|before| before.fields[write.field] == value)
    }
}

/// The key of an id: what a layout would make of it.
pub fn key_of(id: &[u8]) -> Key {
    let mut bytes = id.to_vec();
    bytes.extend(b":key");
    Key::new(&bytes)
}

/// The number of a principal.
pub fn principal_number(principal: Option<&str>) -> u8 {
    principal.and_then(|text| text.strip_prefix("user-")).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
