//! Rows of the stock software, read and written.

use crate::made::{
    IDLE_MS, NOW, PRIVATE, PUBLIC, Site, create, destroy, json, known, load, put, rails, record, rename, row, stamp, touch,
    update,
};
use holdall_engine::{Loaded, Time, Verdict};
use holdall_store::foreign::{ForeignOptions, ForeignTable};

/// `{"user_id"=>7, "at"=>Time.utc(2024)}` with the serialiser marshal.
const RUBY_ROW: &str = "BAh7B0kiDHVzZXJfaWQGOgZFVGkMSSIHYXQGOwBUSXU6CVRpbWUNIAAfwAAA\nAAAGOgl6b25lSSIIVVRDBjsARg==\n";

fn insert_rails(site: &Site, id: &str, data: &str) {
    let sql = "INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES (?, ?, ?, ?)";
    site.execute(sql, &[id, data, "2026-09-01 10:00:00.123456", "2026-09-20 10:00:00.654321"]);
}

#[test]
fn a_row_of_rails_is_read_saved_and_left_readable() {
    for site in Site::with_rails() {
        insert_rails(&site, PRIVATE, RUBY_ROW);
        let store = site.open(&rails()).expect("opens");
        let read = row(load(&*store, PUBLIC));
        assert_eq!(json(&read, "user_id").as_deref(), Some("7"));
        assert_eq!((read.created, read.accessed), (Time(1_788_256_800_123), Time(1_789_898_400_654)));
        assert_eq!((read.idle_ms, read.deadline), (0, Time::NEVER));
        assert_eq!(known(&*store, PUBLIC, Some(read.stamp)), Loaded::Same { accessed: read.accessed });

        let mut next = record(5, &[("user_id", "8")]);
        next.accessed = NOW;
        assert_eq!(put(&*store, update(PUBLIC, read.stamp, next, &["user_id"])), Verdict::DONE);
        let rows = site.query("SELECT session_id, data, created_at, updated_at FROM sessions", &[]);
        let is = rows[0].iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>();
        let data = RUBY_ROW.replace("VGkM", "VGkN");
        assert_eq!(is, [PRIVATE, &data, "2026-09-01 10:00:00.123456", "2026-09-21 14:13:20.000000"], "{}", site.name());
        let again = row(load(&*store, PUBLIC));
        assert_eq!(again.stamp, stamp(5));
        assert!(again.block.get("at").is_some(), "the time that holdall doesn't understand is still there");
    }
}

#[test]
fn a_row_from_before_private_ids_is_found_and_rekeyed_by_its_next_save() {
    for site in Site::with_rails() {
        insert_rails(&site, PUBLIC, RUBY_ROW);
        let secure = ForeignTable::Rails { data_column: "data".into(), secure_session_only: true, trim_age_ms: None };
        let only_secure = site.open(&ForeignOptions { table: secure, ..rails() }).expect("opens");
        assert_eq!(load(&*only_secure, PUBLIC), Loaded::Absent);

        let store = site.open(&rails()).expect("opens");
        let read = row(load(&*store, PUBLIC));
        assert_eq!(put(&*store, update(PUBLIC, read.stamp, record(2, &[("user_id", "9")]), &["user_id"])), Verdict::DONE);
        let ids = site.query("SELECT session_id FROM sessions", &[]);
        assert_eq!(ids, [[Some(PRIVATE.to_owned())]], "one row, under the private id");
        assert_eq!(json(&row(load(&*only_secure, PUBLIC)), "user_id").as_deref(), Some("9"));
        assert!(matches!(put(&*store, destroy(PUBLIC)), Verdict::Done { .. }));
        assert_eq!(site.query("SELECT session_id FROM sessions", &[]).len(), 0);
    }
}

