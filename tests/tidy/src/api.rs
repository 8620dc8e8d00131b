//! The header, the list of exported symbols and the changelog agree.

use crate::source::code_only;

/// The functions that a header declares, sorted.
pub fn functions_of_header(header: &str) -> Vec<String> {
    let code = code_only(header);
    let plain: String = code.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    let mut names: Vec<String> = Vec::new();
    for (at, _) in plain.match_indices('(') {
        let before = plain[..at].trim_end();
        let name: String = before.chars().rev().take_while(|found| found.is_alphanumeric() || *found == '_').collect();
        let name: String = name.chars().rev().collect();
        if name.starts_with("holdall_") {
            names.push(name);
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The names in the list of symbols, sorted: the first word of each line; `#` starts a comment.
pub fn symbols_of_list(list: &str) -> Vec<String> {
    let words = list.lines().filter_map(|line| line.split('#').next()?.split_whitespace().next());
    let mut names: Vec<String> = words.map(str::to_owned).collect();
    names.sort();
    names
}

/// What one has and the other lacks: sentences, none if they agree.
pub fn differences(header: &str, list: &str) -> Vec<String> {
    let (declared, listed) = (functions_of_header(header), symbols_of_list(list));
    let mut problems = Vec::new();
    for name in declared.iter().filter(|name| !listed.contains(name)) {
        problems.push(format!("{name} is declared in include/holdall.h and not listed in ffi/c/holdall.symbols"));
    }
    for name in listed.iter().filter(|name| !declared.contains(name)) {
        problems.push(format!("{name} is listed in ffi/c/holdall.symbols and not declared in include/holdall.h"));
    }
    if declared.is_empty() {
        problems.push("include/holdall.h declares no function".to_owned());
    }
    problems
}

/// The changelog has a heading for this version: `## 0.1.0`, with or without brackets and with a date behind it or not.
pub fn has_entry(changelog: &str, version: &str) -> bool {
    changelog.lines().filter_map(|line| line.strip_prefix("## ")).any(|heading| {
        let first = heading.split_whitespace().next().unwrap_or("");
        first.trim_matches(|sign| sign == '[' || sign == ']' || sign == ',' || sign == ':') == version
    })
}
