//! A TCP proxy on loopback that does to connections what networks do.

use crate::Problem;
use crate::pipes::{self, Cut, Shared, Wish};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the client to the server.
    ToServer = 0,
    /// From the server to the client.
    ToClient = 1,
}

/// When to cut a connection on which certain bytes go to the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// The bytes don't reach the server: nothing was done.
    BeforeRequest,
    /// The server gets them and answers; the answer doesn't reach the client. It was done, and the client can't know.
    BeforeAnswer,
    /// The answer reaches the client; after it the connection is gone.
    AfterAnswer,
}

/// Forwards connections to a server, and hurts them as it is told. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Begins to forward from a free port of 127.0.0.1 to `target`, a port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(target: u16) -> Result<Self, Problem> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::new(address(target)));
        let own = shared.clone();
        std::thread::spawn(move || accept(&own, listener, port));
        Ok(Self { port, shared })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Holds back every byte for this long in each direction; bytes don't wait for each other. Two of them make a round
    /// trip.
    pub fn delay(&self, each_way: Duration) {
        self.shared.change(|rules| rules.delay = each_way);
    }

    /// After `bytes` more bytes in this direction, on whichever connections, the connection that brings the next one is
    /// cut; once. What came before it arrives.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.shared.change(|rules| rules.cut_after[direction as usize] = Some(bytes));
    }

    /// Cuts the next connection on which `bytes` (a word of a statement, say) go to the server, at this moment; once. On
    /// encrypted connections nothing is found.
    pub fn cut_at(&self, bytes: &[u8], moment: Moment) {
        self.shared.change(|rules| rules.cut_at = Some(Cut { bytes: bytes.to_vec(), moment }));
    }

    /// Takes back what [`Proxy::cut_after`] and [`Proxy::cut_at`] have ordered and what hasn't happened yet.
    pub fn spare(&self) {
        self.shared.change(|rules| {
            rules.cut_after = [None, None];
            rules.cut_at = None;
        });
    }

    /// How many connections were cut because of [`Proxy::cut_after`] or [`Proxy::cut_at`].
    pub fn cuts(&self) -> u64 {
        self.shared.read(|rules| rules.cuts)
    }

    /// How many bytes went through in this direction, on all connections.
    pub fn passed(&self, direction: Direction) -> u64 {
        self.shared.read(|rules| rules.passed[direction as usize])
    }

    /// How many connections are open now.
    pub fn connections(&self) -> usize {
        self.shared.read(|rules| rules.open.len())
    }

    /// Cuts all connections; new ones are let through.
    pub fn cut_all(&self) {
        self.shared.cut_all();
    }

    /// From now on nothing goes through, and nothing is closed either: a network that swallows packets.
    pub fn freeze(&self) {
        self.shared.change(|rules| rules.frozen = true);
    }

    /// The reverse of [`Proxy::freeze`]: what was held back goes on.
    pub fn thaw(&self) {
        self.shared.change(|rules| rules.frozen = false);
    }

    /// New connections are refused, as if no server were there; those that are open are cut.
    ///
    /// # Errors
    /// When the port can't be reached.
    pub fn refuse(&self) -> Result<(), Problem> {
        self.shared.change(|rules| rules.wish = Wish::Refuse);
        // The thread that waits for connections notices with the next one.
        let woken = TcpStream::connect(address(self.port)).map(|_| ());
        self.shared.wait(|rules| !rules.listening);
        self.shared.cut_all();
        woken.or_else(|error| if error.kind() == io::ErrorKind::ConnectionRefused { Ok(()) } else { Err(error.into()) })
    }

    /// The reverse of [`Proxy::refuse`].
    pub fn accept(&self) {
        self.shared.change(|rules| rules.wish = Wish::Accept);
        self.shared.wait(|rules| rules.listening);
    }

    /// Another server answers from now on at this address, as after a fail-over; connections to the former one are cut.
    pub fn switch_to(&self, target: u16) {
        self.shared.change(|rules| rules.target = address(target));
        self.shared.cut_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.change(|rules| rules.wish = Wish::End);
        self.shared.cut_all();
        // Only wakes the thread, which then ends; if it has ended already, nobody answers.
        let _ = TcpStream::connect(address(self.port));
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// The thread that takes connections.
fn accept(shared: &Arc<Shared>, mut listener: TcpListener, port: u16) {
    loop {
        let accepted = listener.accept();
        let (wish, target) = shared.read(|rules| (rules.wish, rules.target));
        if wish == Wish::End {
            return;
        }
        if wish == Wish::Refuse {
            drop(listener);
            shared.change(|rules| rules.listening = false);
            shared.wait(|rules| rules.wish != Wish::Refuse);
            listener = match bind_again(port) {
                Some(listener) if shared.read(|rules| rules.wish == Wish::Accept) => listener,
                _ => return,
            };
            shared.change(|rules| rules.listening = true);
            continue;
        }
        let Ok((client, _)) = accepted else { continue };
        // A server that isn't there: the client's connection ends at once, without a greeting.
        if let Ok(server) = TcpStream::connect(target) {
            pipes::join(shared, client, server);
        }
    }
}

/// The port was free a moment ago; somebody's passing connection may hold it for as long as that lasts.
fn bind_again(port: u16) -> Option<TcpListener> {
    let mut listener = None;
    let limit = Duration::from_secs(10);
    let bound = crate::wait_until("the proxy's port is free", limit, || {
        listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
        listener.is_some()
    });
    bound.ok().and(listener)
}
