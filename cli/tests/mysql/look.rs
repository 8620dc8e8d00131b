//! `inspect`, `sessions`, `stats` and `bench` on a server.

use crate::common::{LUCEE_DATA, now_ms, run};
use crate::table::Table;
use holdall::{Holdall, Options};
use std::time::Duration;

#[test]
fn a_native_session_is_shown_listed_counted_and_pruned() {
    let table = Table::of("native");
    let url = table.database.url();
    let options = Options::new().application("shop".to_owned());
    let bag = Holdall::open(&url, options).expect("the bag opens");
    let mut session = bag.session("").expect("a session");
    session.set("cart", &["3 socks"]).expect("set");
    let _ = session.set_principal(Some("ada")).expect("a principal");
    let _ = session.save().expect("saved");
    let id = session.id().to_owned();
    drop(session);
    assert!(bag.close(Duration::from_secs(10)).expect("closed").is_empty());

    let shown = run(&[("HOLDALL_URL", &url)], &["inspect", "--application", "shop"], id.as_bytes()).with_code(0);
    assert_eq!(shown.json()["fields"]["cart"][0], "3 socks");
    assert!(!shown.shows(&id));
    let listed = table.run(&["sessions", "--json", "--principal", "ada"]).with_code(0).json();
    assert_eq!(listed["sessions"][0]["application"], "shop");
    let counted = table.run(&["stats", "--json"]).with_code(0).json();
    assert_eq!(counted["applications"][0]["live"], 1);

    let measured = table.run(&["bench", "--json", "--sessions", "300"]).with_code(0).json();
    assert_eq!(measured["figures"].as_array().map(Vec::len), Some(6));
    assert_eq!(table.number("SELECT COUNT(*) FROM holdall_sessions"), 1);

    table.execute("UPDATE holdall_sessions SET expires = expires - 7200000", ());
    let pruned = table.run(&["prune", "--json"]).with_code(0).json();
    assert_eq!(pruned["removed"], 1);
}

#[test]
fn a_lucee_row_is_shown_listed_and_counted() {
    let table = Table::of("lucee");
    let id = "3f2a1c58-7b7e-4f0e-9a53-0c7f6a2d9e11";
    let sql = "INSERT INTO cf_session_data (expires, cfid, name, data) VALUES (?, ?, 'shop', ?)";
    table.execute(sql, ((now_ms() + 60_000).to_string(), id, LUCEE_DATA));
    let url = format!("{}?layout=lucee", table.database.url());
    let shown = run(&[("HOLDALL_URL", &url)], &["inspect"], id.as_bytes()).with_code(0);
    assert_eq!(shown.json()["fields"]["username"], "ada");
    let listed = run(&[("HOLDALL_URL", &url)], &["sessions", "--json"], b"").with_code(0);
    assert!(!listed.shows(id));
    assert_eq!(listed.json()["sessions"][0]["application"], "shop");
    let counted = run(&[("HOLDALL_URL", &url)], &["stats", "--json"], b"").with_code(0).json();
    assert_eq!((&counted["layout"], &counted["applications"][0]["live"]), (&"lucee".into(), &1.into()));
}
