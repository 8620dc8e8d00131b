//! The summary, the blocks of a document, and rustc's link line.

use std::time::Duration;
use xtask::counts::Counts;
use xtask::report::{Outcome, summary, tail};
use xtask::{c_library, readme};

#[test]
fn the_last_line_of_the_summary_is_the_sum() {
    let outcomes = [
        Outcome { name: "unit", counts: Counts { passed: 40, failed: 0, ignored: 0 }, time: Duration::from_secs(3) },
        Outcome { name: "c", counts: Counts { passed: 2, failed: 1, ignored: 0 }, time: Duration::from_secs(125) },
    ];
    let text = summary(&outcomes);
    assert_eq!(text.lines().last(), Some("42 passed, 1 failed"));
    assert!(text.contains("2 min 05 s"), "{text}");
}

#[test]
fn a_long_log_is_cut_at_its_start() {
    assert_eq!(tail("a\nb\nc\n", 2), "    … 1 lines before\n    b\n    c\n");
    assert_eq!(tail("a\n", 2), "    a\n");
}

#[test]
fn only_marked_blocks_are_run() {
    let document = "# Title\n```c\nint no;\n```\n<!-- run -->\n```c\nint main(void) { return 0; }\n```\n\n<!-- run -->\ntext\n```rust\nfn no() {}\n```\n";
    let blocks = readme::marked_blocks(document);
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].language, "c");
    assert_eq!(blocks[0].line, 6);
    assert_eq!(blocks[0].code, "int main(void) { return 0; }\n");
}

#[test]
fn the_link_line_is_found() {
    let output = "   Compiling holdall-ffi\nnote: Link against the following\nnote: native-static-libs: -lgcc_s -lutil -lc\n    Finished\n";
    assert_eq!(c_library::native_libraries(output).unwrap(), ["-lgcc_s", "-lutil", "-lc"]);
    assert!(c_library::native_libraries("    Finished\n").is_err());
}
