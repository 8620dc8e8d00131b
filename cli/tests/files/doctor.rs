//! `doctor` on files: each finding provoked, repaired, and then gone.

use crate::common::{LUCEE_DATA, now_ms};
use crate::file::File;
use rusqlite::params;

/// As stock Lucee makes it, before 6.0 also without the index on `expires`.
const STOCK_LUCEE: &str = "CREATE TABLE cf_session_data (expires VARCHAR(64) NOT NULL, cfid VARCHAR(64) NOT NULL, \
    name VARCHAR(255) NOT NULL, data NTEXT NOT NULL); \
    CREATE UNIQUE INDEX ix_cf_session_data ON cf_session_data(cfid, name, expires);";

/// As the template of Rails 2 and 3 made it: ids in clear, and no unique index.
const OLD_RAILS: &str = "CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, session_id varchar NOT NULL, \
    data text, created_at datetime NOT NULL, updated_at datetime NOT NULL); \
    CREATE INDEX index_sessions_on_session_id ON sessions (session_id);";

fn lucee_row(file: &File, expires: &str, cfid: &str, data: &str) {
    let sql = "INSERT INTO cf_session_data (expires, cfid, name, data) VALUES (?, ?, 'shop', ?)";
    file.connect().execute(sql, params![expires, cfid, data]).expect("a row");
}

