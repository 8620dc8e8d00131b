//! The suites `c-asan`, `c-tsan`, `valgrind` and `miri`.
//!
//! Each checker has to show first that it is on: its functions are in what it checks, and a canary, a program with a bug made
//! on purpose, fails under it.

use crate::c_library::{self, text};
use crate::c_programs::{Kit, words};
use crate::job::Job;
use crate::{paths, process, tools};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The target that is named to cargo, so that build scripts stay without instrumentation.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The suite `c-asan`: Rust, SQLite and the C programs all carry `AddressSanitizer`, the C programs UBSan too.
///
/// # Errors
/// When a tool is missing or something can't be built.
pub fn address(job: &mut Job) -> Result<(), String> {
    tools::need_c_compiler(job)?;
    tools::need_nightly(job, &[])?;
    job.step("building the library with AddressSanitizer");
    let mut command = instrumented("asan", "address");
    let (archive, native) = build_archive(job, "asan", command.args(["--target", TARGET]))?;
    let carries = carries(job, &archive, "__asan_report");
    job.check("the library carries AddressSanitizer", carries);
    let options = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"];
    let mut link = words(&["-fsanitize=address,undefined", &text(&archive)]);
    link.extend(native);
    let kit = Kit {
        name: "c-asan",
        compile: words(&["-std=c11", "-O1", options[0], options[1], options[2]]),
        link,
        wrapper: Vec::new(),
        environment: vec![
            ("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1".to_owned()),
            ("LSAN_OPTIONS", "exitcode=23".to_owned()),
            ("UBSAN_OPTIONS", "print_stacktrace=1".to_owned()),
        ],
        without: Some((
            "fork",
            "gcc 12's AddressSanitizer leaves its own allocator locked in a child that was forked beside threads",
        )),
    };
    canary(job, &kit, "use_after_free", "heap-use-after-free")?;
    canary(job, &kit, "leak", "detected memory leaks")?;
    canary(job, &kit, "undefined", "signed integer overflow")?;
    kit.run_tests(job)
}

/// The suite `c-tsan`: Rust with its standard library, SQLite and the C programs all carry `ThreadSanitizer`; with a part left
/// out, locks in that part would be invisible and races reported that are none. The runtime is the one of Rust, since gcc's
/// lacks functions that Rust's code calls.
///
/// # Errors
/// When a tool is missing or something can't be built.
pub fn thread(job: &mut Job) -> Result<(), String> {
    tools::need_c_compiler(job)?;
    tools::need_nightly(job, &["rust-src"])?;
    job.step("building the library and Rust's standard library with ThreadSanitizer");
    let mut command = instrumented("tsan", "thread");
    let (archive, native) = build_archive(job, "tsan", command.args(["-Zbuild-std", "--target", TARGET]))?;
    let carries = carries(job, &archive, "__tsan_func_entry");
    job.check("the library carries ThreadSanitizer", carries);
    let suppressions = text(&paths::root().join("xtask/thread.suppressions"));
    let mut link = words(&[&text(&archive), "-Wl,--whole-archive", &text(&thread_runtime()?), "-Wl,--no-whole-archive"]);
    link.extend(native);
    link.extend(words(&["-Wl,--export-dynamic", "-lresolv", "-lrt", "-lm", "-ldl"]));
    let kit = Kit {
        name: "c-tsan",
        compile: words(&["-std=c11", "-O1", "-fsanitize=thread"]),
        link,
        wrapper: Vec::new(),
        environment: vec![("TSAN_OPTIONS", format!("exitcode=66:second_deadlock_stack=1:suppressions={suppressions}"))],
        without: None,
    };
    canary(job, &kit, "race", "data race")?;
    kit.run_tests(job)
}

/// The suite `valgrind`: the library as it is shipped.
///
/// # Errors
/// When a tool is missing or something can't be built.
pub fn valgrind(job: &mut Job) -> Result<(), String> {
    tools::need_c_compiler(job)?;
    tools::need_program(job, "valgrind", "valgrind")?;
    let library = c_library::build(job)?;
    let kit = Kit {
        name: "valgrind",
        compile: words(&["-std=c11", "-O0"]),
        link: library.link_static(),
        wrapper: words(&["valgrind", "-q", "--leak-check=full", "--error-exitcode=9"]),
        environment: Vec::new(),
        without: None,
    };
    canary(job, &kit, "use_after_free", "Invalid read")?;
    canary(job, &kit, "leak", "definitely lost")?;
    kit.run_tests(job)
}

