//! The bag, as its users hold it.

use crate::bag::Bag;
use crate::clock::Deadline;
use crate::error::Result;
use crate::event::TimedEvent;
use crate::layout::Layout;
use crate::options::Options;
use crate::url;
use holdall_engine::{Stats, Swept, Time, Unsaved};
use holdall_store::Store;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// An open bag: one store, one cache. Free for all threads; cloning shares it.
///
/// When the last clone and the last session are dropped, the bag is closed as by [`Holdall::close`] with its
/// `store_timeout`; call `close` yourself to learn what could not be written.
#[derive(Clone)]
pub struct Holdall(Arc<Owner>);

/// Closes the bag when nobody can use it any more. The workers hold the bag itself, not this.
struct Owner(Arc<Bag>);

/// How the bag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The bag is open and no defect has stopped it.
    pub live: bool,
    /// The last commit went well, so that saves with `stored` can be expected to.
    pub ready: bool,
    /// What the database is not known to have.
    pub unsaved: Unsaved,
    /// How long the oldest of it has waited, in milliseconds.
    pub oldest_ms: u64,
}

impl Holdall {
    /// Opens a bag.
    ///
    /// | URL | where the sessions are kept |
    /// |---|---|
    /// | `memory:` | in this process only |
    /// | `sqlite:PATH` | in a SQLite file, made if it isn't there |
    /// | `sqlite:PATH?layout=rails` | in a SQLite file of a Rails application, in its table |
    /// | `mysql://USER:PASSWORD@HOST/DATABASE` | in a MySQL or MariaDB database |
    /// | the same with `?layout=lucee` or `?layout=rails` | in the table of Lucee or Rails there |
    ///
    /// With another layout than holdall's own some options are refused ([`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)):
    /// such tables have no place for principals, texts for lists, old ids that still read, and idle limits of single
    /// sessions. The parameters of layouts are in docs/storage.md.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a URL or options that make no sense,
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a file that can't be used, and says why.
    pub fn open(url: &str, options: Options) -> Result<Self> {
        options.check()?;
        let mut options = options;
        let (source, layout) = url::source(url, &mut options)?;
        Ok(Self(Arc::new(Owner(Bag::open(source, layout, options)?))))
    }

    /// Opens a bag over a store of the host's own, in the native layout. The bag closes it when it is closed itself;
    /// [`Holdall::prepare_fork`] leaves it open, so it has to bear a fork.
    ///
    /// # Errors
    /// As [`Holdall::open`].
    pub fn with_store(store: Arc<dyn Store>, options: Options) -> Result<Self> {
        let layout = Layout::native(&options);
        let source = url::Source::Given(store);
        Ok(Self(Arc::new(Owner(Bag::open(source, layout, options)?))))
    }

    pub(crate) fn bag(&self) -> &Bag {
        &self.0.0
    }

    /// Writes everything that is unsaved now, and waits for it at most so long. Answers what is left.
    ///
    /// # Errors
    /// If the bag is closed, forked or broken.
    pub fn flush(&self, wait: Duration) -> Result<Unsaved> {
        self.bag().check_open()?;
        Ok(self.bag().flush(Deadline::after(wait)))
    }

    /// From now on every change is written at once: the bag goes on serving and can be closed at any time. For a
    /// rolling deploy. Does not wait.
    ///
    /// # Errors
    /// If the bag is closed, forked or broken.
    pub fn drain(&self) -> Result<()> {
        self.bag().check_open()?;
        self.bag().for_each_engine(holdall_engine::Engine::drain)
    }

    /// How the bag is. Answers in every state.
    pub fn health(&self) -> Health {
        let bag = self.bag();
        let live = bag.check_open().is_ok();
        let unsaved = bag.unsaved();
        let now = bag.clock.now();
        let oldest_ms = if unsaved.oldest.is_set() { now.since(unsaved.oldest) } else { 0 };
        Health { live: live && bag.is_whole(), ready: live && !bag.is_degraded(), unsaved, oldest_ms }
    }

    /// The oldest event that was not fetched yet, waiting for one at most so long. Zero doesn't wait.
    ///
    /// In the last content of an expired session, values of Lucee's or Rails' that JSON has no exact form for come as
    /// their JSON view (see [`Session::json`](crate::Session::json)).
    pub fn next_event(&self, wait: Duration) -> Option<TimedEvent> {
        let wait = if self.bag().is_closed() { Duration::ZERO } else { wait };
        let event = self.bag().events.next(wait, self.bag().clock.now())?;
        Some(match &self.bag().foreign {
            Some(foreign) => event.with_views(&**foreign),
            None => event,
        })
    }

    /// Counters of the whole bag.
    pub fn stats(&self) -> Stats {
        self.bag().stats()
    }

    /// The same as one JSON object of numbers.
    pub fn stats_json(&self) -> String {
        let numbers: serde_json::Map<_, _> =
            self.stats().entries().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        serde_json::Value::Object(numbers).to_string()
    }

    /// Removes expired and dead rows now, until none is left. Answers how many of each. With `claim_expired` expired
    /// sessions are not removed but claimed, from now on and by the bag's own thread: each comes as an event.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) and the like; what was removed before stays removed.
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) while the clock is not to be trusted.
    pub fn sweep(&self) -> Result<Swept> {
        self.bag().sweep_all()
    }

    /// Writes everything, stops the threads and closes the store, so that nothing is open across a fork (`memory:` keeps
    /// what it has, on both sides). Parent and child open again with their next call.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if not everything could be written: the bag goes on.
    pub fn prepare_fork(&self) -> Result<()> {
        self.bag().prepare_fork()
    }

    /// Writes everything and closes the bag. If the database does not take everything in time, the answer says what is
    /// left, and the bag stays open for another try or [`Holdall::abandon`].
    ///
    /// # Errors
    /// If the bag is closed already, or forked.
    pub fn close(&self, wait: Duration) -> Result<Unsaved> {
        self.bag().close(Deadline::after(wait))
    }

    /// Closes the bag, whatever is unsaved. Closing twice is harmless.
    pub fn abandon(&self) {
        self.bag().abandon();
    }

    /// The bag's time: milliseconds since 1970.
    pub fn now(&self) -> Time {
        self.bag().clock.now()
    }

    /// For tests only: moves the bag's clock forward, so that a test of linger or expiry need not wait. What waits for
    /// the database, and what waits for room, goes by real time as before.
    #[doc(hidden)]
    pub fn advance_clock(&self, by: Duration) {
        self.bag().clock.advance(by);
        for role in crate::bag::Role::ALL {
            self.bag().ring(role, Time::ZERO);
        }
    }

    /// For tests only: panics inside the engine that holds a session, as a defect would.
    #[doc(hidden)]
    pub fn panic_inside(&self, id: &str) {
        let (_, shard) = self.bag().locate(id.as_bytes());
        let defect = std::panic::AssertUnwindSafe(|| {
            let _locked = self.bag().lock(shard);
            panic!("a test asked for this panic");
        });
        let _: std::result::Result<(), _> = std::panic::catch_unwind(defect);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // In a forked child the workers and the locks are the parent's: the copy of them here is left alone.
        if self.0.is_closed() || self.0.is_forked() {
            return;
        }
        let wait = self.0.options.store_timeout;
        let left = self.0.close(Deadline::after(wait));
        if !matches!(left, Ok(unsaved) if unsaved.is_empty()) {
            self.0.abandon();
        }
    }
}

impl fmt::Debug for Holdall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holdall").field("stats", &self.stats()).finish()
    }
}
