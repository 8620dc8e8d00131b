//! Tools that a suite needs beyond Rust: found, installed where that is possible, or named with the command that installs them.

use crate::job::Job;
use crate::process;
use std::process::{Command, Stdio};
use std::sync::Once;

/// Makes sure that a program can be started.
///
/// # Errors
/// When it is missing and could not be installed; the text names the command that installs it.
pub fn need_program(job: &mut Job, name: &str, debian_packages: &str) -> Result<(), String> {
    need(job, &format!("'{name}'"), || exists(name), debian_packages)
}

/// Makes sure that something is there which comes with Debian's packages.
///
/// # Errors
/// When it is missing and could not be installed; the text names the command that installs it.
pub fn need(job: &mut Job, what: &str, is_there: impl Fn() -> bool, debian_packages: &str) -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    let advice = format!("{what} is missing; install it, on Debian or Ubuntu with: apt-get install {debian_packages}");
    let Some(mut install) = installer() else { return Err(advice) };
    job.step(&format!("installing {debian_packages}"));
    refresh_package_lists(job);
    install.args(["install", "-y", "--no-install-recommends"]).args(debian_packages.split_whitespace());
    job.need(&mut install).map_err(|problem| format!("{advice} ({problem})"))?;
    if is_there() { Ok(()) } else { Err(advice) }
}

/// Makes sure that there is a C compiler with its binary tools.
///
/// # Errors
/// When one is missing and could not be installed.
pub fn need_c_compiler(job: &mut Job) -> Result<(), String> {
    need_program(job, "gcc", "gcc libc6-dev")?;
    for tool in ["ar", "ld", "nm", "objcopy", "readelf"] {
        need_program(job, tool, "binutils")?;
    }
    Ok(())
}

/// Makes sure that the nightly toolchain is there, with these components.
///
/// # Errors
/// When rustup is missing, or could not install them; the text names the command that does.
pub fn need_nightly(job: &mut Job, components: &[&str]) -> Result<(), String> {
    if !exists("rustup") {
        return Err("'rustup' is missing, and this suite needs a nightly toolchain: see https://rustup.rs".to_owned());
    }
    let listed = output(Command::new("rustup").args(["component", "list", "--toolchain", "nightly", "--installed"]));
    let Some(listed) = listed else {
        let words: Vec<&str> = components.iter().flat_map(|component| ["--component", component]).collect();
        job.step("installing the nightly toolchain");
        let mut install = process::program("rustup");
        install.args(["toolchain", "install", "nightly", "--profile", "minimal"]).args(&words);
        return job
            .need(&mut install)
            .map(|_| ())
            .map_err(|problem| format!("the nightly toolchain is missing; run: {} ({problem})", process::readable(&install)));
    };
    for component in components {
        if listed.lines().any(|line| line == *component || line.starts_with(&format!("{component}-"))) {
            continue;
        }
        job.step(&format!("installing the component {component} of the nightly toolchain"));
        let mut install = process::program("rustup");
        install.args(["component", "add", component, "--toolchain", "nightly"]);
        job.need(&mut install).map_err(|problem| {
            format!("{component} of the nightly toolchain is missing; run: {} ({problem})", process::readable(&install))
        })?;
    }
    Ok(())
}

/// What a command prints, without the white space at its ends; `None` when it can't be started or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A program of this name is on the path, or where servers lie that are not on everybody's path.
pub fn exists(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.any(|folder| folder.join(name).is_file())
}

/// The package manager as somebody who may install: root, or a user whom `sudo` asks for no password.
fn installer() -> Option<Command> {
    if !exists("apt-get") {
        return None;
    }
    if output(Command::new("id").arg("-u")).as_deref() == Some("0") {
        let mut command = process::program("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        return Some(command);
    }
    output(Command::new("sudo").args(["-n", "true"]))?;
    let mut command = process::program("sudo");
    command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    Some(command)
}

/// Once a run is enough; without it a fresh machine knows no package at all.
fn refresh_package_lists(job: &mut Job) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A failure shows in the installation that follows, which names the cause.
        if let Some(mut update) = installer() {
            let _ = job.need(update.arg("update"));
        }
    });
}
