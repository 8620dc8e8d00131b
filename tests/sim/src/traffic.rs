//! The way of an op to the store and of its reply back, with all that goes wrong on it.

use crate::check_store::{Moment, Sender};
use crate::store::Store;
use crate::world::{Call, Fate, Happening, World};
use holdall_engine::{Lane, OpId, OpKind, Reply, Write};

impl World {
    pub(crate) fn latency(&mut self, lane: Lane) -> u64 {
        let slow = if lane == Lane::Loads { self.plan.slow.max(self.plan.slow_loads) } else { self.plan.slow };
        if self.random.chance(slow) {
            return self.random.between(1, self.plan.slow_ms);
        }
        self.random.between(1, self.plan.latency_ms)
    }

    pub(crate) fn draw_fate(&mut self, node: usize, lane: Lane) -> Fate {
        if self.nodes[node].cut {
            return Fate::FailsBefore;
        }
        if self.outage {
            return if self.random.chance(900) { Fate::FailsBefore } else { Fate::Well };
        }
        match lane {
            Lane::Loads if self.random.chance(self.plan.load_fails) => Fate::FailsBefore,
            Lane::Loads if self.random.chance(self.plan.stale_loads) => Fate::Stale,
            Lane::Care if self.random.chance(self.plan.care_fails) => Fate::FailsBefore,
            Lane::Saves | Lane::Ends if self.random.chance(self.plan.fail_before) => Fate::FailsBefore,
            Lane::Saves | Lane::Ends if self.random.chance(self.plan.fail_after) => Fate::FailsAfter,
            Lane::Saves | Lane::Ends if self.random.chance(self.plan.lands_late) => Fate::LandsLate,
            _ => Fate::Well,
        }
    }

    /// Sends an op to the store.
    pub(crate) fn send(&mut self, node: usize, lane: Lane, op: OpId, kind: OpKind) {
        self.note_op(node, lane, op, &kind);
        let fate = self.draw_fate(node, lane);
        let run = self.model.runs[node];
        self.nodes[node].in_flight[lane as usize] += 1;
        let call = self.calls.len();
        self.trace.say(self.now, || format!("node {node} sends #{call} {lane:?} {fate:?} {kind:?}"));
        self.calls.push(Call { node, run, op, lane, kind, sent_seq: self.model.seq, fate, reply: None });
        let at = self.now + self.latency(lane);
        self.under_way += 1;
        self.at(at, Happening::Apply(call));
    }

    pub(crate) fn apply_call(&mut self, place: usize) {
        self.under_way -= 1;
        if self.outage && self.calls[place].fate == Fate::Well && self.random.chance(500) {
            self.calls[place].fate = Fate::FailsBefore;
        }
        let fate = self.calls[place].fate;
        let failed = || Reply::Failed(holdall_engine::Fault::new(holdall_engine::FaultKind::Transient, "a planned fault"));
        let call = &self.calls[place];
        let sender = Sender { node: call.node, run: call.run, sent_seq: call.sent_seq, first_seq: call.sent_seq };
        let kind = call.kind.clone();
        let reply = match fate {
            Fate::FailsBefore => failed(),
            Fate::LandsLate => {
                if let OpKind::Commit(writes) = kind {
                    let at = self.now + self.random.between(1, 20_000);
                    for write in writes {
                        self.land_at(at, sender, write);
                    }
                }
                failed()
            }
            Fate::FailsAfter => {
                self.execute(sender, kind, false);
                failed()
            }
            Fate::Well | Fate::Stale => self.execute(sender, kind, fate == Fate::Stale),
        };
        self.trace.say(self.now, || format!("#{place} at the store: {reply:?}"));
        self.calls[place].reply = Some(reply);
        let at = self.now + self.latency(self.calls[place].lane);
        self.at(at, Happening::Deliver(place));
    }

    pub(crate) fn land_at(&mut self, at: u64, sender: Sender, write: Write) {
        self.under_way += 1;
        self.late.push((sender, write));
        self.at(at, Happening::Land(self.late.len() - 1));
    }

    pub(crate) fn execute(&mut self, sender: Sender, kind: OpKind, stale: bool) -> Reply {
        let now = self.store_time();
        match kind {
            OpKind::Load(wanted) => {
                let old = self.copies.iter().rfind(|(at, _)| stale && at + self.plan.stale_ms >= self.now);
                let old = old.map(|(_, rows)| Store::of(rows.clone()));
                let store = old.as_ref().unwrap_or(&self.store);
                let keys = &self.model.keys;
                let ids = &self.model.ids;
                let corrupt = |key: &holdall_engine::Key| {
                    keys.get(key).is_some_and(|id: &usize| ids[*id].corrupt && store.rows.contains_key(key))
                };
                let answer = |wanted: &holdall_engine::Wanted| {
                    if corrupt(&wanted.key) { holdall_engine::Loaded::Corrupt("planned".into()) } else { store.load(wanted, now) }
                };
                Reply::Loaded { rows: wanted.iter().map(answer).collect(), now }
            }
            OpKind::Commit(writes) => self.commit(sender, &writes),
            OpKind::Due { before, limit } => Reply::Due(self.store.due(before, limit)),
            OpKind::Sweep { before, limit } => {
                let mut effects = Vec::new();
                let swept = self.store.sweep(before, now, limit, &mut effects);
                let at = Moment { now: self.now, store: now };
                for effect in &effects {
                    self.model.on_effect(at, sender, None, effect);
                }
                Reply::Swept(swept)
            }
            OpKind::List { principal } => Reply::Listed(self.store.list(&principal)),
        }
    }

