//! The clients: visitors with their ids and tickets, and requests that open, change, rotate and destroy sessions.

use crate::check_client::Opening;
use crate::model::{FIELDS, Model, NAMES, WriteInfo};
use crate::node::Awaited;
use crate::world::{Happening, World};
use holdall_engine::{
    Applied, Ask, Asked, Block, Changes, Fetch, FieldChange, Limits, Reason, Renamed, Save, Sharing, Time, Value, Want,
};

/// What a request does. The order is that of `Plan::acts`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    Create,
    Read,
    Save,
    SaveIfUnchanged,
    Rotate,
    RotateWithGrace,
    Destroy,
    DestroyOld,
    SetPrincipal,
    DestroyPrincipal,
    OpenOld,
    OpenUnknown,
    CreateTaken,
    FlushOrSweep,
    ForgedTicket,
    Peek,
}

const ACTS: [Act; 16] = [
    Act::Create,
    Act::Read,
    Act::Save,
    Act::SaveIfUnchanged,
    Act::Rotate,
    Act::RotateWithGrace,
    Act::Destroy,
    Act::DestroyOld,
    Act::SetPrincipal,
    Act::DestroyPrincipal,
    Act::OpenOld,
    Act::OpenUnknown,
    Act::CreateTaken,
    Act::FlushOrSweep,
    Act::ForgedTicket,
    Act::Peek,
];

/// A client waits for the store so long before it goes on with "pending".
const PATIENCE_MS: u64 = 10_000;

/// Someone with a cookie.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// His session.
    pub lineage: Option<usize>,
    /// Its id.
    pub id: usize,
    /// His ticket.
    pub ticket: Option<u64>,
    /// Where a sticky balancer sends him.
    pub node: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Opening,
    Acting,
    Answer(Ask),
    Done,
}

/// One request.
pub(crate) struct Request {
    pub(crate) visitor: Option<usize>,
    pub(crate) act: Act,
    pub(crate) opening: Opening,
    pub(crate) asked: Option<Asked>,
    pub(crate) stage: Stage,
    /// Counts the stages, so that a late alarm of an earlier one is passed over.
    pub(crate) turn: u32,
    pub(crate) shown: Option<Block>,
    pub(crate) run: u32,
    pub(crate) rename: Option<(usize, usize)>,
    pub(crate) touch: bool,
    pub(crate) verify: bool,
    /// How often it was refused as busy.
    pub(crate) tries: u32,
}

impl World {
    /// A request comes in, and the next one is planned.
    pub(crate) fn arrive(&mut self) {
        if self.settling {
            return;
        }
        let mut wait = self.random.between(1, 2 * self.plan.pace_ms);
        if self.random.chance(self.plan.pause) {
            wait += self.random.between(1, self.plan.pause_ms);
        }
        self.at(self.now + wait, Happening::Arrive);
        let visitor = self.random.below(self.visitors.len() as u64) as usize;
        let act = self.draw_act();
        let Some(node) = self.route(visitor) else { return };
        if self.visitors[visitor].lineage.is_none() || act == Act::Create {
            self.create(visitor, node);
            return;
        }
        match act {
            Act::FlushOrSweep => self.flush_or_sweep(node),
            Act::DestroyPrincipal => self.destroy_principal(visitor, node),
            Act::Destroy | Act::DestroyOld => self.destroy(visitor, node, act),
            Act::OpenUnknown => self.open_unknown(node),
            Act::CreateTaken => self.create_taken(visitor, node),
            _ => self.open(visitor, node, act),
        }
    }

    fn draw_act(&mut self) -> Act {
        let total: u64 = self.plan.acts.iter().sum();
        let mut place = self.random.below(total);
        for (act, weight) in ACTS.iter().zip(self.plan.acts) {
            if place < weight {
                return *act;
            }
            place -= weight;
        }
        Act::Read
    }

    fn route(&mut self, visitor: usize) -> Option<usize> {
        let count = self.nodes.len() as u64;
        let node = match self.plan.config.sharing {
            Sharing::Single => 0,
            Sharing::Fleet => self.random.below(count) as usize,
            Sharing::Sticky => {
                if self.random.chance(self.plan.moves) || !self.nodes[self.visitors[visitor].node].serves() {
                    self.visitors[visitor].node = self.random.below(count) as usize;
                }
                self.visitors[visitor].node
            }
        };
        self.nodes[node].serves().then_some(node)
    }

