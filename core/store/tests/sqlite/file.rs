//! The file: where it may be, whose it is, what stays when it is closed.

use super::made::{create, filled, folder, load, open, options, put, record, refused, tamper};
use super::processes::{child, run_as_nobody};
use holdall_engine::{FaultKind, Loaded, Verdict};
use holdall_store::{SqliteStore, Store};
use std::fs;
use std::path::Path;

#[test]
fn rows_survive_closing_and_the_log_is_gone() {
    let (_folder, path) = folder();
    filled(&path, 3);
    assert!(!path.with_extension("db-wal").exists(), "closing leaves no log");
    let store = open(&path);
    assert_eq!(load(&store, 2), Loaded::Row(record(1)));
    drop(store);
    assert_eq!(load(&open(&path), 3), Loaded::Row(record(1)), "dropping closes too");
}

#[test]
fn the_same_file_twice_through_this_library() {
    let (_folder, path) = folder();
    let (one, two) = (open(&path), open(&path));
    assert_eq!(put(&one, create(1, record(1))), Verdict::DONE);
    assert_eq!(load(&two, 1), Loaded::Row(record(1)));
    one.close().expect("closes");
    let log = fs::metadata(path.with_extension("db-wal")).expect("the other has it open");
    assert_eq!(log.len(), 0, "closing cuts the log even so");
    assert_eq!(put(&two, create(2, record(1))), Verdict::DONE);
    assert_eq!(load(&two, 2), Loaded::Row(record(1)));
    drop(one);
    drop(two);
    assert_eq!(load(&open(&path), 2), Loaded::Row(record(1)));
}

#[test]
fn the_same_file_again_after_the_first_write() {
    // SQLite opens the log when it is first needed; that must not look like somebody else's descriptor.
    let (_folder, path) = folder();
    let one = open(&path);
    assert_eq!(put(&one, create(1, record(1))), Verdict::DONE);
    let two = open(&path);
    assert_eq!(load(&two, 1), Loaded::Row(record(1)));
}

/// A second copy of the SQLite library can't be linked into this test; what one would show is a descriptor of the file
/// that this copy didn't open, and that is what is looked for.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_something_else_here_has_open() {
    let (_folder, path) = folder();
    filled(&path, 1);
    let other = fs::File::open(&path).expect("opens");
    let fault = refused(&path, FaultKind::Config);
    assert!(fault.message.contains("already open in this process"), "{}", fault.message);
    drop(other);
    let store = open(&path);
    // Its log counts as well, and so does a second opening while the first is open.
    let log = fs::File::open(path.with_extension("db-wal")).expect("there is a log");
    refused(&path, FaultKind::Config);
    drop(log);
    let other = fs::File::open(&path).expect("opens");
    refused(&path, FaultKind::Config);
    drop(other);
    open(&path);
    assert_eq!(load(&store, 1), Loaded::Row(record(1)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_inherited_from_another_process() {
    let (_folder, path) = folder();
    filled(&path, 1);
    let inherited = fs::File::open(&path).expect("opens");
    let told = child("open", &path).stdin(inherited).output().expect("runs");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("already open in this process"), "{told}");
}

#[cfg(unix)]
#[test]
fn only_this_user_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let exe = std::env::current_exe().expect("a path");
    let run = "umask 000; exec \"$0\" --exact processes::child_entry --nocapture";
    let status = std::process::Command::new("sh")
        .args(["-c", run, &exe.to_string_lossy()])
        .env("HOLDALL_TEST_CHILD", "modes")
        .env("HOLDALL_TEST_PATH", &path)
        .output()
        .expect("runs")
        .status;
    assert!(status.success());
    let told = fs::read_to_string(folder.path().join("modes")).expect("the child tells");
    assert_eq!(told, "-shm 600\n-wal 600\n 600\n");
    assert_eq!(fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn a_folder_that_can_not_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).expect("sets");
    let told = run_as_nobody("open", &path);
    assert!(told.contains("Config") && told.contains("can't be made") && told.contains("writable"), "{told}");
    // The file is there, but may only be read.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("sets");
    filled(&path, 1);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("sets");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).expect("sets");
    let told = run_as_nobody("open", &path);
    assert!(told.contains("Config"), "{told}");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("sets");
}

#[test]
fn paths_that_are_no_files() {
    let (folder, path) = folder();
    let faults = [
        (Path::new(""), "names no file"),
        (Path::new("/"), "names no file"),
        (Path::new(":memory:"), "is not a file"),
        (&folder.path().join("missing/sessions.db"), "can't be entered"),
        (&folder.path().join("sessions\0.db"), "can't be made"),
        (folder.path(), "must"),
    ];
    for (path, expected) in faults {
        let fault = SqliteStore::open(path, options()).expect_err("is refused");
        assert_eq!(fault.kind, FaultKind::Config, "{}", fault.message);
        assert!(fault.message.contains(expected), "{path:?}: {}", fault.message);
    }
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn a_symbolic_link() {
    let (folder, path) = folder();
    filled(&path, 1);
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).expect("links");
    let fault = refused(&link, FaultKind::Config);
    assert!(fault.message.contains("symbolic link"), "{}", fault.message);
}

#[test]
fn a_file_that_is_no_database() {
    let (_folder, path) = folder();
    let long = "x".repeat(100_000);
    for content in [&b"these are my notes, please don't touch them"[..], &[0; 4096], long.as_bytes()] {
        fs::write(&path, content).expect("writes");
        let fault = refused(&path, FaultKind::Config);
        assert!(fault.message.contains("not a SQLite database"), "{}", fault.message);
        assert_eq!(fs::read(&path).expect("reads"), content, "the file is left as it is");
    }
    fs::write(&path, b"").expect("writes");
    assert_eq!(put(&open(&path), create(1, record(1))), Verdict::DONE, "an empty file is a new one");
}

#[test]
fn a_database_of_another_program() {
    let tables = [
        "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine')",
        "CREATE TABLE notes (text TEXT); PRAGMA application_id = 77",
        "PRAGMA user_version = 5",
        "CREATE TABLE holdall_sessions (key BLOB PRIMARY KEY)",
    ];
    for sql in tables {
        let (_folder, path) = folder();
        tamper(&path, sql);
        let before = fs::read(&path).expect("reads");
        let fault = refused(&path, FaultKind::Config);
        assert!(fault.message.contains("another program"), "{sql}: {}", fault.message);
        assert!(fs::read(&path).expect("reads") == before, "{sql}: the file is left as it is");
    }
}

#[test]
fn a_store_that_is_closed() {
    let (_folder, path) = folder();
    let store = open(&path);
    store.close().expect("closes");
    let fault = store.commit(&[create(1, record(1))], super::made::NOW).expect_err("is closed");
    assert!(fault.message.contains("is closed"), "{}", fault.message);
    assert!(store.check().is_err());
}