/// The suite `miri`: of the engine, which has no unsafe code, the parts that count offsets and slots (all of it takes a
/// quarter of an hour);
/// and the handles and the boundary of the C library, which do. The slots of a handle live as long as the process, so what
/// is still allocated at the end is no leak.
///
/// # Errors
/// When miri is missing.
pub fn miri(job: &mut Job) -> Result<(), String> {
    tools::need_nightly(job, &["miri", "rust-src"])?;
    job.step("preparing miri");
    job.need(process::nightly_cargo().args(["miri", "setup"]))?;
    job.step("the engine: blocks, changes, destroys, rotations");
    job.limit_commands_to(Duration::from_mins(10));
    let mut command = process::nightly_cargo();
    command.args(["miri", "test", "--package", "holdall-engine"]);
    for test in ["block", "changes", "law3_destroy", "rotate"] {
        command.args(["--test", test]);
    }
    job.tests(&mut command)?;
    job.step("the handles and the boundary of the C library");
    let mut command = process::nightly_cargo();
    command.args(["miri", "test", "--package", "holdall-ffi", "--no-default-features", "--test", "tables", "--test", "boundary"]);
    job.tests(command.env("MIRIFLAGS", "-Zmiri-ignore-leaks"))
}

/// A build of the archive with a sanitizer in Rust and in the C code below it, in a target directory of its own.
fn instrumented(directory: &str, sanitizer: &str) -> Command {
    let mut command = process::nightly_cargo();
    command.args(["rustc", "--release", "--package", "holdall-ffi", "--lib", "--crate-type", "staticlib"]);
    command.env("CARGO_TARGET_DIR", build_directory(directory));
    command.env("RUSTFLAGS", format!("-Zsanitizer={sanitizer}"));
    command.env("CFLAGS", format!("-g -O1 -fsanitize={sanitizer}"));
    // Link-time optimisation costs minutes and shows nothing here; overflow checks do.
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    command
}

fn build_directory(name: &str) -> PathBuf {
    paths::work().join(format!("build-{name}"))
}

/// Runs the build; gives the archive and what has to be linked with it.
fn build_archive(job: &mut Job, directory: &str, command: &mut Command) -> Result<(PathBuf, Vec<String>), String> {
    let output = job.need(command.args(["--", "--print", "native-static-libs"]))?;
    let archive = build_directory(directory).join(TARGET).join("release/libholdall.a");
    Ok((archive, c_library::native_libraries(&output)?))
}

/// Checks that the members of the archive that come from Rust's holdall crates call the checker.
fn carries(job: &mut Job, archive: &Path, symbol: &str) -> Result<(), String> {
    let listing = tools::output(process::program("nm").args(["--plugin", "", "--undefined-only"]).arg(archive));
    let listing = listing.ok_or_else(|| format!("nm can't read {}", archive.display()))?;
    let count =
        listing.split("\n\n").filter(|member| member.trim_start().starts_with("holdall") && member.contains(symbol)).count();
    job.note(&format!("{count} members of holdall call {symbol}"));
    if count == 0 { Err(format!("no member of {} that belongs to holdall calls {symbol}", archive.display())) } else { Ok(()) }
}

/// Compiles a canary as the tests are compiled, and checks that it fails, for the reason expected.
fn canary(job: &mut Job, kit: &Kit, name: &str, expected: &str) -> Result<(), String> {
    let source = paths::root().join("xtask/canary").join(format!("{name}.c"));
    let program = kit.build(job, name, &[source])?;
    let outcome = match job.must_fail(&mut kit.command(&program, &paths::work())) {
        Ok(output) if output.contains(expected) => Ok(()),
        Ok(_) => Err(format!("it failed without saying '{expected}'")),
        Err(problem) => Err(problem),
    };
    job.check(&format!("the canary {name} is caught ({})", kit.name), outcome);
    Ok(())
}

/// `ThreadSanitizer`'s runtime as Rust ships it.
fn thread_runtime() -> Result<PathBuf, String> {
    let mut command = process::program("rustc");
    let directory = tools::output(command.args(["+nightly", "--print", "target-libdir", "--target", TARGET]));
    let directory = PathBuf::from(directory.ok_or("rustc +nightly can't say where its libraries are")?);
    let found = paths::files_in(&directory, "a").into_iter().find(|path| text(path).ends_with("_rt.tsan.a"));
    found.ok_or_else(|| format!("{} holds no runtime of ThreadSanitizer (…_rt.tsan.a)", directory.display()))
}
