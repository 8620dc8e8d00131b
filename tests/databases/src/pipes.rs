//! The connections of a [`Proxy`](crate::Proxy): two threads for each direction, and the rules that they all follow.

use crate::{Direction, Moment, clock};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much is read at a time.
const CHUNK: usize = 64 << 10;

/// How many chunks may be on their way in one direction of one connection.
const ON_THE_WAY: usize = 256;

/// Which bytes, on their way to the server, bring the cut.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub bytes: Vec<u8>,
    pub moment: Moment,
}

/// What is to become of new connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// They are forwarded.
    Accept,
    /// Nobody listens.
    Refuse,
    /// The proxy is over.
    End,
}

/// What is to be done to connections, and what was done.
#[derive(Debug)]
pub(crate) struct Rules {
    pub target: SocketAddr,
    pub delay: Duration,
    pub frozen: bool,
    pub wish: Wish,
    pub listening: bool,
    pub cut_after: [Option<u64>; 2],
    pub cut_at: Option<Cut>,
    pub cuts: u64,
    pub passed: [u64; 2],
    pub open: BTreeMap<u64, Pair>,
    next: u64,
}

/// The two ends of a connection.
#[derive(Debug)]
pub(crate) struct Pair {
    client: TcpStream,
    server: TcpStream,
    /// The answer that comes next is the last one, or one too many.
    last_answer: Option<Moment>,
}

impl Pair {
    fn close(&self) {
        // An end that the other side has closed already is as good.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

/// The rules, and the bell that rings when they change.
#[derive(Debug)]
pub(crate) struct Shared {
    rules: Mutex<Rules>,
    changed: Condvar,
}

impl Shared {
    pub fn new(target: SocketAddr) -> Self {
        let rules = Rules {
            target,
            delay: Duration::ZERO,
            frozen: false,
            wish: Wish::Accept,
            listening: true,
            cut_after: [None, None],
            cut_at: None,
            cuts: 0,
            passed: [0, 0],
            open: BTreeMap::new(),
            next: 0,
        };
        Self { rules: Mutex::new(rules), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn read<T>(&self, read: impl FnOnce(&Rules) -> T) -> T {
        read(&self.lock())
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.changed.notify_all();
        outcome
    }

    pub fn wait(&self, until: impl Fn(&Rules) -> bool) {
        let guard = self.changed.wait_while(self.lock(), |rules| !until(rules));
        drop(guard.unwrap_or_else(PoisonError::into_inner));
    }

    pub fn cut_all(&self) {
        self.change(|rules| {
            rules.open.values().for_each(Pair::close);
            rules.open.clear();
        });
    }

    fn close(&self, connection: u64) {
        self.change(|rules| {
            if let Some(pair) = rules.open.remove(&connection) {
                pair.close();
            }
        });
    }
}

/// Forwards between two ends until one of them closes, or until they are cut.
pub(crate) fn join(shared: &Arc<Shared>, client: TcpStream, server: TcpStream) {
    let mut ends = Vec::new();
    for end in [&client, &server] {
        // A socket that fails here has failed for good: there is nothing to forward.
        let (Ok(()), Ok(read), Ok(write)) = (end.set_nodelay(true), end.try_clone(), end.try_clone()) else { return };
        ends.push((read, write));
    }
    let connection = shared.change(|rules| {
        let number = rules.next;
        rules.next += 1;
        rules.open.insert(number, Pair { client, server, last_answer: None });
        number
    });
    let [(client_read, client_write), (server_read, server_write)] = <[_; 2]>::try_from(ends).expect("two ends");
    for (direction, from, to) in
        [(Direction::ToServer, client_read, server_write), (Direction::ToClient, server_read, client_write)]
    {
        let (sender, receiver) = mpsc::sync_channel(ON_THE_WAY);
        let (reader, writer) = (shared.clone(), shared.clone());
        std::thread::spawn(move || read(&reader, connection, direction, from, &sender));
        std::thread::spawn(move || write(&writer, connection, to, &receiver));
    }
}

/// On its way: when it is due, and what arrives then. Nothing at all is the cut.
type Parcel = (Instant, Option<Vec<u8>>);

fn read(shared: &Shared, connection: u64, direction: Direction, mut from: TcpStream, to: &SyncSender<Parcel>) {
    let mut buffer = vec![0; CHUNK];
    let mut tail = Vec::new();
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) | Err(_) => 0,
            Ok(length) => length,
        };
        let due = clock::now() + shared.read(|rules| rules.delay);
        let forward = if length == 0 { None } else { Some(pass(shared, connection, direction, &buffer[..length], &mut tail)) };
        let (bytes, goes_on) = forward.unwrap_or((0, false));
        let sent = bytes == 0 || to.send((due, Some(buffer[..bytes].to_vec()))).is_ok();
        if !goes_on || !sent {
            // The writer closes once what came before has arrived.
            let _ = to.send((due, None));
            return;
        }
    }
}

/// How many of these bytes go on, and whether the connection does.
fn pass(shared: &Shared, connection: u64, direction: Direction, bytes: &[u8], tail: &mut Vec<u8>) -> (usize, bool) {
    shared.wait(|rules| !rules.frozen || rules.wish == Wish::End || !rules.open.contains_key(&connection));
    shared.change(|rules| {
        let (length, goes_on) = decide(rules, connection, direction, bytes, tail);
        rules.passed[direction as usize] += length as u64;
        if !goes_on {
            rules.cuts += u64::from(rules.open.contains_key(&connection));
        }
        (length, goes_on)
    })
}

fn decide(rules: &mut Rules, connection: u64, direction: Direction, bytes: &[u8], tail: &mut Vec<u8>) -> (usize, bool) {
    let Some(pair) = rules.open.get_mut(&connection) else { return (0, false) };
    if let Some(left) = &mut rules.cut_after[direction as usize] {
        if *left < bytes.len() as u64 {
            let length = *left as usize;
            rules.cut_after[direction as usize] = None;
            return (length, false);
        }
        *left -= bytes.len() as u64;
    }
    match direction {
        Direction::ToServer => {
            let found = rules.cut_at.as_ref().is_some_and(|cut| finds(tail, bytes, &cut.bytes));
            let Some(cut) = rules.cut_at.take_if(|_| found) else { return (bytes.len(), true) };
            if cut.moment == Moment::BeforeRequest {
                return (0, false);
            }
            pair.last_answer = Some(cut.moment);
            (bytes.len(), true)
        }
        Direction::ToClient => match pair.last_answer {
            Some(Moment::AfterAnswer) => (bytes.len(), false),
            Some(_) => (0, false),
            None => (bytes.len(), true),
        },
    }
}

/// What is looked for may lie across two chunks: the end of the former one is kept.
fn finds(tail: &mut Vec<u8>, bytes: &[u8], wanted: &[u8]) -> bool {
    tail.extend_from_slice(bytes);
    let found = tail.windows(wanted.len().max(1)).any(|window| window == wanted);
    let keep = wanted.len().saturating_sub(1).min(tail.len());
    tail.drain(..tail.len() - keep);
    found
}

fn write(shared: &Shared, connection: u64, mut to: TcpStream, parcels: &Receiver<Parcel>) {
    for (due, bytes) in parcels {
        clock::sleep_until(due);
        let arrived = bytes.is_some_and(|bytes| to.write_all(&bytes).is_ok());
        if !arrived {
            break;
        }
    }
    shared.close(connection);
}
