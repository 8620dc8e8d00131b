//! Makes one test of each scenario and store, so that a new file in `scenarios` is a new test.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=scenarios");
    let folder = Path::new("scenarios");
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the folder scenarios is beside build.rs")
        .filter_map(|entry| name(&entry.ok()?.path()))
        .collect();
    names.sort();
    let mut tests = String::new();
    for name in names {
        let text = fs::read_to_string(folder.join(format!("{name}.steps"))).expect("a scenario is UTF-8 text");
        let shared = text.lines().any(|line| line.trim() == "shared");
        let stores: &[&str] = if shared { &["sqlite"] } else { &["memory", "sqlite"] };
        writeln!(tests, "mod {name} {{").expect("a String takes everything");
        for store in stores {
            writeln!(tests, "    #[test]\n    fn {store}() {{\n        crate::run(\"{name}\", \"{store}\");\n    }}")
                .expect("a String takes everything");
        }
        writeln!(tests, "}}").expect("a String takes everything");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("scenarios.rs"), tests).expect("OUT_DIR can be written");
}

/// A scenario's name, if the file is one.
fn name(path: &Path) -> Option<String> {
    let is_scenario = path.extension()? == "steps";
    is_scenario.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
}
