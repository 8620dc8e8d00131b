//! The `data` column: what goes in comes back, and nothing that comes in does harm.

use holdall_engine::{Block, ValueRef};
use holdall_layout::native::{DecodeError, FORMAT, decode, decode_format, encode};

fn json(data: &[u8]) -> &str {
    std::str::from_utf8(data).expect("is text")
}

/// Every kind of value, and JSON that parsers like to change.
fn full() -> Block {
    Block::from_fields([
        ("", ValueRef::Json("1")),
        ("a \"quoted\\\" name\n\u{1}", ValueRef::Json("[ 1 , 2 ]")),
        ("big", ValueRef::Json("123456789012345678901234567890.50")),
        ("huge", ValueRef::Json("1e400")),
        ("lone", ValueRef::Json("\"\\ud800\"")),
        ("order", ValueRef::Json("{\"b\":1,\"a\":2,\"b\":3}")),
        ("emoji 🧦", ValueRef::Json("\"🧦\"")),
        ("bytes", ValueRef::Bytes(&[0, 255, 10])),
        ("no bytes", ValueRef::Bytes(&[])),
        ("query", ValueRef::Foreign { kind: "cfml:\"query\"", raw: &[1, 2, 3, 4] }),
        ("\0later", ValueRef::Unknown(b"{ \"x\" : 1e400 }")),
        ("\0", ValueRef::Unknown(b"null")),
    ])
}

