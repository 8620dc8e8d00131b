//! `prune` on files.

use crate::common::{LUCEE_DATA, RAILS_DATA, now_ms};
use crate::file::File;
use holdall::{Holdall, Options};
use rusqlite::params;
use std::time::Duration;

#[test]
fn exactly_the_expired_rows_of_lucee_go() {
    let file = File::of("lucee");
    let now = now_ms();
    let mut connection = file.connect();
    let rows = connection.transaction().expect("begin");
    for number in 0..2500_u64 {
        let expires = if number % 5 == 0 { now + 60_000 + number } else { now - 10_000 - number };
        let sql = "INSERT INTO cf_session_data VALUES (?, ?, ?, ?)";
        let application = if number % 2 == 0 { "shop" } else { "blog" };
        rows.execute(sql, params![expires.to_string(), format!("id-{number}"), application, LUCEE_DATA]).expect("a row");
    }
    rows.commit().expect("commit");

    let dry = file.run(&["prune", "--dry-run", "--json", "--layout", "lucee"]).with_code(0).json();
    assert_eq!((&dry["due"], &dry["removed"]), (&2000.into(), &0.into()));
    let one = file.run(&["prune", "--json", "--layout", "lucee", "--application", "shop"]).with_code(0).json();
    assert_eq!(one["removed"], 1000);
    let some = file.run(&["prune", "--json", "--layout", "lucee", "--limit", "300", "--no-pause"]).with_code(0).json();
    assert_eq!(some["removed"], 300);
    let rest = file.run(&["prune", "--json", "--layout", "lucee", "--batch", "64", "--no-pause"]).with_code(0).json();
    assert_eq!(rest["removed"], 700);
    assert_eq!(file.number("SELECT count(*) FROM cf_session_data"), 500);
    let live = format!("SELECT count(*) FROM cf_session_data WHERE expires > '{now}'");
    assert_eq!(file.number(&live), 500);
}

#[test]
fn rails_rows_go_by_their_last_write() {
    let file = File::of("rails");
    let connection = file.connect();
    let sql = "INSERT INTO sessions (session_id, data, created_at, updated_at) \
        VALUES (?, ?, '2020-01-01 00:00:00.000000', datetime('now', ?))";
    for number in 0..50 {
        let age = if number < 20 { "-40 days" } else { "-20 days" };
        connection.execute(sql, params![format!("2::{number}"), RAILS_DATA, age]).expect("a row");
    }
    let answer = file.run(&["prune", "--json", "--layout", "rails", "--older-than", "30"]).with_code(0).json();
    assert_eq!((&answer["due"], &answer["removed"]), (&20.into(), &20.into()));
    assert_eq!(file.number("SELECT count(*) FROM sessions"), 30, "an old session that is written to lives");
    let url = format!("{}?layout=rails&trim_days=10&serializer=json", file.url());
    let answer = crate::common::holdall_at(&url, &["prune", "--json"]).with_code(0).json();
    assert_eq!(answer["removed"], 30, "the URL of a bag says how old is old");
}

#[test]
fn without_an_index_nothing_is_read_through_and_the_doctor_is_named() {
    let file = File::with("CREATE TABLE cf_session_data (expires VARCHAR(64), cfid VARCHAR(64), name VARCHAR(255), data TEXT)");
    let answer = file.run(&["prune", "--layout", "lucee"]).with_code(1);
    assert!(answer.err.contains("doctor --fix"), "{answer:?}");
}

#[test]
fn the_native_table_is_swept_for_every_application() {
    let file = File::of("native");
    for application in ["shop", "blog"] {
        let options = Options::new().application(application.to_owned()).idle(Duration::from_secs(1));
        let bag = Holdall::open(file.url(), options).expect("the bag opens");
        for _ in 0..30 {
            let mut session = bag.session("").expect("a session");
            session.set("n", &1).expect("set");
            let _ = session.save().expect("saved");
        }
        let left = bag.close(Duration::from_secs(10)).expect("closed");
        assert!(left.is_empty());
    }
    let early = file.run(&["prune", "--json"]).with_code(0).json();
    assert_eq!(early["removed"], 0, "what has just expired is left for ten minutes");
    let connection = file.connect();
    connection.execute("UPDATE holdall_sessions SET expires = expires - 3600000 WHERE application = 'shop'", []).expect("aged");
    let one = file.run(&["prune", "--json", "--application", "blog"]).with_code(0).json();
    assert_eq!(one["removed"], 0);
    let all = file.run(&["prune", "--json"]).with_code(0).json();
    assert_eq!(all["removed"], 30);
    assert_eq!(file.number("SELECT count(*) FROM holdall_sessions WHERE application = 'blog'"), 30);
}

#[test]
fn a_locked_file_is_waited_for_and_then_told() {
    let file = File::of("lucee");
    let connection = file.connect();
    connection.execute("INSERT INTO cf_session_data VALUES ('1600000000000', 'a', 'b', 'c')", []).expect("a row");
    connection.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let released = std::thread::spawn(move || {
        holdall_test_databases::pause(Duration::from_millis(300));
        connection.execute_batch("COMMIT").expect("released");
    });
    let answer = file.run(&["prune", "--json", "--layout", "lucee"]).with_code(0).json();
    assert_eq!(answer["removed"], 1);
    released.join().expect("the other writer");
}
