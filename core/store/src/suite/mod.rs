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
//!
//! A store over a table that can't hold everything leaves out the cases that need what it lacks: see [`cases_without`].
#![allow(clippy::missing_panics_doc, reason = "a case that panics has found what it looks for")]

mod ends;
mod loads;
mod made;
mod sweeps;
mod values;
mod writes;

use crate::Store;
use Need::{Aliases, AnyKey, AnyValue, DeadRows, Expiry, Limits, Principals};

/// What some tables can't hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Rows that stay when a session has ended, and tell why.
    DeadRows,
    /// Old ids that still read a rotated session.
    Aliases,
    /// Whose session it is, and a text for lists.
    Principals,
    /// Limits of each session's own: idle and deadline.
    Limits,
    /// When a session ends, so that a sweep finds it.
    Expiry,
    /// Values of every kind, and fields of every name.
    AnyValue,
    /// Keys of any bytes.
    AnyKey,
}

/// One behaviour.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is promised, in a few words.
    pub name: &'static str,
    /// What the table must be able to hold.
    pub needs: &'static [Need],
    /// Checks it on an empty store; panics if it doesn't hold.
    pub check: fn(&dyn Store),
}

const fn case(name: &'static str, check: fn(&dyn Store)) -> Case {
    Case { name, needs: &[], check }
}

impl Case {
    const fn needs(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }
}

/// The behaviours of a store whose table lacks something.
pub fn cases_without(lacks: &[Need]) -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| !case.needs.iter().any(|need| lacks.contains(need)))
}

/// All behaviours.
pub const CASES: &[Case] = &[
    case("each write on each state of a row", writes::each_write_on_each_state).needs(&[DeadRows, Aliases]),
    case("each write on a row that is there and on none", writes::each_write_on_rows_and_none),
    case("verdicts come in the order of the writes", writes::verdicts_in_order),
    case("a batch goes through around rows that refuse", writes::mixed_batch),
    case("an empty batch", writes::empty_batch),
    case("a repeated create is settled by its stamp", writes::repeated_create),
    case("a repeated update is settled by its stamp", writes::repeated_update),
    case("a repeated touch does nothing", writes::repeated_touch),
    case("accessed never goes back", writes::accessed_never_goes_back),
    case("a touch moves the expiry by the row's own limits", writes::touch_moves_expiry).needs(&[Limits, Expiry]),
    case("an update replaces everything", writes::update_replaces_everything).needs(&[Limits, Principals]),
    case("expire claims once, and only what has expired", writes::expire_claims_once).needs(&[Limits, DeadRows]),
    case("expire claims a row that idled, once", writes::expire_claims_idle),
    case("a create that comes after the destroy finds nothing to bring back", ends::late_create),
    case("destroy plants a dead row", ends::destroy_plants).needs(&[DeadRows]),
    case("destroy takes the content away", ends::destroy_takes_content).needs(&[DeadRows, Principals]),
    case("a repeated destroy names the same keys", ends::repeated_destroy),
    case("destroy follows rotated rows to the last", ends::destroy_follows_chain).needs(&[DeadRows]),
    case("destroy follows an alias", ends::destroy_follows_alias).needs(&[Aliases]),
    case("an earlier reason stays", ends::earlier_reason_stays).needs(&[DeadRows]),
    case("a dead row lives as long as the longest destroy said", ends::longest_keeping_counts).needs(&[DeadRows]),
    case("a rename moves the session to its new id", ends::rename_moves),
    case("a rename leaves the old row dead", ends::rename_leaves_dead).needs(&[DeadRows, Principals]),
    case("a rename without a base plants the dead row", ends::rename_without_base).needs(&[DeadRows, Aliases]),
    case("a rename changes nothing when it is refused", ends::refused_rename_changes_nothing).needs(&[DeadRows]),
    case("a repeated rename is settled by the new row", ends::repeated_rename),
    case("loads come in the order asked", loads::in_order),
    case("a known stamp answers same, with accessed", loads::known_stamp),
    case("an alias reads the successor until its time", loads::alias_reads_successor).needs(&[Aliases]),
    case("an alias of an alias", loads::alias_of_alias).needs(&[Aliases]),
    case("an alias of a dead session is dead", loads::alias_of_dead).needs(&[Aliases]),
    case("an alias of a swept session is dead", loads::alias_of_swept).needs(&[Aliases]),
    case("the store's time", loads::tells_time),
    case("sweeping removes what is due and nothing else", sweeps::removes_what_is_due).needs(&[DeadRows, Aliases, Limits]),
    case("what has expired is named, the longest overdue first", sweeps::names_what_is_due).needs(&[Expiry]),
    case("sweeping keeps to its limit", sweeps::keeps_to_limit).needs(&[Expiry]),
    case("sweeping many of many", sweeps::many).needs(&[DeadRows, Expiry]),
    case("sweeping spares what was touched meanwhile", sweeps::spares_touched).needs(&[Expiry]),
    case("sweeping nothing", sweeps::nothing),
    case("a session without end is never swept", sweeps::without_end).needs(&[Limits]),
    case("the sessions of a principal", values::list_by_principal).needs(&[Principals]),
    case("a principal that changes", values::principal_changes).needs(&[Principals, Aliases]),
    case("values of every kind come back byte for byte", values::every_kind).needs(&[AnyValue, Principals]),
    case("keys that look alike are different", values::keys_alike).needs(&[AnyKey]),
    case("a large session", values::large),
    case("times and limits at their ends", values::times_at_their_ends).needs(&[Limits]),
    case("closing", values::closing),
];
