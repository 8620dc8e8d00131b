//! Every scenario over every store that it can run on: `cargo test -p holdall-steps NAME` runs one.

use holdall_steps::{Place, run_file};
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

fn run(name: &str, store: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.steps"));
    let place = match store {
        "memory" => Place::memory(),
        _ => Place::sqlite(Path::new(env!("CARGO_TARGET_TMPDIR")), name),
    };
    if let Err(problem) = run_file(&file, &place) {
        panic!("{problem}");
    }
}
