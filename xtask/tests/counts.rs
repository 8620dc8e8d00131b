//! Counts are read from what test programs print, and from nothing else.

use xtask::counts::{Counts, read};

fn counts(passed: u64, failed: u64, ignored: u64) -> Counts {
    Counts { passed, failed, ignored }
}

#[test]
fn cargos_lines_add_up() {
    let output = "running 2 tests\n\
        test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n\
        test result: FAILED. 5 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.12s\n";
    assert_eq!(read(output), counts(7, 3, 1));
}

#[test]
fn the_plain_line_counts() {
    assert_eq!(read("all is well\n41 passed, 1 failed\n"), counts(41, 1, 0));
    assert_eq!(read("  3 passed, 0 failed, 2 ignored  "), counts(3, 0, 2));
}

#[test]
fn other_lines_count_for_nothing() {
    for line in [
        "5 passed",
        "passed, failed",
        "test a ... ok",
        "5 passed and 3 failed",
        "x passed, 1 failed",
        "12 rows written, 0 failed",
    ] {
        assert!(read(line).is_empty(), "{line}");
    }
}
