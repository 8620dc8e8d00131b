//! A session store that answers from memory and writes behind to your database.
//!
//! ```
//! use holdall::{Holdall, Options};
//!
//! # fn main() -> holdall::Result<()> {
//! let bag = Holdall::open("memory:", Options::new())?;
//! let mut session = bag.session("")?; // what the cookie says; nothing yet
//! session.set("cart", &["3 socks"])?;
//! let _ = session.save()?;
//!
//! let again = bag.session(session.id())?;
//! assert_eq!(again.get::<Vec<String>>("cart")?, Some(vec!["3 socks".to_owned()]));
//! assert!(bag.close(std::time::Duration::from_secs(5))?.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! [`Holdall`] is a bag: one store, one cache. [`Session`] is a handle on one visitor's session: a snapshot plus its
//! own changes, which [`Session::save`] lays over whatever the session is by then. [`Options::sharing`] says who else
//! serves the sessions, and sets what a save waits for and how fresh an open must be. What each mode can lose is said at
//! [`Durability`].
#![forbid(unsafe_code)]

mod bag;
mod bell;
mod clock;
mod close;
mod entropy;
mod error;
mod event;
mod handles;
mod holdall;
mod layout;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
mod layout_url;
mod open;
mod options;
mod principal;
mod save;
mod session;
mod shard;
mod state;
mod ticket;
mod url;
#[cfg(feature = "mysql")]
mod url_mysql;
mod values;
mod worker;

pub use bag::FORKS;
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, TimedEvent};
pub use holdall::{Health, Holdall};
pub use holdall_engine::{Reason, Stats, Swept, Time, Unsaved, ValueRef};
pub use holdall_store as store;
pub use open::{Mode, Open};
pub use options::{Durability, Options, Sharing};
pub use principal::{ListedSession, Which};
pub use save::{Done, Save};
pub use session::Session;
