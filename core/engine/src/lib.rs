//! The sans-I/O state machine of holdall.
#![forbid(unsafe_code)]

pub mod block;
pub mod change;
pub mod id;
pub mod record;
pub mod rules;
pub mod stamp;
pub mod time;
pub mod verbs;

pub use block::{Block, NAME_LIMIT, Value, ValueRef};
pub use change::{Changes, FieldChange};
pub use id::{Id, IdRef, Key};
pub use record::{Record, expires};
pub use rules::Rules;
pub use stamp::{Stamp, Writer};
pub use time::Time;
pub use verbs::{Fault, FaultKind, Listed, Loaded, Reason, Swept, Verdict, Wanted, Write, WriteKind};
