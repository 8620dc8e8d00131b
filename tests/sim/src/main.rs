//! The command of the simulator.
#![allow(clippy::disallowed_methods, reason = "the command measures how long it takes; the simulation itself asks no clock")]

use holdall_sim::planted::Planted;
use holdall_sim::random::Random;
use holdall_sim::runner::{STEPS, find, run_seed, run_seeds};
use holdall_sim::world::Setup;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const USAGE: &str = "\
holdall-sim run [--seeds N] [--start BASE] [--steps K] [--threads T] [--stop-at N]
    replays the kept seeds, then N fresh ones; BASE makes them the same again
holdall-sim replay SEED [--steps K] [--trace] [--bug NAME]
    runs one seed
holdall-sim planted [--bug NAME] [--limit N] [--steps K]
    shows for every planted bug that a seed finds it (needs --features planted for those in the engine)";

/// Seeds that found something once.
const KEPT: &str = include_str!("../seeds.txt");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_none_or(|argument| argument != "replay") {
        // A panic is a finding, which is reported with its seed; a replay shows where it was.
        std::panic::set_hook(Box::new(|_| {}));
    }
    match arguments.first().map(String::as_str) {
        Some("run") => run(&arguments),
        Some("replay") => replay(&arguments),
        Some("planted") => planted(&arguments),
        _ => {
            println!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn number(arguments: &[String], name: &str, otherwise: u64) -> u64 {
    let place = arguments.iter().position(|argument| argument == name);
    place.and_then(|place| arguments.get(place + 1)).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn kept_seeds() -> Vec<u64> {
    KEPT.lines().filter_map(|line| line.split('#').next()?.trim().parse().ok()).collect()
}

fn run(arguments: &[String]) -> ExitCode {
    let began = Instant::now();
    let seeds = number(arguments, "--seeds", 1_000);
    let entropy = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let base = number(arguments, "--start", Random::new(entropy).draw() >> 16);
    let setup = Setup { steps: number(arguments, "--steps", STEPS), ..Setup::default() };
    let kept = kept_seeds();
    println!("{} kept seeds, then {seeds} fresh ones: --start {base}", kept.len());
    let threads = number(arguments, "--threads", 2) as usize;
    let first = kept.len() as u64;
    let seed_of = |place: u64| if place < first { kept[place as usize] } else { base.wrapping_add(place - first) };
    let mut total = run_seeds(first + seeds, threads, setup, number(arguments, "--stop-at", 20), seed_of);
    total.failed.sort_by_key(|(seed, _)| *seed);
    for (seed, violation) in &total.failed {
        println!("seed {seed}: {violation}");
    }
    let ms = began.elapsed().as_millis() as u64;
    let runs = total.passed + total.failed.len() as u64;
    println!(
        "{runs} runs of {} steps on average, {} checks, in {}.{} s ({} runs/s)",
        total.steps / runs.max(1),
        total.checks,
        ms / 1_000,
        ms % 1_000 / 100,
        runs * 1_000 / ms.max(1)
    );
    println!("{} passed, {} failed", total.passed, total.failed.len());
    if total.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(arguments: &[String]) -> ExitCode {
    let Some(seed) = arguments.get(1).and_then(|text| text.parse().ok()) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    let print = arguments.iter().any(|argument| argument == "--trace");
    let bug = wanted_bug(arguments);
    let setup = Setup { steps: number(arguments, "--steps", STEPS), print, bug, ..Setup::default() };
    let outcome = run_seed(seed, setup);
    println!("seed {seed}: {} steps, {} checks, trace {:016x}", outcome.steps, outcome.checks, outcome.hash);
    match outcome.violation {
        None => {
            println!("1 passed, 0 failed");
            ExitCode::SUCCESS
        }
        Some(violation) => {
            println!("{violation}");
            println!("0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

fn wanted_bug(arguments: &[String]) -> Option<Planted> {
    let place = arguments.iter().position(|argument| argument == "--bug")?;
    let name = arguments.get(place + 1)?;
    Planted::all().into_iter().find(|bug| bug.name() == *name)
}

fn planted(arguments: &[String]) -> ExitCode {
    let limit = number(arguments, "--limit", 20_000);
    let steps = number(arguments, "--steps", STEPS);
    let bugs = wanted_bug(arguments).map_or_else(Planted::all, |bug| vec![bug]);
    if !cfg!(feature = "planted") {
        println!("without --features planted only the bugs of the store can be planted");
    }
    let queue = Mutex::new(bugs.into_iter());
    let counts = Mutex::new((0, 0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(bug) = queue.lock().ok().and_then(|mut queue| queue.next()) else { return };
                    let found = find(bug, limit, steps);
                    let Ok(mut counts) = counts.lock() else { return };
                    if let Some((seed, violation)) = found {
                        counts.0 += 1;
                        println!("{:<28} found by seed {seed:>5}: {violation}", bug.name());
                    } else {
                        counts.1 += 1;
                        println!("{:<28} NOT FOUND in {limit} seeds", bug.name());
                    }
                }
            });
        }
    });
    let (passed, failed) = counts.into_inner().unwrap_or_default();
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
