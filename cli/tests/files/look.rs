//! `inspect`, `sessions`, `stats` and `bench` on files.

use crate::common::{LUCEE_DATA, RAILS_DATA, now_ms, run};
use crate::file::File;
use holdall::{Holdall, Options};
use rusqlite::params;
use std::time::Duration;

/// Three sessions of the application `shop`; answers their ids.
fn native() -> (File, Vec<String>) {
    let file = File::of("native");
    let bag = Holdall::open(file.url(), Options::new().application("shop".to_owned())).expect("the bag opens");
    let mut ids = Vec::new();
    for number in 0..3 {
        let mut session = bag.session("").expect("a session");
        session.set("number", &number).expect("set");
        session.set("cart", &["3 socks"]).expect("set");
        session.set_bytes("raw", &[1, 2, 255]).expect("set");
        let _ = session.set_principal(Some(if number == 0 { "ada" } else { "grace" })).expect("a principal");
        let _ = session.save().expect("saved");
        ids.push(session.id().to_owned());
    }
    assert!(bag.close(Duration::from_secs(10)).expect("closed").is_empty());
    (file, ids)
}

fn inspect(file: &File, layout: &str, application: &[&str], id: &str) -> crate::common::Answer {
    let arguments = [&["inspect", "--layout", layout][..], application].concat();
    run(&[("HOLDALL_URL", file.url())], &arguments, id.as_bytes())
}

#[test]
fn a_native_session_is_shown_and_its_id_is_not() {
    let (file, ids) = native();
    let answer = inspect(&file, "native", &["--application", "shop"], &format!("{}\n", ids[0])).with_code(0);
    let json = answer.json();
    assert_eq!(json["fields"]["number"], 0);
    assert_eq!(json["fields"]["cart"][0], "3 socks");
    assert_eq!(json["fields"]["raw"]["$bytes"], "AQL/");
    assert_eq!((&json["principal"], &json["state"]), (&"ada".into(), &"live".into()));
    assert!(!answer.shows(&ids[0]));

    let ticket = format!("{}.123456", ids[2]);
    let json = inspect(&file, "native", &["--application", "shop"], &ticket).with_code(0).json();
    assert_eq!(json["fields"]["number"], 2, "a cookie may hold a ticket");

    let path = file.beside("id");
    std::fs::write(&path, &ids[1]).expect("written");
    let path = path.to_str().expect("a path");
    let answer = file.run(&["inspect", "--application", "shop", "--id-file", path]).with_code(0);
    assert_eq!(answer.json()["fields"]["number"], 1);
}

#[test]
fn what_is_not_there_is_told_without_the_id() {
    let (file, ids) = native();
    let answer = inspect(&file, "native", &[], &ids[0]).with_code(5);
    assert!(answer.err.contains("--application"), "{answer:?}");
    assert!(!answer.shows(&ids[0]));
    inspect(&file, "native", &["--application", "shop"], "").with_code(2);
    inspect(&file, "native", &["--application", "shop"], &"x".repeat(300)).with_code(2);
}

#[test]
fn a_destroyed_session_is_dead() {
    let (file, ids) = native();
    let bag = Holdall::open(file.url(), Options::new().application("shop".to_owned())).expect("the bag opens");
    let _ = bag.session(&ids[0]).expect("a session").destroy().expect("destroyed");
    assert!(bag.close(Duration::from_secs(10)).expect("closed").is_empty());
    let json = inspect(&file, "native", &["--application", "shop"], &ids[0]).with_code(0).json();
    assert_eq!((&json["state"], &json["reason"]), (&"dead".into(), &"destroyed".into()));
}

