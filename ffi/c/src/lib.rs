//! The C library: `include/holdall.h` over crate `holdall`.
//!
//! Every entry is checks, one call, one assignment, inside [`guard::call`]. Handles are tokens ([`slots`]); what C passes in is
//! checked in [`arg`]. The header is made from these files, comments included, by `tests/header.rs`: they are written for
//! people who read C. What `unsafe` in an entry's signature asks of the caller is what the header says about pointers.
#![allow(clippy::missing_safety_doc, reason = "the header's manual says it once, for all functions")]
#![allow(clippy::doc_markdown, reason = "the comments become those of a C header, which has no backticks")]

mod alone;
mod arg;
mod bag;
mod buf;
mod error;
mod guard;
mod handles;
mod option_sizes;
mod option_times;
mod options;
mod principal;
mod process;
mod save;
mod session;
mod slots;
mod status;
mod testing;
mod together;
mod values;
mod version;
