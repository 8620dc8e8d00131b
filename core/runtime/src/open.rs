//! Opening sessions.

use crate::bag::Bag;
use crate::clock::Deadline;
use crate::entropy;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, reason_name};
use crate::holdall::Holdall;
use crate::session::{Session, Stage};
use crate::ticket;
use holdall_engine::{Fetch, Id, IdRef, Reason, Time, View, Want};
use std::time::Duration;

/// Longest id that is looked up; a longer one is unknown.
const ID_LIMIT: usize = 255;

/// How a session is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// An unknown or ended id gives a new session with a new id: what a web application wants.
    #[default]
    Strict,
    /// An unknown id is [`ErrorKind::NotFound`], an ended one [`ErrorKind::Gone`]; nothing is made.
    Existing,
    /// A new session. With `adopt` and an id: under that id, or [`ErrorKind::Exists`].
    Create,
    /// An unknown id gives a new session under that id. Only where the bag's option `adopt` allows it.
    Adopt,
}

/// How a session is opened, in full.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open {
    /// What an unknown id means.
    pub mode: Mode,
    /// How old the last check of a copy in memory may be; none for the bag's own setting. Zero asks the database, also
    /// where a ticket would vouch for the copy.
    pub freshness: Option<Duration>,
    /// Answer [`ErrorKind::WouldLoad`] instead of waiting for the database.
    pub cached_only: bool,
    /// This is no use of the session: it does not keep it from expiring.
    pub untouched: bool,
}

/// What is under an id.
enum Found {
    Live(View),
    Absent,
    Dead(Reason),
}

impl Holdall {
    /// Opens the session of a cookie: an id or a ticket. An unknown or ended one gives a new session with a new id;
    /// so does the empty text.
    ///
    /// # Errors
    /// Fails closed: if the database can't be asked, an unknown id stays an error ([`ErrorKind::Unavailable`]), and no
    /// fresh session takes its place. [`ErrorKind::Busy`] if memory is full of unsaved changes.
    pub fn session(&self, cookie: &str) -> Result<Session> {
        self.open_session(cookie.as_bytes(), Open::default())
    }

    /// A new session, with a new id. It leaves no trace until it is saved.
    ///
    /// # Errors
    /// If the bag is closed, or the operating system gives no random bytes.
    pub fn new_session(&self) -> Result<Session> {
        self.bag().check_open()?;
        self.fresh_session()
    }

    /// Opens a session as `open` says.
    ///
    /// # Errors
    /// See [`Mode`], [`Open`] and [`Holdall::session`].
    pub fn open_session(&self, cookie: &[u8], open: Open) -> Result<Session> {
        let bag = self.bag();
        if matches!(open.mode, Mode::Adopt) && !bag.options.adopt {
            return Err(Error::invalid("this bag takes no ids from outside: open it with the option adopt"));
        }
        if open.mode == Mode::Create && !bag.options.adopt {
            return self.new_session();
        }
        let (id, at_least) = self.read_cookie(cookie);
        let Some(id) = id else {
            return self.unknown(if cookie.is_empty() && open.mode == Mode::Create { Mode::Strict } else { open.mode });
        };
        let (id, shard) = bag.locate(id);
        // Who asks for zero asks the database, whatever a ticket vouches for.
        let at_least = at_least.filter(|_| open.freshness != Some(Duration::ZERO));
        let want = Want { fresh_ms: bag.freshness(open.freshness), at_least, touch: !open.untouched, asked: None };
        if open.mode != Mode::Create
            && let Some(cached) = bag.fetch_cached(shard, id, want)?
        {
            let session =
                Session::new(self.clone(), Id::new(id.bytes), id.hash, shard, cached.view, Stage::Open, cached.held_place);
            if cached.look {
                bag.check_handles()?;
            }
            return Ok(session);
        }
        if !bag.options.adopt && !is_well_formed(id.bytes) {
            return self.unknown(open.mode);
        }
        match (bag.fetch(shard, id, want, open.cached_only)?, open.mode) {
            (Found::Live(_), Mode::Create) => Err(Error::new(ErrorKind::Exists, "a session with this id exists")),
            (Found::Live(view), _) => self.handle(bag.clock.now(), id, shard, view, Stage::Open),
            (Found::Absent, Mode::Existing) => Err(not_found()),
            (Found::Absent | Found::Dead(_), Mode::Strict) => self.fresh_session(),
            (Found::Absent, Mode::Adopt | Mode::Create) => self.blank(id, shard),
            (Found::Dead(reason), Mode::Existing | Mode::Adopt | Mode::Create) => Err(gone(reason)),
        }
    }

