//! What a driver does after every call: takes ops, answers and events out of the engine, and sets the timer.

use crate::model::Model;
use crate::node::Awaited;
use crate::world::{CLOSING_MS, Happening, World};
use holdall_engine::{Answer, Event, Key, Lane, OpId, OpKind, Write, WriteKind};

/// So many timers in a row may lead to nothing.
const IDLE_TURNS: u32 = 100;

impl World {
    /// Looks at everything that an engine has to say, until it has nothing more.
    pub(crate) fn pump(&mut self, node: usize) {
        if self.nodes[node].suspended {
            return;
        }
        let now = self.now;
        let clock = self.nodes[node].time(now);
        if let Some(engine) = &mut self.nodes[node].engine {
            engine.on_timeout(clock);
        }
        self.read_out(node);
        for lane in Lane::ALL {
            let limit = self.plan.lanes[lane as usize];
            while self.nodes[node].in_flight[lane as usize] < limit {
                let Some(op) = self.nodes[node].engine.as_mut().and_then(|engine| engine.poll_op(clock, lane)) else { break };
                self.nodes[node].idle_turns = 0;
                self.send(node, lane, op.id, op.kind);
            }
        }
        self.read_out(node);
        self.set_timer(node);
        self.check_accounts(node);
        self.maybe_closed(node);
    }

    fn set_timer(&mut self, node: usize) {
        let Some(next) = self.nodes[node].engine.as_ref().and_then(holdall_engine::Engine::poll_timeout) else { return };
        if !next.is_set() {
            return;
        }
        let busy = Lane::ALL.iter().any(|lane| self.nodes[node].in_flight[*lane as usize] >= self.plan.lanes[*lane as usize]);
        let soonest = if busy { self.now + 20 } else { self.now + 1 };
        let at = self.nodes[node].clock.when(next, self.now).max(soonest);
        if at < self.nodes[node].timer_at {
            self.nodes[node].timer_at = at;
            let run = self.model.runs[node];
            self.at(at, Happening::Timer(node, run));
        }
        if self.nodes[node].idle_turns > IDLE_TURNS && !busy && at <= self.now + 1 {
            self.model.fail("L2 no spinning", format!("node {node}: {IDLE_TURNS} timers led to nothing"));
        }
    }

    /// Takes answers and events.
    pub(crate) fn read_out(&mut self, node: usize) {
        while let Some(event) = self.nodes[node].engine.as_mut().and_then(holdall_engine::Engine::poll_event) {
            self.on_event(node, &event);
        }
        while let Some((ask, answer)) = self.nodes[node].engine.as_mut().and_then(holdall_engine::Engine::poll_answer) {
            self.trace.say(self.now, || format!("node {node} answers {ask:?} {answer:?}"));
            self.trace.add(&[12, ask.0]);
            match self.nodes[node].asks.remove(&ask) {
                Some((awaited, request, _)) => self.on_answer(node, awaited, request, &answer),
                None => {
                    self.model.fail("each ask gets one answer", format!("node {node}: {answer:?} to an ask that is not open"));
                }
            }
        }
        while self.nodes[node].engine.as_mut().and_then(holdall_engine::Engine::poll_killed).is_some() {}
    }

    fn on_event(&mut self, node: usize, event: &Event) {
        self.trace.say(self.now, || format!("node {node} event {event:?}"));
        let of = |model: &Model, key: &Key| model.keys.get(key).map(|id| model.ids[*id].lineage);
        match event {
            Event::Overwrote { key, fields } => {
                let Some(lineage) = of(&self.model, key) else { return };
                self.model.view(lineage, node).overwrites_told += fields;
            }
            Event::ChangesLost { key, reason, .. } => {
                let Some(lineage) = of(&self.model, key) else { return };
                self.model.view(lineage, node).loss_told = true;
                let clock = self.nodes[node].clock.clone().read(self.now);
                if !self.model.lineages[lineage].create_retried {
                    self.model.on_ended(lineage, node, clock, *reason);
                }
                let id = self.model.keys[key];
                self.void_open(node, lineage, Some(id));
            }
            Event::CreateLost { key } => {
                let Some(lineage) = of(&self.model, key) else { return };
                self.model.end_at(lineage, node);
            }
            Event::Created { key } => {
                let Some(lineage) = of(&self.model, key) else { return };
                let session = &mut self.model.lineages[lineage];
                session.created_events += 1;
                if session.created_events > 1 && !session.relaxed {
                    self.model.fail("I19 events", format!("session {lineage} was reported as created twice"));
                }
            }
            Event::Expired { key, last, .. } => {
                let Some(lineage) = of(&self.model, key) else { return };
                if let Some(last) = last {
                    self.on_claimed(lineage, node, last);
                }
            }
            Event::WentBack { key, .. } => {
                let Some(lineage) = of(&self.model, key) else { return };
                if !self.model.lineages[lineage].relaxed {
                    self.model.fail("21 nothing went back", format!("session {lineage}: node {node} says the store went back"));
                }
            }
            _ => {}
        }
    }

