//! Several processes on one file. The test starts itself again as a child, which does one job.

use super::made::{NOW, create, filled, folder, key, load, open, options, put, record, stamp, update, wide};
use holdall_engine::{Loaded, Record, Verdict, Wanted, Write, WriteKind};
use holdall_store::{SqliteStore, Store};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// Rows that the hammer works on.
const HOT_ROWS: u64 = 5;
/// Updates that each process gets through.
const ROUNDS: u64 = 150;

/// This test as a child that does `job` with the file at `path`.
pub fn child(job: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", "processes::child_entry", "--nocapture"]);
    command.env("HOLDALL_TEST_CHILD", job).env("HOLDALL_TEST_PATH", path);
    command
}

/// Starts several children at once. Their reports are not this test's.
fn start(count: usize, job: &str, path: &Path) -> Vec<Child> {
    (0..count).map(|_| child(job, path).stdout(Stdio::null()).spawn().expect("starts")).collect()
}

fn all_well(children: Vec<Child>) {
    for mut child in children {
        assert!(child.wait().expect("ends").success());
    }
}

/// Runs a job without root's rights, and returns what it told.
#[cfg(unix)]
pub fn run_as_nobody(job: &str, path: &Path) -> String {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let mut command = child(job, path);
    let root = fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0);
    let place = tempfile::tempdir().expect("a folder");
    if root {
        // Where the test lies, nobody may not be able to look.
        let copy = place.path().join("test");
        fs::copy(std::env::current_exe().expect("a path"), &copy).expect("copies");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("sets");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("sets");
        let mut as_nobody = Command::new(&copy);
        as_nobody.args(command.get_args()).current_dir("/").uid(65_534).gid(65_534);
        as_nobody.env("HOLDALL_TEST_CHILD", job).env("HOLDALL_TEST_PATH", path);
        command = as_nobody;
    }
    let told = command.output().expect("runs");
    String::from_utf8_lossy(&told.stdout).into_owned()
}

/// Does nothing unless it was started by [`child`].
#[test]
fn child_entry() {
    let (Ok(job), Ok(path)) = (std::env::var("HOLDALL_TEST_CHILD"), std::env::var("HOLDALL_TEST_PATH")) else { return };
    let path = PathBuf::from(path);
    match &*job {
        "open" => match SqliteStore::open(&path, options()) {
            Ok(_) => println!("opened"),
            Err(fault) => println!("{:?}: {}", fault.kind, fault.message),
        },
        "modes" => tell_modes(&path),
        "hammer" => hammer(&path),
        "create" => {
            let store = SqliteStore::open(&path, patient()).expect("opens");
            let number = u64::from(std::process::id());
            assert_eq!(put(&store, create(number, record(1))), Verdict::DONE);
        }
        "disk error" => meet_disk_error(&path),
        // Ends without closing, after a commit that was answered.
        "vanish" => {
            assert_eq!(put(&open(&path), create(77, record(1))), Verdict::DONE);
            let store = open(&path);
            assert_eq!(put(&store, create(78, record(1))), Verdict::DONE);
            std::process::abort();
        }
        other => panic!("no job {other}"),
    }
}

fn patient() -> holdall_store::SqliteOptions {
    holdall_store::SqliteOptions { busy_timeout_ms: 20_000, ..options() }
}

#[cfg(unix)]
fn tell_modes(path: &Path) {
    use std::fmt::Write as _;
    use std::os::unix::fs::PermissionsExt;
    let store = open(path);
    assert_eq!(put(&store, create(1, record(1))), Verdict::DONE);
    let mut told = String::new();
    for suffix in ["-shm", "-wal", ""] {
        let mode = fs::metadata(format!("{}{suffix}", path.display())).expect("is there").permissions().mode() & 0o777;
        let _ = writeln!(told, "{suffix} {mode:o}");
    }
    fs::write(path.with_file_name("modes"), told).expect("writes");
}

/// Creates rows until the system refuses to let a file grow, and tells how far it came and what it heard.
fn meet_disk_error(path: &Path) {
    let store = open(path);
    let mut number = 0;
    let fault = loop {
        number += 1;
        match store.commit(&[create(number, wide(1, 20_000))], NOW) {
            Ok(verdicts) => assert_eq!(verdicts, [Verdict::DONE]),
            Err(fault) => break fault,
        }
    };
    println!("\ncame to {number}\n{:?}: {}", fault.kind, fault.message);
    // The connection was given up; another one reads what was answered, and writes fail with the same words.
    assert_eq!(load(&store, number - 1), Loaded::Row(wide(1, 20_000)));
    let again = store.commit(&[create(number + 1, wide(1, 2_000_000))], NOW).expect_err("fails again");
    assert_eq!(again.kind, fault.kind);
}

