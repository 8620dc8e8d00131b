//! Which crate may depend on which, as ARCHITECTURE.md draws it.

/// A crate and the crates of this repository that it may depend on. Dependencies of tests alone are free.
pub const ALLOWED: &[(&str, &[&str])] = &[
    ("holdall-engine", &[]),
    ("holdall-layout", &["holdall-engine"]),
    ("holdall-store", &["holdall-engine", "holdall-layout"]),
    ("holdall", &["holdall-engine", "holdall-layout", "holdall-store"]),
    ("holdall-cli", &["holdall-engine", "holdall-layout", "holdall-store"]),
    ("holdall-ffi", &["holdall"]),
    ("holdall-sim", &["holdall-engine"]),
    ("holdall-steps", &["holdall"]),
    ("holdall-bench", &["holdall-engine", "holdall-layout", "holdall-store", "holdall", "holdall-ffi", "holdall-test-databases"]),
    ("holdall-bench-peers", &[]),
    ("holdall-examples", &["holdall"]),
    ("holdall-test-damage", &["holdall-engine", "holdall-layout"]),
    ("holdall-test-databases", &[]),
    ("holdall-test-galera", &["holdall", "holdall-test-databases"]),
    ("holdall-test-lucee", &["holdall-engine", "holdall-layout", "holdall-test-databases"]),
    ("holdall-tidy", &[]),
    ("xtask", &[]),
];

/// Crates that may depend on nothing at all.
const BARE: [&str; 3] = ["holdall-engine", "holdall-tidy", "xtask"];

/// Database drivers, and the only crates that may use them: the store, the benchmark as its raw limit, what starts
/// servers for tests, and the command, which looks at catalogues and settings.
const DRIVERS: [&str; 3] = ["rusqlite", "libsqlite3-sys", "mysql"];
const DRIVER_USERS: [&str; 4] = ["holdall-store", "holdall-bench", "holdall-test-databases", "holdall-cli"];

/// What a manifest says about its crate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The crate's name.
    pub name: String,
    /// What it depends on, other than for tests.
    pub dependencies: Vec<String>,
    /// It takes the workspace's lints.
    pub workspace_lints: bool,
}

/// Reads the parts of a Cargo.toml that matter here.
pub fn read(manifest: &str) -> Manifest {
    let mut found = Manifest::default();
    let mut section = String::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            if let Some(name) = dependency_of_section(&section) {
                found.dependencies.push(name);
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        let (key, value) = (key.trim(), value.trim());
        match section.as_str() {
            "package" if key == "name" => value.trim_matches('"').clone_into(&mut found.name),
            "lints" if key == "workspace" && value == "true" => found.workspace_lints = true,
            section if is_dependencies(section) => {
                let renamed = value.split_once("package = \"").and_then(|(_, rest)| rest.split('"').next());
                let name = key.split('.').next().unwrap_or(key).trim_matches('"');
                found.dependencies.push(renamed.unwrap_or(name).to_owned());
            }
            _ => {}
        }
    }
    found
}

fn is_dependencies(section: &str) -> bool {
    let last = section.rsplit('.').next().unwrap_or(section);
    last == "dependencies" || last == "build-dependencies"
}

/// `[dependencies.serde]` gives serde.
fn dependency_of_section(section: &str) -> Option<String> {
    let (table, name) = section.rsplit_once('.')?;
    is_dependencies(table).then(|| name.trim_matches('"').to_owned())
}

/// What is wrong with a crate's dependencies: a list of sentences, empty if nothing is.
pub fn problems(manifest: &Manifest) -> Vec<String> {
    let name = manifest.name.as_str();
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "the crate {name} is not in the table of arrows (tests/tidy/src/arrows.rs); add it with what it may use"
        )];
    };
    let mut problems = Vec::new();
    for dependency in &manifest.dependencies {
        let ours = ALLOWED.iter().any(|(known, _)| known == dependency);
        if ours && !allowed.contains(&dependency.as_str()) {
            problems.push(format!("{name} must not depend on {dependency}: the arrows go the other way"));
        } else if BARE.contains(&name) {
            problems.push(format!("{name} must not depend on anything, and depends on {dependency}"));
        } else if DRIVERS.contains(&dependency.as_str()) && !DRIVER_USERS.contains(&name) {
            problems.push(format!("{name} must not use {dependency}: databases are behind holdall-store"));
        }
    }
    if !manifest.workspace_lints {
        problems.push(format!("{name} lacks '[lints] workspace = true' in its Cargo.toml"));
    }
    problems
}
