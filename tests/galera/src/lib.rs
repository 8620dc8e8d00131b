//! What the tests of shared sessions have in common: visitors who remember what they were promised.
#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "a visitor who panics has found what he looks for")]

mod fields;
mod random;

pub use fields::{Field, Tried};
pub use random::Random;

use holdall::{Holdall, Mode, Open, Options, Sharing};
use std::time::Duration;

/// A bag of a fleet, with little memory, since there are many of them.
pub fn options() -> Options {
    Options::new().sharing(Sharing::Fleet).memory(32 << 20).unsaved(16 << 20).sweep_every(Duration::ZERO)
}

/// Opens a bag; its table is made if it isn't there.
pub fn open(url: &str, options: Options) -> Holdall {
    Holdall::open(url, options).unwrap_or_else(|error| panic!("a bag over the test's database: {error}"))
}

/// How a session is asked for that must exist: by the database, whatever is in memory.
pub fn existing() -> Open {
    Open { mode: Mode::Existing, freshness: Some(Duration::ZERO), ..Open::default() }
}