#[cfg(not(unix))]
fn tell_modes(_path: &Path) {}

/// Adds one to `accessed` of a row again and again, by load and update, as two servers would.
fn hammer(path: &Path) {
    let store = SqliteStore::open(path, patient()).expect("opens");
    let mut done = 0;
    let mut turn = 0;
    while done < ROUNDS {
        turn += 1;
        let number = turn % HOT_ROWS + 1;
        let Loaded::Row(row) = load(&store, number) else { panic!("the row is there") };
        let nonce = u64::from(std::process::id());
        let next = Record {
            stamp: row.stamp.next(holdall_engine::Writer { nonce, number: turn }),
            accessed: row.accessed + 1,
            ..row.clone()
        };
        let write = Write { key: key(number), kind: WriteKind::Update { base: row.stamp, record: next, changed: Arc::from([]) } };
        match put(&store, write) {
            Verdict::Done { .. } => done += 1,
            Verdict::Conflict => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn two_processes_lose_no_update() {
    let (_folder, path) = folder();
    filled(&path, HOT_ROWS);
    let children = start(2, "hammer", &path);
    hammer(&path);
    all_well(children);
    let store = open(&path);
    let sum: u64 = (1..=HOT_ROWS)
        .map(|number| match load(&store, number) {
            Loaded::Row(row) => row.accessed.since(NOW),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(sum, 3 * ROUNDS, "each update that was answered is there, once");
}

#[test]
fn several_processes_make_the_table_at_once() {
    for _ in 0..5 {
        let (_folder, path) = folder();
        all_well(start(4, "create", &path));
        assert_eq!(open(&path).check().expect("checks").rows, 4);
    }
}

#[test]
fn what_was_answered_survives_a_crash() {
    let (_folder, path) = folder();
    assert!(!child("vanish", &path).output().expect("runs").status.success());
    let store = open(&path);
    assert_eq!(load(&store, 77), Loaded::Row(record(1)));
    assert_eq!(load(&store, 78), Loaded::Row(record(1)));
}

/// A limit on the size of files makes the system refuse writes, as a broken disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_answers_errors() {
    let (_folder, path) = folder();
    let exe = std::env::current_exe().expect("a path");
    let run = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" --exact processes::child_entry --nocapture";
    let mut shell = Command::new("sh");
    shell.args(["-c", run, &exe.to_string_lossy()]);
    let told = shell.env("HOLDALL_TEST_CHILD", "disk error").env("HOLDALL_TEST_PATH", &path).output().expect("runs");
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{text}{}", String::from_utf8_lossy(&told.stderr));
    assert!(text.contains("Unreachable: writing in the SQLite file"), "{text}");
    let came = text.split("came to ").nth(1).and_then(|rest| rest.lines().next()).expect("is told");
    let came: u64 = came.parse().expect("a number");
    let store = open(&path);
    for number in 1..came {
        assert_eq!(load(&store, number), Loaded::Row(wide(1, 20_000)), "row {number} of {came} was answered");
    }
    assert_eq!(put(&store, create(5000, record(1))), Verdict::DONE);
    assert_eq!(store.check().expect("checks").problems, []);
}

/// Another connection holds the lock for longer than the timeout: nothing is done, and that is sure.
#[test]
fn a_busy_file_is_not_done() {
    let (_folder, path) = folder();
    filled(&path, 2);
    let store = open(&path);
    let other = Connection::open(&path).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    let verdicts = store.commit(&[update(1, 1, record(2)), create(9, record(1))], NOW).expect("answers");
    assert_eq!(verdicts, [Verdict::NotDone, Verdict::NotDone]);
    let wanted = [Wanted { key: key(1), known: Some(stamp(1)) }];
    let rows = store.load(&wanted, NOW).expect("readers don't wait").rows;
    assert_eq!(rows, [Loaded::Same { accessed: NOW }]);
    other.execute_batch("ROLLBACK").expect("unlocks");
    let verdicts = store.commit(&[update(1, 1, record(2)), create(9, record(1))], NOW).expect("answers");
    assert_eq!(verdicts, [Verdict::DONE, Verdict::DONE]);
}

/// More threads than readers, beside a writer.
#[test]
fn many_threads_on_one_store() {
    let (_folder, path) = folder();
    filled(&path, 50);
    let store = open(&path);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..100 {
                    let number = (thread * 100 + round) % 50 + 1;
                    assert!(matches!(load(store, number), Loaded::Row(_)));
                    let own = 1000 + thread * 1000 + round;
                    assert_eq!(put(store, create(own, record(1))), Verdict::DONE);
                    assert_eq!(load(store, own), Loaded::Row(record(1)), "a commit is seen by the next load");
                }
            });
        }
    });
    assert_eq!(store.check().expect("checks").rows, 850);
}
