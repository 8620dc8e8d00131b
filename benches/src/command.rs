//! The command line.

use crate::bench::{BENCHES, Bench, Run};
use crate::{fleet, report, svg};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask bench [--quick] [--json FILE] [--svg DIR] [NAME ...]

  --json FILE   write the figures as [{\"name\",\"value\",\"limit\",\"ratio\",\"goal\",\"holds\"}]
  --svg DIR     draw the ratios and the latencies
  --quick       fewer pairs and smaller tables: to see that everything works, not to quote
  --list        name the families of figures

Without names all families run. The exit code says whether they could be measured, not whether the goals hold.";

/// What the command line says.
#[derive(Debug, Default)]
struct Wanted {
    quick: bool,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
    names: Vec<String>,
}

/// Runs the benchmarks that the arguments name.
pub fn main(arguments: &[String]) -> ExitCode {
    // The other process of the fleet's figures is this program once more.
    if let Some((first, rest)) = arguments.split_first()
        && first == fleet::WORKER
    {
        return finish(fleet::work(rest));
    }
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        for bench in BENCHES {
            println!("{:<8} {}", bench.name, bench.about);
        }
        return ExitCode::SUCCESS;
    }
    finish(read(arguments).and_then(|wanted| measure(&wanted)))
}

fn finish(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn read(arguments: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut path = || arguments.next().map(PathBuf::from).ok_or_else(|| format!("{argument} needs a path"));
        match argument.as_str() {
            "--quick" => wanted.quick = true,
            "--json" => wanted.json = Some(path()?),
            "--svg" => wanted.svg = Some(path()?),
            name if BENCHES.iter().any(|bench| bench.name == name) => wanted.names.push(name.to_owned()),
            unknown => {
                let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
                return Err(format!("There is no benchmark '{unknown}'. They are: {}", known.join(" ")));
            }
        }
    }
    Ok(wanted)
}

fn measure(wanted: &Wanted) -> Result<(), String> {
    let scratch = scratch()?;
    let mut run = Run { quick: wanted.quick, figures: Vec::new(), curves: Vec::new(), scratch: scratch.path().to_path_buf() };
    println!("{}", report::head());
    let mut problems = Vec::new();
    let chosen = |bench: &&Bench| wanted.names.is_empty() || wanted.names.iter().any(|name| name == bench.name);
    for bench in BENCHES.iter().filter(chosen) {
        if let Err(problem) = (bench.run)(&mut run) {
            println!("{}: could not be measured: {problem}", bench.name);
            problems.push(bench.name);
        }
    }
    println!("\n{}", report::summary(&run.figures));
    if wanted.quick {
        println!("This was a quick run: its figures are not to be quoted.");
    }
    if let Some(file) = &wanted.json {
        write(file, &report::json(&run.figures))?;
    }
    if let Some(folder) = &wanted.svg {
        std::fs::create_dir_all(folder).map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
        write(&folder.join("ratios.svg"), &svg::bars(&run.figures))?;
        if !run.curves.is_empty() {
            write(&folder.join("latencies.svg"), &svg::curves(&run.curves))?;
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(format!("not measured: {}", problems.join(" "))) }
}

/// Databases go beside this program, onto the disk where cargo builds: the system's own folder for such things may be
/// in memory, where a commit costs nothing.
fn scratch() -> Result<tempfile::TempDir, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program can't be found: {error}"))?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let made = tempfile::Builder::new().prefix("bench-").tempdir_in(folder);
    made.map_err(|error| format!("a folder in {} can't be made: {error}", folder.display()))
}

fn write(path: &Path, content: &str) -> Result<(), String> {
    std::fs::write(path, content).map_err(|error| format!("{} can't be written: {error}", path.display()))
}
