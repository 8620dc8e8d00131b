//! The suites of the layout `lucee`: real Lucee servers, and damaged rows.

use crate::job::Job;
use crate::{databases, process, tools};

/// Debian's packages.
const PACKAGES: &str = "default-jdk-headless maven";

/// Real Lucee servers, one for javax and one for jakarta at least, read rows that are written here and change them. The
/// servers come from Maven Central, about 160 MB once.
///
/// # Errors
/// When Java, Maven or the database server is missing and could not be installed; the text names the command that does.
pub fn servers(job: &mut Job) -> Result<(), String> {
    for program in ["java", "javac", "mvn"] {
        tools::need_program(job, program, PACKAGES)?;
    }
    databases::need_servers(job)?;
    // One at a time: a server takes 200 MB and, while it starts, all the time that there is.
    let package = ["test", "--package", "holdall-test-lucee", "--features", "servers"];
    job.tests(process::cargo().args(package).args(["--", "--test-threads=1"]))
}

/// A million damaged rows.
///
/// # Errors
/// When the program can't be built.
pub fn damage(job: &mut Job) -> Result<(), String> {
    let package = ["run", "--release", "--package", "holdall-test-damage", "--"];
    job.passes(process::cargo().args(package).args(["lucee", "1000000"]))?;
    job.passes(process::cargo().args(package).args(["rails", "1000000"]))
}
