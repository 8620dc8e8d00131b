//! A field that counts up, and what its only writer knows of it.

use crate::existing;
use holdall::{Done, Error, ErrorKind, Holdall, Session};
use holdall_test_databases::pause;
use std::time::Duration;

/// How a visit went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tried {
    /// The database has committed.
    Stored,
    /// Not now: the database did not answer, or has not confirmed.
    NotNow,
}

/// A field of a session that one writer alone counts up. Others write other fields of the same session.
#[derive(Clone, Debug)]
pub struct Field {
    /// The session.
    pub id: String,
    /// The field.
    pub name: String,
    /// The last number that was answered as stored.
    pub acknowledged: u64,
    /// The last number that was ever tried; it may have been stored without an answer.
    pub attempted: u64,
}

impl Field {
    /// A field of a session that has been saved.
    pub fn new(id: &str, name: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), acknowledged: 0, attempted: 0 }
    }

    /// Counts up by one, through this bag. Panics if what was acknowledged is not there, or what nobody wrote is.
    pub fn count_up(&mut self, bag: &Holdall) -> Tried {
        let mut session = match bag.open_session(self.id.as_bytes(), existing()) {
            Ok(session) => session,
            Err(error) => return not_now(&error),
        };
        let number = self.read(bag, &session) + 1;
        self.attempted = self.attempted.max(number);
        session.set(&self.name, &number).expect("a small number fits");
        match session.save() {
            Ok(Done::Done) => {
                self.acknowledged = number;
                Tried::Stored
            }
            Ok(Done::Pending) => Tried::NotNow,
            Err(error) => not_now(&error),
        }
    }

    /// What the session has, which must be what its writer was promised.
    fn read(&self, bag: &Holdall, session: &Session) -> u64 {
        let number = self.number(session);
        if (self.acknowledged..=self.attempted).contains(&number) {
            return number;
        }
        // Whether it is lost or only not seen yet, a second look tells.
        pause(Duration::from_secs(2));
        let later = bag.open_session(self.id.as_bytes(), existing()).map(|session| self.number(&session));
        let (name, acknowledged, attempted) = (&self.name, self.acknowledged, self.attempted);
        panic!("field {name} has {number} and 2 s later {later:?}; {acknowledged} was acknowledged, {attempted} attempted");
    }

    fn number(&self, session: &Session) -> u64 {
        session.get(&self.name).expect("a number").unwrap_or(0)
    }

    /// Reads it from a bag that has never seen it.
    pub fn check(&self, fresh: &Holdall) {
        let session = fresh.open_session(self.id.as_bytes(), existing());
        let session = session.unwrap_or_else(|error| panic!("an acknowledged session is lost: {error}"));
        self.read(fresh, &session);
    }
}

/// Only faults of the database may keep a visitor waiting.
fn not_now(error: &Error) -> Tried {
    let may_be = error.is_transient() || error.kind() == ErrorKind::Unknown;
    assert!(may_be, "a session that must exist answered {:?}: {error}", error.kind());
    Tried::NotNow
}
