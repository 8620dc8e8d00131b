//! `doctor` on the table of Rails.

use crate::common::RAILS_DATA;
use crate::table::Table;

/// What the generator's migration makes on MySQL.
const GENERATED: &str = "CREATE TABLE sessions (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, session_id varchar(255) NOT NULL, \
    data text, created_at datetime(6) NOT NULL, updated_at datetime(6) NOT NULL)";
const INSERT: &str = "INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES (?, ?, UTC_TIMESTAMP(6), ?)";

#[test]
fn an_old_table_is_repaired() {
    let table = Table::with(&[GENERATED, "CREATE INDEX index_sessions_on_session_id ON sessions (session_id)"]);
    let public = "0123456789abcdef0123456789abcdef";
    for (id, data, time) in [
        (public, r#"{"value":{"v":"first"}}"#, "2026-01-01 00:00:00"),
        (public, r#"{"value":{"v":"newest"}}"#, "2026-03-01 00:00:00"),
        (public, r#"{"value":{"v":"second"}}"#, "2026-02-01 00:00:00"),
        ("2::other", RAILS_DATA, "2026-03-01 00:00:00"),
    ] {
        table.execute(INSERT, (id, data, time));
    }
    table.execute(INSERT, ("2::cut", "B".repeat(65_535), "2026-03-01 00:00:00"));
    table
        .execute(INSERT, ("2::whole", format!("{{\"value\":{{\"v\":\"{}\"}}}}", "x".repeat(65_535 - 19)), "2026-03-01 00:00:00"));
    let wanted = [
        "short-data",
        "folding-collation",
        "duplicates",
        "no-unique-index",
        "no-expiry-index",
        "cut-values",
        "plain-ids",
        "unreadable-rows",
        "old-rows",
    ];
    assert_eq!(table.findings("rails"), wanted);
    let answer = table.fix("rails", &["--lock-ok"]);
    assert!(!answer.shows(public), "{}", answer.out);
    assert_eq!(table.findings("rails"), ["old-rows"]);
    let hashed = "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";
    assert_eq!(table.text(&format!("SELECT data FROM sessions WHERE session_id = '{hashed}'")), r#"{"value":{"v":"newest"}}"#);
    assert_eq!(table.number("SELECT COUNT(*) FROM sessions"), 3);
    let unique = "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0 \
        AND column_name = 'session_id'";
    assert_eq!(table.number(unique), 1);
}

#[test]
fn a_hashed_row_wins_over_the_plain_one_of_the_same_session() {
    let table = Table::of("rails");
    let hashed = "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";
    table.execute(INSERT, ("0123456789abcdef0123456789abcdef", r#"{"value":{"v":"plain"}}"#, "2026-11-20 00:00:00"));
    table.execute(INSERT, (hashed, r#"{"value":{"v":"hashed"}}"#, "2026-11-20 00:00:00"));
    table.fix("rails", &[]);
    assert_eq!(table.text("SELECT data FROM sessions"), r#"{"value":{"v":"hashed"}}"#, "Rails looks for that first");
}

#[test]
fn a_table_without_times_or_numbers_is_told() {
    let table = Table::with(&["CREATE TABLE sessions (id bigint NOT NULL, session_id varchar(255) COLLATE utf8mb4_nopad_bin, \
        data longtext, UNIQUE KEY u (session_id))"]);
    assert_eq!(table.findings("rails"), ["extra-column", "no-timestamps", "no-row-id"].map(str::to_owned)[1..]);
    let answer = table.fix("rails", &[]).with_code(1);
    assert!(answer.out.contains("created_at"), "{}", answer.out);
    assert_eq!(table.findings("rails"), ["no-timestamps"]);
}
