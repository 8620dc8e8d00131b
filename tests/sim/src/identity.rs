//! Identity: rotating and destroying sessions, ending all sessions of a principal, beginning new ones.

use crate::act::brief;
use crate::client::{Act, Request, Stage, Visitor};
use crate::model::FIELDS;
use crate::node::Awaited;
use crate::store::Row;
use crate::world::World;
use holdall_engine::{Applied, Block, Fetch, Limits, Reason, Renamed, Save, Time, Want};

impl World {
    pub(crate) fn rotate(&mut self, request: usize, grace_ms: u64) {
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
        self.trace
            .say(now, || format!("request {request} rotates id {id} to {new} of session {lineage} at node {node}: {renamed:?}"));
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

    pub(crate) fn forget_id(&mut self, lineage: usize, id: usize) {
        self.model.lineages[lineage].ids.retain(|other| *other != id);
    }

    /// Told "pending": the visitor goes on with the new id, the old one is closed here.
    pub(crate) fn pending_rotation(&mut self, request: usize, node: usize, old: usize, new: usize) {
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

    pub(crate) fn destroy(&mut self, visitor: usize, node: usize, act: Act) {
        let Some(lineage) = self.visitors[visitor].lineage else { return };
        let ids = self.told_ids(lineage);
        let id =
            if act == Act::DestroyOld { ids[self.random.below(ids.len() as u64) as usize] } else { self.visitors[visitor].id };
        let bytes = self.model.ids[id].bytes.clone();
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let unsettled = self.nodes[node].renaming.iter().any(|(old, new)| *old == id || *new == id);
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let id_ref = engine.id_ref(&bytes);
        let ask = engine.destroy(clock, id_ref, Reason::Destroyed);
        self.trace.say(now, || format!("id {id} of session {lineage} is destroyed at node {node}: {ask:?}"));
        self.model.lineages[lineage].destroy_tried = true;
        self.model.close(id, node);
        let run = self.model.runs[node];
        let moved_on = self.model.ids.iter().any(|info| info.parent == Some(id) && info.made_by == (node, run));
        if unsettled || !moved_on {
            self.void_open(node, lineage, Some(id));
        }
        self.close_other_half(node, id);
        self.nodes[node].destroys += 2;
        let request = self.quiet_request(visitor, node, act, id);
        self.wait_for(request, node, ask, Awaited::Destroy { id, unsettled });
        if self.random.chance(500) {
            self.visitors[visitor].lineage = None;
        }
        self.pump(node);
    }

    /// While a rotation is not settled a destroy ends both ids here.
    pub(crate) fn close_other_half(&mut self, node: usize, id: usize) {
        let renaming = self.nodes[node].renaming.iter();
        let open: Vec<(usize, usize)> = renaming.filter(|(old, new)| *old == id || *new == id).copied().collect();
        for (old, new) in open {
            self.model.close(old, node);
            self.model.close(new, node);
        }
    }

    /// Whether a rotation from an id is not settled at a node.
    pub(crate) fn is_renaming(&self, node: usize, id: usize) -> bool {
        self.nodes[node].renaming.iter().any(|(old, _)| *old == id)
    }

    /// A request that only waits for an answer.
    pub(crate) fn quiet_request(&mut self, visitor: usize, node: usize, act: Act, id: usize) -> usize {
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

    pub(crate) fn destroy_principal(&mut self, visitor: usize, node: usize) {
        let principal = self.random.between(1, 3) as u8;
        let except = (self.visitors[visitor].lineage.is_some() && self.random.chance(300)).then(|| self.visitors[visitor].id);
        let key = except.map(|id| self.model.ids[id].key.clone());
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let text = format!("user-{principal}").into();
        let ask = engine.destroy_principal(clock, &text, key.as_ref());
        self.trace
            .say(now, || format!("all sessions of principal {principal} but {except:?} are destroyed at node {node}: {ask:?}"));
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
    pub(crate) fn mark_purged(&mut self, lineage: usize) {
        self.model.lineages[lineage].destroy_tried = true;
        for node in 0..self.nodes.len() {
            self.model.view(lineage, node).purged = true;
        }
    }

    pub(crate) fn create(&mut self, visitor: usize, node: usize) {
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

    pub(crate) fn create_under(&mut self, visitor: Option<usize>, node: usize, lineage: usize, id: usize, limits: Limits) {
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let (changes, numbers) = self.draw_changes(id, node, &Block::empty(), true);
        let stored = self.wants_stored();
        let bytes = self.model.ids[id].bytes.clone();
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let save = Save { stored, ..Save::default() };
        let id_ref = engine.id_ref(&bytes);
        let applied = engine.create(clock, id_ref, limits, &changes, &save);
        self.trace.say(now, || {
            format!(
                "session {lineage} is created as id {id} at node {node} with {numbers:?}, stored {stored}: {}",
                brief(&applied)
            )
        });
        let is_new = (self.model.lineages[lineage].creator == (node, self.model.runs[node]))
            && self.model.lineages[lineage].history.is_empty();
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
    pub(crate) fn create_taken(&mut self, visitor: usize, node: usize) {
        let Some(lineage) = self.visitors[visitor].lineage else { return };
        let id = self.visitors[visitor].id;
        // Where the row is not there yet, it is a race between two first saves: the first one landed has it.
        if self.model.ids[id].live_since.is_none() {
            return;
        }
        // A row that began in the same millisecond is taken for the own one, if the create's outcome was unknown.
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let row = self.store.rows.get(&self.model.ids[id].key);
        if matches!(row, Some(Row::Live(record)) if record.created == clock) {
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

    pub(crate) fn open_unknown(&mut self, node: usize) {
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

    pub(crate) fn flush_or_sweep(&mut self, node: usize) {
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
}
