//! Names and values of the stock software's.

use crate::made::{Site, Table, quiet, stored};
use holdall::{Done, ErrorKind};

const ID: &str = "0123456789abcdef0123456789abcdef";
const PRIVATE: &str = "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";
/// `{"user_id"=>7, "at"=>Time.utc(2024), "role"=>:admin, "cur"=>Float::NAN}` with the serialiser marshal.
const RUBY_ROW: &str = "BAh7CUkiDHVzZXJfaWQGOgZFVGkMSSIHYXQGOwBUSXU6CVRpbWUNIAAfwAAA\nAAAGOgl6b25lSSIIVVRDBjsARkkiCXJvbGUGOwBUOgphZG1pbkkiCGN1cgY7\nAFRmCG5hbg==\n";

#[test]
fn a_rails_session_is_opened_changed_and_left_as_it_was_otherwise() {
    for site in Site::each(Table::Rails) {
        let insert = "INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES (?, ?, ?, ?)";
        site.connect().execute(insert, &[PRIVATE, RUBY_ROW, "2026-09-01 10:00:00.1", "2026-09-20 10:00:00.2"]);
        let bag = site.open(quiet());
        let mut session = bag.session(ID).expect("opens");
        assert!(!session.is_new());
        assert_eq!(session.get::<u32>("user_id"), Ok(Some(7)));
        assert_eq!(session.get::<String>("role"), Ok(Some("admin".to_owned())), "the view of a symbol");
        assert_eq!(session.json("at").as_deref(), Some("\"2024-01-01T00:00:00.000000Z\""));
        assert_eq!(session.get_json("at"), None, "it is no JSON");
        assert_eq!(session.get::<f64>("cur").expect_err("NaN has no view").kind(), ErrorKind::Invalid);
        let whole = session.to_json();
        assert_eq!(whole, r#"{"at":"2024-01-01T00:00:00.000000Z","role":"admin","user_id":7}"#);

        session.replace_json(&whole).expect("the same");
        assert!(!session.is_changed(), "what was shown was not changed");
        session.replace_json(r#"{"at":"2024-01-01T00:00:00.000000Z","role":"guest","user_id":7}"#).expect("another role");
        assert_eq!(session.get_json("role"), Some("\"guest\""));
        session.set("cart", &["tea"]).expect("sets");
        stored(&mut session);

        let row = site.connect().cell("SELECT data FROM sessions", &[]).expect("a row");
        let data = holdall_layout::rails::RailsData::default();
        let block = holdall_layout::foreign::ForeignData::decode(&data, row.as_bytes()).expect("readable").block;
        let names: Vec<&str> = block.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["at", "cart", "cur", "role", "user_id"]);
        assert!(matches!(block.get("at"), Some(holdall::ValueRef::Foreign { kind: "ruby:Time", .. })));
        session.remove("at").expect("removes");
        stored(&mut session);
        assert_eq!(bag.session(ID).expect("opens").json("at"), None);
    }
}

#[test]
fn names_of_cfml_have_no_case() {
    for site in Site::each(Table::Lucee) {
        let bag = site.open(quiet());
        let mut session = bag.new_session().expect("opens");
        session.set("userName", &"ada").expect("sets");
        session.set("USERNAME", &"grace").expect("sets");
        assert_eq!(session.get::<String>("username"), Ok(Some("grace".to_owned())));
        assert_eq!(session.keys(), ["username"]);
        stored(&mut session);
        let row = site.connect().cell("SELECT data FROM cf_session_data", &[]).expect("a row");
        assert!(row.starts_with("rO0AB"), "Java's serialisation");

        let other = site.open(quiet());
        let mut again = other.session(session.id()).expect("opens");
        assert_eq!(again.get::<String>("UserName"), Ok(Some("grace".to_owned())));
        again.replace_json(r#"{"USERNAME":"ada","Cart":[1]}"#).expect("replaces");
        let keys: Vec<String> = again.keys().into_iter().filter(|key| key != "lastvisit" && key != "timecreated").collect();
        assert_eq!(keys, ["cart", "username"]);
        stored(&mut again);
        again.remove("CART").expect("removes");
        assert_eq!(again.save(), Ok(Done::Done));
        assert_eq!(again.value("cart"), None);
    }
}

#[test]
fn rows_that_cannot_be_read_are_errors_and_stay() {
    for site in Site::each(Table::Rails) {
        let insert = "INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES (?, ?, ?, ?)";
        site.connect().execute(insert, &[PRIVATE, "BAh7Bkki", "2026-09-01 10:00:00", "2026-09-20 10:00:00"]);
        let bag = site.open(quiet());
        assert!(bag.session(ID).is_err(), "no fresh session takes the place of one that can't be read");
        assert_eq!(site.connect().cell("SELECT data FROM sessions", &[]).as_deref(), Some("BAh7Bkki"));
    }
}

#[test]
fn what_a_json_row_cannot_hold_is_rejected_and_the_rest_is_saved() {
    for site in Site::each(Table::Rails) {
        let bag = site.try_open("&serializer=json", quiet()).expect("opens");
        let mut session = bag.new_session().expect("opens");
        session.set("a", &1).expect("sets");
        stored(&mut session);
        let mut other = bag.new_session().expect("opens");
        other.set_bytes("raw", b"\xff\xfe").expect("sets");
        let save = holdall::Save { durability: Some(holdall::Durability::Stored), if_unchanged: false };
        let refused = other.save_with(save).expect_err("bytes have no place in JSON");
        assert_eq!(refused.kind(), ErrorKind::Rejected);
        let row = site.connect().cell("SELECT data FROM sessions", &[]);
        assert_eq!(row.as_deref(), Some(r#"{"value":{"a":1}}"#));
        bag.abandon();
    }
}
