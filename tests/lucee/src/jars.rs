//! The jars of a server, fetched by Maven, and the launcher, compiled by `javac`.

use crate::Version;
use holdall_test_databases::Problem;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What installs everything that is needed.
const INSTALL: &str = "apt-get install -y --no-install-recommends default-jdk-headless maven";

/// The plugin that says a class path, by its version: without one Maven would ask for the newest.
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath";

/// A file or folder of this crate.
pub(crate) fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The class path of a server: the launcher and the jars.
pub(crate) fn class_path(version: Version, folder: &Path) -> Result<String, Problem> {
    let listed = folder.join("classpath");
    let mut maven = Command::new("mvn");
    maven.args(["-B", "-q", "-f"]).arg(path_of("pom.xml")).arg(format!("-P{}", version.profile()));
    run(maven.arg(PLUGIN).arg(format!("-Dmdep.outputFile={}", listed.display())))?;
    let jars = std::fs::read_to_string(&listed)?;
    let classes = folder.join("classes");
    let mut compiler = Command::new("javac");
    compiler.args(["--release", "11", "-nowarn", "-cp", &jars, "-d"]).arg(&classes);
    run(compiler.arg(path_of("java/Launcher.java")))?;
    Ok(format!("{}:{jars}", classes.display()))
}

fn run(command: &mut Command) -> Result<(), Problem> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| missing(&name, &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Problem::new(format!("{name} failed:\n{}", String::from_utf8_lossy(&said))))
}

/// A program that can't be started.
pub(crate) fn missing(name: &str, error: &std::io::Error) -> Problem {
    Problem::new(format!("'{name}' can't be started ({error}); on Debian or Ubuntu, as root: {INSTALL}"))
}
