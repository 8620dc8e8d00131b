//! A program that hangs is killed together with what it started.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;
use xtask::clock;
use xtask::process::{Trouble, program, run_into};
use xtask::scratch::Scratch;

#[test]
fn a_late_family_is_killed() {
    let folder = Scratch::new("late").unwrap();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut command = program("sh");
    // The shell starts a child that would outlive it, and tells its id.
    command.args(["-c", "sleep 600 & echo $! > child; wait"]).current_dir(folder.path());
    let outcome = run_into(&mut command, &log, Duration::from_millis(500));
    assert!(matches!(outcome, Err(Trouble::Late(_))), "{outcome:?}");
    let child = fs::read_to_string(folder.path().join("child")).unwrap();
    let status = format!("/proc/{}/stat", child.trim());
    // It may stay as a zombie until its new parent asks for it.
    let gone = || fs::read_to_string(&status).map_or(Some(()), |stat| stat.contains(") Z ").then_some(()));
    assert!(clock::poll(Duration::from_secs(10), gone).is_some(), "the child {} still runs", child.trim());
}

#[test]
fn the_log_gets_both_outputs() {
    let folder = Scratch::new("log").unwrap();
    let path = folder.path().join("log");
    let log = fs::File::create(&path).unwrap();
    let mut command = program("sh");
    command.args(["-c", "echo one; echo two >&2; exit 3"]);
    let status = run_into(&mut command, &log, Duration::from_mins(1)).unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
}
