//! Each example runs, and prints what it should.

use std::path::PathBuf;
use std::process::Command;

/// A folder of its own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It is not there the first time.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder for tests can be written");
    folder
}

fn run(program: &str, folder: &PathBuf, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().expect("cargo has built the example");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    assert_eq!(errors, "");
    String::from_utf8(output.stdout).expect("examples print UTF-8")
}

#[test]
fn hello_counts_visits() {
    let folder = folder("hello");
    let program = env!("CARGO_BIN_EXE_hello");
    let first = run(program, &folder, &[]);
    let cookie = first.trim_end().strip_prefix("visit 1; cookie ").expect("the first visit is counted");
    assert_eq!(cookie.len(), 32);
    assert_eq!(run(program, &folder, &[cookie]), format!("visit 2; cookie {cookie}\n"));
    assert_eq!(run(program, &folder, &[cookie]), format!("visit 3; cookie {cookie}\n"));
    let stranger = run(program, &folder, &["unknown"]);
    assert!(stranger.starts_with("visit 1; cookie ") && !stranger.contains("unknown"), "{stranger}");
}

#[test]
fn cart_tells_its_story() {
    let printed = run(env!("CARGO_BIN_EXE_cart"), &folder("cart"), &["shop.db"]);
    assert_eq!(printed, include_str!("cart.txt"));
}

#[test]
fn two_servers_share() {
    let printed = run(env!("CARGO_BIN_EXE_two_servers"), &folder("two_servers"), &["fleet.db"]);
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("visits: 12"));
    let reads = lines.next().and_then(|line| line.strip_prefix("the database was read ")).expect("the second line counts reads");
    let reads: u32 = reads.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    // Once for each change of the server; a check at each open would be 12.
    assert!((3..=5).contains(&reads), "{reads} reads");
    assert_eq!(lines.next(), Some("logged out on the left, too: true"));
    assert_eq!(lines.next(), None);
}
