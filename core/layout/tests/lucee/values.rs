//! What values become, and what comes back.

use crate::made::{CFID, decode, encode, json, patch, same, shown};
use base64::prelude::{BASE64_STANDARD, Engine};
use holdall_engine::{Value, ValueRef};
use holdall_layout::lucee::{Form, LuceeData, Scope, Target};

/// JSON texts that come back with the same content, in both forms.
const BOTH: [&str; 16] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "42",
    "-7.25",
    "0.1",
    "1e300",
    "1e-300",
    "123456789012345680000",
    r#""""#,
    r#""it's a \"test\" #1 ## \\ / {}\r\n\t""#,
    r#""Zürich 日本語 \ud83d\ude00 a\u0000b""#,
    "[]",
    r#"{"a":{"b":[1,"two",true,null,{"c":{}}]},"empty":{},"list":[[],[[]]]}"#,
];

/// JSON texts that only the Java form holds: more digits than a double, half of a surrogate pair.
const JAVA_ALONE: [&str; 10] = [
    "9007199254740993",
    "-9223372036854775808",
    "9223372036854775807",
    "9223372036854775808",
    "1e400",
    "-1e-400",
    "3.14159265358979323846264338327950288",
    "123456789012345678901234567890.123456789",
    r#""\ud800""#,
    r#"["\udc00x",{"\ud801":1}]"#,
];

fn java() -> LuceeData {
    LuceeData::new("shop")
}

fn literal() -> LuceeData {
    LuceeData { form: Form::Literal, ..java() }
}

#[test]
fn json_comes_back_with_the_same_content() {
    let cases = [(java(), BOTH.to_vec()), (java(), JAVA_ALONE.to_vec()), (literal(), BOTH.to_vec())];
    for (layout, texts) in cases {
        for text in texts {
            let data = encode(&layout, &[("field", json(text))]).unwrap_or_else(|error| panic!("{text}: {error}"));
            let decoded = decode(&layout, data.as_bytes());
            let got = shown(&layout, &decoded, "field");
            assert!(same(&got, text), "{text} came back as {got}");
        }
    }
}

#[test]
fn a_literal_refuses_what_it_would_round() {
    for text in JAVA_ALONE {
        let error = encode(&literal(), &[("field", json(text))]).expect_err(text);
        assert!(error.0.contains("digits") || error.0.contains("surrogate"), "{error}");
    }
}

#[test]
fn a_number_with_thousands_of_digits_is_refused() {
    let text = format!("1{}1", "0".repeat(2000));
    let error = encode(&java(), &[("field", json(&text))]).expect_err("too long");
    assert_eq!(&*error.0, "a number has too many digits");
    assert!(encode(&java(), &[("field", json("1e20000"))]).is_err());
    assert!(encode(&java(), &[("field", json("1e99999999999999999999"))]).is_err());
}

#[test]
fn long_strings_bytes_and_deep_values_come_back() {
    let long = format!("\"{}\"", "ü".repeat(40_000));
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let objects = format!("{}1{}", "{\"a\":".repeat(120), "}".repeat(120));
    for layout in [java(), literal()] {
        for text in [&long, &deep, &objects] {
            let data = encode(&layout, &[("field", json(text))]).expect("a row");
            let got = shown(&layout, &decode(&layout, data.as_bytes()), "field");
            assert!(same(&got, text), "{}: {}", &text[..20], &got[..got.len().min(100)]);
        }
        let bytes = Value::Bytes((0..=255).collect());
        let data = encode(&layout, &[("field", bytes.clone())]).expect("a row");
        let decoded = decode(&layout, data.as_bytes());
        assert_eq!(decoded.block.get("field").map(ValueRef::to_value), Some(bytes));
    }
}

