//! `holdall-test-damage LAYOUT [ROWS [SEED]]`: damages rows of a layout and checks what has to hold for each. The layouts'
//! own tests do the same with fewer rows.
#![forbid(unsafe_code)]

#[path = "../../../core/layout/tests/lucee/kept.rs"]
#[allow(dead_code, reason = "only the rows are needed here, not what Lucee says of them")]
mod kept;
#[path = "../../../core/layout/tests/lucee/literal_rows.rs"]
mod literal_rows;
#[path = "../../../core/layout/tests/lucee/mutations.rs"]
mod mutations;
#[path = "../../../core/layout/tests/rails/made.rs"]
#[allow(dead_code, reason = "only the rows are needed here")]
mod rails_made;
#[path = "../../../core/layout/tests/rails/mutations.rs"]
mod rails_mutations;
#[path = "../../../core/layout/tests/lucee/random.rs"]
mod random;

use std::process::ExitCode;

/// How many rows, if nothing is said.
const ROWS: u64 = 1_000_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, otherwise: u64| words.get(place).map_or(Ok(otherwise), |word| word.parse::<u64>());
    let (layout, Ok(rows), Ok(seed)) = (words.first().map(String::as_str), number(1, ROWS), number(2, 1)) else {
        return usage();
    };
    match layout {
        Some("lucee") => {
            let kept = literal_rows::with_literals(kept::all().map(|(_, row)| row.data).collect());
            run(rows, seed, |seed, count| {
                let counts = mutations::run(&kept, seed, count);
                [counts.rows, counts.read, counts.changed]
            })
        }
        Some("rails") => {
            let json = br#"{"value":{"a":1,"list":[1,2.5,{"b":"\u00fc"}],"text":"x","none":null}}"#.to_vec();
            let kept: Vec<Vec<u8>> = rails_made::rows().into_iter().map(|row| row.data).chain([json]).collect();
            run(rows, seed, |seed, count| {
                let counts = rails_mutations::run(&kept, seed, count);
                [counts.rows, counts.read, counts.changed]
            })
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: holdall-test-damage lucee|rails [ROWS [SEED]]");
    ExitCode::from(2)
}

/// A panic in a thread ends the program with its text, which says what did not hold.
fn run(rows: u64, seed: u64, damage: impl Fn(u64, u64) -> [u64; 3] + Sync) -> ExitCode {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let counts = std::thread::scope(|scope| {
        let part = |number: u64| {
            let damage = &damage;
            let count = rows / threads + u64::from(number < rows % threads);
            scope.spawn(move || damage(seed.wrapping_mul(threads).wrapping_add(number), count))
        };
        let started: Vec<_> = (0..threads).map(part).collect();
        started.into_iter().map(|thread| thread.join().ok()).collect::<Option<Vec<[u64; 3]>>>()
    });
    let Some(counts) = counts else {
        eprintln!("a damaged row was not handled; the seed was {seed}");
        return ExitCode::FAILURE;
    };
    let sum = |place: usize| counts.iter().map(|counts| counts[place]).sum::<u64>();
    println!("{} damaged rows: {} were still read, {} changed", sum(0), sum(1), sum(2));
    ExitCode::SUCCESS
}