#[test]
fn lucee_and_rails_rows_are_shown_decoded() {
    let lucee = File::of("lucee");
    let id = "3f2a1c58-7b7e-4f0e-9a53-0c7f6a2d9e11";
    let sql = "INSERT INTO cf_session_data VALUES (?, ?, ?, ?)";
    lucee.connect().execute(sql, params![(now_ms() + 60_000).to_string(), id, "shop", LUCEE_DATA]).expect("a row");
    let json = inspect(&lucee, "lucee", &[], id).with_code(0).json();
    assert_eq!((&json["fields"]["username"], &json["application"]), (&"ada".into(), &"shop".into()));
    lucee.connect().execute(sql, params![(now_ms() + 60_000).to_string(), id, "blog", LUCEE_DATA]).expect("a row");
    inspect(&lucee, "lucee", &[], id).with_code(2);
    inspect(&lucee, "lucee", &["--application", "blog"], id).with_code(0);

    let rails = File::of("rails");
    let sql = "INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES (?, ?, ?, ?)";
    let hashed = "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";
    let time = "2026-11-22 00:56:29.331084";
    rails.connect().execute(sql, params![hashed, RAILS_DATA, time, time]).expect("a row");
    let json = inspect(&rails, "rails", &[], "0123456789abcdef0123456789abcdef").with_code(0).json();
    assert_eq!((&json["fields"]["a"], &json["hashed_id"]), (&1.into(), &true.into()));
    assert_eq!(json["updated"], 1_795_308_989_331_u64);
    rails.connect().execute("UPDATE sessions SET data = 'BAh7garbage'", []).expect("damaged");
    let answer = inspect(&rails, "rails", &[], "0123456789abcdef0123456789abcdef").with_code(1);
    assert!(answer.err.contains("can't be read") && !answer.shows("garbage"), "{answer:?}");
}

#[test]
fn sessions_are_listed_by_principal_and_age_without_ids() {
    let (file, ids) = native();
    let all = file.run(&["sessions", "--json"]).with_code(0);
    assert_eq!(all.json()["sessions"].as_array().map(Vec::len), Some(3));
    let ada = file.run(&["sessions", "--json", "--principal", "ada"]).with_code(0).json();
    assert_eq!(ada["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(ada["sessions"][0]["principal"], "ada");
    let none = file.run(&["sessions", "--json", "--unused-for", "1"]).with_code(0).json();
    assert_eq!(none["sessions"].as_array().map(Vec::len), Some(0));
    let few = file.run(&["sessions", "--json", "--limit", "2"]).with_code(0).json();
    assert_eq!((few["sessions"].as_array().map(Vec::len), &few["more"]), (Some(2), &true.into()));
    let text = file.run(&["sessions"]).with_code(0);
    assert!(text.out.contains("PRINCIPAL") && text.out.contains("grace"), "{text:?}");
    assert!(ids.iter().all(|id| !text.shows(id) && !all.shows(id)));

    let lucee = File::of("lucee");
    let sql = "INSERT INTO cf_session_data VALUES (?, 'a-secret-id', 'shop', 'data')";
    lucee.connect().execute(sql, params![(now_ms() + 60_000).to_string()]).expect("a row");
    let listed = lucee.run(&["sessions", "--json", "--layout", "lucee"]).with_code(0);
    assert_eq!(listed.json()["sessions"].as_array().map(Vec::len), Some(1));
    assert!(!listed.shows("a-secret-id"));
    let expired = lucee.run(&["sessions", "--json", "--expired", "--layout", "lucee"]).with_code(0).json();
    assert_eq!(expired["sessions"].as_array().map(Vec::len), Some(0));
    lucee.run(&["sessions", "--principal", "ada", "--layout", "lucee"]).with_code(2);
}

#[test]
fn stats_count_by_application() {
    let (file, _) = native();
    let json = file.run(&["stats", "--json"]).with_code(0).json();
    assert_eq!(json["applications"][0]["application"], "shop");
    assert_eq!(json["applications"][0]["live"], 3);
    let quick = file.run(&["stats", "--json", "--quick"]).with_code(0).json();
    assert!(quick["applications"].is_null() && quick["table_bytes"].as_u64() > Some(0), "{quick}");
    file.run(&["stats", "--application", "other"]).with_code(5);
}

#[test]
fn bench_measures_and_leaves_nothing_behind() {
    let (file, _) = native();
    let json = file.run(&["bench", "--json", "--sessions", "600"]).with_code(0).json();
    let figures = json["figures"].as_array().expect("figures");
    assert_eq!(figures.len(), 6);
    assert!(figures.iter().all(|figure| figure["sessions_per_second"].as_f64() > Some(0.0)), "{figures:?}");
    assert_eq!(file.number("SELECT count(*) FROM holdall_sessions"), 3, "only what was there before");
}
