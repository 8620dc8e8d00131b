//! Two bags on two nodes of a Galera cluster that loses nodes: what was acknowledged stays, what was destroyed stays away.

use holdall::{Done, ErrorKind, Holdall};
use holdall_test_databases::{Database, Deadline, Detection, Galera, pause, wait_until};
use holdall_test_galera::{Field, Tried, existing, open, options};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Who writes: the first half through one bag, the others through the other one.
const WRITERS: usize = 4;
/// Sessions of each writer.
const SESSIONS: usize = 5;
/// Saves of each writer into the one session that all of them write, while the cluster is whole.
const CONCURRENT: u64 = 150;
const SOON: Duration = Duration::from_mins(1);

/// The bags of two servers. Each has a node of its own, and the third one to turn to.
struct Fleet {
    bags: [Holdall; 2],
}

fn url(database: &Database, cluster: &Galera, nodes: &[usize]) -> String {
    let hosts: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", cluster.node(*node).port())).collect();
    let owner = &database.owner;
    format!("mysql://{}:{}@{}/{}", owner.user, owner.password, hosts.join(","), database.name)
}

impl Fleet {
    fn open(database: &Database, cluster: &Galera) -> Self {
        let quick = || options().retry(Duration::from_millis(50)).retry_cap(Duration::from_millis(500));
        Self { bags: [[0, 2], [1, 2]].map(|nodes| open(&url(database, cluster, &nodes), quick())) }
    }

    fn of(&self, writer: usize) -> &Holdall {
        &self.bags[writer * 2 / WRITERS]
    }

    fn other(&self, writer: usize) -> &Holdall {
        &self.bags[1 - writer * 2 / WRITERS]
    }
}

/// What the writers tell while they write.
#[derive(Default)]
struct Told {
    stop: AtomicBool,
    stored: [AtomicU64; WRITERS],
    not_now: AtomicU64,
    /// The longest time between two stored saves of each writer since it was last asked, in microseconds.
    stall: [AtomicU64; WRITERS],
}

impl Told {
    /// Waits until every writer has stored so many more.
    fn wait_for(&self, more: u64, what: &str) {
        let count = || self.stored.each_ref().map(|stored| stored.load(Ordering::Relaxed));
        let before = count();
        let all = || count().iter().zip(before).all(|(now, before)| *now >= before + more);
        let waited = wait_until(what, SOON, all);
        waited.unwrap_or_else(|problem| panic!("{problem}: {before:?} saves before, {:?} now", count()));
    }

    /// The longest stalls of both bags' writers, and begins anew.
    fn stalls(&self) -> [Duration; 2] {
        let all = self.stall.each_ref().map(|stall| Duration::from_micros(stall.swap(0, Ordering::Relaxed)));
        let (one, other) = all.split_at(WRITERS / 2);
        [one, other].map(|half| half.iter().max().copied().unwrap_or_default())
    }
}

fn begin(bag: &Holdall) -> String {
    let mut session = bag.new_session().expect("a new session");
    session.set("begun", &true).expect("sets");
    assert_eq!(session.save(), Ok(Done::Done), "the cluster is whole");
    session.id().to_owned()
}

/// Logs in through one bag and out through it, while the other bag has the session in memory and saves it late. Gives the id
/// if the database has confirmed the end.
fn log_in_and_out(bag: &Holdall, other: &Holdall) -> Option<String> {
    let mut session = bag.new_session().expect("a new session");
    session.set("secret", &1).expect("sets");
    if session.save() != Ok(Done::Done) {
        return None;
    }
    let id = session.id().to_owned();
    let late = other.open_session(id.as_bytes(), existing());
    let ended = session.destroy();
    if let Ok(mut late) = late {
        late.set("secret", &2).expect("sets");
        match late.save() {
            Ok(Done::Done) => assert_ne!(ended, Ok(Done::Done), "a save was stored after the end was confirmed"),
            Ok(Done::Pending) => {}
            Err(error) => {
                let may_be = error.kind() == ErrorKind::Gone || error.is_transient();
                assert!(may_be, "a late save answered {:?}: {error}", error.kind());
            }
        }
    }
    (ended == Ok(Done::Done)).then_some(id)
}

/// What a writer leaves behind, to be looked for at the end.
#[derive(Default)]
struct Left {
    fields: Vec<Field>,
    ended: Vec<String>,
}

/// Each writer keeps to sessions of his own here. What two nodes commit to one row at the same time while a third one comes back
/// is for Galera to decide, and MariaDB 10.11 with Galera 26.4 now and then tells both that they have committed and keeps the
/// later, whatever the statements are and however many threads apply. While the nodes stay the same none was lost in 10,000
/// saves into one row: [`concurrent_saves_merge`].
fn write(fleet: &Fleet, writer: usize, told: &Told) -> Left {
    let bag = fleet.of(writer);
    let mut left = Left::default();
    left.fields.resize_with(SESSIONS, || Field::new(&begin(bag), "count"));
    let mut since = Deadline::after(SOON);
    for round in 0.. {
        if told.stop.load(Ordering::Relaxed) {
            break;
        }
        let places = left.fields.len();
        match left.fields[round % places].count_up(bag) {
            Tried::Stored => {
                told.stored[writer].fetch_add(1, Ordering::Relaxed);
                told.stall[writer].fetch_max(since.waited().as_micros() as u64, Ordering::Relaxed);
                since = Deadline::after(SOON);
            }
            Tried::NotNow => {
                told.not_now.fetch_add(1, Ordering::Relaxed);
                pause(Duration::from_millis(20));
            }
        }
        if round % 25 == 24 {
            left.ended.extend(log_in_and_out(bag, fleet.other(writer)));
            since = Deadline::after(SOON);
        }
    }
    left
}