    // ---- opening ----

    fn open(&mut self, visitor: usize, node: usize, act: Act) {
        let holder = self.visitors[visitor].clone();
        let Some(lineage) = holder.lineage else { return };
        let mut id = holder.id;
        if act == Act::OpenOld {
            let ids = self.told_ids(lineage);
            id = ids[self.random.below(ids.len() as u64) as usize];
        }
        let (mut fresh_ms, mut at_least) = self.draw_freshness(&holder);
        if act == Act::ForgedTicket {
            let forged = self.random.pick(&[1, holder.ticket.unwrap_or(5) + 1_000_000, u64::MAX >> 12]);
            (fresh_ms, at_least) = (0, Some(forged));
        }
        let touch = act != Act::Peek;
        self.start_opening(Some(visitor), node, act, id, (fresh_ms, at_least), touch);
    }

    fn draw_freshness(&mut self, holder: &Visitor) -> (u64, Option<u64>) {
        match self.plan.config.sharing {
            Sharing::Single => (self.random.pick(&[u64::MAX, u64::MAX, u64::MAX, 0, 1_000]), None),
            Sharing::Sticky => (self.random.pick(&[5_000, 1_000, 200, 0, u64::MAX]), None),
            Sharing::Fleet if self.random.chance(self.plan.tickets) && holder.ticket.is_some() => (0, self.some_ticket(holder)),
            Sharing::Fleet => (0, None),
        }
    }

    /// The visitor's ticket, or that of a tab which has not heard of the last changes.
    fn some_ticket(&mut self, holder: &Visitor) -> Option<u64> {
        let lineage = holder.lineage?;
        if self.random.chance(250) {
            let history = &self.model.lineages[lineage].history;
            let known = history.iter().map(|commit| commit.revision).filter(|revision| Some(*revision) <= holder.ticket);
            return known.min_by_key(|_| self.random.next()).or(holder.ticket);
        }
        holder.ticket
    }

    pub(crate) fn start_opening(
        &mut self,
        visitor: Option<usize>,
        node: usize,
        act: Act,
        id: usize,
        (fresh_ms, at_least): (u64, Option<u64>),
        touch: bool,
    ) -> usize {
        let opening = self.begin_opening(id, node, fresh_ms, at_least);
        let request = self.requests.len();
        self.requests.push(Request {
            visitor,
            act,
            opening,
            asked: None,
            stage: Stage::Opening,
            turn: 0,
            shown: None,
            run: self.model.runs[node],
            rename: None,
            touch,
            verify: false,
            tries: 0,
        });
        self.at(self.now + 60_000, Happening::GiveUp(request, 0));
        self.step_request(request);
        request
    }

    fn begin_opening(&mut self, id: usize, node: usize, fresh_ms: u64, at_least: Option<u64>) -> Opening {
        let session = &self.model.lineages[self.model.ids[id].lineage];
        let committed = session.history.len();
        let accessed = session.accessed.last().map(|(_, accessed)| *accessed);
        let was_gone = self.model.ids[id].gone_at.is_some();
        let store_clock = self.store_time();
        Opening { id, node, began: self.now, committed, was_gone, fresh_ms, at_least, store_clock, accessed }
    }

    fn told_ids(&self, lineage: usize) -> Vec<usize> {
        self.model.lineages[lineage].ids.iter().filter(|id| self.model.ids[**id].told).copied().collect()
    }

    /// The request goes on, if it can.
    pub(crate) fn step_request(&mut self, request: usize) {
        let (node, run) = (self.requests[request].opening.node, self.requests[request].run);
        if self.model.runs[node] != run || self.nodes[node].engine.is_none() {
            self.requests[request].stage = Stage::Done;
            return;
        }
        if self.nodes[node].suspended {
            self.at(self.now + 500, Happening::Step(request));
            return;
        }
        match self.requests[request].stage {
            Stage::Opening => self.try_fetch(request),
            Stage::Acting => self.act(request),
            Stage::Answer(_) | Stage::Done => {}
        }
        self.pump(node);
    }