    fn on_claimed(&mut self, lineage: usize, node: usize, last: &holdall_engine::Record) {
        let fields = self.model.decode(lineage, &last.block);
        let session = &mut self.model.lineages[lineage];
        session.claims += 1;
        if session.relaxed {
            return;
        }
        if session.claims > 1 {
            self.model.fail("I19 events", format!("session {lineage} was handed out as expired twice"));
            return;
        }
        let stored = session.history.last().map_or([0; crate::model::FIELDS], |commit| commit.fields);
        // What the claiming node had not written yet is handed out too.
        let own = |number: u32| self.model.writes[number as usize].node == node;
        if stored.iter().zip(fields).any(|(stored, handed)| *stored != handed && handed != 0 && !own(handed)) {
            self.model.fail("I19 events", format!("session {lineage}: its last content was not its last"));
        }
    }

    /// What is not committed of a session at a node will never be.
    pub(crate) fn void_open(&mut self, node: usize, lineage: usize, id: Option<usize>) {
        let run = self.model.runs[node];
        for number in 1..self.model.writes.len() {
            let through = id.is_none_or(|id| self.model.travels_with(number as u32, id));
            let write = &mut self.model.writes[number];
            if through
                && (write.lineage, write.node, write.run) == (lineage, node, run)
                && write.landed.is_none()
                && write.known.is_none()
            {
                write.void = true;
            }
        }
    }

    /// Looks at an op that the engine gives out.
    pub(crate) fn note_op(&mut self, node: usize, lane: Lane, op: OpId, kind: &OpKind) {
        let OpKind::Commit(writes) = kind else {
            self.trace.add(&[13, lane as u64]);
            return;
        };
        if writes.is_empty() || writes.len() > self.plan.config.batch_rows {
            self.model.fail("batches", format!("a batch of {} rows, at most {}", writes.len(), self.plan.config.batch_rows));
        }
        let bytes: usize = writes.iter().map(Write::size).sum();
        if writes.len() > 1 && bytes > self.plan.config.batch_bytes && lane == Lane::Saves {
            self.model.fail("batches", format!("a batch of {bytes} bytes, at most {}", self.plan.config.batch_bytes));
        }
        self.trace.add(&[14, writes.len() as u64, bytes as u64]);
        for write in writes {
            self.note_write(node, lane, op, write);
        }
    }

    fn note_write(&mut self, node: usize, lane: Lane, op: OpId, write: &Write) {
        let mut keys = vec![write.key.clone()];
        if let WriteKind::Rename { to, .. } = &write.kind {
            keys.push(to.clone());
        }
        for key in keys {
            if write.record().is_some()
                && let Some(id) = self.model.keys.get(&key)
            {
                self.model.ids[*id].sent = true;
            }
            if lane != Lane::Saves {
                continue;
            }
            if self.nodes[node].saving.iter().any(|(_, other)| *other == key) {
                self.model.fail("I11 one write in flight", format!("node {node} sends a second write under {key:?}"));
            }
            self.nodes[node].saving.push((op, key));
        }
        let writer = match &write.kind {
            WriteKind::Destroy { writer, .. } => *writer,
            WriteKind::Touch { .. } | WriteKind::Expire { .. } => return,
            _ => write.record().map(|record| record.stamp.writer).unwrap_or_default(),
        };
        let seq = self.model.seq;
        self.first_sent.entry(writer).or_insert(seq);
        match self.nodes[node].written.get(&writer) {
            Some(before) if before != write => {
                self.model.fail("1 one writer, one content", format!("node {node} sends {writer:?} again with other content"));
            }
            Some(_) => {}
            None => {
                self.nodes[node].written.insert(writer, write.clone());
            }
        }
    }

