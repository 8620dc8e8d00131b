//! The behaviours that every store must show: one function each, over any [`Store`].
//!
//! A test of a store goes through [`CASES`] and gives each a new, empty store. A case panics, saying what differs:
//!
//! ```
//! for case in holdall_store::suite::CASES {
//!     let store = holdall_store::MemoryStore::new();
//!     (case.check)(&store);
//! }
//! ```
#![allow(clippy::missing_panics_doc, reason = "a case that panics has found what it looks for")]

mod ends;
mod loads;
mod made;
mod sweeps;
mod values;
mod writes;

use crate::Store;

/// One behaviour.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is promised, in a few words.
    pub name: &'static str,
    /// Checks it on an empty store; panics if it doesn't hold.
    pub check: fn(&dyn Store),
}

const fn case(name: &'static str, check: fn(&dyn Store)) -> Case {
    Case { name, check }
}

/// All behaviours.
pub const CASES: &[Case] = &[
    case("each write on each state of a row", writes::each_write_on_each_state),
    case("verdicts come in the order of the writes", writes::verdicts_in_order),
    case("a batch goes through around rows that refuse", writes::mixed_batch),
    case("an empty batch", writes::empty_batch),
    case("a repeated create is settled by its stamp", writes::repeated_create),
    case("a repeated update is settled by its stamp", writes::repeated_update),
    case("a repeated touch does nothing", writes::repeated_touch),
    case("accessed never goes back", writes::accessed_never_goes_back),
    case("a touch moves the expiry by the row's own limits", writes::touch_moves_expiry),
    case("an update replaces everything", writes::update_replaces_everything),
    case("expire claims once, and only what has expired", writes::expire_claims_once),
    case("destroy plants a dead row", ends::destroy_plants),
    case("destroy takes the content away", ends::destroy_takes_content),
    case("a repeated destroy names the same keys", ends::repeated_destroy),
    case("destroy follows rotated rows to the last", ends::destroy_follows_chain),
    case("destroy follows an alias", ends::destroy_follows_alias),
    case("an earlier reason stays", ends::earlier_reason_stays),
    case("a dead row lives as long as the longest destroy said", ends::longest_keeping_counts),
    case("a rename leaves the old row dead", ends::rename_leaves_dead),
    case("a rename without a base plants the dead row", ends::rename_without_base),
    case("a rename changes nothing when it is refused", ends::refused_rename_changes_nothing),
    case("a repeated rename is settled by the new row", ends::repeated_rename),
    case("loads come in the order asked", loads::in_order),
    case("a known stamp answers same, with accessed", loads::known_stamp),
    case("an alias reads the successor until its time", loads::alias_reads_successor),
    case("an alias of an alias", loads::alias_of_alias),
    case("an alias of a dead session is dead", loads::alias_of_dead),
    case("an alias of a swept session is dead", loads::alias_of_swept),
    case("the store's time", loads::tells_time),
    case("sweeping removes what is due and nothing else", sweeps::removes_what_is_due),
    case("what has expired is named, the longest overdue first", sweeps::names_what_is_due),
    case("sweeping keeps to its limit", sweeps::keeps_to_limit),
    case("sweeping many of many", sweeps::many),
    case("sweeping spares what was touched meanwhile", sweeps::spares_touched),
    case("sweeping nothing", sweeps::nothing),
    case("a session without end is never swept", sweeps::without_end),
    case("the sessions of a principal", values::list_by_principal),
    case("a principal that changes", values::principal_changes),
    case("values of every kind come back byte for byte", values::every_kind),
    case("keys that look alike are different", values::keys_alike),
    case("a large session", values::large),
    case("times and limits at their ends", values::times_at_their_ends),
    case("closing", values::closing),
];
