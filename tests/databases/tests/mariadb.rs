//! The tests' own servers: that they are as asked, stay apart, and leave nothing behind.

use holdall_test_databases::{MariaDb, mysql, shared, wait_until};
use mysql::prelude::Queryable;
use std::io::{BufRead, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn code(error: &mysql::Error) -> u16 {
    match error {
        mysql::Error::MySqlError(error) => error.code,
        other => panic!("not an answer of the server: {other}"),
    }
}

#[test]
fn databases_are_apart() {
    let (one, other) = (shared().database(), shared().database());
    one.connect().expect("connects").query_drop("CREATE TABLE t (a INT)").expect("makes a table");
    let mut stranger = other.connect().expect("connects");
    let refused = stranger.query_drop(format!("SELECT * FROM {}.t", one.name)).expect_err("another's table");
    assert_eq!(code(&refused), 1142);
}

#[test]
fn the_application_may_not_change_tables() {
    let database = shared().database();
    database.connect().expect("connects").query_drop("CREATE TABLE t (a INT)").expect("makes a table");
    let mut application = database.connect_as(&database.application, database.port).expect("connects");
    application.query_drop("INSERT INTO t VALUES (7)").expect("inserts");
    assert_eq!(application.query_first("SELECT a FROM t").expect("selects"), Some(7));
    assert_eq!(code(&application.query_drop("DROP TABLE t").expect_err("no rights")), 1142);
}

#[test]
fn a_server_starts_again_with_its_data_and_copies_are_behind() {
    let server = MariaDb::start().expect("starts");
    let database = server.database();
    let fill = "CREATE TABLE t (a INT) SELECT 1 AS a";
    database.connect().expect("connects").query_drop(fill).expect("fills");
    let place = tempfile::tempdir().expect("a folder");
    server.copy_data(&place.path().join("copy")).expect("copies");
    database.connect().expect("connects").query_drop("UPDATE t SET a = 2").expect("updates");
    server.kill();
    assert!(database.connect().is_err());
    server.start_again().expect("starts again");
    let copy = MariaDb::options().data_from(place.path().join("copy")).start().expect("starts");
    let read = |port| {
        let mut connection = database.connect_as(&database.owner, port).expect("connects");
        connection.query_first("SELECT a FROM t").expect("selects")
    };
    assert_eq!(read(server.port()), Some(2));
    assert_eq!(read(copy.port()), Some(1));
}

#[test]
fn a_full_disk_and_variables() {
    let server = MariaDb::options().disk(14).set("max_allowed_packet", "2M").start().expect("starts");
    let database = server.database();
    let mut connection = database.connect().expect("connects");
    assert_eq!(connection.query_first("SELECT @@max_allowed_packet").expect("selects"), Some(2 << 20));
    connection.query_drop("CREATE TABLE t (a LONGBLOB)").expect("makes a table");
    let full = (0..20).find_map(|_| connection.query_drop("INSERT INTO t VALUES (REPEAT('x', 1000000))").err());
    assert_eq!(code(&full.expect("the disk is full at last")), 1114);
}

#[test]
fn certificates() {
    let server = MariaDb::options().tls("localhost").start().expect("starts");
    let on: Option<(String, String)> =
        server.admin().expect("connects").query_first("SHOW VARIABLES LIKE 'have_ssl'").expect("tells");
    assert_eq!(on.expect("is told").1, "YES");
    let verify = |authority: &Path| {
        let told = Command::new("openssl")
            .args(["s_client", "-starttls", "mysql", "-verify_return_error", "-verify_hostname", "localhost"])
            .args(["-connect", &format!("127.0.0.1:{}", server.port()), "-CAfile"])
            .arg(authority)
            .stdin(Stdio::null())
            .output()
            .expect("openssl runs");
        told.status.success()
    };
    assert!(verify(server.authority().expect("made")));
    assert!(!verify(server.strange_authority().expect("made")));
}

/// Does nothing unless it was started by the next test.
#[test]
fn child_entry() {
    if std::env::var_os("HOLDALL_TEST_CHILD").is_some() {
        println!("folder {}", shared().data().display());
        // Until it is killed.
        let _ = std::io::stdin().read(&mut [0]);
    }
}

#[test]
fn a_killed_test_leaves_nothing_behind() {
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "child_entry", "--nocapture"])
        .env("HOLDALL_TEST_CHILD", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut told = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut folder = None;
    while folder.is_none() {
        let mut line = String::new();
        assert_ne!(told.read_line(&mut line).expect("reads"), 0, "the child ended");
        // The test runner may have begun the line.
        folder = line.split_once("folder ").map(|(_, path)| path.trim().to_owned());
    }
    let folder = folder.expect("told");
    assert!(Path::new(&folder).is_dir());
    assert!(has_server(&folder));
    child.kill().expect("kills");
    child.wait().expect("ends");
    let gone = || !Path::new(&folder).exists() && !has_server(&folder);
    wait_until("server and folder are gone", Duration::from_secs(20), gone).expect("the guard sees to it");
}

/// A process works in this folder.
fn has_server(folder: &str) -> bool {
    let listed = Command::new("ps").args(["-eo", "args"]).output().expect("ps runs");
    String::from_utf8_lossy(&listed.stdout).lines().any(|line| line.contains("mariadbd") && line.contains(folder))
}
