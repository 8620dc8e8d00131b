//! Where sessions come from.

use super::{django, native, tables};
use crate::args::Import;
use crate::layout::Layout;
use crate::problem::Result;
use crate::target::Target;
use holdall_engine::{Key, Record};

/// A session, as it goes into the target.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its application.
    pub application: String,
    /// Its key there.
    pub key: Key,
    /// Its content. A stamp of revision 0 is to be replaced by a fresh one.
    pub record: Record,
}

/// What a row is.
#[derive(Clone, Debug)]
pub enum Item {
    /// A live session.
    Session(Box<Session>),
    /// Its time is over.
    Expired,
    /// An older row of a session that came before.
    Duplicate,
    /// It can't be read: why, without content.
    Unreadable(String),
}

/// Some rows, in the order of their keys.
#[derive(Debug, Default)]
pub struct Page {
    /// What they are.
    pub items: Vec<Item>,
    /// Where the last one is, so that the next page can follow it.
    pub last: Option<Vec<Vec<u8>>>,
    /// How many rows.
    pub rows: u64,
}

/// A table that is read page by page.
pub trait Source {
    /// How many rows it has.
    fn count(&mut self) -> Result<u64>;
    /// The next rows after a place.
    fn page(&mut self, after: Option<&[Vec<u8>]>, rows: u32, now_ms: u64) -> Result<Page>;
}

/// Opens the table that is read.
pub fn open(target: &Target, args: &Import) -> Result<Box<dyn Source>> {
    let application = args.application.clone();
    let idle_ms = args.idle * 1000;
    Ok(match target.layout {
        Layout::Native => Box::new(native::Table::open(target, application)?),
        Layout::Lucee => Box::new(tables::Lucee::open(target, application, idle_ms)?),
        Layout::Rails => Box::new(tables::Rails::open(target, application.unwrap_or_default(), idle_ms)?),
        Layout::Django => {
            Box::new(django::Table::open(target, application.unwrap_or_default(), idle_ms, args.key_file.as_deref())?)
        }
    })
}
