//! The suite `c`, and what compiles and runs C programs against the library.
//!
//! A program of `tests/c` is one file with its `main`; it prints `N passed, N failed`, ends with 0 if all passed, finds the
//! header as `"holdall.h"`, and runs in an empty folder of its own.

use crate::c_library::{self, Library, text};
use crate::job::Job;
use crate::scratch::Scratch;
use crate::{paths, process, tools};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every C file of the project is compiled with.
const STRICT: [&str; 6] = ["-g", "-Wall", "-Wextra", "-Werror", "-pedantic", "-pthread"];

/// How to compile, link and run: one for each checker.
#[derive(Debug, Default)]
pub struct Kit {
    /// Names the folder below `target/xtask` in which the programs are put.
    pub name: &'static str,
    /// For the compiler only.
    pub compile: Vec<String>,
    /// For the linker, after the object files.
    pub link: Vec<String>,
    /// What runs the program, before its path; empty for none.
    pub wrapper: Vec<String>,
    /// The environment that the checker reads. It is set whatever the caller's says, which could silence a checker.
    pub environment: Vec<(&'static str, String)>,
    /// A test that this checker itself can't run, and why; the other kits run it.
    pub without: Option<(&'static str, &'static str)>,
}

impl Kit {
    /// Compiles the files into one program.
    ///
    /// # Errors
    /// When the compiler or the linker complains.
    pub fn build(&self, job: &mut Job, program: &str, sources: &[PathBuf]) -> Result<PathBuf, String> {
        let folder = paths::work().join(self.name);
        c_library::make_directory(&folder)?;
        let mut objects = Vec::new();
        for source in sources {
            let object = folder.join(format!("{program}-{}.o", paths::stem(source)));
            let mut command = compiler("gcc", &self.compile);
            job.need(command.arg("-c").arg(source).arg("-o").arg(&object))?;
            objects.push(object);
        }
        let target = folder.join(program);
        let mut command = process::program("gcc");
        job.need(command.args(&objects).args(&self.link).arg("-pthread").arg("-o").arg(&target))?;
        Ok(target)
    }

    /// The command that runs the program in this folder.
    pub fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut words = self.wrapper.iter().cloned().chain([text(program)]);
        let mut command = process::program(words.next().unwrap_or_default());
        command.args(words).current_dir(folder);
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command
    }

    /// Compiles every program of `tests/c` and runs it in a folder of its own.
    ///
    /// # Errors
    /// When there is none or a folder can't be made; a program that fails to compile or to pass is counted.
    pub fn run_tests(&self, job: &mut Job) -> Result<(), String> {
        for source in test_sources()? {
            let name = paths::stem(&source);
            if let Some((_, reason)) = self.without.filter(|(left_out, _)| *left_out == name) {
                job.step(&format!("{name} is left out of {}: {reason}", self.name));
                continue;
            }
            job.step(&format!("{name} ({})", self.name));
            match self.build(job, &name, &[source]) {
                Ok(program) => {
                    let scratch = Scratch::new(&name)?;
                    job.tests(&mut self.command(&program, scratch.path()))?;
                }
                Err(problem) => job.check(&format!("{name} compiles"), Err(problem)),
            }
        }
        Ok(())
    }
}

/// The programs of `tests/c`.
///
/// # Errors
/// When there is none.
pub fn test_sources() -> Result<Vec<PathBuf>, String> {
    let sources = paths::files_in(&paths::root().join("tests/c"), "c");
    if sources.is_empty() { Err("tests/c holds no .c file".to_owned()) } else { Ok(sources) }
}

/// A compiler with the strict options and the place of the header.
fn compiler(name: &str, options: &[String]) -> Command {
    let mut command = process::program(name);
    command.args(STRICT).arg("-I").arg(paths::root().join("include")).args(options);
    command
}

/// The suite `c`.
///
/// # Errors
/// When a tool is missing or the library can't be built.
pub fn suite(job: &mut Job) -> Result<(), String> {
    tools::need_c_compiler(job)?;
    tools::need_program(job, "g++", "g++")?;
    let library = c_library::build(job)?;
    header_compiles(job)?;
    job.step("exported symbols, SONAME and link lines");
    let shared = check_symbols(job, &library.shared(), &["-D"]);
    job.check("libholdall.so exports the committed list", shared);
    let archive = check_symbols(job, &library.archive(), &["-g"]);
    job.check("libholdall.a exports the committed list", archive);
    let dynamic = check_dynamic_section(job, &library);
    job.check("libholdall.so has its SONAME and stays loaded", dynamic);
    job.check("holdall.pc links what rustc says", check_pkg_config(&library));
    compile_in_every_standard(job)?;
    run_shortest_program(job, &library)?;
    let shared = Kit { name: "c-shared", compile: words(&["-std=c11", "-O1"]), link: library.link_shared(), ..Kit::default() };
    shared.run_tests(job)?;
    let archive = Kit { name: "c-static", compile: words(&["-std=c99", "-O2"]), link: library.link_static(), ..Kit::default() };
    archive.run_tests(job)
}

