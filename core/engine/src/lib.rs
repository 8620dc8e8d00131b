//! The sans-I/O state machine of holdall: decides what to load, write and forget, and never does it.
//!
//! A driver (threads natively, TypeScript in wasm, the simulator in tests) owns an [`Engine`], tells it the time with
//! every call, carries out the ops it asks for, and tells it what came of them:
//!
//! ```text
//! fetch, create, apply, rename, destroy, destroy_principal, flush, drain     what callers want; answered at once
//! poll_op -> the store -> on_reply                                          what the store must do
//! poll_timeout, on_timeout                                                  when to look again
//! poll_answer, poll_event, poll_killed                                      what became of it
//! ```
//!
//! # Laws
//!
//! 1. **Failed means unknown.** Every op gets exactly one reply. An attempt is *done* only if the row carries exactly
//!    the stamp that this attempt would have written; otherwise it is repeated, byte for byte.
//! 2. **Fields, not sessions.** A commit carries the fields that changed and the stamp they were based on. On conflict
//!    the row is read, our fields are laid over it, and it is committed again. Overwriting a field that someone else
//!    changed since is an event.
//! 3. **Destroy wins.** Creating is insert-if-absent, saving is update-if-present; a save that finds the row gone or
//!    dead ends the session here too.
//! 4. **Dirty until known.** Changes count as written only when their commit is known. A session with unsaved changes
//!    or unwritten uses is never evicted; memory is bounded by refusing (`Busy`), never by forgetting.
//! 5. **One write at a time.** At most one write of a session is in flight; what changes meanwhile joins the next.
//!    Destroy alone overtakes. Replies older than what is known count for nothing.
//! 6. **Four outcomes of a load:** found, absent, dead, failed. Failed is never taken for absent.
//! 7. **A bad row stands alone.** A row that can't be written is isolated, counted and reported; it holds up nobody.
//! 8. **Expiry is never early,** and an expired session is never served, swept or not. The last use never goes back.
//! 9. **No decision depends on hash order,** and the hasher is seeded by the driver, since ids come from strangers.
//!
//! `tests/` shows each law by plain calls; the simulator checks them under faults, and shows for each rule that it
//! notices when the rule is taken out (`bugs.rs`).
//!
//! # Where to find what
//!
//! `fetch` opens, `apply` changes, `rotate` and `destroy` do as they say; `commit` builds batches, `save_reply` and
//! `load_reply` take the answers, `merge` lays changes over someone else's row; `expiry`, `memory`, `sweep`, `purge`,
//! `flush` each hold one concern; `wake` decides what is due for an entry.
#![forbid(unsafe_code)]

mod apply;
pub mod block;
mod block_build;
mod bugs;
pub mod change;
mod commit;
mod config;
mod destroy;
mod engine;
mod entry;
mod event;
mod expiry;
mod fetch;
mod flush;
pub mod id;
mod index;
mod load_reply;
mod memory;
mod merge;
mod op;
mod pending;
mod purge;
mod random;
pub mod record;
mod retry;
mod rotate;
pub mod rules;
mod save_reply;
mod slab;
pub mod stamp;
mod stats;
mod sweep;
pub mod time;
mod timers;
pub mod value;
pub mod verbs;
mod wake;

pub use apply::{Applied, Limits, Save};
pub use block::{Block, NAME_LIMIT};
#[cfg(feature = "planted")]
pub use bugs::Bug;
pub use change::{Changes, FieldChange};
pub use config::{Config, Sharing};
pub use engine::Engine;
pub use entry::Attributes;
pub use event::Event;
pub use fetch::{Asked, Fetch, View, Want};
pub use flush::Unsaved;
pub use id::{Id, IdRef, Key};
pub use memory::ENTRY_BYTES;
pub use op::{Answer, Ask, Lane, Op, OpId, OpKind, Reply, Room};
pub use record::{Record, expires};
pub use rotate::Renamed;
pub use rules::Rules;
pub use stamp::{Stamp, Writer};
pub use stats::Stats;
pub use time::Time;
pub use value::{Value, ValueRef};
pub use verbs::{Fault, FaultKind, Listed, Loaded, Reason, Swept, Verdict, Wanted, Write, WriteKind};
