//! The clients: visitors with their ids and tickets, and requests that open, change, rotate and destroy sessions.

use crate::check_client::Opening;
use crate::world::{Happening, World};
use holdall_engine::{Ask, Asked, Block, Fetch, Reason, Sharing, Time, Want};

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
pub(crate) const PATIENCE_MS: u64 = 10_000;

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

    pub(crate) fn draw_act(&mut self) -> Act {
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

    pub(crate) fn route(&mut self, visitor: usize) -> Option<usize> {
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

    pub(crate) fn open(&mut self, visitor: usize, node: usize, act: Act) {
        let holder = self.visitors[visitor].clone();
        let Some(lineage) = holder.lineage else { return };
        let mut id = holder.id;
        if act == Act::OpenOld {
            // His own earlier ids, or anybody's: someone has kept an old cookie.
            let sessions = self.model.lineages.len() as u64;
            let any = sessions.saturating_sub(1 + self.random.below(sessions.min(12))) as usize;
            let of = if self.random.chance(500) { any } else { lineage };
            let ids = self.told_ids(of);
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

    pub(crate) fn draw_freshness(&mut self, holder: &Visitor) -> (u64, Option<u64>) {
        match self.plan.config.sharing {
            Sharing::Single => (self.random.pick(&[u64::MAX, u64::MAX, u64::MAX, 0, 1_000]), None),
            Sharing::Sticky => (self.random.pick(&[5_000, 1_000, 200, 0, u64::MAX]), None),
            Sharing::Fleet if self.random.chance(self.plan.tickets) && holder.ticket.is_some() => (0, self.some_ticket(holder)),
            Sharing::Fleet => (0, None),
        }
    }

    /// The visitor's ticket, or that of a tab which has not heard of the last changes.
    pub(crate) fn some_ticket(&mut self, holder: &Visitor) -> Option<u64> {
        let lineage = holder.lineage?;
        if self.random.chance(250) {
            let history = &self.model.lineages[lineage].history;
            let known = history.iter().map(|commit| commit.revision).filter(|revision| Some(*revision) <= holder.ticket);
            return known.min_by_key(|_| self.random.draw()).or(holder.ticket);
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

    pub(crate) fn begin_opening(&mut self, id: usize, node: usize, fresh_ms: u64, at_least: Option<u64>) -> Opening {
        let session = &self.model.lineages[self.model.ids[id].lineage];
        let committed = session.history.len();
        let accessed = session.accessed.last().map(|(_, accessed)| *accessed);
        let was_gone = self.model.ids[id].gone_at.is_some();
        let store_clock = self.store_time();
        Opening { id, node, began: self.now, committed, was_gone, fresh_ms, at_least, store_clock, accessed }
    }

    pub(crate) fn told_ids(&self, lineage: usize) -> Vec<usize> {
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

    pub(crate) fn try_fetch(&mut self, request: usize) {
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
                self.trace.say(now, || format!("request {request} opens id {id} at node {node}: ready, {opening:?}"));
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

    pub(crate) fn opened(&mut self, request: usize, clock: Time, view: holdall_engine::View) {
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

    pub(crate) fn not_opened(&mut self, request: usize, clock: Time, reason: Option<Reason>) {
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

    /// A node stops: its requests are over.
    pub(crate) fn abort_requests(&mut self, node: usize) {
        for request in &mut self.requests {
            if request.opening.node == node && request.stage != Stage::Done {
                request.stage = Stage::Done;
            }
        }
    }
}
