//! A deterministic simulator of holdall: several engines, each with its own clock, a store that misbehaves, and
//! clients that check what they were promised.
//!
//! One run follows from one number, its seed. `faults` draws the run's character, `world` plays it, `client` makes
//! the requests, `driver` drives each engine as its contract says, `store` is the table, `model` remembers what was
//! promised; `check_store` and `check_client` hold the invariants, `settle` the second phase, in which the faults
//! have stopped and everything must come true.
//!
//! What the model leaves open: loads are linearizable (a store that reads from a replica is a store that goes back,
//! and is simulated as that: for sessions that lost committed states this way only order, phantoms, accounts and
//! convergence are checked); values are small; one engine is one node, without shards.
#![forbid(unsafe_code)]

mod act;
pub mod check_client;
pub mod check_store;
mod client;
pub mod clock;
mod driver;
pub mod faults;
mod identity;
pub mod model;
pub mod node;
pub mod planted;
pub mod random;
pub mod runner;
mod settle;
pub mod store;
pub mod trace;
mod traffic;
mod troubles;
pub mod world;
