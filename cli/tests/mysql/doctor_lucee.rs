//! `doctor` on Lucee's tables: each finding provoked on a table as stock Lucee makes it, repaired, and then gone.

use crate::common::{LUCEE_DATA, now_ms};
use crate::table::{STOCK_INDEX, STOCK_LUCEE, Table};
use holdall_test_databases::mysql::prelude::Queryable;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

const INSERT: &str = "INSERT INTO cf_session_data (expires, cfid, name, data) VALUES (?, ?, ?, ?)";
const CLEAN: Vec<String> = Vec::new();

fn later(ms: u64) -> String {
    (now_ms() + 1_000_000 + ms).to_string()
}

#[test]
fn a_table_as_stock_lucee_makes_it_is_repaired() {
    let table = Table::with(&[STOCK_LUCEE, STOCK_INDEX]);
    for (ms, data) in [(0, r#"{"v":"oldest"}"#), (200, r#"{"v":"newest"}"#), (100, r#"{"v":"older"}"#)] {
        table.execute(INSERT, (later(ms), "cfid-twice", "shop", data));
    }
    table.execute(INSERT, (later(0), "cfid-once", "shop", LUCEE_DATA));
    table.execute(INSERT, (later(0), "cfid-cut", "shop", format!("{{{}", "x".repeat(65_534))));
    table.execute(INSERT, (later(0), "cfid-whole", "shop", format!(r#"{{"v":"{}"}}"#, "x".repeat(65_527))));
    table.execute(INSERT, ("12345", "cfid-broken", "shop", LUCEE_DATA));
    table.execute(INSERT, (now_ms() - 3 * 3_600_000, "cfid-past", "shop", LUCEE_DATA));

    let wanted = [
        "short-data",
        "folding-collation",
        "duplicates",
        "no-primary-key",
        "wrong-index",
        "no-expiry-index",
        "cut-values",
        "bad-expires",
        "unreadable-rows",
        "expired-rows",
    ];
    assert_eq!(table.findings("lucee"), wanted);

    // What can be done while others write is done; the rest is handed over.
    let online = table.fix("lucee", &[]).with_code(1);
    for shown in [
        "ADD PRIMARY KEY (cfid, name)",
        "DROP INDEX ix_cf_session_data",
        "ALGORITHM=INPLACE, LOCK=NONE",
        "reads and writes go on",
        "pt-online-schema-change --ask-pass",
        "gh-ost --host=127.0.0.1",
        "MODIFY data LONGTEXT",
        "--ask-pass",
    ] {
        assert!(online.out.contains(shown), "{shown} was not shown:\n{}", online.out);
    }
    assert!(!online.shows("cfid-") && !online.shows(&table.database.owner.password), "{}", online.out);
    assert_eq!(table.findings("lucee"), ["short-data", "folding-collation"]);
    assert_eq!(table.text("SELECT data FROM cf_session_data WHERE cfid = 'cfid-twice'"), r#"{"v":"newest"}"#);
    assert_eq!(table.number("SELECT COUNT(*) FROM cf_session_data"), 3);

    let copied = table.fix("lucee", &["--lock-ok"]);
    assert!(copied.out.contains("writes to the table wait until it is done"), "{}", copied.out);
    assert_eq!(table.findings("lucee"), CLEAN);
    assert_eq!(table.number("SELECT COUNT(*) FROM cf_session_data WHERE LENGTH(data) = 65535"), 1, "what is whole stays");
    table.execute(INSERT, (later(0), "cfid-large", "shop", "x".repeat(70_000)));
    let nullable = "SELECT is_nullable FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'data'";
    assert_eq!(table.text(nullable), "NO", "the column stays NOT NULL");
}

#[test]
fn keys_that_differ_in_case_are_told_apart_and_both_kept() {
    let table = Table::with(&[STOCK_LUCEE, STOCK_INDEX]);
    table.execute(INSERT, (later(0), "cfid-1", "shop", r#"{"v":"lower"}"#));
    table.execute(INSERT, (later(1), "cfid-1", "Shop", r#"{"v":"upper"}"#));
    assert!(table.findings("lucee").contains(&"twins".to_owned()));
    table.fix("lucee", &["--lock-ok"]);
    assert_eq!(table.findings("lucee"), CLEAN);
    assert_eq!(table.text("SELECT data FROM cf_session_data WHERE cfid = 'cfid-1' AND name = 'Shop'"), r#"{"v":"upper"}"#);
    assert_eq!(table.text("SELECT data FROM cf_session_data WHERE cfid = 'cfid-1' AND name = 'shop'"), r#"{"v":"lower"}"#);
}

#[test]
fn other_shapes_of_the_table_are_repaired_too() {
    for (statements, finding) in [
        // The well-known advice, which forgets NOT NULL.
        (&[STOCK_LUCEE, STOCK_INDEX, "ALTER TABLE cf_session_data MODIFY data longtext"][..], "nullable-data"),
        (&[STOCK_LUCEE, "ALTER TABLE cf_session_data CONVERT TO CHARACTER SET latin1"], "narrow-charset"),
        (&[STOCK_LUCEE, "ALTER TABLE cf_session_data ENGINE = MyISAM"], "not-innodb"),
        (&[STOCK_LUCEE, "ALTER TABLE cf_session_data ROW_FORMAT = COMPACT"], "row-format"),
        (&[STOCK_LUCEE, "ALTER TABLE cf_session_data ADD id INT AUTO_INCREMENT PRIMARY KEY"], "no-primary-key"),
        (
            &[
                STOCK_LUCEE,
                "ALTER TABLE cf_session_data MODIFY cfid VARCHAR(64) COLLATE utf8mb4_bin NOT NULL, \
                 MODIFY name VARCHAR(255) COLLATE utf8mb4_bin NOT NULL",
            ],
            "padding-collation",
        ),
    ] {
        let table = Table::with(statements);
        table.execute(INSERT, (later(0), "cfid-1", "shop", LUCEE_DATA));
        let found = table.findings("lucee");
        assert!(found.contains(&finding.to_owned()), "{finding} is not among {found:?}");
        table.fix("lucee", &["--lock-ok"]);
        assert_eq!(table.findings("lucee"), CLEAN, "after the repair of {finding}");
        assert_eq!(table.text("SELECT data FROM cf_session_data"), LUCEE_DATA, "after the repair of {finding}");
    }
}

#[test]
fn a_column_that_every_insert_would_need_is_told() {
    let table = Table::with(&[STOCK_LUCEE, STOCK_INDEX, "ALTER TABLE cf_session_data ADD tenant INT NOT NULL"]);
    assert!(table.findings("lucee").contains(&"extra-column".to_owned()));
    let answer = table.fix("lucee", &["--lock-ok"]).with_code(1);
    assert!(answer.out.contains("tenant"), "{}", answer.out);
}

#[test]
fn a_writer_goes_on_while_duplicates_go_and_keys_are_made() {
    let table = Table::with(&[STOCK_LUCEE, STOCK_INDEX]);
    let mut connection = table.connect();
    for start in (0..3000).step_by(500) {
        let rows =
            (start..start + 500).flat_map(|number| (0..2).map(move |copy| (later(copy), format!("id-{number}"), "shop", "{}")));
        connection.query_drop("BEGIN").expect("begin");
        connection.exec_batch(INSERT, rows.collect::<Vec<_>>()).expect("rows");
        connection.query_drop("COMMIT").expect("commit");
    }
    let (stop, written) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = table.connect();
            while !stop.load(Ordering::Relaxed) {
                let number = written.fetch_add(1, Ordering::Relaxed);
                let row = (later(0), format!("new-{number}"), "shop", "{}");
                connection.exec_drop(INSERT, row).expect("a writer is never refused");
                holdall_test_databases::pause(std::time::Duration::from_millis(1));
            }
        });
        table.fix("lucee", &[]);
        stop.store(true, Ordering::Relaxed);
    });
    let written = i64::from(written.load(Ordering::Relaxed));
    assert!(written > 0, "the writer wrote nothing");
    assert_eq!(table.number("SELECT COUNT(*) FROM cf_session_data WHERE cfid LIKE 'new-%'"), written);
    assert_eq!(table.number("SELECT COUNT(*) FROM cf_session_data WHERE cfid LIKE 'id-%'"), 3000);
    assert!(!table.findings("lucee").contains(&"no-primary-key".to_owned()));
}
