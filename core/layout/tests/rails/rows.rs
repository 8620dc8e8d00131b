//! Rows that Ruby wrote.

use crate::made::{MARSHAL, decode, encode, patch, rows};
use holdall_engine::ValueRef;
use holdall_layout::foreign::ForeignData;
use std::fmt::Write;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

#[test]
fn every_row_reads_as_ruby_meant_it() {
    for row in rows() {
        let block = decode(MARSHAL, &row.data);
        let mut expected = row.fields.clone();
        expected.sort_unstable();
        let seen: Vec<(String, String, String)> = block
            .iter()
            .map(|(name, value)| {
                let (kind, what) = match value {
                    ValueRef::Json(text) => ("json".to_owned(), text.to_owned()),
                    ValueRef::Bytes(bytes) => ("bytes".to_owned(), hex(bytes)),
                    ValueRef::Foreign { kind, raw } => {
                        (kind.to_owned(), MARSHAL.view(kind, raw).map_or_else(|| "-".to_owned(), Into::into))
                    }
                    ValueRef::Unknown(_) => ("unknown".to_owned(), String::new()),
                };
                (name.to_owned(), kind, what)
            })
            .collect();
        let seen: Vec<_> = seen.iter().map(|(name, kind, what)| (&**name, &**kind, &**what)).collect();
        assert_eq!(seen, expected, "{}", row.ruby);
    }
}

#[test]
fn a_row_without_changes_is_written_byte_for_byte() {
    for row in rows() {
        let block = decode(MARSHAL, &row.data);
        let again = patch(MARSHAL, &row.data, &[], &block).expect("writable");
        assert_eq!(String::from_utf8(again).expect("text"), String::from_utf8(row.data).expect("text"), "{}", row.ruby);
    }
}

#[test]
fn a_new_row_holds_the_same_fields() {
    for row in rows() {
        let block = decode(MARSHAL, &row.data);
        let new = encode(MARSHAL, &block).expect("writable");
        assert_eq!(decode(MARSHAL, &new), block, "{}", row.ruby);
    }
}

#[test]
fn a_foreign_value_stands_by_itself() {
    for row in rows() {
        let block = decode(MARSHAL, &row.data);
        for (name, value) in block.iter().filter(|(_, value)| matches!(value, ValueRef::Foreign { .. })) {
            let alone = holdall_engine::Block::from_fields([(name, value)]);
            let data = encode(MARSHAL, &alone).expect("writable");
            assert_eq!(decode(MARSHAL, &data), alone, "{name} of {}", row.ruby);
        }
    }
}

#[test]
fn a_view_needs_a_value_of_this_layout() {
    assert_eq!(MARSHAL.view("cfml:query", b"\x04\x08i\x06"), None);
    assert_eq!(MARSHAL.view("ruby:Integer", b"\x04\x08i\x06").as_deref(), Some("1"));
    assert_eq!(MARSHAL.view("ruby:Integer", b"\x04\x08i"), None);
}
