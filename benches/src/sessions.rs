//! The session that all benchmarks use, and how stores and bags are filled with it.

use crate::random::Random;
use holdall::{Holdall, Open, Session};
use holdall_engine::{Block, ValueRef};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::Duration;

/// One session: 762 bytes of JSON in 20 fields.
pub const SESSION: &str = include_str!("../data/session.json");
/// What stands in [`SESSION`] for the number of the user, who is another in each session.
const USER: &str = "10000000";
/// Fields that a cycle reads.
pub const READ: [&str; 2] = ["email", "visits"];
/// Field that a cycle sets.
pub const SET: &str = "visits";
/// Sessions saved before a flush while a bag is filled: less than what may be unsaved.
const FLUSH_EVERY: usize = 5_000;

/// The JSON of the session with this number; all are of the same length.
pub fn json(number: usize) -> String {
    SESSION.replacen(USER, &(10_000_000 + number).to_string(), 1)
}

/// The same as a block.
///
/// # Errors
/// If the JSON in the repository is none.
pub fn block(number: usize) -> Result<Block, String> {
    let text = json(number);
    let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(Block::from_fields(fields.iter().map(|(name, value)| (*name, ValueRef::Json(value.get())))))
}

/// An id as holdall makes them: 32 characters of base64url. The same number gives the same id.
pub fn id(number: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = Random::new(number as u64 ^ 0x005e_5510_4e1d);
    (0..32).map(|_| char::from(LETTERS[random.below(64)])).collect()
}

/// An id as a bag made it. In a row of these, as in a request's buffer, the bytes are where they are looked for.
pub type Id = [u8; 32];

/// Makes so many sessions in a bag and writes them. Answers their ids.
///
/// # Errors
/// What the bag says.
pub fn fill(bag: &Holdall, count: usize) -> Result<Vec<Id>, String> {
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        let mut session = bag.new_session().map_err(text)?;
        session.replace_json(&json(number)).map_err(text)?;
        let _ = session.save().map_err(text)?;
        ids.push(session.id_bytes().try_into().map_err(|_| "an id has not 32 bytes")?);
        if number % FLUSH_EVERY == FLUSH_EVERY - 1 {
            flush(bag)?;
        }
    }
    flush(bag)?;
    Ok(ids)
}

/// Writes all that is unsaved.
///
/// # Errors
/// If that takes longer than a minute.
pub fn flush(bag: &Holdall) -> Result<(), String> {
    let left = bag.flush(Duration::from_mins(1)).map_err(text)?;
    if left.is_empty() { Ok(()) } else { Err("the bag could not be flushed within a minute".to_owned()) }
}

/// The "cached get": open, get 1, free.
///
/// # Errors
/// If the session is not there.
#[inline]
pub fn get(bag: &Holdall, id: &[u8]) -> Result<(), String> {
    let session = bag.open_session(id, Open::default()).map_err(text)?;
    match session.get_json(READ[0]) {
        Some(value) => {
            std::hint::black_box(value);
            Ok(())
        }
        None => Err(lost()),
    }
}

/// The "cached cycle": open an existing session, get 2 fields, set 1, save, free.
///
/// # Errors
/// If the session is not there, or what the save says.
#[inline]
pub fn cycle(bag: &Holdall, id: &[u8], number: u64) -> Result<(), String> {
    let mut session = bag.open_session(id, Open::default()).map_err(text)?;
    change(&mut session, number)
}

/// A cycle after its open.
///
/// # Errors
/// As [`cycle`].
#[inline]
pub fn change(session: &mut Session, number: u64) -> Result<(), String> {
    let email: Option<String> = session.get(READ[0]).map_err(text)?;
    let visits: Option<u64> = session.get(READ[1]).map_err(text)?;
    if email.is_none() || visits.is_none() {
        return Err(lost());
    }
    std::hint::black_box((email, visits));
    session.set(SET, &number).map_err(text)?;
    match session.save().map_err(text)? {
        holdall::Done::Done => Ok(()),
        holdall::Done::Pending => Err("the database did not confirm a save in time".to_owned()),
    }
}

fn lost() -> String {
    "a session has lost its fields".to_owned()
}

/// An error in words.
pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