#[test]
fn the_text_of_the_format() {
    let block = Block::from_fields([
        ("cart", ValueRef::Json("[\"3 socks\"]")),
        ("n", ValueRef::Json("1.0")),
        ("photo", ValueRef::Bytes(b"\x01\x02\x03\x04")),
        ("q", ValueRef::Foreign { kind: "cfml:query", raw: b"xyz" }),
    ]);
    let expected = r#"{"json":{"cart":["3 socks"],"n":1.0},"bytes":{"photo":"AQIDBA=="},"foreign":{"q":{"type":"cfml:query","raw":"eHl6"}}}"#;
    assert_eq!(json(&encode(&block)), expected);
    assert_eq!(json(&encode(&Block::empty())), "{}");
    let only = Block::from_fields([("photo", ValueRef::Bytes(b""))]);
    assert_eq!(json(&encode(&only)), r#"{"bytes":{"photo":""}}"#);
}

#[test]
fn everything_comes_back_byte_for_byte() {
    let data = encode(&full());
    assert_eq!(decode(&data), Ok(full()));
    assert_eq!(encode(&decode(&data).expect("decodes")), data);
}

#[test]
fn what_others_write_is_read() {
    let spaced = b" { \"json\" : { \"a\" :\t1 , \"b\":{ } } , \"bytes\" : { } }\n";
    let block = decode(spaced).expect("decodes");
    assert_eq!(block.len(), 2);
    assert_eq!(block.get("a"), Some(ValueRef::Json("1")));
    assert_eq!(block.get("b"), Some(ValueRef::Json("{ }")));
    let escaped = decode(br#"{"json":{"\u0061\ud83e\udde6":1}}"#).expect("decodes");
    assert_eq!(escaped.get("a🧦"), Some(ValueRef::Json("1")));
    assert!(decode(b"{}").expect("decodes").is_empty());
}

#[test]
fn members_of_a_newer_version_are_kept() {
    let data = br#"{"json":{"a":1},"seal":{"by": "x" ,"n":[1e999]},"tags":["\ud800"]}"#;
    let block = decode(data).expect("decodes");
    assert_eq!(json(&encode(&block)), json(data));
    // A field may have the name of such a member; they don't meet.
    let changed = Block::from_fields(block.iter().chain([("seal", ValueRef::Json("2"))]));
    let expected = r#"{"json":{"a":1,"seal":2},"seal":{"by": "x" ,"n":[1e999]},"tags":["\ud800"]}"#;
    assert_eq!(json(&encode(&changed)), expected);
    assert_eq!(decode(expected.as_bytes()), Ok(changed));
}

#[test]
fn what_is_refused() {
    let name = |len| format!(r#"{{"json":{{"{}":1}}}}"#, "n".repeat(len)).into_bytes();
    let kind = |len| format!(r#"{{"foreign":{{"a":{{"type":"{}","raw":""}}}}}}"#, "k".repeat(len)).into_bytes();
    let member = |len| format!(r#"{{"{}":1}}"#, "m".repeat(len)).into_bytes();
    for accepted in [name(255), kind(255), member(254)] {
        assert!(decode(&accepted).is_ok());
    }
    let shapes: [&[u8]; 12] = [
        b"",
        b"null",
        b"[]",
        b"{",
        b"{}{}",
        br#"{"json":[]}"#,
        br#"{"json":{"a":nul}}"#,
        br#"{"json":{"a":1},"json":{"b":1}}"#,
        br#"{"bytes":{"a":1}}"#,
        br#"{"foreign":{"a":{"type":"t"}}}"#,
        br#"{"foreign":{"a":{"type":"t","raw":"","more":1}}}"#,
        br#"{"foreign":{"a":{"type":"t","type":"u","raw":""}}}"#,
    ];
    for data in shapes {
        let error = decode(data).expect_err(json(data));
        assert!(matches!(error, DecodeError::Shape { .. }), "{}: {error:?}", json(data));
    }
    let others: [(Vec<u8>, DecodeError); 10] = [
        (name(256), DecodeError::Name),
        (kind(256), DecodeError::ForeignType),
        (member(255), DecodeError::Name),
        (br#"{"json":{"\u0000x":1}}"#.to_vec(), DecodeError::Name),
        (br#"{"json":{"a":1,"a":1}}"#.to_vec(), DecodeError::Twice),
        (br#"{"json":{"a":1},"bytes":{"a":""}}"#.to_vec(), DecodeError::Twice),
        (br#"{"x":1,"x":1}"#.to_vec(), DecodeError::Twice),
        (br#"{"bytes":{"a":"AQ"}}"#.to_vec(), DecodeError::Base64),
        (br#"{"foreign":{"a":{"type":"","raw":"=="}}}"#.to_vec(), DecodeError::Base64),
        (b"{\"json\":{\"a\":\"\xff\"}}".to_vec(), DecodeError::NotText),
    ];
    for (data, expected) in others {
        assert_eq!(decode(&data), Err(expected), "{}", String::from_utf8_lossy(&data));
    }
}

#[test]
fn other_formats_are_refused_and_named() {
    assert_eq!(decode_format(FORMAT, b"{}"), Ok(Block::empty()));
    assert_eq!(decode_format(0, b"{}"), Err(DecodeError::UnknownFormat));
    let newer = decode_format(FORMAT + 1, b"{}").expect_err("is refused");
    assert_eq!(newer, DecodeError::NewerFormat { format: 2 });
    assert!(newer.to_string().contains("format 2") && newer.to_string().contains("newer"), "{newer}");
}

#[test]
fn errors_tell_no_content() {
    let secret = br#"{"json":"hunter2"}"#;
    let error = decode(secret).expect_err("is refused");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn deep_nesting_needs_no_stack() {
    let deep = |open: &str, close: &str, n: usize| format!("{{\"json\":{{\"a\":{}1{}}}}}", open.repeat(n), close.repeat(n));
    let data = deep("[", "]", 200_000);
    assert_eq!(json(&encode(&decode(data.as_bytes()).expect("decodes"))), data);
    assert!(decode(deep("{\"a\":", "}", 200_000).as_bytes()).is_ok());
    assert!(decode(format!("{{\"json\":{}", "{\"a\":".repeat(200_000)).as_bytes()).is_err());
}

/// Changed bytes, cut rows, pasted pieces: an error or a block that is written back the same, never a panic.
#[test]
fn mutated_rows() {
    let seeds = [encode(&full()), encode(&Block::from_fields([("a", ValueRef::Json("{\"b\":[1,2,\"\\u0041\"]}"))]))];
    let tokens: [&[u8]; 16] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b":",
        b",",
        b"\0",
        b"\xff",
        b"\\ud800",
        b"1e400",
        b"\"json\":",
        b"\"foreign\":{",
        b"==",
        b"\xf0\x9f\xa7\xa6",
    ];
    let mut random = Random(0x5eed);
    let (mut refused, mut read) = (0_u32, 0_u32);
    for round in 0..200_000_usize {
        let mut data = seeds[round % seeds.len()].clone();
        for _ in 0..=random.below(3) {
            let at = random.below(data.len().max(1));
            match random.below(5) {
                0 if !data.is_empty() => data[at] = random.next() as u8,
                1 if !data.is_empty() => data[at] ^= 1 << random.below(8),
                2 => data.truncate(at),
                3 if !data.is_empty() => drop(data.drain(at..(at + random.below(9)).min(data.len()))),
                _ => drop(data.splice(at..at, tokens[random.below(tokens.len())].iter().copied())),
            }
        }
        match decode(&data) {
            Err(_) => refused += 1,
            Ok(block) => {
                read += 1;
                let again = encode(&block);
                assert_eq!(decode(&again), Ok(block), "{}", String::from_utf8_lossy(&data));
            }
        }
    }
    assert!(refused > 10_000 && read > 10_000, "both happen: {refused} refused, {read} read");
}

/// `SplitMix64`: the same rows in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }
}
