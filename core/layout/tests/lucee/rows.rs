//! Every row that a real server wrote says what Lucee's own classes said of it.

use crate::kept::{self, Said};
use crate::made::{CFID, TIME, decode, json, patch, same, shown};
use base64::prelude::{BASE64_STANDARD, Engine};
use holdall_engine::{Time, ValueRef};
use holdall_layout::foreign::ForeignData;
use holdall_layout::lucee::LuceeData;

const HIDDEN: [&str; 4] = ["cfid", "cftoken", "urltoken", "sessionid"];

/// The structs and arrays of the pages that made the rows.
const CONTAINERS: [(&str, &str); 7] = [
    ("CART", r#"{"item":"book","qty":2,"nested":{"a":{"b":"deep"}},"list":[1,"two",true,{"k":"v"}]}"#),
    ("ORDERED", r#"{"z":1,"a":2}"#),
    ("EMPTYS", "{}"),
    ("LIST", r#"["p","q"]"#),
    ("MIXED", r#"[1,2.5,"x",true,[1,2],{"a":"x"},null]"#),
    ("EMPTYA", "[]"),
    ("", ""),
];

#[test]
fn each_row_says_what_lucee_says() {
    let mut fields = 0;
    for (server, row) in kept::all() {
        let layout = LuceeData::new(&row.application);
        let decoded = decode(&layout, &row.data);
        let Some(said) = kept::said(server, &row.application) else {
            assert_eq!(row.application, "lab_component");
            assert!(shown(&layout, &decoded, "p").starts_with("lucee.component: "), "{server}");
            continue;
        };
        let visible: Vec<&Said> = said.iter().filter(|field| !field.removed && !HIDDEN.contains(&&*field.name)).collect();
        assert_eq!(decoded.block.len(), visible.len(), "{server} {}", row.application);
        for field in visible {
            let value = decoded.block.get(&field.name.to_lowercase());
            let value = value.unwrap_or_else(|| panic!("{server} {}: {} is there", row.application, field.name));
            check(&layout, field, value);
            fields += 1;
        }
        let time = |name: &str| said.iter().find(|field| field.name == name).and_then(|field| field.value.parse().ok()).map(Time);
        assert_eq!(decoded.created, time("timecreated"));
        assert_eq!(decoded.accessed, time("lastvisit"));
    }
    assert!(fields > 300, "only {fields} fields were compared");
}

fn check(layout: &LuceeData, said: &Said, value: ValueRef<'_>) {
    let about = format!("{} of class {}: {value:?}", said.name, said.class);
    match (said.class.as_str(), value) {
        ("null", ValueRef::Json(text)) => assert_eq!(text, "null", "{about}"),
        ("java.lang.String", ValueRef::Json(text)) => {
            let text: String = serde_json::from_str(text).expect("a string");
            let text = text.replace('\n', "\\n").replace('\r', "\\r").replace('\0', "\\0");
            assert_eq!(text, said.value, "{about}");
        }
        ("java.lang.Double", ValueRef::Json(text)) => {
            let numbers = (text.parse::<f64>().map(f64::to_bits), said.value.parse::<f64>().map(f64::to_bits));
            assert_eq!(numbers.0, numbers.1, "{about}");
        }
        ("java.lang.Long" | "java.lang.Integer" | "java.lang.Boolean", ValueRef::Json(text)) => {
            assert_eq!(text, said.value, "{about}");
        }
        ("java.math.BigDecimal", ValueRef::Json(text)) => assert!(same(text, &said.value), "{about}"),
        ("lucee.runtime.type.dt.DateTimeImpl" | "lucee.runtime.type.dt.DateImpl", ValueRef::Foreign { kind, raw }) => {
            assert_eq!(kind, "lucee.date", "{about}");
            let time = i64::from_be_bytes(raw[raw.len() - 9..raw.len() - 1].try_into().expect("eight bytes"));
            assert_eq!(time.to_string(), said.value, "{about}");
        }
        ("[B", ValueRef::Bytes(bytes)) => assert_eq!(format!("{bytes:?}"), said.value, "{about}"),
        ("lucee.runtime.type.StructImpl" | "lucee.runtime.type.ArrayImpl", ValueRef::Json(text)) => {
            let (_, expected) = CONTAINERS.iter().find(|(name, _)| *name == said.name).expect("a known container");
            assert!(same(text, expected), "{about}: {text}");
        }
        ("lucee.runtime.type.dt.TimeSpanImpl", ValueRef::Foreign { kind: "lucee.timespan", raw }) => {
            let days: f64 = layout.view("lucee.timespan", raw).expect("a view").parse().expect("a number");
            let exact = 1.0 + 2.0 / 24.0 + 3.0 / 1440.0 + 4.0 / 86_400.0;
            assert!((days - exact).abs() < 1e-9, "{about}: {days}");
        }
        ("lucee.runtime.type.QueryImpl", ValueRef::Foreign { kind: "lucee.query", .. }) => {}
        (class, ValueRef::Foreign { kind, .. }) => {
            assert!(class.starts_with("java.util."), "{about}");
            assert_eq!(kind, class, "{about}");
        }
        _ => panic!("{about}"),
    }
}

#[test]
fn a_patch_that_changes_nothing_gives_the_same_bytes() {
    for (_, row) in kept::all() {
        let layout = LuceeData::new(&row.application);
        let changes = [("cfid", Some(json("\"mine\""))), ("never-there", None)];
        for changes in [&changes[..], &[]] {
            let patched = patch(&layout, &row.cfid, &row.data, changes, TIME * 2).expect("a patch");
            assert_eq!(patched, row.data, "{}", row.application);
        }
    }
}

/// A new field of nine bytes at the end is the only thing that comes to the row; all that was there stays, byte for byte.
#[test]
fn a_new_field_leaves_every_other_byte_alone() {
    for (server, row) in kept::all() {
        let layout = LuceeData::new(&row.application);
        let patched = patch(&layout, &row.cfid, &row.data, &[("newfield", Some(json("\"new\"")))], TIME * 2).expect("a patch");
        let (before, after) = (row.bytes(), BASE64_STANDARD.decode(&patched).expect("base64"));
        // The time of the save is at byte 95, the inner stream's length at 122; the inner stream ends with two nulls.
        assert_eq!(after[..95], before[..95], "{server} {}", row.application);
        assert_eq!(after[103..122], before[103..122], "{server} {}", row.application);
        let end = before.len() - 3;
        assert_eq!(after[126..end], before[126..end], "{server} {}", row.application);
        let added = &after[end..];
        assert!(added.windows(8).any(|window| window == b"newfield"), "{server} {}", row.application);
        assert_eq!(added.last_chunk::<3>(), Some(&[0x70, 0x70, 0x78]));
        let said = decode(&layout, &patched);
        assert_eq!(shown(&layout, &said, "newfield"), "\"new\"");
    }
}

/// A patch of one field, in every row, for every field: the others stay as they are.
#[test]
fn a_patch_of_one_field_keeps_all_others() {
    for (server, row) in kept::all() {
        let layout = LuceeData::new(&row.application);
        let before = decode(&layout, &row.data);
        for (name, _) in before.block.iter() {
            for value in [Some(json("\"changed\"")), None] {
                let about = format!("{server} {} {name} {value:?}", row.application);
                let patched = patch(&layout, &row.cfid, &row.data, &[(name, value.clone())], TIME * 2).expect(&about);
                let after = decode(&layout, &patched);
                assert_eq!(after.block.get(name).map(ValueRef::to_value), value, "{about}");
                for (other, value) in before.block.iter().filter(|(other, _)| *other != name) {
                    assert_eq!(after.block.get(other), Some(value), "{about}: {other}");
                }
            }
        }
    }
}

/// Every foreign value stands by itself: it can be put into another row, of another server, and is the same there.
#[test]
fn a_foreign_value_can_be_put_into_any_row() {
    let target = kept::row("7.0.2.106-RC", "lab_string");
    let mut moved = 0;
    for (server, row) in kept::all() {
        let layout = LuceeData::new(&row.application);
        for (name, value) in decode(&layout, &row.data).block.iter() {
            let about = format!("{server} {} {name}", row.application);
            let into = patch(&layout, &target.cfid, &target.data, &[("moved", Some(value.to_value()))], TIME * 2).expect(&about);
            let twice = patch(&layout, CFID, &into, &[("again", Some(value.to_value()))], TIME * 2).expect(&about);
            let decoded = decode(&layout, &twice);
            for name in ["moved", "again"] {
                let got = decoded.block.get(name).expect(&about);
                match (got, value) {
                    (ValueRef::Json(got), ValueRef::Json(value)) => assert!(same(got, value), "{about}"),
                    (got, value) => assert_eq!(got, value, "{about}"),
                }
            }
            moved += usize::from(matches!(value, ValueRef::Foreign { .. }));
        }
    }
    assert!(moved > 90, "only {moved} foreign values");
}