#[test]
fn stock_lucee_is_found_wanting_repaired_and_then_clean() {
    let file = File::with(STOCK_LUCEE);
    let now = now_ms();
    for (after, data) in [(1_000_000, r#"{"v":1}"#), (3_000_000, LUCEE_DATA), (2_000_000, r#"{"v":2}"#)] {
        lucee_row(&file, &(now + after).to_string(), "cfid-twice", data);
    }
    lucee_row(&file, &(now + 1_000_000).to_string(), "cfid-once", LUCEE_DATA);
    lucee_row(&file, &(now - 3 * 3_600_000).to_string(), "cfid-over", LUCEE_DATA);
    lucee_row(&file, "99", "cfid-broken", LUCEE_DATA);

    let found = file.run(&["doctor", "--json", "--layout", "lucee"]).with_code(1).findings();
    let wanted = ["duplicates", "no-primary-key", "wrong-index", "no-expiry-index", "bad-expires", "expired-rows"];
    assert_eq!(found, wanted);

    let fixed = file.run(&["doctor", "--fix", "--yes", "--layout", "lucee"]).with_code(0);
    for statement in ["CREATE UNIQUE INDEX pk_cf_session_data", "DROP INDEX ix_cf_session_data", "other writes wait"] {
        assert!(fixed.out.contains(statement), "{statement} was not shown:\n{}", fixed.out);
    }
    for id in ["cfid-twice", "cfid-once", "cfid-over", "cfid-broken"] {
        assert!(!fixed.shows(id), "an id was told:\n{}", fixed.out);
    }
    let clean = file.run(&["doctor", "--json", "--layout", "lucee"]).with_code(0);
    assert_eq!(clean.findings(), Vec::<String>::new());
    assert_eq!(file.number("SELECT count(*) FROM cf_session_data"), 2);
    let kept = format!("SELECT count(*) FROM cf_session_data WHERE cfid = 'cfid-twice' AND expires = '{}'", now + 3_000_000);
    assert_eq!(file.number(&kept), 1, "the row that lives longest stays");
}

#[test]
fn ties_are_collapsed_too() {
    let file = File::with(&STOCK_LUCEE.replace("UNIQUE", ""));
    let expires = (now_ms() + 1_000_000).to_string();
    for _ in 0..3 {
        lucee_row(&file, &expires, "tied", LUCEE_DATA);
    }
    file.run(&["doctor", "--fix", "--yes", "--layout", "lucee"]).with_code(0);
    assert_eq!(file.number("SELECT count(*) FROM cf_session_data"), 1);
}

#[test]
fn more_duplicates_than_fit_one_transaction() {
    let file = File::with(STOCK_LUCEE);
    let now = now_ms();
    let connection = file.connect();
    connection.execute_batch("BEGIN").expect("begin");
    for number in 0..1300 {
        for copy in 0..2 {
            let sql = "INSERT INTO cf_session_data VALUES (?, ?, 'shop', ?)";
            let values = params![(now + 1_000_000 + copy).to_string(), format!("id-{number}"), format!("{{\"copy\":{copy}}}")];
            connection.execute(sql, values).expect("a row");
        }
    }
    connection.execute_batch("COMMIT").expect("commit");
    let answer = file.run(&["doctor", "--fix", "--yes", "--json", "--layout", "lucee"]).with_code(0).json();
    assert_eq!(answer["repairs"][0]["rows"], 1300);
    assert_eq!(file.number("SELECT count(*) FROM cf_session_data WHERE data = '{\"copy\":1}'"), 1300);
    assert_eq!(file.number("SELECT count(*) FROM cf_session_data"), 1300);
}

#[test]
fn nothing_is_changed_without_a_yes() {
    let file = File::with(STOCK_LUCEE);
    let answer = file.run(&["doctor", "--fix", "--layout", "lucee"]).with_code(2);
    assert!(answer.err.contains("--yes"), "{answer:?}");
    assert_eq!(file.number("SELECT count(*) FROM sqlite_schema WHERE name = 'ix_cf_session_data'"), 1);
}

#[test]
fn an_old_rails_table_is_repaired() {
    let file = File::with(OLD_RAILS);
    let connection = file.connect();
    let row = "INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES (?, ?, ?, ?)";
    for (id, data, time) in [
        ("0123456789abcdef0123456789abcdef", r#"{"value":{"v":"first"}}"#, "2026-01-01 00:00:00"),
        ("0123456789abcdef0123456789abcdef", r#"{"value":{"v":"newest"}}"#, "2026-03-01 00:00:00"),
        ("0123456789abcdef0123456789abcdef", r#"{"value":{"v":"second"}}"#, "2026-02-01 00:00:00"),
        (
            "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f0",
            r#"{"value":{"v":"hashed"}}"#,
            "2026-02-01 00:00:00",
        ),
    ] {
        connection.execute(row, params![id, data, time, time]).expect("a row");
    }
    let found = file.run(&["doctor", "--json", "--layout", "rails"]).with_code(1).findings();
    assert_eq!(found, ["duplicates", "no-unique-index", "no-expiry-index", "plain-ids", "old-rows"]);
    file.run(&["doctor", "--fix", "--yes", "--layout", "rails"]).with_code(0);
    let left = file.run(&["doctor", "--json", "--layout", "rails"]).with_code(0).findings();
    assert_eq!(left, ["old-rows"], "a note only: what is old is for the operator to say");
    // The id of the cookie, hashed as Rails hashes it.
    let hashed = "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";
    let sql = format!("SELECT count(*) FROM sessions WHERE session_id = '{hashed}' AND data LIKE '%newest%'");
    assert_eq!(file.number(&sql), 1);
    assert_eq!(file.number("SELECT count(*) FROM sessions WHERE updated_at = '2026-03-01 00:00:00'"), 1, "times stay");
}

#[test]
fn tables_without_times_and_with_further_columns_are_told() {
    let bare = File::with(
        "CREATE TABLE sessions (id INTEGER PRIMARY KEY, session_id varchar(255), data text, tenant text NOT NULL); \
         CREATE UNIQUE INDEX u ON sessions (session_id)",
    );
    let found = bare.run(&["doctor", "--json", "--layout", "rails"]).with_code(1).findings();
    assert_eq!(found, ["extra-column", "no-timestamps"]);
    let other = File::with("CREATE TABLE sessions (id INTEGER PRIMARY KEY, body text)");
    let found = other.run(&["doctor", "--json", "--layout", "rails"]).with_code(1).findings();
    assert!(found.contains(&"missing-column".to_owned()), "{found:?}");
}

#[test]
fn quick_leaves_the_rows_alone() {
    let file = File::with(STOCK_LUCEE);
    lucee_row(&file, "99", "broken", LUCEE_DATA);
    let found = file.run(&["doctor", "--quick", "--json", "--layout", "lucee"]).with_code(1).findings();
    assert_eq!(found, ["no-primary-key", "wrong-index", "no-expiry-index"]);
}

#[test]
fn rows_that_nobody_can_decode_are_counted_and_kept() {
    let file = File::of("lucee");
    let expires = (now_ms() + 1_000_000).to_string();
    lucee_row(&file, &expires, "fine", LUCEE_DATA);
    lucee_row(&file, &expires, "damaged", "rO0ABXNyAC9");
    let answer = file.run(&["doctor", "--json", "--layout", "lucee"]).with_code(1);
    assert_eq!(answer.findings(), ["unreadable-rows"]);
    assert_eq!(answer.json()["findings"][0]["rows"], 1);
    file.run(&["doctor", "--fix", "--yes", "--layout", "lucee"]).with_code(1);
    assert_eq!(file.number("SELECT count(*) FROM cf_session_data"), 2);
}

#[test]
fn holdalls_own_table_is_checked_by_its_store() {
    let file = File::of("native");
    file.run(&["doctor", "--layout", "native"]).with_code(0);
    let row = "INSERT INTO holdall_sessions (key, application, state, format, revision, writer, created, accessed, idle, \
        deadline, expires, data) VALUES (x'01', 'shop', 0, 1, 1, zeroblob(16), 1, 1, 0, 9007199254740991, 9007199254740991, \
        CAST('no json' AS BLOB))";
    file.connect().execute(row, []).expect("a row");
    let found = file.run(&["doctor", "--json"]).with_code(1).findings();
    assert_eq!(found, ["native-check"]);
    assert_eq!(file.run(&["doctor", "--json", "--quick"]).with_code(0).findings(), Vec::<String>::new());
}