/// What was committed through one node is seen through another one at once.
fn reads_are_fresh(fleet: &Fleet) {
    let mut field = Field::new(&begin(&fleet.bags[0]), "count");
    for round in 0..300 {
        let (writes, reads) = (&fleet.bags[round % 2], &fleet.bags[1 - round % 2]);
        assert_eq!(field.count_up(writes), Tried::Stored);
        // Reading asserts that it is at least what was acknowledged.
        field.check(reads);
    }
}

/// Both bags save fields of their own in one session, over and over: none is lost.
fn concurrent_saves_merge(fleet: &Fleet) {
    let id = begin(&fleet.bags[0]);
    let fields = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let mut field = Field::new(&id, &format!("writer{writer}"));
                scope.spawn(move || {
                    (0..CONCURRENT).for_each(|_| assert_eq!(field.count_up(fleet.of(writer)), Tried::Stored));
                    field
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("no writer missed anything")).collect::<Vec<_>>()
    });
    for field in fields {
        assert_eq!(field.acknowledged, CONCURRENT);
        fleet.bags.iter().for_each(|bag| field.check(bag));
    }
}

/// The faults, one after the other, each after the cluster has recovered from the one before.
fn trouble(cluster: &Galera, told: &Told) {
    told.wait_for(20, "the writers got going");
    let usual = told.stalls();
    println!("longest wait between two stored saves while all is well: {usual:?}");

    cluster.kill(1);
    told.wait_for(20, "both bags write after a node was killed");
    let [elsewhere, here] = told.stalls();
    println!("node 1 killed: its own bag stalled for {here:?}, the other bag for {elsewhere:?}");
    let took = cluster.rejoin(1).expect("rejoins");
    told.wait_for(20, "both bags write after the node came back");
    println!("node 1 came back after {took:?}; longest wait meanwhile {:?}", told.stalls());

    cluster.isolate(0).expect("isolates");
    told.wait_for(20, "both bags write while a node is cut off");
    let [here, elsewhere] = told.stalls();
    println!("node 0 cut off: its own bag stalled for {here:?}, the other bag for {elsewhere:?}");
    let took = cluster.heal(0).expect("heals");
    told.wait_for(20, "both bags write after the node was found again");
    println!("node 0 found again after {took:?}; longest wait meanwhile {:?}", told.stalls());

    cluster.stop(2).expect("stops");
    told.wait_for(20, "both bags write after a node left in order");
    println!("node 2 left in order: longest waits {:?}", told.stalls());
    cluster.rejoin(2).expect("rejoins");
}

#[test]
fn a_cluster_that_loses_nodes_loses_no_session() {
    let cluster = Galera::start(Detection::Usual).expect("starts");
    let database = cluster.database();
    let fleet = Fleet::open(&database, &cluster);
    reads_are_fresh(&fleet);
    concurrent_saves_merge(&fleet);

    let told = Told::default();
    let left = std::thread::scope(|scope| {
        let (fleet, told) = (&fleet, &told);
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(fleet, writer, told))).collect();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| trouble(&cluster, told)));
        told.stop.store(true, Ordering::Relaxed);
        let left = writers.into_iter().map(|writer| writer.join().expect("no writer missed anything")).collect::<Vec<_>>();
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        left
    });
    for bag in &fleet.bags {
        assert!(bag.close(SOON).expect("closes").is_empty(), "the cluster is whole, so everything can be written");
    }
    let (stored, ended) = (
        left.iter().flat_map(|left| &left.fields).map(|field| field.acknowledged).sum::<u64>(),
        left.iter().map(|left| left.ended.len()).sum::<usize>(),
    );
    assert!(ended > 10, "{ended} sessions were ended: too few to tell anything");
    for node in 0..holdall_test_databases::NODES {
        let fresh = open(&url(&database, &cluster, &[node]), options());
        left.iter().flat_map(|left| &left.fields).for_each(|field| field.check(&fresh));
        for id in left.iter().flat_map(|left| &left.ended) {
            let back = fresh.open_session(id.as_bytes(), existing());
            assert!(
                back.is_err_and(|error| matches!(error.kind(), ErrorKind::Gone | ErrorKind::NotFound)),
                "a destroyed session is back"
            );
        }
        assert!(fresh.close(SOON).expect("closes").is_empty());
    }
    let not_now = told.not_now.into_inner();
    println!(
        "{stored} acknowledged saves, {ended} confirmed ends, {not_now} answers that something is not known or not now: none lost, none back"
    );
}
