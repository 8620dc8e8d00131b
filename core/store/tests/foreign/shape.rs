//! Tables that are not as they should be.

use crate::made::{CFID, NOW, PRIVATE, PUBLIC, Site, create, json, load, lucee, put, rails, record, row, stamp, update};
use holdall_engine::{FaultKind, Loaded, Verdict};
use holdall_store::foreign::{ForeignOptions, ForeignTable};

fn refusal(site: &Site, options: &ForeignOptions) -> String {
    let fault = site.open(options).err().unwrap_or_else(|| panic!("{} opens", site.name()));
    assert_eq!(fault.kind, FaultKind::Config);
    fault.message.to_string()
}

#[test]
fn no_table_another_table_no_identifier() {
    for site in Site::each() {
        site.execute("CREATE TABLE users (id integer PRIMARY KEY, session_id varchar(99) NOT NULL UNIQUE)", &[]);
        assert!(refusal(&site, &rails()).contains("there is no table sessions"));
        let other = ForeignOptions { name: "users".into(), ..rails() };
        assert!(refusal(&site, &other).contains("has no column data"));
        for name in ["", "a b", "a`b", "a\"b", "täble", "x; DROP TABLE users"] {
            let bad = ForeignOptions { name: name.into(), ..rails() };
            assert!(refusal(&site, &bad).contains("not an identifier"));
        }
        let table = ForeignTable::Rails { data_column: "da ta".into(), secure_session_only: false, trim_age_ms: None };
        assert!(refusal(&site, &ForeignOptions { table, name: "users".into(), ..rails() }).contains("not an identifier"));
    }
}

#[test]
fn a_column_of_its_own_that_must_be_filled() {
    for site in Site::with_lucee() {
        site.execute("ALTER TABLE cf_session_data ADD COLUMN note varchar(9)", &[]);
        site.open(&lucee()).expect("a column that may be NULL is no trouble");
        if matches!(site, Site::Sqlite(_)) {
            site.execute("CREATE TABLE t2 (expires, cfid, name, data, tenant integer NOT NULL, PRIMARY KEY (cfid, name))", &[]);
        } else {
            site.execute(
                "CREATE TABLE t2 (expires varchar(64), cfid varchar(64), name varchar(255), data longtext, tenant int NOT NULL, \
                 PRIMARY KEY (cfid, name))",
                &[],
            );
        }
        assert!(refusal(&site, &ForeignOptions { name: "t2".into(), ..lucee() }).contains("a column tenant"));
    }
}

/// As stock Lucee makes it: the unique index has `expires` in it.
const STOCK_LUCEE: [&str; 2] = [
    "CREATE TABLE cf_session_data (expires VARCHAR(64) NOT NULL, cfid VARCHAR(64) NOT NULL, name VARCHAR(255) NOT NULL, \
     data text NOT NULL)",
    "CREATE UNIQUE INDEX ix_cf_session_data ON cf_session_data(cfid, name, expires)",
];

