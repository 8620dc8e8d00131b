//! Keys, comparison by content, the check at the boundary, expiry buckets.

use holdall_engine::{Rules, Time, ValueRef};
use holdall_layout::json::{DEPTH_LIMIT, JsonError, check_json, same_json};
use holdall_layout::native::{BUCKET_LEAST_MS, BUCKET_LIMIT_MS, NativeRules, coarse};

fn rules(application: &str) -> NativeRules {
    NativeRules { application: application.to_owned() }
}

#[test]
fn keys() {
    let hex: String = rules("shop").key(b"abc").as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect();
    // printf '\0\0\0\0\0\0\0\4shop\0\0\0\0\0\0\0\3abc' | sha256sum
    assert_eq!(hex, "c995b2049626c111f904410a0b338ec9df5b6e2f40edd757df2c21a422145c41");
    assert_ne!(rules("shop").key(b"abc"), rules("blog").key(b"abc"));
    assert_ne!(rules("shop").key(b"abc"), rules("shopa").key(b"bc"), "the parts don't run together");
    assert_ne!(rules("").key(b"a"), rules("a").key(b""));
}

fn digit(four: u8) -> char {
    char::from_digit(u32::from(four), 16).expect("is a digit")
}

#[test]
fn the_same_content() {
    let same = [
        ("1", "1"),
        ("1", " 1\n"),
        ("1", "1.0"),
        ("1", "1.000e0"),
        ("1", "10e-1"),
        ("1200", "1.2E+3"),
        ("0", "0.000"),
        ("0", "0e99999999999999999999"),
        ("-0", "-0.0"),
        ("1e400", "10e399"),
        ("123456789012345678901234567890", "123456789012345678901234567890.0"),
        ("1e99999999999999999999", "1e99999999999999999999"),
        ("[1, 2]", "[1,2]"),
        ("{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [ true , null ] , \"a\" : 1 }"),
        ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
        ("{\"a\":1,\"b\":0,\"a\":2}", "{\"b\":0,\"a\":2}"),
        ("\"a\"", "\"\\u0061\""),
        ("\"\\/\"", "\"/\""),
        ("\"🧦\"", "\"\\ud83e\\udde6\""),
        ("\"\\ud800\"", "\"\\uD800\""),
        ("{\"\\u0061\":1}", "{\"a\":1}"),
        ("\"\\n\\t\\r\\b\\f\\\"\\\\\"", "\"\\u000a\\u0009\\u000d\\u0008\\u000c\\u0022\\u005c\""),
    ];
    for (a, b) in same {
        assert!(same_json(a, b) && same_json(b, a), "{a} and {b}");
    }
}

#[test]
fn other_content() {
    let other = [
        ("1", "2"),
        ("1", "-1"),
        ("0", "-0"),
        ("1", "\"1\""),
        ("1", "10"),
        ("1e400", "1e401"),
        ("1e400", "1e309"),
        ("123456789012345678901234567890", "123456789012345678901234567891"),
        ("0.1", "0.10000000000000000001"),
        ("1e99999999999999999999", "1e99999999999999999998"),
        ("null", "false"),
        ("[1,2]", "[2,1]"),
        ("[1]", "[1,1]"),
        ("[]", "{}"),
        ("{\"a\":1}", "{\"a\":1,\"b\":1}"),
        ("{\"a\":1,\"a\":2}", "{\"a\":1}"),
        ("\"a\"", "\"A\""),
        ("\"\\ud800\"", "\"\\ud801\""),
        ("\"\\ud800\"", "\"\u{fffd}\""),
        ("\"ä\"", "\"a\u{308}\""),
        ("1", "1 2"),
        ("nul", "nul "),
        ("[1", "[ 1"),
        ("", " "),
    ];
    for (a, b) in other {
        assert!(!same_json(a, b) && !same_json(b, a), "{a} and {b}");
    }
}

