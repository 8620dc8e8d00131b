//! A few runs of the simulator on every `cargo test`; `cargo xtask sim run` does thousands.

use holdall_sim::planted::Planted;
use holdall_sim::runner::{STEPS, find, run_seed, run_seeds};
use holdall_sim::store::StoreBug;
use holdall_sim::world::Setup;

const SETUP: Setup = Setup { steps: STEPS, print: false, hash_seed: 0, bug: None };

#[test]
fn sound_seeds_pass() {
    let total = run_seeds(60, 2, SETUP, u64::MAX, |place| 5_000 + place);
    assert_eq!(total.failed, []);
    assert!(total.steps > 60 * 500, "{} steps are too few to find anything", total.steps);
    assert!(total.checks > 60 * 50, "{} checks are too few to find anything", total.checks);
}

#[test]
fn same_seed_gives_same_trace_whatever_the_hashers() {
    for seed in 1..20 {
        let first = run_seed(seed, SETUP);
        let again = run_seed(seed, Setup { hash_seed: 99, ..SETUP });
        assert_eq!(first.hash, again.hash, "seed {seed}");
        assert_ne!(first.hash, run_seed(seed + 1_000, SETUP).hash, "seed {seed}");
    }
}

#[test]
fn a_broken_store_is_noticed() {
    for bug in [StoreBug::UpdateIgnoresBase, StoreBug::RenameMovesRow, StoreBug::DestroyIgnoresSuccessor] {
        assert!(find(Planted::Store(bug), 200, STEPS).is_some(), "{bug:?} was not found");
    }
}
