//! Rows of the serialisers json and null.

use crate::made::{MARSHAL, block, decode, encode, patch};
use holdall_engine::{Block, ValueRef};
use holdall_layout::foreign::ForeignData;
use holdall_layout::rails::{RailsData, Serializer};

const JSON: RailsData = RailsData { serializer: Serializer::Json };
const NULL: RailsData = RailsData { serializer: Serializer::Null };

#[test]
fn rows_as_rails_writes_them() {
    for data in [JSON, RailsData { serializer: Serializer::Hybrid }] {
        let row = br#"{"value":{"a":1,"list":[1, 2],"text":"\u00fc"}}"#;
        assert_eq!(decode(data, row), block(&[("a", "1"), ("list", "[1, 2]"), ("text", r#""\u00fc""#)]));
        assert_eq!(encode(data, &block(&[("a", "1")])).expect("writable"), br#"{"value":{"a":1}}"#);
        assert_eq!(encode(data, &Block::empty()).expect("writable"), br#"{"value":{}}"#);
    }
    assert_eq!(decode(NULL, br#"{"a":1}"#), block(&[("a", "1")]));
    assert_eq!(encode(NULL, &block(&[("a", "1")])).expect("writable"), br#"{"a":1}"#);
}

#[test]
fn empty_sessions() {
    for row in ["", r#"{"value":{}}"#, r#"{"value":null}"#, "{}"] {
        assert_eq!(decode(JSON, row.as_bytes()), Block::empty(), "{row}");
        let patched = patch(JSON, row.as_bytes(), &["a"], &block(&[("a", "1")])).expect("writable");
        assert_eq!(patched, br#"{"value":{"a":1}}"#, "{row}");
    }
}

#[test]
fn a_save_keeps_order_and_bytes_of_the_rest() {
    let row = br#"{"other":[1 ],"value":{"z":{ "b":1.0,"a":1e2 },"k":1,"g\u00fc":true},"later":null}"#;
    let after = block(&[("z", "ignored"), ("k", "2"), ("gü", "true"), ("new", "\"n\"")]);
    let patched = patch(JSON, row, &["k", "new"], &after).expect("writable");
    let expected = r#"{"other":[1 ],"value":{"z":{ "b":1.0,"a":1e2 },"k":2,"gü":true,"new":"n"},"later":null}"#;
    assert_eq!(core::str::from_utf8(&patched), Ok(expected));
    let removed = patch(JSON, row, &["k", "gü", "z"], &Block::empty()).expect("writable");
    assert_eq!(core::str::from_utf8(&removed), Ok(r#"{"other":[1 ],"value":{},"later":null}"#));
}

#[test]
fn of_a_member_twice_the_later_counts() {
    let row = br#"{"value":{"a":1,"b":2,"a":3}}"#;
    assert_eq!(decode(JSON, row), block(&[("a", "3"), ("b", "2")]));
    let patched = patch(JSON, row, &["a"], &block(&[("a", "4"), ("b", "2")])).expect("writable");
    assert_eq!(patched, br#"{"value":{"b":2,"a":4}}"#);
    assert_eq!(patch(JSON, row, &["a"], &block(&[("b", "2")])).expect("writable"), br#"{"value":{"b":2}}"#);
}

#[test]
fn what_json_cannot_hold_is_refused() {
    let bytes = Block::from_fields([("x", ValueRef::Bytes(b"\xff"))]);
    let symbol = Block::from_fields([("x", ValueRef::Foreign { kind: "ruby:Symbol", raw: b"\x04\x08:\x06a" })]);
    for bad in [bytes, symbol] {
        assert!(encode(JSON, &bad).is_err());
    }
}

#[test]
fn the_wrong_serialiser_is_named() {
    let why = |data: RailsData, row: &[u8]| data.decode(row).expect_err("not readable").to_string();
    assert!(why(MARSHAL, br#"{"value":{}}"#).contains("serializer json"));
    assert!(why(JSON, b"BAh7AA==\n").contains("serializer marshal"));
    assert!(why(JSON, br#"{"value":[1]}"#).contains("JSON object"));
    assert!(why(JSON, br#"{"value":{"n":NaN}}"#).contains("JSON object"));
}
