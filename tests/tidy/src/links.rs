//! Links between the documents.

use crate::tree::Text;

/// The links of a document that lead to nowhere. Links to other sites are not followed.
pub fn problems(document: &Text, exists: impl Fn(&str) -> bool, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for target in targets(&document.content) {
        let elsewhere = target.contains("://") || target.starts_with("mailto:");
        if elsewhere {
            continue;
        }
        let (file, heading) = target.split_once('#').map_or((target.as_str(), None), |(file, heading)| (file, Some(heading)));
        let path = if file.is_empty() { document.path.clone() } else { resolve(&document.path, file) };
        if !exists(&path) {
            problems.push(format!("{}: the link '{target}' leads to no file", document.path));
            continue;
        }
        // A heading is looked for in documents only; in a source file `#L10` names a line.
        let content = if path.to_lowercase().ends_with(".md") { read(&path) } else { None };
        let missing = match (heading, content) {
            (Some(heading), Some(content)) => !headings(&content).iter().any(|found| found == heading),
            _ => false,
        };
        if missing {
            problems.push(format!("{}: the link '{target}' leads to no heading", document.path));
        }
    }
    problems
}

/// The targets of `[text](target)` outside blocks and spans of code.
fn targets(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(document) {
        // Between back ticks is code: every second part.
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
        let mut rest = plain.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, next)) = after.split_once(')') else { break };
            found.push(target.split_whitespace().next().unwrap_or("").to_owned());
            rest = next;
        }
    }
    found
}

/// The headings of a document as the names that links use.
fn headings(document: &str) -> Vec<String> {
    prose(document).filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#'))).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
    kept.map(|sign| if sign == ' ' { '-' } else { sign.to_ascii_lowercase() }).collect()
}

fn prose(document: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    document.lines().filter(move |line| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return false;
        }
        !in_code
    })
}

/// The path from the root that a link means, seen from a document.
fn resolve(document: &str, link: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}
