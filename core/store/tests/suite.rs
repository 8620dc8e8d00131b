//! Both stores show every behaviour of the suite.

use holdall_store::suite::CASES;
use holdall_store::{MemoryStore, Store};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs every case on a new store, and names all that fail.
fn run_all(mut open: impl FnMut(usize) -> Box<dyn Store>) {
    let failed: Vec<&str> = CASES
        .iter()
        .enumerate()
        .filter(|(number, case)| {
            let store = open(*number);
            catch_unwind(AssertUnwindSafe(|| (case.check)(&*store))).is_err()
        })
        .map(|(_, case)| case.name)
        .collect();
    assert!(failed.is_empty(), "{} of {} cases failed: {failed:#?}", failed.len(), CASES.len());
}

#[test]
fn memory() {
    run_all(|_| Box::new(MemoryStore::new()));
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite() {
    use holdall_store::{SqliteOptions, SqliteStore};
    let folder = tempfile::tempdir().expect("a folder");
    run_all(|number| {
        let path = folder.path().join(format!("{number}.db"));
        Box::new(SqliteStore::open(&path, SqliteOptions::new("shop")).expect("opens"))
    });
}
