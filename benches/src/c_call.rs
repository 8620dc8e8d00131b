//! The C call against the same Rust call: what the token, the checks and the boundary add.
//!
//! The C side is a C program (`benches/c/call.c`), compiled here and linked with the shared library, as a host does.

use crate::bench::Run;
use crate::clock;
use crate::figure::{Figure, Goal};
use crate::pairs;
use crate::random::Random;
use crate::sessions::{self, Id, text};
use holdall::{Holdall, Open, Options};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SESSIONS: usize = 1_000;

/// Measures both figures.
///
/// # Errors
/// If the C library or the program can't be built, or what the bag says.
pub fn run(run: &mut Run) -> Result<(), String> {
    let calls = run.size(400_000, 40_000);
    let program = build(&run.folder("c")?)?;
    let bag = Holdall::open("memory:", Options::new()).map_err(text)?;
    let ids = sessions::fill(&bag, SESSIONS)?;
    let (mut gets, mut cached) = (Vec::new(), Vec::new());
    rust_cached_gets(&bag, &ids, calls / 10)?;
    for _ in 0..run.pairs() {
        let (c_get, c_cached) = c(&program, calls)?;
        gets.push((c_get, rust_gets(&bag, &ids[0], calls)?));
        cached.push((c_cached, rust_cached_gets(&bag, &ids, calls)?));
    }
    bag.abandon();
    let note = "thread time; the value is copied out and freed on both sides; the limit is Rust; look-up of the token included";
    add(run, "C call: get of a field of an open session", &gets, Goal::Within { times: 1.0, plus: 20.0 }, note);
    let note = "thread time; four calls in C (open, get, free of the value, free), hot 1,000 sessions; the limit is Rust, which copies the value too";
    add(run, "C calls: a whole cached get (open, get 1, free)", &cached, Goal::Said, note);
    Ok(())
}

fn add(run: &mut Run, name: &str, measured: &[(f64, f64)], goal: Goal, note: &str) {
    let pairs::Pairs { value, limit, ratio } = pairs::of(measured);
    run.add(Figure { name: name.to_owned(), unit: "ns", value, limit, ratio, goal, note: note.to_owned() });
}

fn rust_gets(bag: &Holdall, id: &Id, calls: usize) -> Result<f64, String> {
    let session = bag.open_session(id, Open::default()).map_err(text)?;
    let nanos = clock::thread_time(|| {
        for _ in 0..calls {
            black_box(black_box(&session).get_json(black_box(sessions::READ[0])).map(str::to_owned));
        }
    });
    Ok(nanos / calls as f64)
}

fn rust_cached_gets(bag: &Holdall, ids: &[Id], calls: usize) -> Result<f64, String> {
    let mut random = Random::new(1);
    let mut get = || {
        let id = &ids[random.below(ids.len())];
        let session = bag.open_session(id, Open::default()).map_err(text)?;
        black_box(session.get_json(sessions::READ[0]).map(str::to_owned));
        Ok::<(), String>(())
    };
    let mut done = Ok(());
    let nanos = clock::thread_time(|| done = (0..calls).try_for_each(|_| get()));
    done.map(|()| nanos / calls as f64)
}

/// Nanoseconds of a get, and of a cached get, in a fresh process.
fn c(program: &Path, calls: usize) -> Result<(f64, f64), String> {
    let mut command = Command::new(program);
    command.args([SESSIONS.to_string(), calls.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(text)?;
    if let Some(mut input) = child.stdin.take() {
        std::io::Write::write_all(&mut input, sessions::SESSION.as_bytes()).map_err(text)?;
    }
    let output = child.wait_with_output().map_err(text)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match (output.status.success(), numbers.as_slice()) {
        (true, [get, cached]) => Ok((*get, *cached)),
        _ => Err(format!("the C program failed; it printed '{}'", printed.trim())),
    }
}

/// Builds the library and the program.
fn build(folder: &Path) -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(text)?;
    let target = here.ancestors().nth(2).unwrap_or(Path::new("."));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--release", "--package", "holdall-ffi", "--manifest-path"]);
    cargo.arg(root.join("Cargo.toml")).arg("--target-dir").arg(target);
    succeed(&mut cargo)?;
    // The loader asks for the library by its version.
    let library = target.join("release/libholdall.so");
    let version = env!("CARGO_PKG_VERSION").split('.').next().unwrap_or("0");
    for name in ["libholdall.so".to_owned(), format!("libholdall.so.{version}")] {
        let to = folder.join(&name);
        std::fs::copy(&library, to).map_err(|error| format!("{} can't be copied: {error}", library.display()))?;
    }
    let program = folder.join("call");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-I"]).arg(root.join("include"));
    compiler.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("c/call.c")).arg("-L").arg(folder).arg("-lholdall");
    compiler.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-o").arg(&program);
    succeed(&mut compiler)?;
    Ok(program)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", command.get_program().to_string_lossy())),
        Err(error) => Err(format!("{} can't be started: {error}", command.get_program().to_string_lossy())),
    }
}
