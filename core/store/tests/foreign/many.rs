//! Batches: many rows in one transaction, each with a verdict of its own.

use crate::made::{NOW, Site, create, destroy, json, load, lucee, put, rails, record, rename, row, stamp, update};
use holdall_engine::{Loaded, Record, Verdict, Write};
use holdall_layout::rails::{RailsData, Serializer};
use holdall_store::Store;
use holdall_store::foreign::ForeignOptions;
use std::sync::Arc;

fn id(number: u64) -> String {
    format!("{number:08x}-7b7e-4f0e-9a53-0c7f6a2d9e11")
}

fn one(number: u64, value: &str) -> Record {
    record(number, &[("n", value)])
}

fn commit(store: &dyn Store, writes: &[Write]) -> Vec<Verdict> {
    store.commit(writes, NOW).expect("the commit goes through")
}

#[test]
fn rows_of_every_fate_in_one_batch() {
    let long = format!("\"{}\"", "x".repeat(200_000));
    for (sites, options) in [(Site::with_rails(), rails()), (Site::with_lucee(), lucee())] {
        for site in sites {
            let store = site.open(&options).expect("opens");
            let first: Vec<Write> = (0..150).map(|number| create(&id(number), one(1, &number.to_string()))).collect();
            assert!(commit(&*store, &first).iter().all(|verdict| *verdict == Verdict::DONE));

            let mut batch: Vec<Write> = (0..100)
                .map(|number| {
                    let base = if number % 10 == 3 { stamp(77) } else { stamp(1) };
                    let value = if number == 50 { long.clone() } else { format!("\"{number}\"") };
                    update(&id(number), base, one(2, &value), &["n"])
                })
                .collect();
            batch.extend((140..160).map(|number| create(&id(number), one(3, "true"))));
            batch.push(destroy(&id(120)));
            batch.push(rename(&id(121), stamp(1), &id(900), one(4, "121")));
            let verdicts = commit(&*store, &batch);
            for number in 0..100 {
                let conflicts = number % 10 == 3;
                let expected = if conflicts { Verdict::Conflict } else { Verdict::DONE };
                assert_eq!(verdicts[number as usize], expected, "{number} on {}", site.name());
                let is = row(load(&*store, &id(number)));
                assert_eq!(is.stamp, stamp(if conflicts { 1 } else { 2 }), "{number}");
                let value = json(&is, "n").expect("a value");
                let value = value.trim_end_matches(".0");
                match number {
                    50 => assert_eq!(value, long, "nothing is cut"),
                    _ if conflicts => assert_eq!(value, number.to_string()),
                    _ => assert_eq!(value, format!("\"{number}\"")),
                }
            }
            for number in 140..160 {
                let expected = if number < 150 { Verdict::Exists } else { Verdict::DONE };
                assert_eq!(verdicts[100 + number as usize - 140], expected, "{number} on {}", site.name());
                assert_eq!(row(load(&*store, &id(number))).stamp, stamp(if number < 150 { 1 } else { 3 }));
            }
            assert_eq!(load(&*store, &id(120)), Loaded::Absent);
            assert_eq!(row(load(&*store, &id(900))).stamp, stamp(4));
        }
    }
}

/// Emoji have no place in a column of the three-byte character set: the row is refused, its neighbours are written.
#[test]
fn a_row_that_the_server_refuses_stops_no_other() {
    for site in Site::each().into_iter().filter(|site| !matches!(site, Site::Sqlite(_))) {
        site.execute(
            "CREATE TABLE sessions (session_id varchar(255) CHARACTER SET ascii NOT NULL PRIMARY KEY, \
             data longtext CHARACTER SET utf8mb3)",
            &[],
        );
        let json_rows = Arc::new(RailsData { serializer: Serializer::Json });
        let store = site.open(&ForeignOptions { data: json_rows, ..rails() }).expect("opens");
        let value = |number: u64| if number == 5 { "\"\u{1f9e6}\"".to_owned() } else { number.to_string() };
        let creates: Vec<Write> = (0..20).map(|number| create(&id(number), one(1, &value(number)))).collect();
        for (number, verdict) in commit(&*store, &creates).into_iter().enumerate() {
            assert_eq!(matches!(verdict, Verdict::Rejected(_)), number == 5, "{verdict:?}");
            assert_eq!(load(&*store, &id(number as u64)) == Loaded::Absent, number == 5);
        }
        assert_eq!(put(&*store, create(&id(5), one(2, "5"))), Verdict::DONE);
        let base = |number| if number == 5 { stamp(2) } else { stamp(1) };
        let updates: Vec<Write> = (0..20)
            .map(|number| update(&id(number), base(number), one(3, &value(if number == 9 { 5 } else { 7 })), &["n"]))
            .collect();
        for (number, verdict) in commit(&*store, &updates).into_iter().enumerate() {
            assert_eq!(matches!(verdict, Verdict::Rejected(_)), number == 9, "{verdict:?}");
            let expected = if number == 9 { stamp(1) } else { stamp(3) };
            assert_eq!(row(load(&*store, &id(number as u64))).stamp, expected);
        }
        let moved = rename(&id(1), stamp(3), &id(99), one(4, "\"\u{1f9e6}\""));
        assert!(matches!(put(&*store, moved), Verdict::Rejected(_)));
        assert_eq!(row(load(&*store, &id(1))).stamp, stamp(3), "the old row is still there");
        assert_eq!(load(&*store, &id(99)), Loaded::Absent);
    }
}

/// Merging duplicates takes several statements; if the last is refused, all are taken back.
#[test]
fn duplicates_stay_if_the_one_row_is_refused() {
    for site in Site::each().into_iter().filter(|site| !matches!(site, Site::Sqlite(_))) {
        site.execute("CREATE TABLE sessions (session_id varchar(255), data longtext CHARACTER SET utf8mb3)", &[]);
        let json_rows = Arc::new(RailsData { serializer: Serializer::Json });
        let options = ForeignOptions { data: json_rows, allow_duplicates: true, ..rails() };
        let store = site.open(&options).expect("opens");
        assert_eq!(put(&*store, create(&id(1), one(1, "1"))), Verdict::DONE);
        site.execute("INSERT INTO sessions SELECT * FROM sessions", &[]);
        let read = row(load(&*store, &id(1)));
        let emoji = update(&id(1), read.stamp, one(2, "\"\u{1f9e6}\""), &["n"]);
        assert!(matches!(put(&*store, emoji), Verdict::Rejected(_)));
        assert_eq!(site.query("SELECT data FROM sessions", &[]).len(), 2);
        assert_eq!(put(&*store, update(&id(1), read.stamp, one(3, "3"), &["n"])), Verdict::DONE);
        assert_eq!(site.query("SELECT data FROM sessions", &[]), [[Some(r#"{"value":{"n":3}}"#.to_owned())]]);
    }
}
