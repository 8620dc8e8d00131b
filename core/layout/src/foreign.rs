//! Tables that other software reads and writes too: what a layout has to know about their `data` column.
//!
//! Such a table has no stamps and no dead rows. The store tells states apart by a hash of the exact `data`, reads it
//! again under a lock before it writes, and has the layout change only what the request changed.

use core::fmt;
use holdall_engine::{Block, Key, Record, Time};
use std::sync::Arc;

/// The data column of a foreign table, read and written as the stock software does. Pure and bounded: hostile bytes get
/// an error, never a panic, never code that runs.
pub trait ForeignData: Send + Sync {
    /// The fields of a row. What has no exact form in JSON becomes a foreign value that stands by itself.
    ///
    /// # Errors
    /// The data isn't whole, or isn't in a form that the layout knows. The row stays as it is.
    fn decode(&self, data: &[u8]) -> Result<Decoded, Unreadable>;

    /// The data of a new row.
    ///
    /// # Errors
    /// A value has no form that the stock software could read.
    fn encode(&self, saving: Saving<'_>) -> Result<Vec<u8>, Unwritable>;

    /// `data` with the fields `changed` as they are in the record (those the record doesn't have are removed), and
    /// everything else as it was. `data` is what [`ForeignData::decode`] took.
    ///
    /// # Errors
    /// A value has no form that the stock software could read, or `data` can't be decoded.
    fn patch(&self, data: &[u8], changed: &[Box<str>], saving: Saving<'_>) -> Result<Vec<u8>, Unwritable>;

    /// A foreign value as JSON, to read only; none if it has no sensible view.
    fn view(&self, kind: &str, raw: &[u8]) -> Option<Box<str>>;

    /// The name under which a field is held: what the stock software takes for the same name becomes the same.
    fn fold<'a>(&self, name: &'a str) -> std::borrow::Cow<'a, str> {
        std::borrow::Cow::Borrowed(name)
    }
}

/// The first 16 bytes of the SHA-256 of a row's data: names its content, where the table has nothing that does.
pub fn digest(data: &[u8]) -> [u8; 16] {
    let whole = <sha2::Sha256 as sha2::Digest>::digest(data);
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

/// What a row's data says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The fields.
    pub block: Block,
    /// When the session began, if the data says so.
    pub created: Option<Time>,
    /// When it was last used, if the data says so.
    pub accessed: Option<Time>,
}

/// What is written, and when.
#[derive(Clone, Copy, Debug)]
pub struct Saving<'a> {
    /// The row.
    pub key: &'a Key,
    /// The session as it is to be.
    pub record: &'a Record,
    /// The time of this save.
    pub now: Time,
}

/// Why a row's data can't be read: kinds and places, never content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable(pub Arc<str>);

/// Why a session can't be written into a row: kinds and places, never content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unwritable(pub Arc<str>);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}
impl std::error::Error for Unwritable {}
