//! The Rails layout: rows that Ruby wrote, rows that it will read, and rows that are damaged.

mod damage;
mod ids;
mod json;
mod made;
mod mutations;
mod patches;
#[path = "../lucee/random.rs"]
mod random;
mod rows;
