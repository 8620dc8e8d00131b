//! Rows that are damaged or made to hurt: an error, never a panic, never much memory, never a changed row.

use crate::made::{MARSHAL, decode, patch, rows};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use holdall_layout::foreign::ForeignData;

fn row_of(stream: &[u8]) -> Vec<u8> {
    BASE64.encode(stream).into_bytes()
}

fn stream_of(row: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = row.iter().copied().filter(|byte| *byte != b'\n').collect();
    BASE64.decode(text).expect("base64")
}

/// What can be read can be written, unless it says why not; and what was written reads the same.
fn try_row(stream: &[u8]) {
    let row = row_of(stream);
    let Ok(decoded) = MARSHAL.decode(&row) else { return };
    if let Ok(patched) = patch(MARSHAL, &row, &[], &decoded.block) {
        assert_eq!(decode(MARSHAL, &patched), decoded.block);
    }
    for (_, value) in decoded.block.iter() {
        if let holdall_engine::ValueRef::Foreign { kind, raw } = value {
            MARSHAL.view(kind, raw);
        }
    }
}

#[test]
fn a_row_cut_anywhere_is_unreadable() {
    for row in rows() {
        let stream = stream_of(&row.data);
        for end in 0..stream.len() {
            if end > 0 {
                assert!(MARSHAL.decode(&row_of(&stream[..end])).is_err(), "{} cut at {end}", row.ruby);
            }
        }
        let mut longer = stream;
        longer.push(b'0');
        assert!(MARSHAL.decode(&row_of(&longer)).is_err(), "{} with a byte more", row.ruby);
    }
}

#[test]
fn any_byte_may_be_any_other() {
    for row in rows() {
        let stream = stream_of(&row.data);
        for place in 0..stream.len() {
            for byte in [0, 1, 4, 5, 6, 7, 0x7f, 0x80, 0xff, b'@', b';', b'[', b'{', b'I', b'"', b':', b'u', b'l', b'C'] {
                let mut changed = stream.clone();
                changed[place] = byte;
                try_row(&changed);
            }
        }
    }
}

fn nested(levels: usize, open: &[u8], inner: &[u8]) -> Vec<u8> {
    let mut stream = b"\x04\x08{\x06\"\x06a".to_vec();
    for _ in 0..levels {
        stream.extend(open);
    }
    stream.extend(inner);
    stream
}

#[test]
fn deep_nesting_is_an_error() {
    for open in [&b"[\x06"[..], b"{\x060", b"I[\x06", b"C:\x06A", b"e:\x06A", b"U:\x06A", b"o:\x06A\x06:\x06b"] {
        let stream = nested(100_000, open, b"0");
        assert!(MARSHAL.decode(&row_of(&stream)).is_err());
    }
    let symbols = nested(100_000, b"I:\x06a\x06:\x06E", b"T");
    assert!(MARSHAL.decode(&row_of(&symbols)).is_err());
    // As deep as JSON goes it is JSON, beyond that it is Ruby's.
    let kind =
        |levels| match decode(MARSHAL, &row_of(&nested(levels, b"[\x06", b"0"))).get("a").map(holdall_engine::ValueRef::to_value)
        {
            Some(holdall_engine::Value::Json(_)) => "json",
            Some(holdall_engine::Value::Foreign { .. }) => "foreign",
            _ => "none",
        };
    assert_eq!([kind(120), kind(121), kind(300)], ["json", "foreign", "foreign"]);
}

#[test]
fn links_that_multiply_are_an_error() {
    // Each array holds the one before it twenty times: written out as JSON it would be 20^20 elements.
    let mut named = b"\x04\x08{\x1a".to_vec();
    for level in 0..21_u8 {
        named.extend([b':', 6, b'a' + level, b'[', 25]);
        for _ in 0..20 {
            // The hash is object 0, the first array object 1.
            if level == 0 { named.push(b'0') } else { named.extend([b'@', level + 5]) }
        }
    }
    let decoded = MARSHAL.decode(&row_of(&named));
    assert!(decoded.is_err() || decoded.is_ok_and(|decoded| decoded.block.size() < 1 << 20));
}

#[test]
fn made_up_counts_take_no_memory() {
    for kind in [b'[', b'{', b'"', b'l', b'}', b'/', b':'] {
        let mut stream = b"\x04\x08{\x06\"\x06a".to_vec();
        stream.push(kind);
        if kind == b'l' {
            stream.push(b'+');
        }
        stream.extend([4, 0xff, 0xff, 0xff, 0x7f]);
        assert!(MARSHAL.decode(&row_of(&stream)).is_err());
    }
}

#[test]
fn what_is_no_hash_of_marshal_4_8_is_an_error() {
    for stream in
        [&b"\x04\x09{\x00"[..], b"\x03\x08{\x00", b"\x04\x08[\x00", b"\x04\x08i\x06", b"\x04\x08@\x00", b"\x04\x08?", b"\x04"]
    {
        assert!(MARSHAL.decode(&row_of(stream)).is_err());
    }
    for text in ["BAh7AA=*", "#", "BAh7A"] {
        assert!(MARSHAL.decode(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn damage_at_random() {
    let json = br#"{"value":{"a":1,"list":[1,2.5,{"b":"\u00fc"}],"text":"x","none":null}}"#.to_vec();
    let rows: Vec<Vec<u8>> = rows().into_iter().map(|row| row.data).chain([json]).collect();
    let counts = crate::mutations::run(&rows, 1, 30_000);
    assert!(counts.rows == 30_000 && counts.read > 3_000 && counts.changed > 3_000, "{counts:?}");
}
