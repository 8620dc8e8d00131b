//! What befalls nodes and the store: outages, cuts, crashes, closes, stand-stills, moved clocks, lost history.

use crate::random::Random;
use crate::store::Row;
use crate::world::{CLOSING_MS, Happening, World};
use std::collections::BTreeMap;

impl World {
    pub(crate) fn maybe_trouble(&mut self) {
        let (outage, crash, restart) = (self.plan.outage, self.plan.crash, self.plan.restart);
        let roll = |random: &mut Random, chance: u64| chance > 0 && random.below(10_000) < chance;
        if roll(&mut self.random, outage) && !self.outage {
            self.outage = true;
            let ms = self.random.between(1, self.plan.outage_ms);
            self.trace.say(self.now, || format!("outage of {ms} ms"));
            self.at(self.now + ms, Happening::OutageOver);
        }
        if roll(&mut self.random, self.plan.cut) {
            let node = self.random.below(self.nodes.len() as u64) as usize;
            let ms = self.random.between(1, self.plan.cut_ms);
            self.trace.say(self.now, || format!("node {node} is cut off for {ms} ms"));
            self.nodes[node].cut = true;
            self.at(self.now + ms, Happening::CutOver(node));
        }
        if roll(&mut self.random, crash) {
            self.crash();
        }
        if roll(&mut self.random, restart) {
            let node = self.random.below(self.nodes.len() as u64) as usize;
            self.close(node);
        }
        if roll(&mut self.random, self.plan.suspend) {
            let node = self.random.below(self.nodes.len() as u64) as usize;
            let ms = self.random.between(10, 90_000);
            if self.nodes[node].engine.is_some() && !self.nodes[node].suspended {
                self.trace.say(self.now, || format!("node {node} stands still for {ms} ms"));
                self.nodes[node].suspended = true;
                self.at(self.now + ms, Happening::Resume(node));
            }
        }
        if roll(&mut self.random, self.plan.jump) {
            let node = self.random.below(self.nodes.len() as u64) as usize;
            let ahead = self.random.between(0, self.plan.config.clock_error_ms);
            self.trace.say(self.now, || format!("clock of node {node} moves to {ahead} ms ahead"));
            self.nodes[node].clock.ahead_ms = ahead;
            self.nodes[node].timer_at = u64::MAX;
            self.pump(node);
        }
        if self.random.chance(self.plan.corrupt) && !self.model.ids.is_empty() {
            let id = self.random.below(self.model.ids.len() as u64) as usize;
            self.model.ids[id].corrupt = true;
            let until = self.now + self.random.between(1, 60_000);
            self.at(until, Happening::Heal(id));
        }
        self.maybe_go_back(roll);
    }

    /// Copies of the table are kept; sometimes one of them becomes the table.
    pub(crate) fn maybe_go_back(&mut self, roll: impl Fn(&mut Random, u64) -> bool) {
        if self.plan.fail_over == 0 && self.plan.stale_loads == 0 {
            return;
        }
        if self.random.chance(50) {
            self.copies.push((self.now, self.store.rows.clone()));
            if self.copies.len() > 20 {
                self.copies.remove(0);
            }
        }
        if self.plan.stale_loads > 0 {
            self.model.lineages.iter_mut().for_each(|session| session.relaxed = true);
        }
        if roll(&mut self.random, self.plan.fail_over) && !self.copies.is_empty() {
            let place = self.random.below(self.copies.len() as u64) as usize;
            let (at, rows) = self.copies[place].clone();
            self.copies.truncate(place + 1);
            self.trace.say(self.now, || format!("the store goes back to {at}"));
            self.go_back(rows);
        }
    }

    pub(crate) fn go_back(&mut self, rows: BTreeMap<holdall_engine::Key, Row>) {
        for (key, id) in self.model.keys.clone() {
            if self.store.rows.get(&key) != rows.get(&key) {
                let lineage = self.model.ids[id].lineage;
                self.model.lineages[lineage].relaxed = true;
            }
        }
        self.store.rows = rows;
    }

    pub(crate) fn crash(&mut self) {
        let node = self.random.below(self.nodes.len() as u64) as usize;
        if self.nodes[node].engine.is_none() {
            return;
        }
        self.trace.say(self.now, || format!("node {node} crashes"));
        self.stop_engine(node);
        let back = self.now + self.random.between(1, 60_000);
        self.at(back, Happening::Restart(node));
    }

    pub(crate) fn stop_engine(&mut self, node: usize) {
        self.abort_requests(node);
        self.purges.retain(|(at, _, _)| *at != node);
        self.nodes[node].stop();
        self.model.runs[node] += 1;
    }

    pub(crate) fn close(&mut self, node: usize) {
        let now = self.now;
        let clock = self.nodes[node].time(now);
        if !self.nodes[node].serves() {
            return;
        }
        self.trace.say(now, || format!("node {node} is closed in order"));
        self.nodes[node].closing = Some(now);
        let run = self.model.runs[node];
        self.at(now + CLOSING_MS + 1, Happening::Timer(node, run));
        if let Some(engine) = &mut self.nodes[node].engine {
            engine.drain(clock);
        }
        self.pump(node);
    }

    pub(crate) fn resume(&mut self, node: usize) {
        self.nodes[node].suspended = false;
        self.nodes[node].timer_at = u64::MAX;
        let inbox = std::mem::take(&mut self.nodes[node].inbox);
        for (call, reply) in inbox {
            self.hand_over(call, reply);
        }
        self.pump(node);
    }
}
