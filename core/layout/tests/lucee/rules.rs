//! Names, keys, touches.

use holdall_engine::{Rules, ValueRef};
use holdall_layout::foreign::ForeignData;
use holdall_layout::lucee::{LuceeData, LuceeRules, MYSQL_SCHEMA, SQLITE_SCHEMA, Target};

#[test]
fn names_have_no_case() {
    let layout = LuceeData::new("shop");
    for (name, folded) in [("userName", "username"), ("username", "username"), ("SCHLÜSSEL", "schlüssel"), ("日本", "日本")]
    {
        assert_eq!(layout.fold(name), folded);
    }
}

#[test]
fn the_key_is_the_cfid_and_a_visit_is_a_touch() {
    assert_eq!(LuceeRules.key(b"3f2a").as_bytes(), b"3f2a");
    assert!(LuceeRules.is_touch("lastvisit"));
    assert!(LuceeRules.is_touch("LastVisit"));
    assert!(!LuceeRules.is_touch("username"));
    assert!(LuceeRules.same(ValueRef::Json("[1, 2.0]"), ValueRef::Json("[1,2]")));
    assert!(!LuceeRules.same(ValueRef::Json("1"), ValueRef::Bytes(b"1")));
}

#[test]
fn versions_have_names() {
    assert_eq!(Target::named("5.4"), Some(Target::Lucee54));
    assert_eq!(Target::named("6.2"), Some(Target::Lucee62));
    assert_eq!(Target::named("7.0"), Some(Target::Lucee70));
    assert_eq!(Target::named("4.5"), None);
}

#[test]
fn both_tables_have_the_primary_key_and_an_index_on_expires() {
    for schema in [MYSQL_SCHEMA, SQLITE_SCHEMA] {
        for table in ["cf_session_data", "cf_client_data"] {
            assert!(schema.contains(&format!("CREATE TABLE IF NOT EXISTS {table} (")));
            assert!(schema.contains(&format!("ix_{table}_expires")));
        }
        assert_eq!(schema.matches("PRIMARY KEY (cfid, name)").count(), 2);
    }
    assert_eq!(MYSQL_SCHEMA.matches("data LONGTEXT NOT NULL").count(), 2);
}