    pub(crate) fn commit(&mut self, sender: Sender, writes: &[Write]) -> Reply {
        let poisoned: Vec<bool> = writes.iter().map(|write| self.is_poisoned(write)).collect();
        if self.plan.poison_fails_batch && poisoned.iter().any(|poisoned| *poisoned) {
            return Reply::Failed(holdall_engine::Fault::new(holdall_engine::FaultKind::Transient, "a row fails its batch"));
        }
        let mut order: Vec<usize> = (0..writes.len()).collect();
        order.sort_by(|a, b| writes[*a].key.cmp(&writes[*b].key));
        let mut verdicts = vec![holdall_engine::Verdict::NotDone; writes.len()];
        for place in order {
            verdicts[place] = if poisoned[place] {
                holdall_engine::Verdict::Rejected("poison".into())
            } else {
                self.commit_row(sender, &writes[place])
            };
        }
        Reply::Committed(verdicts)
    }

    pub(crate) fn is_poisoned(&mut self, write: &Write) -> bool {
        if self.plan.poison == 0 {
            return false;
        }
        let Some(record) = write.record() else { return false };
        let Some(id) = self.model.keys.get(&write.key) else { return false };
        let lineage = self.model.ids[*id].lineage;
        let fields = self.model.decode(lineage, &record.block);
        fields.iter().any(|number| self.model.writes[*number as usize].poison)
    }

    pub(crate) fn commit_row(&mut self, sender: Sender, write: &Write) -> holdall_engine::Verdict {
        if self.random.chance(self.plan.row_not_done) {
            return holdall_engine::Verdict::NotDone;
        }
        if self.random.chance(self.plan.row_unknown) {
            match self.random.below(3) {
                0 => {}
                1 => {
                    self.apply_write(sender, write);
                }
                _ => {
                    let at = self.now + self.random.between(1, 20_000);
                    self.land_at(at, sender, write.clone());
                }
            }
            return holdall_engine::Verdict::Unknown;
        }
        self.apply_write(sender, write)
    }

    pub(crate) fn apply_write(&mut self, sender: Sender, write: &Write) -> holdall_engine::Verdict {
        if self.is_poisoned(write) {
            return holdall_engine::Verdict::Rejected("poison".into());
        }
        let writer = write.record().map(|record| record.stamp.writer);
        let first = writer.and_then(|writer| self.first_sent.get(&writer)).copied();
        let sender = Sender { first_seq: first.unwrap_or(sender.sent_seq), ..sender };
        let mut effects = Vec::new();
        let verdict = self.store.apply(write, &mut effects);
        let at = Moment { now: self.now, store: self.store_time() };
        for effect in &effects {
            self.model.on_effect(at, sender, Some(write), effect);
        }
        verdict
    }

    pub(crate) fn deliver(&mut self, place: usize) {
        let Some(reply) = self.calls[place].reply.take() else { return };
        let (node, run) = (self.calls[place].node, self.calls[place].run);
        if self.model.runs[node] != run || self.nodes[node].engine.is_none() {
            return;
        }
        if self.nodes[node].suspended {
            self.nodes[node].inbox.push((place, reply));
            return;
        }
        self.hand_over(place, reply);
        self.pump(node);
    }

    pub(crate) fn hand_over(&mut self, place: usize, reply: Reply) {
        let call = &self.calls[place];
        let (node, op, lane) = (call.node, call.op, call.lane);
        self.nodes[node].in_flight[lane as usize] -= 1;
        self.nodes[node].saving.retain(|(other, _)| *other != op);
        self.trace.say(self.now, || format!("node {node} hears of #{place}"));
        if let (OpKind::Commit(writes), Reply::Committed(verdicts)) = (&call.kind, &reply) {
            for (write, verdict) in writes.clone().iter().zip(verdicts) {
                if matches!(verdict, holdall_engine::Verdict::Done { .. }) {
                    self.note_known(node, write);
                }
            }
        }
        let now = self.now;
        let clock = self.nodes[node].time(now);
        if let Some(engine) = &mut self.nodes[node].engine {
            engine.on_reply(clock, op, reply);
        }
        self.nodes[node].idle_turns = 0;
        self.read_out(node);
        self.retry_waiting(node);
    }

    pub(crate) fn note_known(&mut self, node: usize, write: &Write) {
        let Some(record) = write.record() else { return };
        let Some(id) = self.model.keys.get(&write.key) else { return };
        let lineage = self.model.ids[*id].lineage;
        let fields = self.model.decode(lineage, &record.block);
        let (seq, run) = (self.model.seq, self.model.runs[node]);
        for number in fields {
            let info = &mut self.model.writes[number as usize];
            if number != 0 && (info.node, info.run) == (node, run) {
                info.known.get_or_insert(seq);
            }
        }
        for info in &mut self.model.writes {
            if info.value == 0 && (info.lineage, info.node, info.run) == (lineage, node, run) && info.landed.is_some() {
                info.known.get_or_insert(seq);
            }
        }
    }
}
