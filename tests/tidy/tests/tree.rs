//! The checks, applied to the repository.

use holdall_tidy::{api, arrows, code, links, tree, words};
use std::process::Command;

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

fn over_all(check: impl Fn(&tree::Text) -> Vec<String>) -> Vec<String> {
    let texts = tree::texts();
    assert!(texts.len() > 20, "the tree was not found: {} files", texts.len());
    texts.iter().flat_map(check).collect()
}

#[test]
fn crates_depend_along_the_arrows_and_take_the_workspaces_lints() {
    let problems = over_all(|file| {
        let manifest = file.path != "Cargo.toml" && (file.path.ends_with("/Cargo.toml"));
        if manifest { arrows::problems(&arrows::read(&file.content)) } else { Vec::new() }
    });
    assert_none(&problems);
}

#[test]
fn the_engine_depends_on_nothing() {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--package", "holdall-engine", "--edges", "normal,build", "--all-features", "--prefix", "none"]);
    let output = command.current_dir(tree::root()).output().expect("cargo tree starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(printed.lines().count(), 1, "cargo tree -p holdall-engine prints more than one line:\n{printed}");
}

#[test]
fn unsafe_stands_where_it_may_and_says_why() {
    assert_none(&over_all(code::unsafe_problems));
}

#[test]
fn no_file_of_code_is_too_long() {
    assert_none(&over_all(|file| code::length_problem(file).into_iter().collect()));
}

#[test]
fn nothing_is_unfinished_or_tied_to_a_machine() {
    assert_none(&over_all(words::problems));
}

#[test]
fn the_header_declares_the_symbols_that_are_exported() {
    let header = tree::read("include/holdall.h").expect("the header is committed");
    let list = tree::read("ffi/c/holdall.symbols").expect("the list of symbols is committed");
    assert_none(&api::differences(&header, &list));
}

#[test]
fn the_changelog_has_the_version() {
    let changelog = tree::read("CHANGELOG.md").expect("there is a changelog");
    let version = env!("CARGO_PKG_VERSION");
    assert!(api::has_entry(&changelog, version), "CHANGELOG.md has no heading '## {version}'");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let problems = over_all(|file| {
        if !file.has_extension(&["md"]) {
            return Vec::new();
        }
        links::problems(file, |path| tree::root().join(path).exists(), |path| tree::read(path).ok())
    });
    assert_none(&problems);
}

#[test]
fn the_papers_are_there() {
    let papers = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];
    let missing: Vec<&str> = papers.into_iter().filter(|paper| !tree::root().join(paper).is_file()).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
}