    /// Requests that waited for a load look again.
    pub(crate) fn retry_waiting(&mut self, node: usize) {
        for request in std::mem::take(&mut self.nodes[node].waiting) {
            if self.requests[request].stage == Stage::Opening {
                self.try_fetch(request);
            }
        }
    }

    fn try_fetch(&mut self, request: usize) {
        let opening = self.requests[request].opening;
        let (id, node) = (opening.id, opening.node);
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let want = Want {
            fresh_ms: opening.fresh_ms,
            at_least: opening.at_least,
            touch: self.requests[request].touch,
            asked: self.requests[request].asked,
        };
        let bytes = self.model.ids[id].bytes.clone();
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let id_ref = engine.id_ref(&bytes);
        let fetched = engine.fetch(clock, id_ref, want);
        match fetched {
            Fetch::Ready(view) => {
                self.trace.add(&[20, request as u64, view.revision.unwrap_or(0)]);
                self.trace.say(now, || format!("request {request} opens id {id} at node {node}: ready, {:?}", opening));
                let renaming = self.is_renaming(node, id);
                self.model.on_ready(&opening, now, clock, &view, renaming);
                self.opened(request, clock, view);
            }
            Fetch::Load(asked) | Fetch::Wait(asked) => {
                self.requests[request].asked = Some(asked);
                self.nodes[node].waiting.push(request);
            }
            Fetch::Absent => self.not_opened(request, clock, None),
            Fetch::Dead(reason) => self.not_opened(request, clock, Some(reason)),
            Fetch::Busy => {
                let again = self.now + self.random.between(1, 200);
                self.at(again, Happening::Step(request));
            }
            Fetch::Failed(fault) => {
                self.trace.say(now, || format!("request {request}: failed {fault:?}"));
                self.requests[request].stage = Stage::Done;
            }
        }
    }

    fn opened(&mut self, request: usize, clock: Time, view: holdall_engine::View) {
        let opening = self.requests[request].opening;
        if self.requests[request].verify {
            self.verified(request, &view);
            return;
        }
        if self.requests[request].touch && !view.alias {
            self.model.used(opening.id, opening.node, self.now, clock);
        }
        if view.alias || matches!(self.requests[request].act, Act::Read | Act::OpenOld | Act::Peek) {
            self.requests[request].stage = Stage::Done;
            return;
        }
        self.requests[request].shown = Some(view.block);
        self.requests[request].stage = Stage::Acting;
        let think = if self.plan.think_ms == 0 { 0 } else { self.random.between(0, self.plan.think_ms) };
        self.at(self.now + think, Happening::Step(request));
    }

    fn not_opened(&mut self, request: usize, clock: Time, reason: Option<Reason>) {
        let opening = self.requests[request].opening;
        let (id, now) = (opening.id, self.now);
        self.trace.say(now, || format!("request {request} opens id {id} at node {}: {reason:?}", opening.node));
        self.trace.add(&[21, request as u64]);
        self.model.on_not_ready(&opening, now, clock, reason);
        self.requests[request].stage = Stage::Done;
        let lineage = self.model.ids[id].lineage;
        if let Some(visitor) = self.requests[request].visitor
            && self.visitors[visitor].lineage == Some(lineage)
            && self.visitors[visitor].id == id
            && self.random.chance(700)
        {
            self.visitors[visitor].lineage = None;
        }
    }

    // ---- acting ----

    fn act(&mut self, request: usize) {
        match self.requests[request].act {
            Act::Rotate => self.rotate(request, 0),
            Act::RotateWithGrace => {
                let grace = self.random.between(1_000, 30_000);
                self.rotate(request, grace);
            }
            Act::SaveIfUnchanged => self.save(request, true, None),
            Act::SetPrincipal => {
                let principal = self.random.between(1, 3) as u8;
                self.save(request, false, Some(principal));
            }
            _ => self.save(request, false, None),
        }
    }

