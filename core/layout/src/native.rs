//! The native layout: how holdall's own table names, encodes and dates a session.
//!
//! The table is `holdall_sessions`, one row a session, alive or dead. Its columns:
//!
//! | column | holds |
//! |---|---|
//! | `key` | SHA-256 over the application's name and the id, each after its length; so a leaked table gives no ids |
//! | `application` | the application's name |
//! | `state` | [`STATE_LIVE`], [`STATE_DEAD`] or [`STATE_ALIAS`] |
//! | `reason` | why it is dead (a [`holdall_engine::Reason`]); NULL while live |
//! | `successor` | the key under which a rotated session goes on |
//! | `format` | of `data`; [`FORMAT`] |
//! | `revision`, `writer` | the stamp |
//! | `created`, `accessed` | UTC milliseconds |
//! | `idle` | the idle limit in milliseconds, 0 for none |
//! | `deadline` | the absolute limit; in an alias the end of its grace |
//! | `expires` | when the row may be swept, see [`coarse`]; in a dead row or an alias the end of its keeping |
//! | `principal`, `meta` | whose session it is, and a text for lists |
//! | `data` | the fields, see [`encode`] |

use crate::json::same_value;
use holdall_engine::{Key, Rules, Time, ValueRef};
use sha2::{Digest, Sha256};

pub use crate::native_data::{DATA_LIMIT, DecodeError, FORMAT, decode, decode_format, encode};

/// The number in `state` of a session that lives.
pub const STATE_LIVE: u8 = 0;
/// The number in `state` of a session that ended; the row keeps it from being created again.
pub const STATE_DEAD: u8 = 1;
/// The number in `state` of an old id that still reads its successor's content.
pub const STATE_ALIAS: u8 = 2;

/// The longest bucket of [`coarse`], in milliseconds: five minutes.
pub const BUCKET_LIMIT_MS: u64 = 300_000;
/// The shortest bucket of [`coarse`], in milliseconds.
pub const BUCKET_LEAST_MS: u64 = 1000;

/// The native layout's rules for one application.
#[derive(Clone, Debug)]
pub struct NativeRules {
    /// The application's name; sessions of several share a table.
    pub application: String,
}

impl Rules for NativeRules {
    /// SHA-256 over both parts, each after its length as eight big-endian bytes, so that no two pairs run together.
    fn key(&self, id: &[u8]) -> Key {
        let mut hash = Sha256::new();
        for part in [self.application.as_bytes(), id] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Key::new(&hash.finalize())
    }

    fn same(&self, a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
        same_value(a, b)
    }
}

/// What the `expires` column says for a session that expires at `expires` and has the idle limit `idle_ms`: rounded up
/// to a bucket of an eighth of the limit, at least [`BUCKET_LEAST_MS`] and at most [`BUCKET_LIMIT_MS`].
///
/// `expires` is indexed, and a save that moves an indexed column costs nearly twice as much as one that doesn't. In
/// buckets it stays where it is for most saves. Rounding up never makes a session end early; a session may lie in the
/// table for a bucket longer, but is not served: exact expiry comes from `accessed`, `idle` and `deadline`.
/// [`Time::NEVER`] stays what it is.
pub fn coarse(expires: Time, idle_ms: u64) -> Time {
    if !expires.is_set() {
        return Time::NEVER;
    }
    let bucket = (idle_ms / 8).clamp(BUCKET_LEAST_MS, BUCKET_LIMIT_MS);
    Time(expires.0.div_ceil(bucket) * bucket).min(Time::NEVER)
}
