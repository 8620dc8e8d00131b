//! What the tests of the Rust API share.
#![allow(dead_code, reason = "every test program uses a part of it")]

pub mod store;

use holdall::{Holdall, Mode, Open, Options, Result, Session};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Switched;

/// How long something that comes about on its own may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Options with which nothing is written before it is asked for.
pub fn lazy() -> Options {
    Options::new().linger(Duration::from_hours(1)).linger_cap(Duration::from_hours(1)).sweep_every(Duration::ZERO)
}

/// Options for a database that is down: short waits, quick retries.
pub fn hasty() -> Options {
    lazy()
        .store_timeout(Duration::from_millis(100))
        .busy_wait(Duration::from_millis(50))
        .retry(Duration::from_millis(5))
        .retry_cap(Duration::from_millis(20))
}

pub fn open(store: &Arc<Switched>, options: Options) -> Holdall {
    Holdall::with_store(store.clone(), options).expect("the options make sense")
}

/// A saved session with the field `x` of value 1.
pub fn saved(bag: &Holdall) -> Session {
    let mut session = bag.new_session().expect("the bag is open");
    session.set("x", &1).expect("the name is right");
    assert_eq!(session.save(), Ok(holdall::Done::Done));
    session
}

pub fn existing(bag: &Holdall, id: &str) -> Result<Session> {
    bag.open_session(id.as_bytes(), Open { mode: Mode::Existing, ..Open::default() })
}

/// Waits until something is so.
#[allow(clippy::disallowed_methods, reason = "a test's deadline is real time")]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// A path for a SQLite file of this test alone; nothing is there.
pub fn fresh_file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("runtime-{name}"));
    // It is not there the first time.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder for tests can be written");
    folder.join("sessions.db")
}

pub fn sqlite_url(file: &std::path::Path) -> String {
    format!("sqlite:{}", file.display())
}