    /// Draws changes of up to three fields; their numbers are not valid before the engine has taken them.
    fn draw_changes(&mut self, id: usize, node: usize, current: &Block, creates: bool) -> (Changes, Vec<u32>) {
        let lineage = self.model.ids[id].lineage;
        let before = self.model.decode(lineage, current);
        let mut changes = Changes::new();
        let mut numbers: Vec<u32> = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let field = self.random.below(FIELDS as u64) as usize;
            if numbers.iter().any(|number| self.model.writes[*number as usize].field == field) {
                continue;
            }
            let remove = self.random.chance(150);
            if remove && (before[field] == 0 || creates) {
                continue;
            }
            let number = self.model.writes.len() as u32;
            let last = self.model.view(lineage, node).last[field];
            let removed = last != 0 && before[field] == 0 && self.model.is_open(last) && self.model.travels_with(last, id);
            let pad = self.random.between(1, self.plan.value_bytes) as u32;
            let poison = !remove && self.random.chance(self.plan.poison);
            self.model.writes.push(WriteInfo {
                lineage,
                id,
                field,
                node,
                run: self.model.runs[node],
                value: if remove { 0 } else { number },
                over: if removed { last } else { before[field] },
                shown: None,
                creates,
                poison,
                landed: None,
                known: None,
                void: true,
                refused: true,
                after: self.model.lineages[lineage].history.len(),
                pad,
            });
            numbers.push(number);
            let text = Model::text(number, pad);
            changes.put(NAMES[field], if remove { FieldChange::Remove } else { FieldChange::Set(Value::Json(text.into())) });
        }
        (changes, numbers)
    }

    fn wants_stored(&mut self) -> bool {
        self.random.chance(self.plan.stored)
    }

    fn save(&mut self, request: usize, if_unchanged: bool, principal: Option<u8>) {
        let opening = self.requests[request].opening;
        let (id, node) = (opening.id, opening.node);
        let lineage = self.model.ids[id].lineage;
        let bytes = self.model.ids[id].bytes.clone();
        let Some(engine) = &self.nodes[node].engine else { return };
        let Some(current) = engine.peek(engine.id_ref(&bytes)).cloned() else {
            self.reopen(request);
            return;
        };
        let (mut changes, mut numbers) = self.draw_changes(id, node, &current, false);
        if principal.is_some() && self.random.chance(500) {
            (changes, numbers) = (Changes::new(), Vec::new());
        }
        let mut over = 0;
        if let Some(principal) = principal {
            changes.principal = Some(Some(format!("user-{principal}").into()));
            over = self.known_principal(node, lineage, &bytes);
        }
        let shown = self.requests[request].shown.clone().filter(|_| if_unchanged || self.random.chance(500));
        let stored = principal.is_some() || self.wants_stored();
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let save = Save { stored, shown: shown.as_ref(), if_unchanged };
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let id_ref = engine.id_ref(&bytes);
        let applied = engine.apply(clock, id_ref, &changes, &save);
        self.trace.say(now, || {
            let fields: Vec<_> = numbers.iter().map(|number| (number, NAMES[self.model.writes[*number as usize].field])).collect();
            format!("request {request} saves {fields:?} in session {lineage} at node {node} (id {id}, stored {stored}, if {if_unchanged}, principal {principal:?}): {}", brief(&applied))
        });
        match applied {
            Applied::Done { block, ask, .. } => {
                self.accept(node, lineage, &numbers, if_unchanged.then(|| shown.clone()).flatten().as_ref());
                self.after_done(node, lineage, &numbers, &block, Some((id, clock)));
                if let Some(principal) = principal {
                    self.note_principal(node, lineage, principal, over);
                }
                let principal = principal.map(|principal| (principal, self.model.view(lineage, node).principal_calls));
                match ask {
                    Some(ask) => self.wait_for(request, node, ask, Awaited::Save { lineage, numbers: numbers.clone(), principal, apart: false }),
                    None => self.requests[request].stage = Stage::Done,
                }
                self.note_overwritten(node, lineage, &numbers, shown.as_ref(), &current);
            }
            Applied::Asked(ask) => {
                self.accept_apart(lineage, &numbers, shown.as_ref());
                self.model.used(id, node, self.now, clock);
                if let Some(principal) = principal {
                    self.note_principal(node, lineage, principal, over);
                }
                let principal = principal.map(|principal| (principal, self.model.view(lineage, node).principal_calls));
                self.wait_for(request, node, ask, Awaited::Save { lineage, numbers, principal, apart: true });
            }
            Applied::NotLoaded => self.reopen(request),
            Applied::Dead(reason) => {
                self.model.on_dead(id, node, clock, reason);
                self.requests[request].stage = Stage::Done;
            }
            Applied::Conflict => {
                if !if_unchanged {
                    self.model.fail("I15 honesty", "a conflict without a condition");
                }
                self.requests[request].stage = Stage::Done;
            }
            Applied::Busy => {
                self.try_again(request);
            }
            Applied::Exists | Applied::TooLarge { .. } => {
                self.model.fail("I15 honesty", "a change of a small, open session is refused as too large or taken");
            }
        }
    }

    /// The principal that the node knows for a session, its own unsaved one included.
    fn known_principal(&mut self, node: usize, lineage: usize, bytes: &[u8]) -> u8 {
        let asked = self.model.view(lineage, node).principals.last().copied();
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let Some(engine) = &mut self.nodes[node].engine else { return 0 };
        let id_ref = engine.id_ref(bytes);
        let seen = match engine.fetch(clock, id_ref, Want { touch: false, ..Want::ANY }) {
            Fetch::Ready(view) => {
                let text = view.attributes.as_ref().and_then(|attributes| attributes.principal.clone());
                crate::model::principal_number(text.as_deref())
            }
            _ => 0,
        };
        let committed = self.model.lineages[lineage].history.last().map_or(0, |last| last.principal);
        match asked {
            Some((asked, over)) if asked == seen && committed != seen => over,
            _ => seen,
        }
    }

    fn note_principal(&mut self, node: usize, lineage: usize, principal: u8, over: u8) {
        let view = self.model.view(lineage, node);
        view.principal_calls += 1;
        view.principals.push((principal, over));
        if view.principals.len() > 20 {
            view.principals.remove(0);
        }
        self.model.lineages[lineage].principals |= 1 << principal;
        if self.purges.iter().any(|(_, _, purged)| *purged == principal) {
            self.mark_purged(lineage);
        }
    }

    /// The changes count from now on.
    fn accept(&mut self, node: usize, lineage: usize, numbers: &[u32], shown: Option<&Block>) {
        let shown = shown.map(|block| self.model.decode(lineage, block));
        for number in numbers {
            let write = &mut self.model.writes[*number as usize];
            (write.void, write.refused) = (false, false);
            let field = write.field;
            write.shown = shown.map(|fields| fields[field]);
            self.model.view(lineage, node).last[field] = *number;
        }
    }

    fn accept_apart(&mut self, lineage: usize, numbers: &[u32], shown: Option<&Block>) {
        let shown = shown.map(|block| self.model.decode(lineage, block));
        for number in numbers {
            let write = &mut self.model.writes[*number as usize];
            (write.void, write.refused) = (false, false);
            write.shown = shown.map(|fields| fields[write.field]);
        }
    }

    fn after_done(&mut self, node: usize, lineage: usize, numbers: &[u32], block: &Block, used: Option<(usize, Time)>) {
        if let Some((id, clock)) = used {
            self.model.used(id, node, self.now, clock);
        }
        let fields = self.model.decode(lineage, block);
        for number in numbers {
            let write = &self.model.writes[*number as usize];
            if fields[write.field] != write.value {
                let name = NAMES[write.field];
                self.model.fail("I4 read your writes", format!("session {lineage}: {name} is not what was just set"));
            }
        }
    }

    /// Fields that were no longer what the handle was shown are overwritten knowingly: to be reported.
    fn note_overwritten(&mut self, node: usize, lineage: usize, numbers: &[u32], shown: Option<&Block>, current: &Block) {
        let Some(shown) = shown else { return };
        let (shown, current) = (self.model.decode(lineage, shown), self.model.decode(lineage, current));
        let changed = |number: &&u32| {
            let field = self.model.writes[**number as usize].field;
            shown[field] != current[field] && current[field] != self.model.writes[**number as usize].value
        };
        let count = numbers.iter().filter(changed).count() as u32;
        self.read_out(node);
        let view = self.model.view(lineage, node);
        view.overwrites += count;
        if view.overwrites > view.overwrites_told {
            self.model.fail("2 overwriting is reported", format!("session {lineage}: node {node}, against what was shown"));
        }
    }

    /// Refused as busy: tries again, for ever unless a bad row may keep it so.
    fn try_again(&mut self, request: usize) {
        self.requests[request].tries += 1;
        if self.requests[request].tries > 30 && self.plan.poison > 0 {
            self.requests[request].stage = Stage::Done;
            return;
        }
        let again = self.now + self.random.between(1, 400);
        self.at(again, Happening::Step(request));
    }

    fn reopen(&mut self, request: usize) {
        let old = self.requests[request].opening;
        self.requests[request].opening = self.begin_opening(old.id, old.node, old.fresh_ms, old.at_least);
        self.requests[request].asked = None;
        self.requests[request].stage = Stage::Opening;
        self.at(self.now + 1, Happening::Step(request));
    }

    fn wait_for(&mut self, request: usize, node: usize, ask: Ask, awaited: Awaited) {
        self.nodes[node].asks.insert(ask, (awaited, Some(request), self.now));
        self.requests[request].stage = Stage::Answer(ask);
        self.requests[request].turn += 1;
        let turn = self.requests[request].turn;
        self.at(self.now + PATIENCE_MS, Happening::GiveUp(request, turn));
        self.read_out(node);
    }

    /// The answer came.
    pub(crate) fn answered(&mut self, request: usize) {
        self.requests[request].stage = Stage::Done;
    }

    /// A client's patience is over.
    pub(crate) fn give_up(&mut self, request: usize, turn: u32) {
        if self.requests[request].turn != turn {
            return;
        }
        let stage = self.requests[request].stage;
        let node = self.requests[request].opening.node;
        match stage {
            Stage::Opening if !self.requests[request].verify => {
                self.nodes[node].waiting.retain(|other| *other != request);
                self.requests[request].stage = Stage::Done;
            }
            Stage::Answer(_) => {
                self.check_patience(request, node);
                if let Some((old, new)) = self.requests[request].rename {
                    self.pending_rotation(request, node, old, new);
                }
                self.requests[request].stage = Stage::Done;
            }
            _ => {}
        }
    }

    /// Where all goes well nobody waits so long.
    fn check_patience(&mut self, request: usize, node: usize) {
        if self.plan.calm && self.model.runs[node] == self.requests[request].run && !self.nodes[node].suspended {
            let act = self.requests[request].act;
            self.model.fail("identity and stored never wait behind", format!("{act:?} waited for {PATIENCE_MS} ms without a fault"));
        }
    }

    // ---- identity ----

    fn rotate(&mut self, request: usize, grace_ms: u64) {
        let opening = self.requests[request].opening;
        let (id, node) = (opening.id, opening.node);
        let lineage = self.model.ids[id].lineage;
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let new = self.model.new_id(lineage, node, Some(id));
        let (old_bytes, new_bytes) = (self.model.ids[id].bytes.clone(), self.model.ids[new].bytes.clone());
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let (old_ref, new_ref) = (engine.id_ref(&old_bytes), engine.id_ref(&new_bytes));
        let renamed = engine.rename(clock, old_ref, new_ref, grace_ms);
        self.trace.say(now, || format!("request {request} rotates id {id} to {new} of session {lineage} at node {node}: {renamed:?}"));
        match renamed {
            Renamed::Asked(ask) => {
                self.model.used(new, node, now, clock);
                self.requests[request].rename = Some((id, new));
                self.nodes[node].renaming.push((id, new));
                self.wait_for(request, node, ask, Awaited::Rename { old: id, new, grace: grace_ms > 0 });
            }
            Renamed::NotLoaded => {
                self.forget_id(lineage, new);
                self.reopen(request);
            }
            Renamed::Dead(reason) => {
                self.forget_id(lineage, new);
                self.model.on_dead(id, node, clock, reason);
                self.requests[request].stage = Stage::Done;
            }
            Renamed::Busy => {
                self.forget_id(lineage, new);
                self.try_again(request);
            }
        }
    }

    fn forget_id(&mut self, lineage: usize, id: usize) {
        self.model.lineages[lineage].ids.retain(|other| *other != id);
    }

    /// Told "pending": the visitor goes on with the new id, the old one is closed here.
    fn pending_rotation(&mut self, request: usize, node: usize, old: usize, new: usize) {
        if self.model.runs[node] != self.requests[request].run || self.nodes[node].suspended {
            return;
        }
        let bytes = self.model.ids[new].bytes.clone();
        if let Some(engine) = &mut self.nodes[node].engine {
            let id_ref = engine.id_ref(&bytes);
            engine.close_old(id_ref);
            self.trace.say(self.now, || format!("rotation from id {old} to {new} is pending"));
            self.model.close(old, node);
            let lineage = self.model.ids[new].lineage;
            self.move_visitors(lineage, old, new);
        }
    }

    pub(crate) fn move_visitors(&mut self, lineage: usize, old: usize, new: usize) {
        self.model.ids[new].told = true;
        for visitor in self.visitors.iter_mut().filter(|visitor| visitor.lineage == Some(lineage) && visitor.id == old) {
            visitor.id = new;
        }
    }

    fn destroy(&mut self, visitor: usize, node: usize, act: Act) {
        let Some(lineage) = self.visitors[visitor].lineage else { return };
        let ids = self.told_ids(lineage);
        let id = if act == Act::DestroyOld { ids[self.random.below(ids.len() as u64) as usize] } else { self.visitors[visitor].id };
        let bytes = self.model.ids[id].bytes.clone();
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let id_ref = engine.id_ref(&bytes);
        let ask = engine.destroy(clock, id_ref, Reason::Destroyed);
        self.trace.say(now, || format!("id {id} of session {lineage} is destroyed at node {node}: {ask:?}"));
        self.model.lineages[lineage].destroy_tried = true;
        self.model.close(id, node);
        self.void_open(node, lineage, Some(id));
        self.close_other_half(node, id);
        self.nodes[node].destroys += 2;
        let request = self.quiet_request(visitor, node, act, id);
        self.wait_for(request, node, ask, Awaited::Destroy { id });
        if self.random.chance(700) {
            self.visitors[visitor].lineage = None;
        }
        self.pump(node);
    }

    /// While a rotation is not settled a destroy ends both ids here.
    fn close_other_half(&mut self, node: usize, id: usize) {
        let renaming = self.nodes[node].renaming.iter();
        let open: Vec<(usize, usize)> = renaming.filter(|(old, new)| *old == id || *new == id).copied().collect();
        for (old, new) in open {
            self.model.close(old, node);
            self.model.close(new, node);
        }
    }

    /// Whether a rotation from an id is not settled at a node.
    fn is_renaming(&self, node: usize, id: usize) -> bool {
        self.nodes[node].renaming.iter().any(|(old, _)| *old == id)
    }

    /// A request that only waits for an answer.
    fn quiet_request(&mut self, visitor: usize, node: usize, act: Act, id: usize) -> usize {
        let opening = self.begin_opening(id, node, 0, None);
        self.requests.push(Request {
            visitor: Some(visitor),
            act,
            opening,
            asked: None,
            stage: Stage::Done,
            turn: 0,
            shown: None,
            run: self.model.runs[node],
            rename: None,
            touch: false,
            verify: false,
            tries: 0,
        });
        self.requests.len() - 1
    }

    fn destroy_principal(&mut self, visitor: usize, node: usize) {
        let principal = self.random.between(1, 3) as u8;
        let except = (self.visitors[visitor].lineage.is_some() && self.random.chance(300)).then(|| self.visitors[visitor].id);
        let key = except.map(|id| self.model.ids[id].key.clone());
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let text = format!("user-{principal}").into();
        let ask = engine.destroy_principal(clock, &text, key.as_ref());
        self.trace.say(now, || format!("all sessions of principal {principal} but {except:?} are destroyed at node {node}: {ask:?}"));
        self.purges.push((node, u32::from(principal), principal));
        for lineage in 0..self.model.lineages.len() {
            if self.model.lineages[lineage].principals & (1 << principal) != 0 {
                self.mark_purged(lineage);
                self.nodes[node].destroys += 2;
            }
        }
        let id = self.visitors[visitor].id;
        let request = self.quiet_request(visitor, node, Act::DestroyPrincipal, id);
        self.wait_for(request, node, ask, Awaited::Purge { principal, except, began: now });
        self.pump(node);
    }

    /// A purge may end the session, anywhere, at any time.
    fn mark_purged(&mut self, lineage: usize) {
        self.model.lineages[lineage].destroy_tried = true;
        for node in 0..self.nodes.len() {
            self.model.view(lineage, node).purged = true;
        }
    }

    // ---- new sessions ----

    fn create(&mut self, visitor: usize, node: usize) {
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let [low, high] = self.plan.idle_ms;
        let idle_ms = if self.random.chance(50) { 0 } else { self.random.between(low, high) };
        let [low, high] = self.plan.life_ms;
        let deadline = if high == 0 { Time::NEVER } else { clock + self.random.between(low, high) };
        let lineage = self.model.new_lineage(node, idle_ms, deadline, (now, clock));
        let id = self.model.new_id(lineage, node, None);
        self.create_under(Some(visitor), node, lineage, id, Limits { idle_ms, deadline });
    }

    fn create_under(&mut self, visitor: Option<usize>, node: usize, lineage: usize, id: usize, limits: Limits) {
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let (changes, numbers) = self.draw_changes(id, node, &Block::empty(), true);
        let stored = self.wants_stored();
        let bytes = self.model.ids[id].bytes.clone();
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let save = Save { stored, ..Save::default() };
        let id_ref = engine.id_ref(&bytes);
        let applied = engine.create(clock, id_ref, limits, &changes, &save);
        self.trace.say(now, || format!("session {lineage} is created as id {id} at node {node} with {numbers:?}, stored {stored}: {}", brief(&applied)));
        let is_new = (self.model.lineages[lineage].creator == (node, self.model.runs[node])) && self.model.lineages[lineage].history.is_empty();
        match applied {
            Applied::Done { block, ask, .. } => {
                self.accept(node, lineage, &numbers, None);
                self.after_done(node, lineage, &numbers, &block, visitor.map(|_| (id, clock)));
                if let Some(visitor) = visitor {
                    self.visitors[visitor] = Visitor { lineage: Some(lineage), id, ticket: None, node };
                }
                if let Some(ask) = ask {
                    let request = self.quiet_request(visitor.unwrap_or(0), node, Act::Create, id);
                    self.wait_for(request, node, ask, Awaited::Save { lineage, numbers, principal: None, apart: false });
                }
            }
            Applied::Busy => {}
            Applied::Exists | Applied::Dead(_) if !is_new => {}
            other => self.model.fail("I15 honesty", format!("a new session is refused: {}", brief(&other))),
        }
        self.pump(node);
    }

    /// Tries to begin a session under an id that someone has.
    fn create_taken(&mut self, visitor: usize, node: usize) {
        let Some(lineage) = self.visitors[visitor].lineage else { return };
        let id = self.visitors[visitor].id;
        // Where the row is not there yet, it is a race between two first saves: the first one landed has it.
        if self.model.ids[id].live_since.is_none() {
            return;
        }
        let session = &self.model.lineages[lineage];
        let limits = Limits { idle_ms: session.idle_ms, deadline: session.deadline };
        let open_here = self.model.view(lineage, node).last != [0; FIELDS];
        if !open_here {
            self.model.lineages[lineage].create_retried = true;
            self.create_under(None, node, lineage, id, limits);
        }
    }

    fn open_unknown(&mut self, node: usize) {
        let number = self.random.below(1_000_000);
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let bytes = format!("made-up-{number}").into_bytes();
        let id_ref = engine.id_ref(&bytes);
        if let Fetch::Ready(_) = engine.fetch(clock, id_ref, Want::FRESH) {
            self.model.fail("I5 no phantom", "a made-up id opens a session");
        }
        self.pump(node);
    }

    fn flush_or_sweep(&mut self, node: usize) {
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let flush = self.random.chance(500);
        let Some(engine) = &mut self.nodes[node].engine else { return };
        if flush {
            engine.flush(clock);
        } else {
            engine.sweep_now(clock);
        }
        self.pump(node);
    }

    /// A node stops: its requests are over.
    pub(crate) fn abort_requests(&mut self, node: usize) {
        for request in &mut self.requests {
            if request.opening.node == node && request.stage != Stage::Done {
                request.stage = Stage::Done;
            }
        }
    }
}

fn brief(applied: &Applied) -> String {
    match applied {
        Applied::Done { ask, .. } => format!("done, {ask:?}"),
        other => format!("{other:?}"),
    }
}
