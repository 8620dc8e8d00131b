//! The second phase of a run: faults stop, and everything that was promised must come true in time.

use crate::client::{Act, Stage};
use crate::clock::BEGIN;
use crate::model::FIELDS;
use crate::store::Row;
use crate::world::World;
use holdall_engine::View;

/// Virtual time within which all waits must end once the faults have stopped.
const PATIENCE_MS: u64 = 420_000;

impl World {
    /// Lets everything come to rest, and compares.
    pub(crate) fn settle(&mut self) {
        self.trace.say(self.now, || "the faults stop".into());
        self.calm_down();
        self.play_until(|world| world.under_way == 0);
        self.play_until(Self::is_at_rest);
        if self.plan.poison > 0 {
            self.check_poison_alone();
            self.plan.poison = 0;
        }
        self.flush_all();
        self.play_until(Self::is_written);
        if self.model.violation.is_some() {
            return;
        }
        self.check_written();
        for _ in 0..2 {
            // Where the store went back the first look may find it out; then memory is written again.
            self.verify_all();
            self.play_until(|world| world.requests.iter().all(|request| request.stage == Stage::Done));
            self.flush_all();
            self.play_until(Self::is_written);
            self.verified_once = true;
        }
        if self.model.violation.is_none() {
            self.check_nothing_waits();
        }
    }

    fn play_until(&mut self, done: impl Fn(&Self) -> bool) {
        let end = self.now + PATIENCE_MS;
        let mut turns = 0_u64;
        while self.model.violation.is_none() {
            if done(self) {
                return;
            }
            turns += 1;
            if self.next_time().is_none_or(|time| time > end) || turns > 200_000 || !self.step() {
                self.report_stuck();
                return;
            }
        }
    }

    fn report_stuck(&mut self) {
        let requests: Vec<_> = self.requests.iter().enumerate().filter(|(_, request)| request.stage != Stage::Done).collect();
        let requests: Vec<_> = requests.iter().map(|(place, request)| (*place, request.act, request.stage)).take(4).collect();
        let unsaved: Vec<_> = self.nodes.iter().map(|node| node.engine.as_ref().map(holdall_engine::Engine::unsaved)).collect();
        let asks: Vec<_> = self.nodes.iter().map(|node| node.asks.iter().next()).collect();
        let uses: Vec<_> =
            self.nodes.iter().map(|node| node.engine.as_ref().map(holdall_engine::Engine::unwritten_uses)).collect();
        self.model.fail(
            "L1, L2, L3 everything ends",
            format!(
                "after {PATIENCE_MS} ms without faults: requests {requests:?}, unsaved {unsaved:?}, uses {uses:?}, asks {asks:?}"
            ),
        );
    }

    /// Requests are answered, and what waits is only what can't be written.
    fn is_at_rest(&self) -> bool {
        let requests = self.requests.iter().all(|request| request.stage == Stage::Done);
        let up = self.nodes.iter().all(|node| node.engine.is_some() && node.closing.is_none());
        // A bad row that fails its batch is told from a bad store only when another row is written.
        let may_wait = self.plan.poison > 0 && self.plan.poison_fails_batch;
        requests && up && (may_wait || self.nodes.iter().all(|node| node.asks.is_empty()))
    }

    fn is_written(&self) -> bool {
        self.nodes.iter().all(|node| {
            let engine = node.engine.as_ref();
            engine.is_some_and(|engine| engine.unsaved().is_empty() && engine.unwritten_uses() == 0)
                && node.in_flight[1] == 0
                && node.in_flight[2] == 0
        })
    }

    fn flush_all(&mut self) {
        let now = self.now;
        for node in 0..self.nodes.len() {
            let clock = self.nodes[node].time(now);
            if let Some(engine) = &mut self.nodes[node].engine {
                engine.flush(clock);
            }
            self.pump(node);
        }
    }

    /// Rows that can't be written hold up nobody: what waits now has such a value.
    fn check_poison_alone(&mut self) {
        self.play_for(self.plan.config.linger_cap_ms + 12 * self.plan.config.retry_cap_ms + 60_000);
        for lineage in 0..self.model.lineages.len() {
            for node in 0..self.nodes.len() {
                let run = self.model.runs[node];
                let view = &self.model.lineages[lineage].views[node];
                let last = view.last;
                let skip = view.run != run || view.ended || view.purged || self.model.lineages[lineage].relaxed;
                let ended = self.model.living_ids(lineage).is_empty() && self.model.lineages[lineage].ended.is_some();
                let own_poison = self.model.writes.iter().any(|write| write.lineage == lineage && write.poison);
                if skip || ended || own_poison {
                    continue;
                }
                if last
                    .iter()
                    .take(FIELDS - 1)
                    .any(|number| self.model.is_open(*number) && self.model.writes[*number as usize].value != 0)
                {
                    self.model
                        .fail("I16 poison isolates", format!("session {lineage}: held up at node {node} by another's bad row"));
                }
            }
        }
    }

