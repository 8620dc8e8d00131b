//! What must not stand in any file: unfinished work, and traces of the machine on which something was written.

use crate::tree::Text;

/// A word, and what to do instead. The words are written in two parts, so that this file is not its own finding.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("todo", "!("), "finish it"),
    (concat!("unimplemented", "!("), "finish it"),
    (concat!("dbg", "!("), "take it out"),
    (concat!("#[", "ignore"), "a test runs or goes"),
    (concat!("TO", "DO"), "finish it, or file an issue"),
    (concat!("FIX", "ME"), "finish it, or file an issue"),
    (concat!("/wor", "k/"), "use a path inside the repository"),
    (concat!("/ro", "ot/"), "use a path inside the repository"),
    (concat!("/ho", "me/"), "use a path inside the repository"),
    (concat!("/tmp/", "target"), "use cargo's target directory"),
    (concat!("static.", "crates.io"), "name the crate, not its host"),
    (concat!("index.", "crates.io"), "name the crate, not its host"),
    (concat!("registry.", "npmjs"), "name the package, not its host"),
    (concat!("pypi", ".org"), "name the package, not its host"),
    (concat!("proxy.", "golang"), "name the module, not its host"),
    (concat!("repo.", "mav", "en.apache"), "name the artifact, not its host"),
    (concat!("repo1.", "maven"), "name the artifact, not its host"),
];

/// Files that other programs write, or that hold what others wrote.
const EXEMPT: [&str; 3] = ["Cargo.lock", "package-lock.json", "requests.tsv"];

/// The lines with a forbidden word.
pub fn problems(file: &Text) -> Vec<String> {
    if EXEMPT.iter().any(|name| file.path.ends_with(name)) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (number, line) in file.content.lines().enumerate() {
        for (word, instead) in FORBIDDEN.iter().filter(|(word, _)| line.contains(word)) {
            problems.push(format!("{}:{}: '{word}': {instead}", file.path, number + 1));
        }
    }
    problems
}
