//! `cargo xtask dist`: the C library as a host installs it, and the same as an archive.

use crate::job::Job;
use crate::{c_library, paths, process, tools};

/// Builds the install tree and packs it.
///
/// # Errors
/// When a step fails; the text names the log.
pub fn main() -> Result<(), String> {
    let mut job = Job::start("dist")?;
    pack(&mut job).map_err(|problem| format!("{problem}\nThe log: {}", job.log_path().display()))
}

fn pack(job: &mut Job) -> Result<(), String> {
    tools::need_c_compiler(job)?;
    tools::need_program(job, "tar", "tar")?;
    c_library::build(job)?;
    let machine = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let archive = paths::target().join(format!("holdall-{}-{machine}.tar.gz", c_library::version()));
    job.step("packing");
    let mut command = process::program("tar");
    // The same files give the same bytes, whoever packs them and when.
    command.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "-czf"]).arg(&archive);
    job.need(command.arg("-C").arg(paths::target()).arg("holdall"))?;
    println!("install tree: {}\narchive:      {}", paths::install().display(), archive.display());
    Ok(())
}
