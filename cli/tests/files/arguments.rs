//! The command line, its help, and what is told when it makes no sense.

use crate::common::run;
use crate::file::File;

const COMMANDS: [&str; 8] = ["create-table", "doctor", "prune", "import", "inspect", "sessions", "stats", "bench"];

#[test]
fn help_names_every_command_and_every_exit_code() {
    let help = run(&[], &["--help"], b"").with_code(0);
    for command in COMMANDS {
        assert!(help.out.contains(command), "{command} is missing:\n{}", help.out);
    }
    for code in [
        "0   done",
        "1   there are findings",
        "2   the command line",
        "3   the database can't",
        "4   the database refuses",
        "5   ",
    ] {
        assert!(help.out.contains(code), "{code} is missing:\n{}", help.out);
    }
    assert!(help.out.contains("EXAMPLES") && help.out.contains("HOLDALL_URL"));
}

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let help = run(&[], &[command, "--help"], b"").with_code(0);
        assert!(help.out.lines().count() > 20, "the help of {command} is short:\n{}", help.out);
        assert!(help.out.contains("--json"), "{command} has no --json");
        assert!(help.out.contains("EXIT CODES"), "{command} doesn't say how it ends");
    }
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    for arguments in [
        &["unknown"][..],
        &["stats"],
        &["stats", "postgres://u@h/d"],
        &["stats", "memory:"],
        &["stats", "sqlite:"],
        &["stats", "mysql://host/database"],
        &["stats", "--layout", "other", "sqlite:x"],
        &["stats", "sqlite:x?layout=other"],
        &["stats", "sqlite:x?talbe=sessions"],
        &["stats", "sqlite:x?table"],
        &["stats", "--table", "a; DROP TABLE b", "sqlite:x"],
        &["doctor", "--yes", "sqlite:x"],
        &["doctor", "--fix", "--quick", "sqlite:x"],
        &["stats", "sqlite:x?layout=rails&data_column=body"],
        &["prune", "--layout", "rails", "sqlite:x"],
        &["prune", "--layout", "lucee", "--older-than", "3", "sqlite:x"],
        &["prune", "--layout", "rails", "--older-than", "0", "sqlite:x"],
        &["import", "--from", "rails", "sqlite:x", "--to", "sqlite:y"],
        &["create-table", "--layout", "django", "sqlite:x"],
        &["bench", "--layout", "lucee", "sqlite:x"],
    ] {
        let answer = run(&[], arguments, b"").with_code(2);
        assert!(answer.out.is_empty() && !answer.err.is_empty(), "{arguments:?}: {answer:?}");
    }
    assert!(!std::path::Path::new("x").exists(), "a usage error made a file");
}

#[test]
fn a_missing_file_or_table_is_said_to_be_missing() {
    let file = File::new();
    let answer = file.run(&["stats"]).with_code(5);
    assert!(answer.err.contains("there is no file"), "{answer:?}");
    drop(file.connect());
    let empty = File::with("CREATE TABLE other (x)");
    let answer = empty.run(&["doctor", "--layout", "lucee"]).with_code(5);
    assert!(answer.err.contains("there is no table cf_session_data"), "{answer:?}");
    let answer = empty.run(&["sessions", "--json"]).with_code(5);
    assert_eq!(answer.json()["error"]["kind"], "missing");
}

#[test]
fn a_file_that_is_no_database_is_said_to_be_none() {
    let file = File::new();
    std::fs::write(file.beside("sessions.db"), "this is a text, and a longer one than a header is".repeat(50)).expect("written");
    let answer = file.run(&["stats"]).with_code(5);
    assert!(answer.err.contains("not a database"), "{answer:?}");
}

#[test]
fn a_password_is_never_told() {
    for url in ["mysql://app:s3cret@127.0.0.1:1/shop", "mysql://app:s3cret@/shop", "mysql://app:s3cret@127.0.0.1:99999/shop"] {
        let answer = run(&[("HOLDALL_URL", url)], &["stats"], b"");
        assert_ne!(answer.code, 0);
        assert!(!answer.shows("s3cret"), "{answer:?}");
        let help = run(&[("HOLDALL_URL", url)], &["stats", "--help"], b"").with_code(0);
        assert!(!help.shows("s3cret"));
    }
}

#[test]
fn a_host_where_nobody_listens_is_unreachable() {
    let answer = run(&[], &["stats", "mysql://app:s3cret@127.0.0.1:1/shop"], b"").with_code(3);
    assert!(answer.err.contains("127.0.0.1:1 can't be reached"), "{answer:?}");
}
