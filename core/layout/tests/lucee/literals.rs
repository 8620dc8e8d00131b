//! Rows that are CFML literals.

use crate::made::{CFID, TIME, decode, encode, json, patch, shown};
use holdall_engine::{Time, Value};
use holdall_layout::foreign::ForeignData;
use holdall_layout::lucee::{Form, LuceeData};

fn java() -> LuceeData {
    LuceeData::new("shop")
}

fn literal() -> LuceeData {
    LuceeData { form: Form::Literal, ..java() }
}

/// A row as Lucee 4 writes it.
fn row() -> String {
    format!(
        "{{\"lastvisit\":createDateTime(2024,10,24,20,0,0,0,\"UTC\"),\"timecreated\":createDateTime(2024,10,24,19,0,0,0,\"UTC\"),\
         \"sessionid\":\"shop_{CFID}_0\",\"userName\":\"ada\",\"note\":\"it's a \"\"test\"\" ##1\",\"cart\":[1,true]}}"
    )
}

#[test]
fn a_row_is_read() {
    for prefix in ["", "struct:"] {
        let layout = java();
        let decoded = decode(&layout, format!("{prefix}{}", row()).as_bytes());
        assert_eq!(shown(&layout, &decoded, "username"), "\"ada\"");
        assert_eq!(shown(&layout, &decoded, "note"), r#""it's a \"test\" #1""#);
        assert_eq!(shown(&layout, &decoded, "cart"), "[1,true]");
        assert_eq!(shown(&layout, &decoded, "sessionid"), "absent");
        assert_eq!(shown(&layout, &decoded, "timecreated"), "lucee.date: \"2024-10-24T19:00:00.000Z\"");
        assert_eq!((decoded.created, decoded.accessed), (Some(Time(TIME - 3_600_000)), Some(Time(TIME))));
    }
}

/// Values of a literal, and what is seen of them.
const VALUES: [(&str, &str); 30] = [
    ("\"a\"", "\"a\""),
    ("'it''s'", "\"it's\""),
    ("\"line\nbreak\\ \"", "\"line\\nbreak\\\\ \""),
    ("42", "42"),
    ("-.5", "-0.5"),
    ("+1.5e3", "1.5e3"),
    ("007", "7"),
    ("1e-7", "1e-7"),
    ("12.", "12"),
    ("TRUE", "true"),
    ("no", "false"),
    ("nullValue()", "null"),
    ("{}", "{}"),
    ("[]", "[]"),
    ("[ : ]", "{}"),
    ("[=]", "{}"),
    ("{ 'a' = 1 , \"B\":[ ] }", r#"{"a":1,"B":[]}"#),
    ("[\"z\":1,\"a\":2]", r#"{"z":1,"a":2}"#),
    ("[nullValue(),{\"k\":\"v\"}]", r#"[null,{"k":"v"}]"#),
    ("createDateTime(2024,2,29,23,59,59,999,\"UTC\")", "lucee.date: \"2024-02-29T23:59:59.999Z\""),
    ("createDateTime(1969,12,31,23,59,59,0,\"GMT\")", "lucee.date: \"1969-12-31T23:59:59.000Z\""),
    ("createDateTime(2024,7,1,12,0,0,0,\"Europe/Berlin\")", "lucee.date: \"2024-07-01T12:00:00.000[Europe/Berlin]\""),
    ("createDateTime(2023,2,29,0,0,0,0,\"UTC\")", "lucee.literal: {\"class\":\"createDateTime\"}"),
    ("createDateTime(2024,1,1)", "lucee.literal: {\"class\":\"createDateTime\"}"),
    ("createTimeSpan(1,12,0,0)", "lucee.timespan: 1.5"),
    ("[createTimeSpan(0,6,0,0)]", "lucee.array: [0.25]"),
    ("{\"d\":createDateTime(2024,1,1,0,0,0,0,\"UTC\")}", "lucee.struct: {\"d\":\"2024-01-01T00:00:00.000Z\"}"),
    ("query(\"id\":[1,2],\"name\":[\")\",\"(\"])", "lucee.query: {\"class\":\"query\"}"),
    ("evaluateComponent(\"Cart\",\"d41d\",{\"n\":1},{})", "lucee.component: {\"class\":\"evaluateComponent\"}"),
    ("xmlParse(\"<a b='##'/>\")", "lucee.literal: {\"class\":\"xmlParse\"}"),
];

#[test]
fn values_are_read_by_a_strict_grammar() {
    for (text, expected) in VALUES {
        let layout = java();
        let decoded = decode(&layout, format!("{{\"v\":{text}}}").as_bytes());
        assert_eq!(shown(&layout, &decoded, "v"), expected, "{text}");
    }
}

#[test]
fn what_would_be_evaluated_or_is_broken_is_refused() {
    let broken = [
        "\"#session.secret#\"",
        "\"a # b\"",
        "\"a#",
        "f(\"#now()#\")",
        "f(#x#)",
        "now",
        "a.b",
        "a & b",
        "1 + 1",
        "1x",
        "f(",
        "f((])",
        "f(\"x)",
        "new Cart()",
        "{a:1}",
        "{\"a\" 1}",
        "[1,]",
        "[1 2]",
        "\"open",
        "",
        "/* comment */ 1",
        "∞",
        "-",
        "1e",
        "createObject(\"java\",\"x\").run()",
    ];
    for text in broken {
        let data = format!("{{\"v\":{text}}}");
        let error = java().decode(data.as_bytes()).expect_err(text);
        assert!(!error.0.contains("secret") && !error.0.contains("Cart"), "{error}");
    }
    for data in ["struct:", "struct:[]", "struct:{} ", "{\"a\":1}{}", "{", "{]"] {
        assert!(java().decode(data.as_bytes()).is_err() || data == "struct:{} ", "{data}");
    }
}

#[test]
fn a_new_row_is_a_literal_only_when_asked_for() {
    let fields = [("name", json("\"say \\\"#1\\\"\"")), ("cart", json("[1.5,{\"a\":null}]"))];
    let data = encode(&literal(), &fields).expect("a row");
    let expected = format!(
        "{{\"lastvisit\":createDateTime(2024,10,24,20,0,0,0,\"UTC\"),\"timecreated\":createDateTime(2024,10,24,20,0,0,0,\"UTC\"),\
         \"sessionid\":\"shop_{CFID}_0\",\"cart\":[1.5,{{\"a\":nullValue()}}],\"name\":\"say \"\"##1\"\"\"}}"
    );
    assert_eq!(data, expected);
    assert!(encode(&java(), &fields).expect("a row").starts_with("rO0AB"));
}

#[test]
fn a_patched_literal_stays_one_when_asked_for() {
    let layout = literal();
    let changes = [("username", Some(json("\"bob\""))), ("note", None), ("new", Some(Value::Bytes([1].as_slice().into())))];
    let text = String::from_utf8(patch(&layout, CFID, row().as_bytes(), &changes, TIME).expect("a patch")).expect("text");
    assert!(text.starts_with("{\"lastvisit\":createDateTime(2024,10,24,20,0,0,0,\"UTC\")"), "{text}");
    assert!(text.contains("\"cart\":[1,true]") && text.contains("\"username\":\"bob\"") && !text.contains("note"));
    let decoded = decode(&layout, text.as_bytes());
    assert_eq!(shown(&layout, &decoded, "new"), "[1]");
}

/// Lucee 7.0 loses the first change that it makes to a literal, so a save turns it into the Java form.
#[test]
fn a_patched_literal_becomes_java() {
    let layout = java();
    let value = "[\"z\":[1],\"d\":createDateTime(2024,1,1,0,0,0,0,\"UTC\"),\"s\":createTimeSpan(1,2,3,4)]";
    let data = row().replace("[1,true]", value);
    let before = decode(&layout, data.as_bytes());
    let patched = patch(&layout, CFID, data.as_bytes(), &[("username", Some(json("\"bob\"")))], TIME + 1).expect("a patch");
    assert!(patched.starts_with(b"rO0AB"));
    let after = decode(&layout, &patched);
    for name in ["lastvisit", "timecreated", "note", "cart"] {
        assert_eq!(shown(&layout, &after, name), shown(&layout, &before, name), "{name}");
    }
    assert_eq!(shown(&layout, &after, "username"), "\"bob\"");
    assert_eq!(after.created, before.created);
}

/// What has no other form keeps the row a literal: nothing is lost for the sake of the form.
#[test]
fn a_literal_with_something_that_has_no_other_form_stays_one() {
    let layout = java();
    for opaque in ["query(\"id\":[1])", "createDateTime(2024,7,1,12,0,0,0,\"Europe/Berlin\")", "xmlParse(\"<a/>\")"] {
        let data = row().replace("[1,true]", opaque);
        let patched = patch(&layout, CFID, data.as_bytes(), &[("username", Some(json("\"bob\"")))], TIME + 1).expect("a patch");
        let text = String::from_utf8(patched).expect("text");
        assert!(text.starts_with('{') && text.contains(opaque) && text.contains("\"username\":\"bob\""), "{text}");
    }
}

/// A value of a literal goes into a row of the other form as long as it has one.
#[test]
fn values_move_between_the_forms() {
    let foreign = |text: &str, kind: &str| Value::Foreign { kind: kind.into(), raw: text.as_bytes().into() };
    let date = foreign("createDateTime(2024,10,24,20,0,0,0,\"UTC\")", "lucee.date");
    let row = encode(&java(), &[("d", date)]).expect("a row");
    let decoded = decode(&java(), row.as_bytes());
    assert_eq!(shown(&java(), &decoded, "d"), "lucee.date: \"2024-10-24T20:00:00.000Z\"");
    let back = decoded.block.get("d").expect("the date").to_value();
    let text = encode(&literal(), &[("d", back)]).expect("a row");
    assert!(text.contains("\"d\":createDateTime(2024,10,24,20,0,0,0,\"UTC\")"), "{text}");
    let error = encode(&java(), &[("q", foreign("query(\"id\":[1])", "lucee.query"))]).expect_err("a call");
    assert!(error.0.contains("has to stay"), "{error}");
}

#[test]
fn a_rotated_literal_says_the_new_id() {
    let id = "11111111-2222-3333-4444-555555555555";
    for layout in [java(), literal()] {
        let patched = patch(&layout, id, row().as_bytes(), &[], TIME).expect("a patch");
        let again = patch(&layout, id, &patched, &[], TIME).expect("a patch");
        assert_eq!(patched, again);
        if layout.form == Form::Literal {
            let text = String::from_utf8(patched).expect("text");
            assert!(text.contains(&format!("shop_{id}_0")) && !text.contains(CFID));
        }
    }
}
