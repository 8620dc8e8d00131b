//! Runs the real command.

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a run of the command answered.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// The JSON on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// Makes sure of the exit code.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The codes of the findings.
    pub fn findings(&self) -> Vec<String> {
        let json = self.json();
        let findings = json["findings"].as_array().expect("findings");
        findings.iter().map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect()
    }

    /// Whether a text stands anywhere in the answer.
    pub fn shows(&self, text: &str) -> bool {
        self.out.contains(text) || self.err.contains(text)
    }
}

/// A run with the URL in the environment, as it should be given.
pub fn holdall_at(url: &str, arguments: &[&str]) -> Answer {
    run(&[("HOLDALL_URL", url)], arguments, b"")
}

/// A run with these variables, and this on standard input.
pub fn run(variables: &[(&str, &str)], arguments: &[&str], input: &[u8]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdall"));
    command.args(arguments).env_remove("HOLDALL_URL").env_remove("HOLDALL_TO").envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child.stdin.take().expect("its standard input").write_all(input).expect("it takes its input");
    let output = child.wait_with_output().expect("it ends");
    Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "tests of a command that goes by the real time")]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time after 1970");
    u64::try_from(since.as_millis()).expect("a time of this era")
}

/// A literal that Lucee reads.
pub const LUCEE_DATA: &str = r#"{"username":"ada","visits":3}"#;

/// What Rails writes for `{"a"=>1}`.
pub const RAILS_DATA: &str = "BAh7BkkiBmEGOgZFVGkG\n";
