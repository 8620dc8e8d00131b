//! Rows that holdall wrote are byte for byte what Ruby itself would have written. Needs Ruby: `cargo xtask test ruby` installs it.

#[path = "../rails/made.rs"]
#[allow(dead_code, reason = "the other tests of this layout use the rest")]
mod made;

use holdall_engine::Changes;
use made::{MARSHAL, decode, patch, rows};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a field is set to; `check.rb` knows it too. Its keys are in no row: Ruby would link to the one that is there.
const VALUE: &str = r#"{"uno":[1,"ü",2.5,null,true,12345678901234567890,-1073741825],"due":{}}"#;

/// Two lines for each case: how `check.rb` makes the hash, and what holdall wrote.
fn cases() -> String {
    let mut text = String::new();
    let mut add = |ruby: &str, change: &str, name: &str, written: &[u8]| {
        let written = core::str::from_utf8(written).expect("text").replace('\n', "|");
        text.push_str(&[ruby, change, name, &written].join("\t"));
        text.push('\n');
    };
    for row in rows() {
        let before = decode(MARSHAL, &row.data);
        for (change, name) in before.iter().flat_map(|(name, _)| [("set", name), ("delete", name)]).chain([("set", "zz")]) {
            let mut changes = Changes::new();
            if change == "set" {
                changes.set_json(name, VALUE);
            } else {
                changes.remove(name);
            }
            let written = patch(MARSHAL, &row.data, &[name], &before.with(&changes)).expect("writable");
            add(row.ruby, change, name, &written);
        }
    }
    text
}

#[test]
fn patched_rows_are_rubys_own() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ruby/check.rb");
    let ruby = Command::new("ruby").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut ruby = ruby.expect("ruby runs; apt-get install -y --no-install-recommends ruby");
    ruby.stdin.take().expect("a pipe").write_all(cases().as_bytes()).expect("ruby reads");
    let done = ruby.wait_with_output().expect("ruby ends");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
    let count: usize = said.trim().parse().expect("the number of cases");
    assert!(count > 100, "{count}");
}