    fn play_for(&mut self, ms: u64) {
        let end = self.now + ms;
        while self.model.violation.is_none() && self.next_time().is_some_and(|time| time <= end) {
            if !self.step() {
                return;
            }
        }
    }

    fn check_written(&mut self) {
        for node in 0..self.nodes.len() {
            let now = self.now;
            let clock = self.nodes[node].time(now);
            self.model.on_nothing_unsaved(node, clock);
            let quarantined = self.nodes[node].engine.as_ref().map_or(0, |engine| engine.stats().quarantined);
            if quarantined > 0 {
                self.model.fail("I16 quarantined is counted", format!("node {node}: {quarantined} left when all is written"));
            }
        }
        for lineage in 0..self.model.lineages.len() {
            self.check_row(lineage);
        }
    }

    /// The row holds the last use that any node knows.
    fn check_row(&mut self, lineage: usize) {
        let living = self.model.living_ids(lineage);
        let session = &self.model.lineages[lineage];
        if session.is_excused() {
            return;
        }
        if living.len() > 1 {
            self.model.fail("I3 one row per session", format!("session {lineage} lives under {living:?}"));
            return;
        }
        let Some(id) = living.first() else { return };
        let Some(Row::Live(record)) = self.store.rows.get(&self.model.ids[*id].key) else {
            self.model.fail("I18 convergence", format!("session {lineage}: its row is not there"));
            return;
        };
        for node in 0..self.nodes.len() {
            let view = &session.views[node];
            let here = view.run == self.model.runs[node] && !view.ended && !view.purged;
            let clock = BEGIN + self.now + self.plan.config.clock_error_ms;
            let over = session.idle_ms > 0 && clock >= view.used.0 + session.idle_ms;
            let over = over || clock >= session.deadline.0;
            let here = here && view.used_id == *id;
            if here && !over && record.accessed < view.used {
                let what = format!("session {lineage}: used {:?} at node {node}, its row says {:?}", view.used, record.accessed);
                self.model.fail("20 uses are written", what);
                return;
            }
        }
    }

    /// Every living session is opened on every node, fresh.
    fn verify_all(&mut self) {
        for lineage in 0..self.model.lineages.len() {
            for id in self.model.living_ids(lineage) {
                for node in 0..self.nodes.len() {
                    if self.model.is_closed(id, node) {
                        continue;
                    }
                    let request = self.start_verify(node, id);
                    self.requests[request].touch = false;
                }
            }
        }
    }

    fn start_verify(&mut self, node: usize, id: usize) -> usize {
        let request = self.start_opening(None, node, Act::Peek, id, (0, None), false);
        let stage = self.requests[request].stage;
        self.requests[request].verify = stage != Stage::Done;
        request
    }

    /// A fresh open when all is at rest shows what the row holds.
    pub(crate) fn verified(&mut self, request: usize, view: &View) {
        self.requests[request].stage = Stage::Done;
        let opening = self.requests[request].opening;
        let lineage = self.model.ids[opening.id].lineage;
        let fields = self.model.decode(lineage, &view.block);
        let row = match self.store.rows.get(&self.model.ids[opening.id].key) {
            Some(Row::Live(record)) => record.block.clone(),
            _ => return,
        };
        let stored = self.model.decode(lineage, &row);
        if stored != fields && (self.verified_once || !self.model.lineages[lineage].relaxed) {
            let what = format!("session {lineage}: node {} shows {fields:?}, the row holds {stored:?}", opening.node);
            self.model.fail("I18 convergence", what);
        }
        let last = self.model.lineages[lineage].history.last().map(|commit| commit.fields);
        if last != Some(stored) && !self.model.lineages[lineage].relaxed {
            self.model.fail("I18 convergence", format!("session {lineage}: the row is not the last state"));
        }
    }

    fn check_nothing_waits(&mut self) {
        for node in 0..self.nodes.len() {
            if let Some((_, (awaited, _, since))) = self.nodes[node].asks.iter().next() {
                let what = format!("node {node}: {awaited:?} since {since} was never answered");
                self.model.fail("each ask gets one answer", what);
            }
        }
    }
}