#[test]
fn duplicates_need_a_word_and_become_one_row() {
    for site in Site::each() {
        for sql in STOCK_LUCEE {
            site.execute(sql, &[]);
        }
        let why = refusal(&site, &lucee());
        assert!(why.contains("holdall doctor") && why.contains("allow_duplicates"), "{why}");

        let insert = "INSERT INTO cf_session_data (expires, data, cfid, name) VALUES (?, ?, ?, ?)";
        site.execute(insert, &["1790001000000", r#"{"who":"old"}"#, CFID, "shop"]);
        site.execute(insert, &["1790002000000", r#"{"who":"new"}"#, CFID, "shop"]);
        site.execute(insert, &["1790003000000", r#"{"who":"another application's"}"#, CFID, "Shop"]);
        let store = site.open(&ForeignOptions { allow_duplicates: true, ..lucee() }).expect("opens");
        assert!(store.check().expect("checks").problems[0].contains("more than one row"));
        let read = row(load(&*store, CFID));
        assert_eq!(json(&read, "who").as_deref(), Some(r#""new""#), "the one that expires last");
        let next = record(2, &[("who", r#""new""#), ("k", "1")]);
        assert_eq!(put(&*store, update(CFID, read.stamp, next, &["k"])), Verdict::DONE);
        let rows = site.query("SELECT name FROM cf_session_data ORDER BY name", &[]);
        assert_eq!(rows.len(), 2, "{}: one row for each application", site.name());
        let merged = row(load(&*store, CFID));
        assert_eq!((json(&merged, "who").as_deref(), json(&merged, "k").as_deref()), (Some(r#""new""#), Some("1")));
        assert_eq!(merged.stamp, stamp(2));
        assert!(store.check().expect("checks").problems.is_empty());
    }
}

#[test]
fn data_that_the_column_would_cut_is_refused_and_nothing_is_written() {
    for site in Site::each().into_iter().filter(|site| !matches!(site, Site::Sqlite(_))) {
        site.execute(
            "CREATE TABLE sessions (id bigint AUTO_INCREMENT PRIMARY KEY, session_id varchar(255) NOT NULL UNIQUE, data text)",
            &[],
        );
        let store = site.open(&rails()).expect("opens");
        let text = |len: usize| format!("\"{}\"", "x".repeat(len));
        assert_eq!(put(&*store, create(PUBLIC, record(1, &[("a", &text(40_000))]))), Verdict::DONE);
        let before = site.cell("SELECT data FROM sessions", &[]);
        let refused = put(&*store, update(PUBLIC, stamp(1), record(2, &[("a", &text(70_000))]), &["a"]));
        let Verdict::Rejected(why) = refused else { panic!("{refused:?}") };
        assert!(why.contains("65535") && why.contains("longtext"), "{why}");
        assert_eq!(site.cell("SELECT data FROM sessions", &[]), before);
        assert_eq!(row(load(&*store, PUBLIC)).stamp, stamp(1));
    }
}

#[test]
fn ids_that_a_collation_takes_for_the_same_are_others() {
    for site in Site::each() {
        let collation = if matches!(site, Site::Sqlite(_)) { "COLLATE NOCASE" } else { "" };
        site.execute(&format!("CREATE TABLE sessions (session_id varchar(255) {collation}, data text)"), &[]);
        site.execute("CREATE INDEX plain ON sessions (session_id)", &[]);
        let store = site.open(&ForeignOptions { allow_duplicates: true, ..rails() }).expect("opens");
        let (lower, upper) = ("abcdefabcdefabcdefabcdefabcdefab", "ABCDEFABCDEFABCDEFABCDEFABCDEFAB");
        // From before private ids, so that the ids themselves are compared.
        for (id, data) in [(lower, "BAh7BkkiBmEGOgZFVGkG\n"), (upper, "BAh7BkkiBmEGOgZFVGkH\n")] {
            site.execute("INSERT INTO sessions (session_id, data) VALUES (?, ?)", &[id, data]);
        }
        let (one, two) = (row(load(&*store, lower)), row(load(&*store, upper)));
        assert_eq!((json(&one, "a").as_deref(), json(&two, "a").as_deref()), (Some("1"), Some("2")), "{}", site.name());
        assert_eq!(load(&*store, "abcdefabcdefabcdefabcdefabcdefab "), Loaded::Absent);
        assert!(matches!(put(&*store, crate::made::destroy(upper)), Verdict::Done { .. }));
        assert_eq!(json(&row(load(&*store, lower)), "a").as_deref(), Some("1"));
        assert_eq!(load(&*store, upper), Loaded::Absent);
    }
}

#[test]
fn an_expired_row_gives_its_id_free() {
    for site in Site::with_lucee() {
        let store = site.open(&lucee()).expect("opens");
        assert_eq!(put(&*store, create(CFID, record(1, &[("a", "1")]))), Verdict::DONE);
        let expires = site.cell("SELECT expires FROM cf_session_data", &[]).expect("a time");
        assert_eq!(expires, (NOW.0 + crate::made::IDLE_MS + crate::made::SLACK_MS).to_string());
        assert_eq!(put(&*store, create(CFID, record(2, &[]))), Verdict::Exists);
        site.execute("UPDATE cf_session_data SET expires = ?", &["1789999999999"]);
        let is_there = row(load(&*store, CFID));
        assert!(is_there.accessed < NOW - crate::made::IDLE_MS, "a row that is over is answered like any other");
        assert_eq!(put(&*store, create(CFID, record(3, &[("b", "2")]))), Verdict::DONE);
        let new = row(load(&*store, CFID));
        assert!(new.block.get("a").is_none() && new.block.get("b").is_some());
        site.execute("UPDATE cf_session_data SET expires = ?", &["soon"]);
        assert!(matches!(load(&*store, CFID), Loaded::Corrupt(_)));
    }
}

#[test]
fn a_time_moves_forward_only() {
    for site in Site::with_lucee() {
        let store = site.open(&lucee()).expect("opens");
        assert_eq!(put(&*store, create(CFID, record(1, &[]))), Verdict::DONE);
        let expires = |site: &Site| site.cell("SELECT expires FROM cf_session_data", &[]).expect("a time");
        let first = expires(&site);
        assert_eq!(put(&*store, crate::made::touch(CFID, NOW - 1000)), Verdict::DONE);
        assert_eq!(expires(&site), first);
        assert_eq!(put(&*store, crate::made::touch(CFID, NOW + 1000)), Verdict::DONE);
        assert_eq!(expires(&site), (first.parse::<u64>().expect("a number") + 1000).to_string());
        // A stock server with a longer time-out.
        site.execute("UPDATE cf_session_data SET expires = ?", &["1799999999999"]);
        let read = row(load(&*store, CFID));
        assert_eq!(put(&*store, update(CFID, read.stamp, record(2, &[("a", "1")]), &["a"])), Verdict::DONE);
        assert_eq!(expires(&site), "1799999999999");
    }
}

#[test]
fn what_is_not_to_be_had_says_so() {
    for site in Site::with_rails() {
        let store = site.open(&rails()).expect("opens");
        assert_eq!(store.list("anna").expect_err("no principals").kind, FaultKind::Unsupported);
        assert_eq!(store.due(NOW, 1).expect_err("no keys").kind, FaultKind::Unsupported);
        assert!(!store.check().expect("checks").problems.iter().any(|problem| problem.contains(PRIVATE)));
    }
}

/// Servers that keep sessions in the stock software's table agree on who sweeps, where there is a table for that.
#[cfg(feature = "servers")]
#[test]
fn one_server_sweeps_where_there_is_a_table_of_leases() {
    for site in Site::with_lucee().into_iter().filter(|site| site.name() == "MariaDB") {
        let stores = [site.open(&lucee()).expect("opens"), site.open(&lucee()).expect("opens")];
        assert_eq!((stores[0].lead(1, 60_000), stores[1].lead(2, 60_000)), (Ok(true), Ok(false)));
        site.execute("DROP TABLE holdall_meta", &[]);
        assert_eq!((stores[0].lead(1, 60_000), stores[1].lead(2, 60_000)), (Ok(true), Ok(true)), "without it both may");
    }
}
