//! Real Lucee servers for tests, each on a free port of 127.0.0.1, in folders of their own, with the stock datasource storage
//! on a database of the test's.
//!
//! The servers come from Maven Central (about 160 MB once), and run on Java 11 or later. Where Java or Maven is missing,
//! starting fails with the command that installs them.
#![forbid(unsafe_code)]

mod client;
mod jars;
mod server;
mod table;

pub use client::Answer;
pub use server::{Server, Version};
pub use table::{Table, now};
