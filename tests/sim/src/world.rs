//! The run: one virtual clock, a heap of happenings, nodes, clients and the store between them.

use crate::check_store::{Moment, Sender};
use crate::client::{Request, Visitor};
use crate::clock::{BEGIN, Clock};
use crate::faults::Plan;
use crate::model::Model;
use crate::node::{Node, SimHasher, SimRules};
use crate::random::Random;
use crate::store::{Row, Store};
use crate::trace::{Trace, Violation};
use holdall_engine::{Config, Engine, Lane, OpId, OpKind, Reply, Time, Write};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// What a run is made from besides its seed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// How many happenings before the faults stop.
    pub steps: u64,
    /// Print what happens.
    pub print: bool,
    /// Seeds the engines' hashers: must make no difference.
    pub hash_seed: u64,
    /// The rule that is taken out.
    pub bug: Option<crate::planted::Planted>,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first violation.
    pub violation: Option<Violation>,
    /// Over everything that happened.
    pub hash: u64,
    /// How many happenings.
    pub steps: u64,
    /// How many checks.
    pub checks: u64,
}

/// Something that will happen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Happening {
    Apply(usize),
    Deliver(usize),
    Land(usize),
    Timer(usize, u32),
    Arrive,
    Step(usize),
    GiveUp(usize, u32),
    Restart(usize),
    Resume(usize),
    OutageOver,
    CutOver(usize),
    Heal(usize),
}

/// An orderly close is given up after so long.
pub(crate) const CLOSING_MS: u64 = 120_000;

/// How an op goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Well,
    FailsBefore,
    FailsAfter,
    LandsLate,
    Stale,
}

struct Call {
    node: usize,
    run: u32,
    op: OpId,
    lane: Lane,
    kind: OpKind,
    sent_seq: u64,
    fate: Fate,
    reply: Option<Reply>,
}

/// The whole run.
pub struct World {
    pub(crate) now: u64,
    pub(crate) plan: Plan,
    pub(crate) random: Random,
    pub(crate) model: Model,
    pub(crate) nodes: Vec<Node>,
    pub(crate) requests: Vec<Request>,
    pub(crate) visitors: Vec<Visitor>,
    pub(crate) trace: Trace,
    pub(crate) store: Store,
    pub(crate) setup: Setup,
    store_clock: Clock,
    heap: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    order: u64,
    calls: Vec<Call>,
    late: Vec<(Sender, Write)>,
    outage: bool,
    copies: Vec<(u64, BTreeMap<holdall_engine::Key, Row>)>,
    pub(crate) settling: bool,
    pub(crate) verified_once: bool,
    pub(crate) purges: Vec<(usize, u32, u8)>,
    pub(crate) steps: u64,
    pub(crate) over: f64,
}