#[test]
fn the_target_decides_the_descriptor_of_arrays() {
    let version = |target| {
        let layout = LuceeData { target, ..java() };
        let data = encode(&layout, &[("list", json("[1]"))]).expect("a row");
        let bytes = BASE64_STANDARD.decode(data).expect("base64");
        let name = b"lucee.runtime.type.util.ArraySupport";
        let place = bytes.windows(name.len()).position(|window| window == name).expect("the class") + name.len();
        u64::from_be_bytes(bytes[place..place + 8].try_into().expect("eight bytes"))
    };
    assert_eq!(version(Target::Lucee54), 0x437e_78e2_4c37_ca89);
    assert_eq!(version(Target::Lucee62), 0x437e_78e2_4c37_ca89);
    assert_eq!(version(Target::Lucee70), 0xbffc_0aa1_c07c_8479);
}

#[test]
fn a_client_scope_has_a_hit_count_and_no_session_id() {
    let text = |layout: &LuceeData| {
        String::from_utf8_lossy(&BASE64_STANDARD.decode(encode(layout, &[]).expect("a row")).expect("base64")).into_owned()
    };
    let client = text(&LuceeData { scope: Scope::Client, ..java() });
    assert!(client.contains("hitcount") && !client.contains("sessionid") && client.contains(CFID));
    assert!(!text(&java()).contains("hitcount"));
}

#[test]
fn what_lucee_could_not_read_is_refused() {
    let ruby = Value::Foreign { kind: "ruby".into(), raw: b"\x04\x08o:\x09User\0".as_slice().into() };
    let broken = Value::Foreign { kind: "lucee.date".into(), raw: b"\xac\xed\0\x05sr".as_slice().into() };
    let newer = Value::Unknown(b"?".as_slice().into());
    for layout in [java(), literal()] {
        for value in [&ruby, &broken, &newer] {
            let error = encode(&layout, &[("secret", value.clone())]).expect_err("not readable");
            assert!(!error.0.contains("User") && !error.0.contains("secret"), "{error}");
        }
    }
}

/// Setting what says the id does nothing; `lastvisit` and `timecreated` are taken as they are given.
#[test]
fn fields_of_lucee_itself() {
    let layout = java();
    let data = encode(&layout, &[("cfid", json("\"stolen\"")), ("sessionid", json("1"))]).expect("a row");
    let bytes = BASE64_STANDARD.decode(&data).expect("base64");
    assert!(!bytes.windows(6).any(|window| window == b"stolen"));
    assert_eq!(decode(&layout, data.as_bytes()).block.get("cfid"), None);
    let visit = decode(&layout, data.as_bytes()).block.get("lastvisit").expect("a visit").to_value();
    let again = encode(&layout, &[("lastvisit", visit.clone())]).expect("a row");
    assert_eq!(decode(&layout, again.as_bytes()).block.get("lastvisit").map(ValueRef::to_value), Some(visit));
    let patched = patch(&layout, CFID, data.as_bytes(), &[("urltoken", None)], 1).expect("a patch");
    assert_eq!(patched, data.as_bytes());
}

/// Twenty thousand fields: nothing goes through all of them for each.
#[test]
fn a_session_of_many_fields() {
    let names: Vec<String> = (0..20_000).map(|number| format!("FIELD{number}")).collect();
    let fields: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), json("\"v\""))).collect();
    for layout in [java(), literal()] {
        let data = encode(&layout, &fields).expect("a row");
        assert_eq!(decode(&layout, data.as_bytes()).block.len(), 20_002);
        let changes: Vec<(&str, Option<Value>)> = names.iter().map(|name| (name.as_str(), Some(json("2")))).collect();
        let patched = patch(&layout, CFID, data.as_bytes(), &changes, 1).expect("a patch");
        assert_eq!(shown(&layout, &decode(&layout, &patched), "field19999"), "2");
        let removed: Vec<(&str, Option<Value>)> = names.iter().map(|name| (name.as_str(), None)).collect();
        let patched = patch(&layout, CFID, data.as_bytes(), &removed, 1).expect("a patch");
        assert_eq!(decode(&layout, &patched).block.len(), 2);
    }
    let text = LuceeData { form: Form::Java, ..literal() };
    let data = encode(&literal(), &fields).expect("a row");
    assert!(patch(&text, CFID, data.as_bytes(), &[("new", Some(json("2")))], 1).expect("a patch").starts_with(b"rO0AB"));
}
