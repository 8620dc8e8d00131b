//! What requests do with an open session: change it, with or without a condition, and wait for the answer.

use crate::client::{Act, PATIENCE_MS, Stage};
use crate::model::{FIELDS, Model, NAMES, WriteInfo};
use crate::node::Awaited;
use crate::world::{Happening, World};
use holdall_engine::{Applied, Ask, Block, Changes, Fetch, FieldChange, Save, Time, Value, Want};

impl World {
    pub(crate) fn act(&mut self, request: usize) {
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
    pub(crate) fn draw_changes(&mut self, id: usize, node: usize, current: &Block, creates: bool) -> (Changes, Vec<u32>) {
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
            let after = self.model.view(lineage, node).floor[field];
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
                after,
                asked_seq: self.model.seq,
                pad,
            });
            numbers.push(number);
            let text = Model::text(number, pad);
            changes.put(NAMES[field], if remove { FieldChange::Remove } else { FieldChange::Set(Value::Json(text.into())) });
        }
        (changes, numbers)
    }

    pub(crate) fn wants_stored(&mut self) -> bool {
        self.random.chance(self.plan.stored)
    }

    pub(crate) fn save(&mut self, request: usize, if_unchanged: bool, principal: Option<u8>) {
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
        let mut over = (0, None);
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
                    Some(ask) => self.wait_for(
                        request,
                        node,
                        ask,
                        Awaited::Save { lineage, numbers: numbers.clone(), principal, apart: false },
                    ),
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
    pub(crate) fn known_principal(&mut self, node: usize, lineage: usize, bytes: &[u8]) -> (u8, Option<u8>) {
        let asked = self.model.view(lineage, node).principals.last().copied();
        let now = self.now;
        let clock = self.nodes[node].time(now);
        let Some(engine) = &mut self.nodes[node].engine else { return (0, None) };
        let id_ref = engine.id_ref(bytes);
        let seen = match engine.fetch(clock, id_ref, Want { touch: false, ..Want::ANY }) {
            Fetch::Ready(view) => {
                let text = view.attributes.as_ref().and_then(|attributes| attributes.principal.clone());
                crate::model::principal_number(text.as_deref())
            }
            _ => 0,
        };
        // Its own unsaved one lies over what was there before; whether that is committed already, it alone knows.
        (seen, asked.filter(|(asked, _)| *asked == seen).map(|(_, over)| over))
    }

    pub(crate) fn note_principal(&mut self, node: usize, lineage: usize, principal: u8, over: (u8, Option<u8>)) {
        let view = self.model.view(lineage, node);
        view.principal_calls += 1;
        view.principals.extend(over.1.map(|over| (principal, over)));
        view.principals.push((principal, over.0));
        if view.principals.len() > 20 {
            view.principals.remove(0);
        }
        self.model.lineages[lineage].principals |= 1 << principal;
        if self.purges.iter().any(|(_, _, purged)| *purged == principal) {
            self.mark_purged(lineage);
        }
    }

    /// The changes count from now on.
    pub(crate) fn accept(&mut self, node: usize, lineage: usize, numbers: &[u32], shown: Option<&Block>) {
        let shown = shown.map(|block| self.model.decode(lineage, block));
        for number in numbers {
            let write = &mut self.model.writes[*number as usize];
            (write.void, write.refused) = (false, false);
            let field = write.field;
            write.shown = shown.map(|fields| fields[field]);
            self.model.view(lineage, node).last[field] = *number;
        }
    }

    pub(crate) fn accept_apart(&mut self, lineage: usize, numbers: &[u32], shown: Option<&Block>) {
        let shown = shown.map(|block| self.model.decode(lineage, block));
        for number in numbers {
            let write = &mut self.model.writes[*number as usize];
            (write.void, write.refused) = (false, false);
            write.shown = shown.map(|fields| fields[write.field]);
        }
    }

    pub(crate) fn after_done(
        &mut self,
        node: usize,
        lineage: usize,
        numbers: &[u32],
        block: &Block,
        used: Option<(usize, Time)>,
    ) {
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
    pub(crate) fn note_overwritten(
        &mut self,
        node: usize,
        lineage: usize,
        numbers: &[u32],
        shown: Option<&Block>,
        current: &Block,
    ) {
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
    pub(crate) fn try_again(&mut self, request: usize) {
        self.requests[request].tries += 1;
        if self.requests[request].tries > 30 && self.plan.poison > 0 {
            self.requests[request].stage = Stage::Done;
            return;
        }
        let again = self.now + self.random.between(1, 400);
        self.at(again, Happening::Step(request));
    }

    pub(crate) fn reopen(&mut self, request: usize) {
        let old = self.requests[request].opening;
        self.requests[request].opening = self.begin_opening(old.id, old.node, old.fresh_ms, old.at_least);
        self.requests[request].asked = None;
        self.requests[request].stage = Stage::Opening;
        self.at(self.now + 1, Happening::Step(request));
    }

    pub(crate) fn wait_for(&mut self, request: usize, node: usize, ask: Ask, awaited: Awaited) {
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
    pub(crate) fn check_patience(&mut self, request: usize, node: usize) {
        if self.plan.calm && self.model.runs[node] == self.requests[request].run && !self.nodes[node].suspended {
            let act = self.requests[request].act;
            self.model
                .fail("identity and stored never wait behind", format!("{act:?} waited for {PATIENCE_MS} ms without a fault"));
        }
    }
}

/// An answer without the content.
pub(crate) fn brief(applied: &Applied) -> String {
    match applied {
        Applied::Done { ask, .. } => format!("done, {ask:?}"),
        other => format!("{other:?}"),
    }
}
