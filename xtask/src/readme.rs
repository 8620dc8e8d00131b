//! The suite `readme`: programs that a document shows are compiled and run as they stand.
//!
//! A block of C or Rust is run when the line before its fence is `<!-- run -->`, which a reader of the page doesn't see. It has
//! to be a whole program, and runs in an empty folder of its own.

use crate::c_library::{self, text};
use crate::c_programs::{Kit, words};
use crate::job::Job;
use crate::scratch::Scratch;
use crate::{paths, process, tools};
use std::fs;
use std::path::{Path, PathBuf};

/// The mark before a block that is to be run.
const MARK: &str = "<!-- run -->";

/// A block of code in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands behind the fence: `c`, `rust`.
    pub language: String,
    /// The number of the fence's line, from 1.
    pub line: usize,
    /// The lines between the fences.
    pub code: String,
}

/// The blocks of the document that carry the mark.
pub fn marked_blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = document.lines().enumerate();
    let mut marked = false;
    while let Some((index, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.starts_with("```")).collect();
            if marked {
                blocks.push(Block { language: language.trim().to_owned(), line: index + 1, code: code.join("\n") + "\n" });
            }
        }
        marked = line.trim() == MARK;
    }
    blocks
}

/// Runs the marked blocks of README.md and docs/*.md.
///
/// # Errors
/// When there is none in README.md, or something that all need can't be built.
pub fn suite(job: &mut Job) -> Result<(), String> {
    let readme = paths::root().join("README.md");
    let mut documents = vec![readme.clone()];
    documents.extend(paths::files_in(&paths::root().join("docs"), "md"));
    let mut c = Vec::new();
    let mut rust = Vec::new();
    for document in documents {
        let content = fs::read_to_string(&document).map_err(|error| format!("{} can't be read: {error}", document.display()))?;
        let blocks = marked_blocks(&content);
        if document == readme && !["c", "rust"].iter().all(|language| blocks.iter().any(|block| block.language == *language)) {
            let problem = format!("README.md needs one block of C and one of Rust under the line {MARK}");
            job.check("README.md has programs to run", Err(problem));
        }
        for block in blocks {
            let name = format!("{}_line_{}", paths::stem(&document).to_lowercase().replace('-', "_"), block.line);
            match block.language.as_str() {
                "c" => c.push((name, block)),
                "rust" => rust.push((name, block)),
                other => job.check(&name, Err(format!("a block of '{other}' can't be run, only c and rust"))),
            }
        }
    }
    run_c(job, &c)?;
    run_rust(job, &rust)
}

fn run_c(job: &mut Job, blocks: &[(String, Block)]) -> Result<(), String> {
    if blocks.is_empty() {
        return Ok(());
    }
    tools::need_c_compiler(job)?;
    let library = c_library::build(job)?;
    let kit = Kit { name: "readme", compile: words(&["-std=c11"]), link: library.link_shared(), ..Kit::default() };
    let folder = paths::work().join("readme");
    c_library::make_directory(&folder)?;
    for (name, block) in blocks {
        job.step(&format!("C: {name}"));
        let source = write(&folder, &format!("{name}.c"), &block.code)?;
        let scratch = Scratch::new("readme")?;
        let built = kit.build(job, name, &[source]);
        let outcome = built.and_then(|program| job.need(&mut kit.command(&program, scratch.path())));
        job.check(name, outcome.map(|_| ()));
    }
    Ok(())
}

/// One package with a program for each block, beside the workspace but with its versions.
fn run_rust(job: &mut Job, blocks: &[(String, Block)]) -> Result<(), String> {
    if blocks.is_empty() {
        return Ok(());
    }
    let package = paths::work().join("readme-rust");
    c_library::make_directory(&package.join("src/bin"))?;
    for stale in paths::files_in(&package.join("src/bin"), "rs") {
        fs::remove_file(&stale).map_err(|error| format!("{} can't be removed: {error}", stale.display()))?;
    }
    write(&package, "Cargo.toml", &manifest())?;
    let locked =
        fs::read_to_string(paths::root().join("Cargo.lock")).map_err(|error| format!("Cargo.lock can't be read: {error}"))?;
    write(&package, "Cargo.lock", &locked)?;
    for (name, block) in blocks {
        write(&package.join("src/bin"), &format!("{name}.rs"), &block.code)?;
    }
    for (name, _) in blocks {
        job.step(&format!("Rust: {name}"));
        let scratch = Scratch::new("readme")?;
        let mut command = process::cargo();
        command.args(["run", "--manifest-path", &text(&package.join("Cargo.toml")), "--bin", name]);
        command.env("CARGO_TARGET_DIR", paths::work().join("readme-rust-target")).current_dir(scratch.path());
        let outcome = job.need(&mut command).map(|_| ());
        job.check(name, outcome);
    }
    Ok(())
}

fn manifest() -> String {
    let runtime = text(&paths::root().join("core/runtime"));
    format!(
        "[package]\nname = \"readme\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [dependencies]\nholdall = {{ path = {runtime:?} }}\nserde_json = \"1\"\nserde = {{ version = \"1\", features = [\"derive\"] }}\n"
    )
}

fn write(folder: &Path, name: &str, content: &str) -> Result<PathBuf, String> {
    let path = folder.join(name);
    fs::write(&path, content).map_err(|error| format!("{} can't be written: {error}", path.display()))?;
    Ok(path)
}
