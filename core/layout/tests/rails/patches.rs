//! Saves into rows of Ruby's.

use crate::made::{MARSHAL, block, decode, encode, patch, rows};
use holdall_engine::{Block, Changes, ValueRef};
use holdall_layout::rails::{RailsData, Serializer};

/// The row of `rows.txt` whose expression contains `part`.
fn row(part: &str) -> Vec<u8> {
    rows().into_iter().find(|row| row.ruby.contains(part)).expect("there is such a row").data
}

#[test]
fn each_field_can_be_changed_and_removed_beside_the_others() {
    // A session that holds itself shows each change twice.
    for row in rows().into_iter().filter(|row| !row.ruby.contains("[h]")) {
        let before = decode(MARSHAL, &row.data);
        for (name, _) in before.iter() {
            let mut changes = Changes::new();
            changes.set_json(name, r#"{"new":[1,"x",2.5]}"#);
            let set = before.with(&changes);
            let patched = patch(MARSHAL, &row.data, &[name], &set).expect("writable");
            assert_eq!(decode(MARSHAL, &patched), set, "{name} set in {}", row.ruby);

            let mut changes = Changes::new();
            changes.remove(name);
            let removed = before.with(&changes);
            let patched = patch(MARSHAL, &row.data, &[name], &removed).expect("writable");
            assert_eq!(decode(MARSHAL, &patched), removed, "{name} removed from {}", row.ruby);
        }
        let mut changes = Changes::new();
        changes.set_json("zz", "true");
        let added = before.with(&changes);
        let patched = patch(MARSHAL, &row.data, &["zz"], &added).expect("writable");
        assert_eq!(decode(MARSHAL, &patched), added, "a field added to {}", row.ruby);
    }
}

/// What Ruby itself writes for the changed hash.
#[test]
fn order_and_new_fields_come_as_in_ruby() {
    let before = encode(MARSHAL, &block(&[("a", "1"), ("b", "[1,2]"), ("c", "\"x\"")])).expect("writable");
    // [Marshal.dump({"a"=>1,"b"=>[1,2],"c"=>"x"})].pack("m")
    assert_eq!(before, b"BAh7CEkiBmEGOgZFVGkGSSIGYgY7AFRbB2kGaQdJIgZjBjsAVEkiBngGOwBU\n");
    let after = patch(MARSHAL, &before, &["b", "d"], &block(&[("a", "1"), ("b", "null"), ("c", "\"x\""), ("d", "1.5")]));
    // [Marshal.dump({"a"=>1,"b"=>nil,"c"=>"x","d"=>1.5})].pack("m")
    let expected = b"BAh7CUkiBmEGOgZFVGkGSSIGYgY7AFQwSSIGYwY7AFRJIgZ4BjsAVEkiBmQG\nOwBUZggxLjU=\n";
    assert_eq!(after.expect("writable"), expected);
}

#[test]
fn a_symbol_stays_a_symbol_and_hidden_keys_stay() {
    let data = row(":user=>7");
    let patched = patch(MARSHAL, &data, &["user"], &block(&[("user", "8"), ("flag", "true")])).expect("writable");
    // [Marshal.dump({:user=>8, "flag"=>true, 3=>"three", nil=>0, "x"*256=>1})].pack("m")
    let text = String::from_utf8(patched).expect("text");
    assert!(text.starts_with("BAh7CjoJdXNlcmkNSSIJZmxhZwY6BkVUVGkISSIKdGhyZWUGOwZUMGkASSIC\nAAF4"), "{text}");
}

#[test]
fn of_two_keys_with_one_text_none_comes_back() {
    let data = row(":twice=>1");
    let removed = patch(MARSHAL, &data, &["twice"], &block(&[("other", "2")])).expect("writable");
    assert_eq!(decode(MARSHAL, &removed), block(&[("other", "2")]));
    let set = patch(MARSHAL, &data, &["twice"], &block(&[("other", "2"), ("twice", "4")])).expect("writable");
    assert_eq!(decode(MARSHAL, &set), block(&[("other", "2"), ("twice", "4")]));
}

#[test]
fn what_a_removed_field_shared_stays_where_it_is_needed() {
    let data = row("s = \"shared\"");
    let rest = block(&[("b", "\"shared\""), ("c", r#"{"k":"shared"}"#)]);
    let patched = patch(MARSHAL, &data, &["a"], &rest).expect("writable");
    assert_eq!(decode(MARSHAL, &patched), rest);
}

#[test]
fn an_empty_row_takes_fields() {
    for data in [&b""[..], b"BAh7AA==\n", b"BAgw\n", b"BAgw"] {
        let new = block(&[("a", "1")]);
        let patched = patch(MARSHAL, data, &["a"], &new).expect("writable");
        assert_eq!(decode(MARSHAL, &patched), new);
        assert_eq!(patched, b"BAh7BkkiBmEGOgZFVGkG\n");
    }
}

#[test]
fn numbers_keep_every_digit() {
    let digits = "1234567890".repeat(20);
    for (json, read) in [
        ("0", "0"),
        ("-0", "0"),
        ("1073741823", "1073741823"),
        ("1073741824", "1073741824"),
        ("-1073741824", "-1073741824"),
        ("-1073741825", "-1073741825"),
        ("18446744073709551616", "18446744073709551616"),
        (&*digits, &*digits),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("1E5", "1E5"),
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
    ] {
        let data = encode(MARSHAL, &block(&[("n", json)])).expect("writable");
        assert_eq!(decode(MARSHAL, &data), block(&[("n", read)]));
    }
}

#[test]
fn what_ruby_cannot_hold_is_refused() {
    let foreign = Block::from_fields([("x", ValueRef::Foreign { kind: "cfml:query", raw: b"\x04\x080" })]);
    let damaged = Block::from_fields([("x", ValueRef::Foreign { kind: "ruby:Time", raw: b"\x04\x08" })]);
    for bad in [block(&[("x", "1e400")]), block(&[("x", "\"\\ud800\"")]), foreign, damaged] {
        assert!(encode(MARSHAL, &bad).is_err());
        assert!(patch(MARSHAL, b"BAh7AA==\n", &["x"], &bad).is_err());
        // Beside it, what doesn't change doesn't matter.
        assert!(patch(MARSHAL, b"BAh7AA==\n", &[], &bad).is_ok());
    }
}

#[test]
fn a_hybrid_row_keeps_its_form() {
    let hybrid = RailsData { serializer: Serializer::Hybrid };
    let data = row("sym\"=>:admin");
    let before = decode(hybrid, &data);
    let mut changes = Changes::new();
    changes.set_json("n", "1");
    let after = before.with(&changes);
    let patched = patch(hybrid, &data, &["n"], &after).expect("writable");
    assert!(patched.starts_with(b"BAh7"));
    assert_eq!(decode(hybrid, &patched), after);
    assert_eq!(encode(hybrid, &block(&[("n", "1")])).expect("writable"), br#"{"value":{"n":1}}"#);
}