/// The scenarios' runner in C: every file of `tests/steps/c` makes up one program, which gets the scenario files as arguments.
///
/// # Errors
/// When there is no runner or no scenario, or the library can't be built.
pub fn steps(job: &mut Job) -> Result<(), String> {
    let directory = paths::root().join("tests/steps");
    let sources = paths::files_in(&directory.join("c"), "c");
    if sources.is_empty() {
        return Err("tests/steps/c holds no .c file".to_owned());
    }
    let scenarios = paths::files_in(&directory.join("scenarios"), "steps");
    if scenarios.is_empty() {
        return Err("tests/steps/scenarios holds no .steps file".to_owned());
    }
    let library = c_library::build(job)?;
    let kit = Kit { name: "c-steps", compile: words(&["-std=c11"]), link: library.link_static(), ..Kit::default() };
    let program = kit.build(job, "steps", &sources)?;
    let scratch = Scratch::new("steps")?;
    job.step(&format!("{} scenarios", scenarios.len()));
    job.tests(kit.command(&program, scratch.path()).args(scenarios))
}

/// Owned words, for the fields of a [`Kit`].
pub fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// The name under which this compiler knows C23, if it does.
fn c23() -> Option<&'static str> {
    let knows = |standard: &&str| {
        let mut command = process::program("gcc");
        command.args([&format!("-std={standard}"), "-fsyntax-only", "-x", "c", "/dev/null"]);
        tools::output(&mut command).is_some()
    };
    ["c23", "c2x"].into_iter().find(knows)
}

fn header_compiles(job: &mut Job) -> Result<(), String> {
    job.step("the header in C and C++, included twice");
    let folder = paths::work().join("c-header");
    c_library::make_directory(&folder)?;
    let source = folder.join("twice.c");
    let program = "#include \"holdall.h\"\n#include \"holdall.h\"\nint main(void) { return 0; }\n";
    std::fs::write(&source, program).map_err(|error| format!("{} can't be written: {error}", source.display()))?;
    let mut ways = vec![("gcc", "c", "c99"), ("gcc", "c", "c11"), ("g++", "c++", "c++11"), ("g++", "c++", "c++17")];
    match c23() {
        Some(standard) => ways.push(("gcc", "c", standard)),
        None => job.step("this gcc doesn't know C23"),
    }
    if tools::exists("clang") {
        ways.extend([("clang", "c", "c99"), ("clang", "c++", "c++17")]);
    }
    for (name, language, standard) in ways {
        let mut command = compiler(name, &words(&["-fsyntax-only", &format!("-std={standard}"), "-x", language]));
        let outcome = job.need(command.arg(&source)).map(|_| ());
        job.check(&format!("holdall.h compiles with {name} as {standard}"), outcome);
    }
    Ok(())
}

fn compile_in_every_standard(job: &mut Job) -> Result<(), String> {
    job.step("the test programs in every standard of C");
    for standard in ["c99", "c11"].into_iter().chain(c23()) {
        for source in test_sources()? {
            let mut command = compiler("gcc", &words(&["-fsyntax-only", &format!("-std={standard}")]));
            let outcome = job.need(command.arg(&source)).map(|_| ());
            job.check(&format!("{} compiles as {standard}", paths::stem(&source)), outcome);
        }
    }
    Ok(())
}

/// `examples/c/hello.c`, built and run as its first lines say.
fn run_shortest_program(job: &mut Job, library: &Library) -> Result<(), String> {
    job.step("examples/c/hello.c");
    let kit = Kit { name: "c-example", compile: words(&["-std=c99"]), link: library.link_shared(), ..Kit::default() };
    let scratch = Scratch::new("hello")?;
    let built = kit.build(job, "hello", &[paths::root().join("examples/c/hello.c")]);
    let printed = built.and_then(|program| job.need(&mut kit.command(&program, scratch.path())));
    let outcome = match printed {
        Ok(text) if text.contains("3 socks") => Ok(()),
        Ok(text) => Err(format!("it printed '{}'", text.trim())),
        Err(problem) => Err(problem),
    };
    job.check("examples/c/hello.c runs", outcome);
    Ok(())
}

fn check_symbols(job: &mut Job, file: &Path, options: &[&str]) -> Result<(), String> {
    let found = c_library::exported(job, file, options)?;
    let listed = c_library::symbols()?;
    let extra: Vec<&String> = found.iter().filter(|name| !listed.contains(name)).collect();
    let missing: Vec<&String> = listed.iter().filter(|name| !found.contains(name)).collect();
    if extra.is_empty() && missing.is_empty() {
        return Ok(());
    }
    Err(format!("not in ffi/c/holdall.symbols: {extra:?}; listed there and not exported: {missing:?}"))
}

fn check_dynamic_section(job: &mut Job, library: &Library) -> Result<(), String> {
    let section = job.need(process::program("readelf").arg("-d").arg(library.shared()))?;
    let soname = format!("[{}]", c_library::soname());
    if !section.lines().any(|line| line.contains("SONAME") && line.contains(&soname)) {
        return Err(format!("readelf -d shows no SONAME {soname}"));
    }
    if !section.contains("NODELETE") {
        return Err("readelf -d shows no NODELETE: dlclose would unmap code that a thread runs".to_owned());
    }
    Ok(())
}

fn check_pkg_config(library: &Library) -> Result<(), String> {
    let path = library.pkg_config();
    let file = std::fs::read_to_string(&path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    let line = file.lines().find_map(|line| line.strip_prefix("Libs.private:"));
    let private = line.ok_or("holdall.pc has no line Libs.private")?;
    let listed: Vec<&str> = private.split_whitespace().collect();
    if listed == library.native_libraries {
        return Ok(());
    }
    Err(format!("holdall.pc has Libs.private: {}; rustc says {}", listed.join(" "), library.native_libraries.join(" ")))
}
