//! A rolling restart under traffic: twenty bags over one MariaDB, each request to any of them, tickets in the cookies.

use holdall::{Done, Holdall, Session};
use holdall_test_databases::{Deadline, pause, shared};
use holdall_test_galera::{Random, existing, open, options};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, TryLockError};
use std::time::Duration;

const BAGS: usize = 20;
/// Threads that make requests.
const CLIENTS: usize = 4;
/// Visitors of each thread, in turn logged in and out.
const VISITORS: usize = 6;
/// Requests between login and logout.
const CLICKS: u64 = 25;

/// The balancer: a place is locked for writing while its server is replaced.
struct Servers(Vec<RwLock<Holdall>>);

impl Servers {
    /// Carries out a request on any server that takes requests.
    fn any<T>(&self, random: &mut Random, request: impl FnOnce(&Holdall) -> T) -> T {
        loop {
            match self.0[random.below(BAGS)].try_read() {
                Ok(bag) => return request(&bag),
                Err(TryLockError::Poisoned(broken)) => return request(&broken.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
    }
}

#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    logins: AtomicU64,
    logouts: AtomicU64,
    stop: AtomicBool,
}

/// Somebody who is logged in.
struct Visitor {
    name: String,
    cookie: String,
    clicks: u64,
}

fn save(session: &mut Session) -> String {
    assert_eq!(session.save(), Ok(Done::Done), "the database is well");
    session.ticket()
}

impl Visitor {
    fn log_in(name: String, bag: &Holdall) -> Self {
        let mut session = bag.session("").expect("a new session");
        session.set("visitor", &name).expect("sets");
        session.set("clicks", &0).expect("sets");
        let cookie = save(&mut session);
        Self { name, cookie, clicks: 0 }
    }

    /// One request: it must see the login, and every click before.
    fn click(&mut self, bag: &Holdall) {
        let mut session = bag.session(&self.cookie).expect("the database is well");
        assert!(!session.is_new(), "a login was lost after {} clicks", self.clicks);
        let clicks: Option<u64> = session.get("clicks").expect("a number");
        assert_eq!(clicks, Some(self.clicks), "a stale answer");
        assert_eq!(session.get("visitor").expect("a text"), Some(self.name.clone()));
        self.clicks += 1;
        session.set("clicks", &self.clicks).expect("sets");
        self.cookie = save(&mut session);
    }

    fn log_out(&self, bag: &Holdall) {
        assert_eq!(bag.session(&self.cookie).expect("opens").destroy(), Ok(Done::Done));
    }

    fn is_logged_out(&self, bag: &Holdall) -> bool {
        let session = bag.open_session(self.cookie.as_bytes(), existing());
        session.is_err_and(|error| matches!(error.kind(), holdall::ErrorKind::Gone | holdall::ErrorKind::NotFound))
    }
}

/// Visitors come, click and go until told to stop. Gives those that have gone.
fn client(number: usize, servers: &Servers, seen: &Seen) -> Vec<Visitor> {
    let mut random = Random::new(number as u64 + 1);
    let mut names = (0_u64..).map(|count| format!("visitor {count} of client {number}"));
    let mut name = || names.next().expect("names never end");
    let log_in = |name: String, random: &mut Random| {
        seen.logins.fetch_add(1, Ordering::Relaxed);
        servers.any(random, |bag| Visitor::log_in(name, bag))
    };
    let mut visitors: Vec<Visitor> = (0..VISITORS).map(|_| log_in(name(), &mut random)).collect();
    let mut gone = Vec::new();
    while !seen.stop.load(Ordering::Relaxed) {
        let place = random.below(VISITORS);
        seen.requests.fetch_add(1, Ordering::Relaxed);
        if visitors[place].clicks < CLICKS {
            servers.any(&mut random, |bag| visitors[place].click(bag));
            continue;
        }
        servers.any(&mut random, |bag| visitors[place].log_out(bag));
        assert!(servers.any(&mut random, |bag| visitors[place].is_logged_out(bag)), "a logout did not hold");
        seen.logouts.fetch_add(1, Ordering::Relaxed);
        let next = log_in(name(), &mut random);
        gone.push(std::mem::replace(&mut visitors[place], next));
    }
    // Those who are still there are served one last time.
    for visitor in &mut visitors {
        servers.any(&mut random, |bag| visitor.click(bag));
    }
    gone
}

/// Takes the servers out one after the other, as a deploy does, and puts new ones in their places.
fn restart_all(servers: &Servers, url: &str) -> u64 {
    let mut loaded = 0;
    for place in &servers.0 {
        place.read().unwrap_or_else(PoisonError::into_inner).drain().expect("drains");
        // Drained, it goes on serving until the balancer has taken it out.
        pause(Duration::from_millis(100));
        let mut place = place.write().unwrap_or_else(PoisonError::into_inner);
        loaded += place.stats().loaded;
        let left = place.close(Duration::from_secs(10)).expect("closes");
        assert!(left.is_empty(), "a drained bag has nothing left to write");
        *place = open(url, options());
        drop(place);
        pause(Duration::from_millis(50));
    }
    loaded
}

#[test]
fn a_rolling_restart_loses_no_login_and_shows_nothing_stale() {
    let database = shared().database();
    let url = database.url();
    let servers = Servers((0..BAGS).map(|_| RwLock::new(open(&url, options()))).collect());
    let seen = Seen::default();
    let watch = Deadline::after(Duration::from_mins(5));
    let (gone, loaded) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn({
                    let (servers, seen) = (&servers, &seen);
                    move || client(number, servers, seen)
                })
            })
            .collect();
        pause(Duration::from_millis(500));
        let loaded = restart_all(&servers, &url);
        pause(Duration::from_millis(500));
        seen.stop.store(true, Ordering::Relaxed);
        let gone: Vec<Visitor> =
            clients.into_iter().flat_map(|client| client.join().expect("no client saw anything wrong")).collect();
        (gone, loaded)
    });
    let bags = || servers.0.iter().map(|bag| bag.read().unwrap_or_else(PoisonError::into_inner));
    let loaded = loaded + bags().map(|bag| bag.stats().loaded).sum::<u64>();
    assert!(gone.iter().all(|visitor| visitor.is_logged_out(&bags().next().expect("a bag"))), "a destroyed session came back");
    for bag in bags() {
        assert!(bag.close(Duration::from_secs(10)).expect("closes").is_empty());
    }
    let (requests, logins) = (seen.requests.into_inner(), seen.logins.into_inner());
    assert!(requests > 500, "{requests} requests are too few to tell anything");
    println!(
        "{requests} requests, {logins} logins, {} logouts in {:?} over {BAGS} bags, each replaced once: 0 stale, 0 logins lost, \
         {} loads per 100 requests",
        gone.len(),
        watch.waited(),
        loaded * 100 / requests
    );
}
