//! Building the C library and laying it out as a host installs it:
//! `target/holdall/{lib/libholdall.so…, lib/libholdall.a, lib/pkgconfig/holdall.pc, include/holdall.h}`.

use crate::job::Job;
use crate::{paths, process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The C library, built for release and installed.
#[derive(Debug)]
pub struct Library {
    /// The directory of `holdall.h`.
    pub include: PathBuf,
    /// The directory of the libraries.
    pub lib: PathBuf,
    /// What a host links besides the static archive, as rustc says it: `-lgcc_s …`.
    pub native_libraries: Vec<String>,
}

impl Library {
    /// The static archive, which exports the public names only.
    pub fn archive(&self) -> PathBuf {
        self.lib.join("libholdall.a")
    }

    /// The shared library, under the name that the linker looks for.
    pub fn shared(&self) -> PathBuf {
        self.lib.join("libholdall.so")
    }

    /// The file for pkg-config.
    pub fn pkg_config(&self) -> PathBuf {
        self.lib.join("pkgconfig/holdall.pc")
    }

    /// What to link a program with so that it needs no libholdall.so.
    pub fn link_static(&self) -> Vec<String> {
        let mut words = vec![text(&self.archive())];
        words.extend(self.native_libraries.iter().cloned());
        words
    }

    /// What to link a program with so that it loads libholdall.so from the install tree.
    pub fn link_shared(&self) -> Vec<String> {
        let lib = text(&self.lib);
        vec![format!("-L{lib}"), "-lholdall".to_owned(), format!("-Wl,-rpath,{lib}")]
    }
}

/// Builds the library for release and installs it under `target/holdall`.
///
/// # Errors
/// When a step fails; the log has its output.
pub fn build(job: &mut Job) -> Result<Library, String> {
    job.step("building the C library (release)");
    let mut command = process::cargo();
    command.args(["rustc", "--release", "--package", "holdall-ffi", "--lib", "--", "--print", "native-static-libs"]);
    let output = job.need(&mut command)?;
    let install = paths::install();
    let library =
        Library { include: install.join("include"), lib: install.join("lib"), native_libraries: native_libraries(&output)? };
    start_afresh(&install)?;
    for directory in [&library.include, &library.lib, &library.lib.join("pkgconfig")] {
        make_directory(directory)?;
    }
    let built = paths::target().join("release");
    copy(&header(), &library.include.join("holdall.h"))?;
    install_shared(&built.join("libholdall.so"), &library.lib)?;
    localise(job, &built.join("libholdall.a"), &library.archive())?;
    write_pkg_config(&library)?;
    Ok(library)
}

/// The committed header.
pub fn header() -> PathBuf {
    paths::root().join("include/holdall.h")
}

/// The version of the workspace, which is that of the library.
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The names that the library exports: the first word of each line of the committed list; `#` starts a comment.
///
/// # Errors
/// When the list can't be read or is empty.
pub fn symbols() -> Result<Vec<String>, String> {
    let path = paths::root().join("ffi/c/holdall.symbols");
    let list =
        fs::read_to_string(&path).map_err(|error| format!("the list of symbols {} can't be read: {error}", path.display()))?;
    let words = list.lines().filter_map(|line| line.split('#').next()?.split_whitespace().next());
    let mut names: Vec<String> = words.map(str::to_owned).collect();
    names.sort();
    if names.is_empty() { Err(format!("the list of symbols {} is empty", path.display())) } else { Ok(names) }
}

/// Finds what rustc printed for `--print native-static-libs`.
///
/// # Errors
/// When it isn't there.
pub fn native_libraries(output: &str) -> Result<Vec<String>, String> {
    let marker = "native-static-libs:";
    let line = output.lines().find_map(|line| line.split_once(marker));
    let (_, words) = line.ok_or_else(|| format!("cargo printed no line '{marker}'; does holdall-ffi build a staticlib?"))?;
    Ok(words.split_whitespace().map(str::to_owned).collect())
}

/// A plain Rust archive shows every name of everything in it, a bundled SQLite too, and would clash with a host that has its
/// own. One relocatable object with all but the public names made local does not.
fn localise(job: &mut Job, archive: &Path, to: &Path) -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return copy(archive, to);
    }
    job.step("making all but the public names of the archive local");
    let folder = paths::work();
    let (object, list) = (folder.join("holdall.o"), folder.join("holdall.symbols"));
    fs::write(&list, symbols()?.join("\n") + "\n").map_err(|error| format!("{} can't be written: {error}", list.display()))?;
    job.need(process::program("ld").args(["-r", "--whole-archive"]).arg(archive).arg("-o").arg(&object))?;
    job.need(process::program("objcopy").arg(format!("--keep-global-symbols={}", list.display())).arg(&object))?;
    // Without an empty plug-in, ar may load one of an older LLVM that can't read Rust's bitcode, and abort.
    job.need(process::program("ar").args(["--plugin", "", "rcs"]).arg(to).arg(&object))?;
    Ok(())
}

/// `libholdall.so.0.1.0`, found by the loader as `libholdall.so.0` and by the linker as `libholdall.so`.
fn install_shared(built: &Path, lib: &Path) -> Result<(), String> {
    let full = format!("libholdall.so.{}", version());
    copy(built, &lib.join(&full))?;
    link(&full, &lib.join(soname()))?;
    link(&soname(), &lib.join("libholdall.so"))
}

/// The name that a program linked with the shared library asks the loader for.
pub fn soname() -> String {
    format!("libholdall.so.{}", version().split('.').next().unwrap_or("0"))
}

fn write_pkg_config(library: &Library) -> Result<(), String> {
    let template = paths::root().join("ffi/c/holdall.pc.in");
    let text = fs::read_to_string(&template).map_err(|error| format!("{} can't be read: {error}", template.display()))?;
    // Seen from the file itself, so that the tree can be unpacked anywhere.
    let filled = text.replace("@prefix@", "${pcfiledir}/../..").replace("@version@", version());
    if filled.contains('@') {
        return Err(format!("{} has places to fill other than @prefix@ and @version@", template.display()));
    }
    let target = library.pkg_config();
    fs::write(&target, filled).map_err(|error| format!("{} can't be written: {error}", target.display()))
}

/// What a program lists with `nm`: one symbol a line, without addresses.
///
/// # Errors
/// When nm fails.
pub fn exported(job: &mut Job, file: &Path, options: &[&str]) -> Result<Vec<String>, String> {
    let output = job.need(process::program("nm").args(["--plugin", "", "--defined-only"]).args(options).arg(file))?;
    let mut names: Vec<String> = output.lines().filter_map(symbol_of).collect();
    names.sort();
    Ok(names)
}

/// `0000 T name@@VERSION` gives `name`; a line of another form, such as the name of a member, gives nothing.
fn symbol_of(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, kind, name] = words.as_slice() else { return None };
    (kind.len() == 1).then(|| name.split('@').next().unwrap_or(name).to_owned())
}

fn start_afresh(directory: &Path) -> Result<(), String> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("the old {} can't be removed: {error}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// Makes a directory and those above it.
///
/// # Errors
/// When that is impossible.
pub fn make_directory(directory: &Path) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| format!("{} can't be made: {error}", directory.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let copied = fs::copy(from, to).map(|_| ());
    copied.map_err(|error| format!("{} can't be copied to {}: {error}", from.display(), to.display()))
}

fn link(to: &str, at: &Path) -> Result<(), String> {
    let made = Command::new("ln").args(["-sf", to]).arg(at).status();
    match made {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("the link {} can't be made", at.display())),
    }
}

/// A path as an argument of a command.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