#[test]
fn comparing_is_bounded() {
    let nested = |depth: usize, space: &str| format!("{}{space}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(same_json(&nested(DEPTH_LIMIT, ""), &nested(DEPTH_LIMIT, " ")));
    assert!(!same_json(&nested(1_000_000, ""), &nested(1_000_000, " ")), "too deep to compare, and no overflow");
    assert!(same_json(&nested(1_000_000, ""), &nested(1_000_000, "")), "the same text is the same");
}

#[test]
fn values_of_other_kinds() {
    let rules = rules("shop");
    let foreign = |kind, raw| ValueRef::Foreign { kind, raw };
    assert!(rules.same(ValueRef::Json("1"), ValueRef::Json("1.0")));
    assert!(rules.same(ValueRef::Bytes(b"1"), ValueRef::Bytes(b"1")));
    assert!(!rules.same(ValueRef::Bytes(b"1"), ValueRef::Bytes(b"1.0")));
    assert!(!rules.same(ValueRef::Bytes(b"1"), ValueRef::Json("1")));
    assert!(rules.same(foreign("a", b"x"), foreign("a", b"x")));
    assert!(!rules.same(foreign("a", b"x"), foreign("b", b"x")));
    assert!(!rules.same(foreign("a", b"x"), foreign("a", b"y")));
    assert!(!rules.same(ValueRef::Unknown(b"1"), ValueRef::Bytes(b"1")));
}

#[test]
fn json_that_is_accepted() {
    let deep = "[".repeat(DEPTH_LIMIT) + &"]".repeat(DEPTH_LIMIT);
    let brackets_in_text = format!("\"{}\\\"[\"", "[".repeat(500));
    let accepted = [
        "null",
        " true ",
        "-0.5e-7",
        "1e400",
        "123456789012345678901234567890",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "{}",
        "[]",
        "{\"a\":1,\"a\":2}",
        "\"\u{7f}🧦\"",
        "\t[\r\n]",
        &deep,
        &brackets_in_text,
    ];
    for text in accepted {
        assert_eq!(check_json(text), Ok(()), "{text}");
    }
}

#[test]
fn json_that_is_refused() {
    let refused = [
        "",
        " ",
        "nul",
        "True",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "NaN",
        "Infinity",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\"}",
        "[1 2]",
        "1 2",
        "[",
        "]",
        "\u{feff}1",
        "1//",
        "\"a\"\0",
    ];
    for text in refused {
        assert!(matches!(check_json(text), Err(JsonError::Syntax { .. })), "{text}");
    }
    let deep = "[".repeat(DEPTH_LIMIT + 1) + &"]".repeat(DEPTH_LIMIT + 1);
    assert_eq!(check_json(&deep), Err(JsonError::TooDeep));
    let after_backslashes = format!("[\"\\\\\",{deep}]");
    assert_eq!(check_json(&after_backslashes), Err(JsonError::TooDeep));
    let very_deep = "{\"a\":".repeat(1_000_000) + "1" + &"}".repeat(1_000_000);
    assert_eq!(check_json(&very_deep), Err(JsonError::TooDeep));
    assert_eq!(check_json("[\n1,\n  x]"), Err(JsonError::Syntax { line: 3, column: 3 }));
}

#[test]
fn buckets() {
    assert_eq!(coarse(Time::NEVER, 1_800_000), Time::NEVER);
    assert_eq!(coarse(Time::ZERO, 0), Time::ZERO);
    assert_eq!(coarse(Time(1), 0), Time(BUCKET_LEAST_MS));
    assert_eq!(coarse(Time(1), 8 * 1_800_000), Time(BUCKET_LIMIT_MS));
    assert_eq!(coarse(Time(225_000), 1_800_000), Time(225_000), "a bucket's end stays");
    assert_eq!(coarse(Time(225_001), 1_800_000), Time(450_000));
    assert_eq!(coarse(Time(Time::NEVER.0 - 1), 1_800_000), Time::NEVER, "no later than never");
    for idle_ms in [0, 1, 7999, 30_000, 1_800_000, 86_400_000, u64::MAX] {
        for expires in (1_790_000_000_000..1_790_000_900_000).step_by(7919) {
            let bucket = coarse(Time(expires), idle_ms);
            let wait = bucket.0.checked_sub(expires).expect("never early");
            assert!(wait < (idle_ms / 8).clamp(BUCKET_LEAST_MS, BUCKET_LIMIT_MS), "and late by less than a bucket");
        }
    }
}