impl World {
    /// Sets the scene for a seed.
    pub fn new(seed: u64, setup: Setup) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random);
        let error = plan.config.clock_error_ms;
        let mut clock = || Clock::new(if error > 0 { random.between(0, error) } else { 0 });
        let nodes = (0..plan.nodes).map(|_| Node::new(clock())).collect();
        let store_clock = clock();
        let mut store = Store::default();
        store.bug = setup.bug.and_then(crate::planted::Planted::store_bug);
        let mut world = Self {
            now: 0,
            model: Model::new(&plan),
            nodes,
            requests: Vec::new(),
            visitors: Vec::new(),
            trace: Trace::new(setup.print),
            store,
            setup,
            store_clock,
            heap: BinaryHeap::new(),
            order: 0,
            calls: Vec::new(),
            late: Vec::new(),
            outage: false,
            copies: Vec::new(),
            settling: false,
            verified_once: false,
            purges: Vec::new(),
            steps: 0,
            over: 0.0,
            random,
            plan,
        };
        for node in 0..world.nodes.len() {
            world.start_engine(node);
        }
        let visitors = (0..world.plan.visitors).map(|_| Visitor::default()).collect();
        world.visitors = visitors;
        world
    }

    /// Plays the run to its end.
    pub fn run(mut self) -> Outcome {
        self.trace.say(0, || format!("{:?}", self.plan));
        self.at(0, Happening::Arrive);
        while self.steps < self.setup.steps && self.model.violation.is_none() {
            self.step();
        }
        if self.model.violation.is_none() {
            self.settle();
        }
        self.trace.add(&[self.now, self.model.checks]);
        if std::env::var("OVER").is_ok() && self.over > 2.0 {
            println!("over {:.1}", self.over);
        }
        Outcome { violation: self.model.violation, hash: self.trace.hash(), steps: self.steps, checks: self.model.checks }
    }

    pub(crate) fn at(&mut self, time: u64, happening: Happening) {
        self.order += 1;
        self.heap.push(Reverse((time, self.order, happening)));
    }

    /// The next thing happens.
    pub(crate) fn step(&mut self) -> bool {
        let Some(Reverse((time, _, happening))) = self.heap.pop() else { return false };
        self.now = self.now.max(time);
        self.steps += 1;
        self.model.seq += 1;
        let (kind, detail) = describe(happening);
        self.trace.add(&[self.now, kind, detail]);
        if !self.settling {
            self.maybe_trouble();
        }
        match happening {
            Happening::Apply(call) => self.apply_call(call),
            Happening::Deliver(call) => self.deliver(call),
            Happening::Land(place) => {
                let (sender, write) = self.late[place].clone();
                self.apply_write(sender, &write);
            }
            Happening::Timer(node, run) => self.timer(node, run),
            Happening::Arrive => self.arrive(),
            Happening::Step(request) => self.step_request(request),
            Happening::GiveUp(request, stage) => self.give_up(request, stage),
            Happening::Restart(node) => {
                if self.nodes[node].engine.is_none() {
                    self.start_engine(node);
                }
            }
            Happening::Resume(node) => self.resume(node),
            Happening::OutageOver => self.outage = false,
            Happening::CutOver(node) => self.nodes[node].cut = false,
            Happening::Heal(id) => self.model.ids[id].corrupt = false,
        }
        true
    }

    fn start_engine(&mut self, node: usize) {
        let config = Config { nonce: self.random.next(), seed: self.random.next(), ..self.plan.config.clone() };
        let engine = Engine::new(config, SimRules, SimHasher(self.setup.hash_seed));
        #[cfg(feature = "planted")]
        let engine = {
            let mut engine = engine;
            if let Some(bug) = self.setup.bug.and_then(crate::planted::Planted::engine_bug) {
                engine.plant(bug);
            }
            engine
        };
        self.nodes[node].engine = Some(engine);
        self.pump(node);
    }

    pub(crate) fn store_time(&mut self) -> Time {
        self.store_clock.read(self.now)
    }

    // ---- troubles ----

    fn maybe_trouble(&mut self) {
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
    fn maybe_go_back(&mut self, roll: impl Fn(&mut Random, u64) -> bool) {
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

    fn go_back(&mut self, rows: BTreeMap<holdall_engine::Key, Row>) {
        for (key, id) in self.model.keys.clone() {
            if self.store.rows.get(&key) != rows.get(&key) {
                let lineage = self.model.ids[id].lineage;
                self.model.lineages[lineage].relaxed = true;
            }
        }
        self.store.rows = rows;
    }

    fn crash(&mut self) {
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

    fn close(&mut self, node: usize) {
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

    fn resume(&mut self, node: usize) {
        self.nodes[node].suspended = false;
        self.nodes[node].timer_at = u64::MAX;
        let inbox = std::mem::take(&mut self.nodes[node].inbox);
        for (call, reply) in inbox {
            self.hand_over(call, reply);
        }
        self.pump(node);
    }

    // ---- the store ----

    fn latency(&mut self) -> u64 {
        if self.random.chance(self.plan.slow) {
            return self.random.between(1, self.plan.slow_ms);
        }
        self.random.between(1, self.plan.latency_ms)
    }

    fn draw_fate(&mut self, node: usize, lane: Lane) -> Fate {
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
            Lane::Loads | Lane::Care => Fate::Well,
            Lane::Saves | Lane::Ends if self.random.chance(self.plan.fail_before) => Fate::FailsBefore,
            Lane::Saves | Lane::Ends if self.random.chance(self.plan.fail_after) => Fate::FailsAfter,
            Lane::Saves | Lane::Ends if self.random.chance(self.plan.lands_late) => Fate::LandsLate,
            Lane::Saves | Lane::Ends => Fate::Well,
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
        let at = self.now + self.latency();
        self.at(at, Happening::Apply(call));
    }

    fn apply_call(&mut self, place: usize) {
        if self.outage && self.calls[place].fate == Fate::Well && self.random.chance(500) {
            self.calls[place].fate = Fate::FailsBefore;
        }
        let fate = self.calls[place].fate;
        let failed = || Reply::Failed(holdall_engine::Fault::new(holdall_engine::FaultKind::Transient, "a planned fault"));
        let call = &self.calls[place];
        let sender = Sender { node: call.node, run: call.run, sent_seq: call.sent_seq };
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
        let at = self.now + self.latency();
        self.at(at, Happening::Deliver(place));
    }

    fn land_at(&mut self, at: u64, sender: Sender, write: Write) {
        self.late.push((sender, write));
        self.at(at, Happening::Land(self.late.len() - 1));
    }

    fn execute(&mut self, sender: Sender, kind: OpKind, stale: bool) -> Reply {
        let now = self.store_time();
        match kind {
            OpKind::Load(wanted) => {
                let old = self.copies.iter().rfind(|(at, _)| stale && at + self.plan.stale_ms >= self.now);
                let old = old.map(|(_, rows)| Store::of(rows.clone()));
                let store = old.as_ref().unwrap_or(&self.store);
                let keys = &self.model.keys;
                let ids = &self.model.ids;
                let corrupt = |key: &holdall_engine::Key| keys.get(key).is_some_and(|id: &usize| ids[*id].corrupt && store.rows.contains_key(key));
                let answer = |wanted: &holdall_engine::Wanted| {
                    if corrupt(&wanted.key) { holdall_engine::Loaded::Corrupt("planned".into()) } else { store.load(wanted, now) }
                };
                Reply::Loaded { rows: wanted.iter().map(answer).collect(), now }
            }
            OpKind::Commit(writes) => self.commit(sender, &writes),
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

    fn commit(&mut self, sender: Sender, writes: &[Write]) -> Reply {
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

    fn is_poisoned(&mut self, write: &Write) -> bool {
        if self.plan.poison == 0 {
            return false;
        }
        let Some(record) = write.record() else { return false };
        let Some(id) = self.model.keys.get(&write.key) else { return false };
        let lineage = self.model.ids[*id].lineage;
        let fields = self.model.decode(lineage, &record.block);
        fields.iter().any(|number| self.model.writes[*number as usize].poison)
    }

    fn commit_row(&mut self, sender: Sender, write: &Write) -> holdall_engine::Verdict {
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

    fn apply_write(&mut self, sender: Sender, write: &Write) -> holdall_engine::Verdict {
        if self.is_poisoned(write) {
            return holdall_engine::Verdict::Rejected("poison".into());
        }
        let mut effects = Vec::new();
        let verdict = self.store.apply(write, &mut effects);
        let at = Moment { now: self.now, store: self.store_time() };
        for effect in &effects {
            self.model.on_effect(at, sender, Some(write), effect);
        }
        verdict
    }

    // ---- replies ----

    fn deliver(&mut self, place: usize) {
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

    fn hand_over(&mut self, place: usize, reply: Reply) {
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

    fn note_known(&mut self, node: usize, write: &Write) {
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

    fn timer(&mut self, node: usize, run: u32) {
        if self.model.runs[node] != run || self.nodes[node].suspended || self.nodes[node].engine.is_none() {
            return;
        }
        let closing = self.nodes[node].closing.is_some_and(|since| self.now > since + CLOSING_MS);
        if self.now < self.nodes[node].timer_at && !closing {
            return;
        }
        self.nodes[node].timer_at = u64::MAX;
        let quick = self.now <= self.nodes[node].last_timer + 2;
        self.nodes[node].idle_turns = if quick { self.nodes[node].idle_turns + 1 } else { 0 };
        self.nodes[node].last_timer = self.now;
        self.pump(node);
    }

    /// The faults stop.
    pub(crate) fn calm_down(&mut self) {
        self.settling = true;
        self.outage = false;
        self.nodes.iter_mut().for_each(|node| node.cut = false);
        let plan = &mut self.plan;
        (plan.fail_before, plan.fail_after, plan.lands_late, plan.row_unknown, plan.row_not_done) = (0, 0, 0, 0, 0);
        (plan.load_fails, plan.care_fails, plan.slow, plan.stale_loads) = (0, 0, 0, 0);
        self.plan.latency_ms = self.plan.latency_ms.min(20);
        self.model.ids.iter_mut().for_each(|id| id.corrupt = false);
        for node in 0..self.nodes.len() {
            if self.nodes[node].suspended {
                self.resume(node);
            }
            if self.nodes[node].engine.is_none() {
                self.start_engine(node);
            }
        }
    }

    pub(crate) fn next_time(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((time, _, _))| *time)
    }
}

fn describe(happening: Happening) -> (u64, u64) {
    match happening {
        Happening::Apply(call) => (1, call as u64),
        Happening::Deliver(call) => (2, call as u64),
        Happening::Land(place) => (3, place as u64),
        Happening::Timer(node, _) => (4, node as u64),
        Happening::Arrive => (5, 0),
        Happening::Step(request) => (6, request as u64),
        Happening::GiveUp(request, _) => (7, request as u64),
        Happening::Restart(node) => (8, node as u64),
        Happening::Resume(node) => (9, node as u64),
        Happening::OutageOver => (10, 0),
        Happening::Heal(id) => (11, id as u64),
        Happening::CutOver(node) => (12, node as u64),
    }
}

/// Virtual time 0 as a clock shows it.
pub const EPOCH: Time = Time(BEGIN);
