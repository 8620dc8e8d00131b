//! MySQL and MariaDB, Galera clusters included: the store of the native table, and the connections that other stores
//! and the command use too.
//!
//! * [`MysqlUrl`] reads `mysql://user:password@host1,host2/database?layout=native`.
//! * [`MysqlStore`] is the store.
//! * [`Pool`] lends connections to the server that takes writes, each set up alike: strict SQL mode, UTC, utf8mb4,
//!   READ COMMITTED, time limits.
//! * [`classify`] decides what an error means.
mod classify;
mod connection;
mod fault;
pub(crate) mod lease;
mod load;
mod plan;
mod pool;
mod rows;
mod schema;
mod send;
mod server;
mod store;
mod sweep;
mod url;
mod work;

pub use ::mysql as driver;
pub use classify::{Class, Flavour, Phase, Reaction, Rule, TABLE, classify, on_number};
pub use connection::{Connection, Facts};
pub use pool::{Failed, Pool, Trouble};
pub use server::{DEFAULT_PORT, Host, Password, Server, Tls};
pub use store::{MysqlOptions, MysqlStore};
pub use url::MysqlUrl;

use holdall_engine::{Fault, FaultKind};

/// The longest name of a table or column, in bytes.
const IDENTIFIER_LIMIT: usize = 64;

/// Checks that `name` can be the name of a table or column, and quotes it. It must be 1 to 64 of the characters
/// `A-Z a-z 0-9 _ $`.
///
/// # Errors
/// [`FaultKind::Config`], without the name: it may be anything.
pub fn check_identifier(name: &str, what: &str) -> Result<String, Fault> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    if name.is_empty() || name.len() > IDENTIFIER_LIMIT || !name.bytes().all(is_plain) {
        let why = format!("the {what} name is not an identifier: use 1 to {IDENTIFIER_LIMIT} of A-Z a-z 0-9 _ $");
        return Err(Fault::new(FaultKind::Config, why));
    }
    Ok(format!("`{name}`"))
}
