//! Checks of the tree as a whole, as plain functions over text; `tests/tree.rs` applies them to the repository and
//! `tests/samples.rs` shows that each can fail.

pub mod api;
pub mod arrows;
pub mod code;
pub mod links;
pub mod source;
pub mod tree;
pub mod words;
