//! The run: one virtual clock, a heap of happenings, nodes, clients and the store between them.

use crate::check_store::Sender;
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
pub(crate) enum Fate {
    Well,
    FailsBefore,
    FailsAfter,
    LandsLate,
    Stale,
}

/// One op on its way.
pub(crate) struct Call {
    pub(crate) node: usize,
    pub(crate) run: u32,
    pub(crate) op: OpId,
    pub(crate) lane: Lane,
    pub(crate) kind: OpKind,
    pub(crate) sent_seq: u64,
    pub(crate) fate: Fate,
    pub(crate) reply: Option<Reply>,
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
    pub(crate) store_clock: Clock,
    heap: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    order: u64,
    pub(crate) calls: Vec<Call>,
    pub(crate) late: Vec<(Sender, Write)>,
    /// How many ops have not reached the store yet, late effects included.
    pub(crate) under_way: usize,
    /// When each write was sent for the first time.
    pub(crate) first_sent: BTreeMap<holdall_engine::Writer, u64>,
    pub(crate) outage: bool,
    pub(crate) copies: Vec<(u64, BTreeMap<holdall_engine::Key, Row>)>,
    pub(crate) settling: bool,
    pub(crate) verified_once: bool,
    pub(crate) purges: Vec<(usize, u32, u8)>,
    pub(crate) steps: u64,
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
            under_way: 0,
            first_sent: BTreeMap::new(),
            outage: false,
            copies: Vec::new(),
            settling: false,
            verified_once: false,
            purges: Vec::new(),
            steps: 0,
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
                self.under_way -= 1;
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
        let config = Config { nonce: self.random.draw(), seed: self.random.draw(), ..self.plan.config.clone() };
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
        plan.slow_loads = 0;
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
