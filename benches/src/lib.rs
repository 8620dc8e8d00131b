//! The speed goals of holdall as ratios: each figure is measured beside the raw limit (a plain map, the bare driver,
//! another library) in the same run, in turn with it, and the median of several pairs counts.
//!
//! `cargo xtask bench [--json FILE] [--svg DIR] [NAME ...]` runs it. Each module measures one family of figures;
//! [`bench::BENCHES`] lists them.

#![allow(clippy::cast_sign_loss, reason = "sizes of drawings and places in lists are not negative")]
#![allow(clippy::cast_precision_loss, reason = "counts and nanoseconds of a run are far below 2^52")]

pub mod bench;
pub mod c_call;
pub mod cached_get;
pub mod clock;
pub mod cold_load;
pub mod command;
pub mod curve;
pub mod database;
pub mod figure;
pub mod fleet;
pub mod flush;
pub mod latency;
pub mod linger;
pub mod memory;
pub mod mysql;
pub mod pairs;
pub mod peers;
pub mod pruning;
pub mod random;
pub mod report;
pub mod sessions;
pub mod svg;
pub mod virtual_time;
