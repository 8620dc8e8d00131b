//! The committed header is what cbindgen makes of the sources, and what is exported is what the committed list says.
//!
//! `HOLDALL_BLESS=1 cargo test -p holdall-ffi` writes the header anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// In the order in which a reader of the header meets them.
const SOURCES: [&str; 14] = [
    "version.rs",
    "status.rs",
    "error.rs",
    "buf.rs",
    "handles.rs",
    "options.rs",
    "option_times.rs",
    "option_sizes.rs",
    "bag.rs",
    "session.rs",
    "values.rs",
    "save.rs",
    "principal.rs",
    "testing.rs",
];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{} can't be read: {error}", path.display()))
}

fn generated() -> String {
    let mut config = cbindgen::Config::from_file(here().join("cbindgen.toml")).expect("cbindgen.toml is right");
    config.header = Some(read(&here().join("manual.h")));
    let version = env!("CARGO_PKG_VERSION");
    config.after_includes =
        Some(format!("\n/**\n * The version of this header as text.\n */\n#define HOLDALL_VERSION \"{version}\""));
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(here().join("src").join(source));
    }
    let mut text = Vec::new();
    builder.generate().expect("the sources can be parsed").write(&mut text);
    String::from_utf8(text).expect("the sources are UTF-8")
}

/// The functions that the sources export.
fn exported() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(here().join("src")).expect("there are sources").flatten() {
        let text = read(&entry.path());
        for item in text.split("#[unsafe(no_mangle)]").skip(1) {
            let name = item.split("extern \"C\" fn ").nth(1).and_then(|rest| rest.split('(').next());
            names.insert(name.expect("an exported item is a function").to_owned());
        }
    }
    names
}

#[test]
fn the_committed_header_is_current() {
    let path = here().join("../../include/holdall.h");
    let header = generated();
    if std::env::var_os("HOLDALL_BLESS").is_some() {
        fs::write(&path, &header).expect("the header can be written");
    }
    let same = fs::read_to_string(&path).unwrap_or_default() == header;
    assert!(same, "include/holdall.h is not what the sources say: run HOLDALL_BLESS=1 cargo test -p holdall-ffi, and commit it");
}

#[test]
fn the_list_of_symbols_is_what_the_sources_export() {
    let list = read(&here().join("holdall.symbols"));
    let listed: BTreeSet<String> =
        list.lines().filter_map(|line| line.split('#').next()?.split_whitespace().next()).map(str::to_owned).collect();
    assert_eq!(listed, exported(), "ffi/c/holdall.symbols (left) and the sources (right) differ");
    let without_version: Vec<&str> = list
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .filter(|line| !line.split_whitespace().nth(1).is_some_and(|word| word.chars().all(|c| c.is_ascii_digit() || c == '.')))
        .collect();
    assert!(without_version.is_empty(), "without the version that added them: {without_version:?}");
}

#[test]
fn every_function_is_in_the_header_with_a_comment() {
    let header = generated();
    for name in exported() {
        let call = format!("{name}(");
        let at = header.rfind(&format!(" {call}")).or_else(|| header.rfind(&format!("*{call}")));
        let at = at.unwrap_or_else(|| panic!("{name} is not in the header: add its file to SOURCES"));
        let before = header[..at].lines().rev().nth(1).unwrap_or_default();
        assert!(before.trim_end().ends_with("*/"), "{name} has no comment");
    }
}

#[test]
fn no_number_of_a_status_is_used_twice_or_changed() {
    // Numbers once given stay; a new status is added here.
    let known = [
        ("OK", 0),
        ("PENDING", 1),
        ("NOT_FOUND", 2),
        ("WOULD_LOAD", 3),
        ("INVALID", 16),
        ("TOO_LARGE", 17),
        ("GONE", 18),
        ("CONFLICT", 19),
        ("EXISTS", 20),
        ("BUSY", 21),
        ("UNAVAILABLE", 22),
        ("CONFIG", 23),
        ("FULL", 24),
        ("CORRUPT", 25),
        ("REJECTED", 26),
        ("UNKNOWN", 27),
        ("UNSUPPORTED", 28),
        ("CLOSED", 29),
        ("FORKED", 30),
        ("PANIC", 31),
        ("NO_MEMORY", 32),
    ];
    let header = generated();
    let body = header.split("} holdall_status;").next().and_then(|text| text.rsplit("typedef enum").next());
    let body = body.expect("the header has holdall_status");
    let found: Vec<(String, i64)> = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("HOLDALL_")?.split_once(" = "))
        .map(|(name, number)| (name.to_owned(), number.trim_end_matches(',').parse().expect("a number")))
        .collect();
    let known: Vec<(String, i64)> = known.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
    assert_eq!(found, known);
}