#[test]
fn a_private_id_in_a_cookie_opens_nothing() {
    for site in Site::with_rails() {
        insert_rails(&site, PRIVATE, RUBY_ROW);
        let store = site.open(&rails()).expect("opens");
        assert_eq!(load(&*store, PRIVATE), Loaded::Absent);
        assert!(matches!(put(&*store, create(PRIVATE, record(1, &[]))), Verdict::Rejected(_)));
        assert_eq!(put(&*store, touch(PRIVATE, NOW)), Verdict::Gone);
        assert!(matches!(put(&*store, destroy(PRIVATE)), Verdict::Done { .. }));
        assert_eq!(site.query("SELECT session_id FROM sessions", &[]).len(), 1);
    }
}

#[test]
fn what_someone_else_wrote_is_a_conflict_and_a_later_revision() {
    for site in Site::with_rails() {
        let store = site.open(&rails()).expect("opens");
        assert_eq!(put(&*store, create(PUBLIC, record(1, &[("a", "1")]))), Verdict::DONE);
        let mut base = stamp(1);
        for _ in 0..3 {
            site.execute("UPDATE sessions SET data = ?", &[RUBY_ROW]);
            assert_eq!(put(&*store, update(PUBLIC, base, record(2, &[("a", "2")]), &["a"])), Verdict::Conflict);
            // Not asked with the stamp held, as when an outcome is open; and with it.
            let theirs = row(load(&*store, PUBLIC));
            assert!(theirs.stamp.revision > base.revision, "it came later");
            assert_eq!(known(&*store, PUBLIC, Some(theirs.stamp)), Loaded::Same { accessed: theirs.accessed });
            let next = theirs.stamp.next(stamp(9).writer);
            let mut ours = record(0, &[("a", "3")]);
            ours.stamp = next;
            assert_eq!(put(&*store, update(PUBLIC, theirs.stamp, ours, &["a"])), Verdict::DONE);
            let merged = row(load(&*store, PUBLIC));
            assert_eq!((json(&merged, "user_id").as_deref(), json(&merged, "a").as_deref()), (Some("7"), Some("3")));
            assert_eq!(merged.stamp, next);
            base = next;
        }
    }
}

#[test]
fn a_row_that_cannot_be_read_is_an_error_and_stays() {
    for site in Site::with_rails() {
        insert_rails(&site, PRIVATE, "BAh7Bkki");
        let store = site.open(&rails()).expect("opens");
        assert!(matches!(load(&*store, PUBLIC), Loaded::Corrupt(_)));
        assert_eq!(put(&*store, update(PUBLIC, stamp(1), record(2, &[]), &[])), Verdict::Conflict);
        assert_eq!(put(&*store, create(PUBLIC, record(2, &[]))), Verdict::Exists);
        assert_eq!(site.cell("SELECT data FROM sessions", &[]).as_deref(), Some("BAh7Bkki"));
        let checked = store.check().expect("checks");
        assert_eq!((checked.rows, checked.problems.len()), (1, 1));
        assert!(!checked.problems[0].contains(PRIVATE));
    }
}

#[test]
fn a_rotation_moves_the_row_with_all_that_is_in_it() {
    let to = "fedcba9876543210fedcba9876543210";
    for site in Site::with_rails() {
        insert_rails(&site, PRIVATE, RUBY_ROW);
        let store = site.open(&rails()).expect("opens");
        let read = row(load(&*store, PUBLIC));
        let mut next = read.clone();
        next.stamp = stamp(8);
        assert_eq!(put(&*store, rename(PUBLIC, read.stamp, to, next)), Verdict::DONE);
        let rows = site.query("SELECT data, created_at FROM sessions", &[]);
        assert_eq!(rows, [[Some(RUBY_ROW.to_owned()), Some("2026-09-01 10:00:00.123456".to_owned())]]);
        assert_eq!(load(&*store, PUBLIC), Loaded::Absent);
        assert_eq!(row(load(&*store, to)).block, read.block);
        assert_eq!(put(&*store, create(PUBLIC, record(1, &[]))), Verdict::Gone, "the old id stays dead");
    }
}

