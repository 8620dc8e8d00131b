//! `import` from a server to a server, and between kinds of database.

use crate::common::{LUCEE_DATA, RAILS_DATA, now_ms, run};
use crate::table::{STOCK_INDEX, STOCK_LUCEE, Table};
use holdall::{Holdall, Mode, Open, Options};
use holdall_test_databases::mysql::prelude::Queryable;
use std::time::Duration;

fn import(source: &str, target: &str, arguments: &[&str]) -> crate::common::Answer {
    let arguments = [&["import", "--json"][..], arguments].concat();
    run(&[("HOLDALL_URL", source), ("HOLDALL_TO", target)], &arguments, b"")
}

#[test]
fn a_lucee_table_goes_into_the_native_table_beside_it() {
    let table = Table::with(&[STOCK_LUCEE, STOCK_INDEX]);
    table.run(&["create-table"]).with_code(0);
    let mut connection = table.connect();
    let expires = (now_ms() + 600_000).to_string();
    let rows =
        (0..700).map(|number| (&expires, format!("id-{number:04}"), if number % 2 == 0 { "shop" } else { "blog" }, LUCEE_DATA));
    let sql = "INSERT INTO cf_session_data (expires, cfid, name, data) VALUES (?, ?, ?, ?)";
    connection.exec_batch(sql, rows.collect::<Vec<_>>()).expect("rows");
    let url = table.database.url();
    let answer = import(&url, &url, &["--from", "lucee"]).with_code(0).json();
    assert_eq!((&answer["read"], &answer["verified"]), (&700.into(), &700.into()), "{answer}");
    assert_eq!(table.number("SELECT COUNT(*) FROM holdall_sessions WHERE application = 'blog'"), 350);
    let again = import(&url, &url, &["--from", "lucee"]).with_code(0).json();
    assert_eq!((&again["written"], &again["same"]), (&0.into(), &700.into()));

    let bag = Holdall::open(&url, Options::new().application("blog".to_owned()).adopt(true)).expect("the bag opens");
    let session = bag.open_session(b"id-0699", Open { mode: Mode::Existing, ..Open::default() }).expect("a session");
    assert_eq!(session.get::<String>("username").expect("a field").as_deref(), Some("ada"));
    drop(session);
    assert!(bag.close(Duration::from_secs(10)).expect("closed").is_empty());
}

#[test]
fn sessions_move_from_rails_to_a_file_and_on_to_another_server() {
    let rails = Table::of("rails");
    let sql = "INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES (?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";
    rails.execute(sql, ("2::abc", RAILS_DATA));
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("sqlite:{}", folder.path().join("sessions.db").display());
    run(&[("HOLDALL_URL", &file)], &["create-table"], b"").with_code(0);
    let answer = import(&rails.database.url(), &file, &["--from", "rails", "--application", "shop"]).with_code(0).json();
    assert_eq!(answer["verified"], 1);
    let native = Table::of("native");
    let answer = import(&file, &native.database.url(), &["--from", "native"]).with_code(0).json();
    assert_eq!(answer["verified"], 1);
    assert_eq!(native.number("SELECT COUNT(*) FROM holdall_sessions WHERE application = 'shop'"), 1);
}