    fn on_answer(&mut self, node: usize, awaited: Awaited, request: Option<usize>, answer: &Answer) {
        let now = self.now;
        let clock = self.nodes[node].time(now);
        match (awaited, answer) {
            (Awaited::Save { lineage, numbers, principal, apart }, Answer::Stored { revision }) => {
                self.model.on_stored(lineage, node, &numbers, principal, *revision);
                self.note_stored(node, lineage, &numbers, apart, *revision, request);
            }
            (Awaited::Save { lineage, numbers, .. }, Answer::Ended(reason)) => {
                self.model.on_ended(lineage, node, clock, *reason);
                self.give_up_writes(&numbers, false);
            }
            (Awaited::Save { lineage, numbers, apart, .. }, Answer::Conflict) => {
                if apart {
                    self.give_up_writes(&numbers, true);
                } else {
                    let view = self.model.view(lineage, node);
                    view.principals.pop();
                }
            }
            (Awaited::Save { numbers, apart: true, .. }, Answer::Rejected(_)) => self.give_up_writes(&numbers, true),
            (Awaited::Save { lineage, .. }, Answer::Exists) => self.void_open(node, lineage, None),
            (Awaited::Save { .. }, Answer::Rejected(_)) | (Awaited::Save { apart: true, .. }, Answer::Unknown) => {}
            (Awaited::Rename { old, new, grace }, Answer::Stored { revision }) => {
                self.nodes[node].renaming.retain(|rename| *rename != (old, new));
                let lineage = self.model.ids[new].lineage;
                if self.model.ids[new].live_since.is_none() && !self.model.lineages[lineage].relaxed {
                    self.model.fail("I3 rotation", format!("session {lineage}: told to be rotated, the new id has no row"));
                }
                self.model.on_stored(lineage, node, &[], None, *revision);
                if !grace {
                    self.model.close(old, node);
                }
                self.note_stored(node, lineage, &[], false, *revision, request);
                self.move_visitors(lineage, old, new);
            }
            (Awaited::Rename { old, new, .. }, Answer::Ended(reason)) => {
                self.nodes[node].renaming.retain(|rename| *rename != (old, new));
                let lineage = self.model.ids[new].lineage;
                self.model.on_ended(lineage, node, clock, *reason);
            }
            (Awaited::Rename { new, .. }, Answer::Exists) if self.model.lineages[self.model.ids[new].lineage].create_retried => {}
            (Awaited::Rename { .. }, Answer::Rejected(_)) if !self.plan.calm => {}
            (Awaited::Destroy { id, unsettled }, Answer::Destroyed { .. }) => {
                self.model.on_destroyed((id, unsettled), node, clock);
            }
            (Awaited::Purge { principal, except, began }, Answer::Destroyed { .. }) => {
                if let Some(place) = self.purges.iter().position(|purge| *purge == (node, principal.into(), principal)) {
                    self.purges.swap_remove(place);
                }
                self.on_purged(node, principal, except, began);
            }
            (awaited, answer) => {
                self.model.fail("I15 honesty", format!("node {node}: {answer:?} is no answer to {awaited:?}"));
            }
        }
        if let Some(request) = request {
            self.answered(request);
        }
    }

    fn give_up_writes(&mut self, numbers: &[u32], refused: bool) {
        for number in numbers {
            let write = &mut self.model.writes[*number as usize];
            write.void = write.landed.is_none();
            write.refused = refused;
        }
    }

    fn note_stored(&mut self, node: usize, lineage: usize, numbers: &[u32], apart: bool, revision: u64, request: Option<usize>) {
        for number in numbers.iter().filter(|_| apart) {
            let field = self.model.writes[*number as usize].field;
            let last = &mut self.model.view(lineage, node).last[field];
            *last = (*number).max(*last);
        }
        if request.is_some() {
            for visitor in self.visitors.iter_mut().filter(|visitor| visitor.lineage == Some(lineage)) {
                visitor.ticket = visitor.ticket.max(Some(revision));
            }
        }
    }

    fn on_purged(&mut self, node: usize, principal: u8, except: Option<usize>, began: u64) {
        for lineage in 0..self.model.lineages.len() {
            let session = &self.model.lineages[lineage];
            let living = self.model.living_ids(lineage);
            let spared = except.is_some_and(|id| session.ids.contains(&id));
            if session.relaxed || spared || living.is_empty() {
                continue;
            }
            let since = session.history.iter().rposition(|commit| commit.principal != principal).map_or(0, |place| place + 1);
            let before = session.history.get(since).is_some_and(|commit| commit.at < began);
            if before {
                let what =
                    format!("session {lineage} of principal {principal} lives after node {node} was told that all are gone");
                self.model.fail("23 purge is complete", what);
            }
        }
    }

    fn check_accounts(&mut self, node: usize) {
        self.nodes[node].turns += 1;
        let Some(engine) = &self.nodes[node].engine else { return };
        let (used, limit) = engine.memory();
        // Loads under way are not known by their size, tombstones have no limit, and the record that is being
        // written is held beside the one that changes.
        let session = self.plan.value_bytes as usize * crate::model::FIELDS + 1_500;
        let loads = usize::from(self.plan.lanes[0]) * self.plan.config.batch_rows.min(8);
        let slack = (10 + loads) * session + self.nodes[node].destroys * 600;
        if used > limit + slack {
            self.model.fail("I14 memory has a bound", format!("node {node}: {used} bytes of {limit}"));
        }
        if self.nodes[node].turns.is_multiple_of(8) {
            let (accounted, real) = engine.accounted();
            if accounted != real {
                self.model.fail("I14 accounted is real", format!("node {node}: {accounted} accounted, {real} there"));
            }
        }
    }

    fn maybe_closed(&mut self, node: usize) {
        let Some(since) = self.nodes[node].closing else { return };
        let clock = self.nodes[node].clock.clone().read(self.now);
        let Some(engine) = &mut self.nodes[node].engine else { return };
        let written = engine.unsaved().is_empty();
        // A request that was under way may have used a session since.
        let used = engine.unwritten_uses() > 0;
        if written && used {
            engine.flush(clock);
        }
        let done = written && !used;
        if done {
            let clock = self.nodes[node].clock.clone().read(self.now);
            self.model.on_nothing_unsaved(node, clock);
        }
        if done || self.now > since + CLOSING_MS {
            self.trace.say(self.now, || format!("node {node} is closed, {}", if done { "all written" } else { "given up" }));
            self.stop_engine(node);
            let back = self.now + self.random.between(1, 5_000);
            self.at(back, Happening::Restart(node));
        }
    }
}