    /// The id in a cookie, if it has a length that can be looked up, and the revision of a ticket.
    fn read_cookie<'a>(&self, cookie: &'a [u8]) -> (Option<&'a [u8]>, Option<u64>) {
        let options = &self.bag().options;
        // Rows of other software carry no revision that a ticket could name.
        let bare = options.adopt || self.bag().foreign.is_some();
        let (id, revision) = if bare { (cookie, None) } else { ticket::split(cookie) };
        let revision = revision.filter(|_| options.sharing != crate::Sharing::Single);
        ((1..=ID_LIMIT).contains(&id.len()).then_some(id), revision)
    }

    /// The answer for an id that can't be one of ours.
    fn unknown(&self, mode: Mode) -> Result<Session> {
        self.bag().check_open()?;
        match mode {
            Mode::Strict => self.fresh_session(),
            Mode::Existing => Err(not_found()),
            Mode::Create | Mode::Adopt => Err(Error::invalid("an id must have 1 to 255 bytes")),
        }
    }

    fn fresh_session(&self) -> Result<Session> {
        let id = entropy::id(self.bag().ids)?;
        let (id, shard) = self.bag().locate(id.as_bytes());
        self.blank(id, shard)
    }

    fn blank(&self, id: IdRef<'_>, shard: usize) -> Result<Session> {
        let bag = self.bag();
        let now = bag.clock.now();
        let view = crate::session::blank_view(now, &bag.options);
        self.handle(now, id, shard, view, Stage::New)
    }

    fn handle(&self, now: Time, id: IdRef<'_>, shard: usize, view: View, stage: Stage) -> Result<Session> {
        let bag = self.bag();
        let (place, look) = bag.shards[shard].held.add(now, view.block.size());
        let session = Session::new(self.clone(), Id::new(id.bytes), id.hash, shard, view, stage, place);
        if look {
            bag.check_handles()?;
        }
        Ok(session)
    }
}

/// Whether an id looks like one that a bag gives out. Others are not looked up: they would only cost the database work.
fn is_well_formed(id: &[u8]) -> bool {
    id.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_')
}

impl Bag {
    /// Fetches until there is an answer: the thread that finds a session missing loads it, the others wait for it.
    fn fetch(&self, shard: usize, id: IdRef<'_>, mut want: Want, cached_only: bool) -> Result<Found> {
        let mut locked = self.enter(shard)?;
        let mut deadline = None;
        loop {
            let now = locked.now;
            let answer = locked.engine().fetch(now, id, want);
            let asked = match answer {
                Fetch::Ready(view) => return Ok(Found::Live(view)),
                Fetch::Absent => return Ok(Found::Absent),
                Fetch::Dead(reason) => return Ok(Found::Dead(reason)),
                Fetch::Failed(fault) => return Err(fault.into()),
                Fetch::Load(asked) | Fetch::Wait(asked) => asked,
                Fetch::Busy => {
                    let deadline = *deadline.get_or_insert_with(|| Deadline::after(self.options.busy_wait));
                    locked = locked.wait(deadline)?.ok_or_else(busy)?;
                    continue;
                }
            };
            if cached_only {
                return Err(Error::new(ErrorKind::WouldLoad, "the session is not in memory, or must be checked first"));
            }
            want.asked = Some(asked);
            let ops = locked.take_loads();
            if ops.is_empty() {
                let deadline = *deadline.get_or_insert_with(|| Deadline::after(self.options.store_timeout));
                locked = locked.wait(deadline)?.ok_or_else(slow)?;
                continue;
            }
            drop(locked);
            for op in ops {
                self.carry_out(shard, op);
            }
            locked = self.enter(shard)?;
        }
    }

    /// Refuses an open when the handles that are open already hold half of the memory budget.
    fn check_handles(&self) -> Result<()> {
        let bytes = self.held_by_handles();
        if bytes <= self.account.full_budget / 2 {
            return Ok(());
        }
        let now = self.clock.now();
        let oldest_ms = self.shards.iter().map(|shard| shard.held.oldest_ms(now)).max().unwrap_or(0);
        self.events.push(Event::HandlesFull { bytes: bytes as u64, oldest_ms }, now);
        Err(Error::new(
            ErrorKind::Busy,
            "open session handles hold half of the memory budget: free handles after each request, or raise memory",
        ))
    }

    /// Brings a session into memory again, for a handle whose session was pushed out meanwhile.
    pub(crate) fn reload(&self, shard: usize, id: IdRef<'_>) -> Result<()> {
        match self.fetch(shard, id, Want::ANY, false)? {
            Found::Live(_) => Ok(()),
            Found::Absent => Err(gone(Reason::Gone)),
            Found::Dead(reason) => Err(gone(reason)),
        }
    }
}

pub(crate) fn busy() -> Error {
    Error::new(
        ErrorKind::Busy,
        "memory is full of changes that the database has not taken yet: try again, or raise memory and unsaved",
    )
}

pub(crate) fn slow() -> Error {
    Error::new(ErrorKind::Unavailable, "the database did not answer in time (store_timeout): try again")
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such session")
}

pub(crate) fn gone(reason: Reason) -> Error {
    let reason = reason_name(reason);
    Error::new(ErrorKind::Gone, format!("the session has ended ({reason}); nothing was saved"))
}
