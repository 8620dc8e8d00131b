//! The runner of the scenarios in Rust. `README.md` beside this crate says what each step means.
#![forbid(unsafe_code)]

mod bags;
mod line;
mod options;
mod sessions;
mod values;
mod world;

use crate::line::Line;
use crate::world::{Failure, World};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the sessions of one run are kept.
#[derive(Debug, Clone)]
pub struct Place {
    /// The URL that every bag of the scenario is opened with.
    pub url: String,
    /// The file under the URL, if there is one: it is removed before and after.
    file: Option<PathBuf>,
}

impl Place {
    /// In this process: every bag has sessions of its own.
    pub fn memory() -> Self {
        Self { url: "memory:".to_owned(), file: None }
    }

    /// In a new SQLite file in `folder`.
    pub fn sqlite(folder: &Path, name: &str) -> Self {
        let file = folder.join(format!("{name}.db"));
        Self { url: format!("sqlite:{}", file.display()), file: Some(file) }
    }

    /// Whether two bags that are opened here, at once or one after the other, see the same sessions.
    pub fn is_shared(&self) -> bool {
        self.file.is_some()
    }

    fn clear(&self) {
        let Some(file) = &self.file else { return };
        for ending in ["", "-wal", "-shm", "-journal"] {
            let mut path = file.clone().into_os_string();
            path.push(ending);
            // What isn't there need not be removed.
            let _ = fs::remove_file(path);
        }
    }
}

/// Runs the scenario in `file`.
///
/// # Errors
/// The first step that does not go as the scenario says: `FILE:LINE: STEP`, what was expected, what was got.
pub fn run_file(file: &Path, place: &Place) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    run_text(&file.display().to_string(), &text, place)
}

/// Runs the scenario in `text`; `name` stands for the file in what is said about it.
///
/// # Errors
/// As [`run_file`].
pub fn run_text(name: &str, text: &str, place: &Place) -> Result<(), String> {
    place.clear();
    let mut world = World::new(place.clone());
    let mut steps = 0;
    for (number, text) in text.lines().enumerate() {
        let text = text.trim_matches(' ');
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        steps += 1;
        step(&mut world, text).map_err(|failure| format!("{name}:{}: {text}\n  {failure}", number + 1))?;
    }
    world.end().map_err(|failure| format!("{name}: at its end: {failure}"))?;
    place.clear();
    if steps == 0 { Err(format!("{name}: has no step")) } else { Ok(()) }
}

/// One line: `[STATUS:] VERB ...`.
fn step(world: &mut World, text: &str) -> Result<(), Failure> {
    let mut line = Line::new(text);
    let wanted = line.status().unwrap_or("OK");
    let verb = line.bare_word()?;
    let got = match world.session_step(verb, &mut line) {
        Some(got) => got,
        None => match world.bag_step(verb, &mut line) {
            Some(got) => got,
            None => return Err(Failure::scenario(format!("there is no step {verb:?}"))),
        },
    };
    let got = match got {
        Ok(status) => (status, String::new()),
        Err(Failure::Status(error)) => (world::status_of(error.kind()), format!(" ({error})")),
        Err(other) => return Err(other),
    };
    if got.0 == wanted {
        return Ok(());
    }
    Err(Failure::Other { expected: wanted.to_owned(), got: format!("{}{}", got.0, got.1) })
}