#[test]
fn a_use_alone_moves_the_time_once_a_day() {
    let day = 86_400_000;
    for site in Site::with_rails() {
        let store = site.open(&rails()).expect("opens");
        assert_eq!(put(&*store, create(PUBLIC, record(1, &[]))), Verdict::DONE);
        assert_eq!(put(&*store, touch(PUBLIC, NOW + day - 1)), Verdict::DONE);
        assert_eq!(row(load(&*store, PUBLIC)).accessed, NOW);
        assert_eq!(put(&*store, touch(PUBLIC, NOW + day)), Verdict::DONE);
        assert_eq!(row(load(&*store, PUBLIC)).accessed, NOW + day);
        assert_eq!(put(&*store, touch(PUBLIC, NOW)), Verdict::DONE);
        assert_eq!(row(load(&*store, PUBLIC)).accessed, NOW + day);
    }
}

#[test]
fn rails_sessions_are_swept_by_age_and_only_when_one_is_set() {
    let day = 86_400_000;
    let trimmed = ForeignTable::Rails { data_column: "data".into(), secure_session_only: false, trim_age_ms: Some(30 * day) };
    for site in Site::with_rails() {
        let store = site.open(&ForeignOptions { idle_ms: IDLE_MS, ..rails() }).expect("opens");
        let trims = site.open(&ForeignOptions { table: trimmed.clone(), ..rails() }).expect("opens");
        assert_eq!(put(&*store, create(PUBLIC, record(1, &[]))), Verdict::DONE);
        let later = NOW + 400 * day;
        assert_eq!(store.sweep(later, later, 10).expect("sweeps").expired, 0, "no trim age");
        assert_eq!(trims.sweep(NOW + 30 * day - 1, NOW, 10).expect("sweeps").expired, 0);
        assert_eq!(trims.sweep(NOW + 30 * day, NOW, 10).expect("sweeps").expired, 1);
        assert_eq!(load(&*store, PUBLIC), Loaded::Absent);
    }
}

#[test]
fn a_table_without_times_works_too() {
    for site in Site::each() {
        let key = if matches!(site, Site::Sqlite(_)) { "integer PRIMARY KEY" } else { "bigint AUTO_INCREMENT PRIMARY KEY" };
        site.execute(&format!("CREATE TABLE web_sessions (id {key}, session_id varchar(255), payload text)"), &[]);
        site.execute("CREATE UNIQUE INDEX one ON web_sessions (session_id)", &[]);
        let table = ForeignTable::Rails { data_column: "payload".into(), secure_session_only: true, trim_age_ms: None };
        let options = ForeignOptions { table, name: "web_sessions".into(), ..rails() };
        let store = site.open(&options).expect("opens");
        assert_eq!(put(&*store, create(PUBLIC, record(1, &[("a", "1")]))), Verdict::DONE);
        assert_eq!(put(&*store, update(PUBLIC, stamp(1), record(2, &[("a", "2")]), &["a"])), Verdict::DONE);
        assert_eq!(put(&*store, touch(PUBLIC, NOW + 1)), Verdict::DONE);
        assert_eq!(json(&row(load(&*store, PUBLIC)), "a").as_deref(), Some("2"));
    }
}

/// A commit whose outcome was lost: the same again finds that it is done.
#[test]
fn a_repeated_commit_is_settled_by_its_stamp_also_after_someone_else_wrote() {
    for site in Site::with_rails() {
        let store = site.open(&rails()).expect("opens");
        let write = update(PUBLIC, stamp(1), record(2, &[("a", "2")]), &["a"]);
        assert_eq!(put(&*store, create(PUBLIC, record(1, &[("a", "1")]))), Verdict::DONE);
        assert_eq!(put(&*store, write.clone()), Verdict::DONE);
        assert_eq!(put(&*store, write.clone()), Verdict::Conflict);
        assert_eq!(row(load(&*store, PUBLIC)).stamp, stamp(2));
        site.execute("UPDATE sessions SET data = ?", &[RUBY_ROW]);
        assert_eq!(put(&*store, write), Verdict::Conflict);
        assert!(row(load(&*store, PUBLIC)).stamp.revision > 2);
    }
}
