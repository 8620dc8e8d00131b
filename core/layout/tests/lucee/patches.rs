//! Rows that are changed: removals, rotations, and maps of other versions of Lucee.

use crate::fixture::ROW;
use crate::kept;
use crate::made::{CFID, TIME, decode, json, patch, shown};
use base64::prelude::{BASE64_STANDARD, Engine};
use holdall_engine::ValueRef;
use holdall_layout::foreign::ForeignData;
use holdall_layout::lucee::LuceeData;

fn bytes(data: &[u8]) -> Vec<u8> {
    BASE64_STANDARD.decode(data).expect("base64")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The time and the removed mark of a field's item in a row where another field is the first.
fn item(data: &[u8], name: &str) -> (u64, bool) {
    let bytes = bytes(data);
    // The key's text, its end, and an item of a class that was described before.
    let wanted = [name.as_bytes(), b"xsq\0~\0\x11"].concat();
    let at = find(&bytes, &wanted).expect("the field is there") + wanted.len();
    (u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes")), bytes[at + 8] != 0)
}

#[test]
fn a_removed_field_leaves_a_mark_that_lucee_merges_by() {
    let layout = LuceeData::new("shop");
    let patched = patch(&layout, CFID, ROW.as_bytes(), &[("userName", None)], TIME + 5).expect("a patch");
    assert_eq!(item(&patched, "username"), (TIME + 5, true));
    assert_eq!(item(&patched, "timecreated"), (TIME, false));
    assert_eq!(shown(&layout, &decode(&layout, &patched), "username"), "absent");
    let again = patch(&layout, CFID, &patched, &[("username", None)], TIME + 9).expect("a patch");
    assert_eq!(again, patched, "removed once is removed");
    let back = patch(&layout, CFID, &again, &[("username", Some(json("1")))], TIME + 10).expect("a patch");
    assert_eq!(item(&back, "username"), (TIME + 10, false));
    assert_eq!(shown(&layout, &decode(&layout, &back), "username"), "1");
}

/// A clock that is behind the row's never makes a change look older than what it replaces.
#[test]
fn times_never_go_back() {
    let layout = LuceeData::new("shop");
    let patched = patch(&layout, CFID, ROW.as_bytes(), &[("username", Some(json("2")))], TIME - 1000).expect("a patch");
    assert_eq!(item(&patched, "username").0, TIME);
    assert_eq!(bytes(&patched)[95..103], (TIME + 1).to_be_bytes());
}

#[test]
fn the_spelling_of_a_key_stays() {
    let row = kept::row("6.2.0.321", "lab_string");
    let layout = LuceeData::new(&row.application);
    let patched = patch(&layout, &row.cfid, &row.data, &[("username", Some(json("\"x\"")))], TIME * 2).expect("a patch");
    let bytes = bytes(&patched);
    assert!(find(&bytes, b"\0\x08USERNAME").is_some() && find(&bytes, b"username").is_none());
}

#[test]
fn a_row_with_arrays_keeps_its_own_descriptors() {
    for (server, version) in [("5.4.6.9", 0x437e_78e2_4c37_ca89_u64), ("7.0.2.106-RC", 0xbffc_0aa1_c07c_8479)] {
        let row = kept::row(server, "lab_array");
        let layout = LuceeData::new(&row.application);
        for field in ["list", "other"] {
            let patched =
                patch(&layout, &row.cfid, &row.data, &[(field, Some(json("[[1],{\"a\":[2]}]")))], TIME * 2).expect("a patch");
            let bytes = bytes(&patched);
            let name = b"lucee.runtime.type.util.ArraySupport";
            let at = find(&bytes, name).expect("the class") + name.len();
            assert_eq!(bytes[at..at + 8], version.to_be_bytes());
            assert!(find(&bytes[at..], name).is_none(), "the class is described once");
            assert_eq!(shown(&layout, &decode(&layout, &patched), field), "[[1],{\"a\":[2]}]");
        }
    }
}

/// A value of another version keeps its descriptors, next to those of the row that have the same names.
#[test]
fn a_value_of_another_version_keeps_its_descriptors() {
    let (old, new) = (kept::row("5.4.6.9", "lab_query"), kept::row("7.0.2.106-RC", "lab_query"));
    let layout = LuceeData::new("lab_query");
    let value = |row: &kept::Row| decode(&layout, &row.data).block.get("q").expect("a query").to_value();
    assert_ne!(value(&old), value(&new));
    let patched = patch(&layout, &new.cfid, &new.data, &[("old", Some(value(&old)))], TIME * 2).expect("a patch");
    let decoded = decode(&layout, &patched);
    assert_eq!(decoded.block.get("old").map(ValueRef::to_value), Some(value(&old)));
    assert_eq!(decoded.block.get("q").map(ValueRef::to_value), Some(value(&new)));
}

/// A rotation writes the row under a new id; what says the id is the new one then.
#[test]
fn a_rotated_row_says_the_new_id() {
    let id = "11111111-2222-3333-4444-555555555555";
    // The row of a session that was never saved with content has no fields at all.
    for (_, row) in kept::all().filter(|(_, row)| find(&row.bytes(), b"cfid").is_some()) {
        let layout = LuceeData::new(&row.application);
        let patched = patch(&layout, id, &row.data, &[], TIME * 2).expect("a patch");
        let bytes = bytes(&patched);
        assert!(find(&bytes, row.cfid.as_bytes()).is_none(), "{}", row.application);
        for text in [id.to_owned(), format!("CFID={id}&CFTOKEN=0"), format!("{}_{id}_0", row.application)] {
            assert!(find(&bytes, text.as_bytes()).is_some(), "{}: {text}", row.application);
        }
        assert_eq!(decode(&layout, &patched).block, decode(&layout, &row.data).block, "{}", row.application);
    }
}

/// The fixture's stream with its map replaced: the head of another map, the entries, and another end.
fn with_map(head: &[u8], end: &[u8]) -> String {
    let bytes = bytes(ROW.as_bytes());
    let entries = find(&bytes, b"sr\0\x1alucee.runtime.type.KeyImpl").expect("the first key");
    let mut inner = vec![0xac, 0xed, 0, 5];
    inner.extend(head);
    // Handles count on: they are moved by as many as the head has fewer or more than the fixture's.
    let before = 14_i32;
    let now = i32::from(head_handles(head));
    inner.extend(moved(&bytes[entries..bytes.len() - 3], now - before));
    inner.extend(end);
    let mut outer = bytes[..122].to_vec();
    outer.extend((inner.len() as u32).to_be_bytes());
    outer.extend(inner);
    BASE64_STANDARD.encode(outer)
}

/// How many handles there are in a head: its classes, the names of their fields' types, its objects and arrays.
fn head_handles(head: &[u8]) -> u8 {
    if find(head, b"delegate").is_some() { 8 } else { 2 }
}

fn moved(entries: &[u8], by: i32) -> Vec<u8> {
    let mut out = entries.to_vec();
    let mut at = 0;
    while let Some(found) = find(&out[at..], b"q\0~\0") {
        let place = at + found + 4;
        out[place] = u8::try_from(i32::from(out[place]) + by).expect("a small handle");
        at = place + 1;
    }
    out
}

fn class(name: &str, version: u64, flags: u8, fields: &[(u8, &str, &str)]) -> Vec<u8> {
    let short = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let mut out = [b"r", &short(name)[..], &version.to_be_bytes(), &[flags]].concat();
    out.extend((fields.len() as u16).to_be_bytes());
    for (code, name, type_name) in fields {
        out.push(*code);
        out.extend(short(name));
        if !type_name.is_empty() {
            out.push(b't');
            out.extend(short(type_name));
        }
    }
    out.extend(b"xp");
    out
}

/// Java's own map, as rows have it that Lucee took from a literal: its count follows the entries.
#[test]
fn a_hash_map_keeps_count() {
    let layout = LuceeData::new("shop");
    let map = class("java.util.HashMap", 0x0507_dac1_c316_60d1, 3, &[(b'F', "loadFactor", ""), (b'I', "threshold", "")]);
    let head = [b"s", &map[..], &[0x3f, 0x40, 0, 0, 0, 0, 0, 12, 0x77, 8, 0, 0, 0, 16, 0, 0, 0, 7]].concat();
    let row = with_map(&head, b"x");
    let decoded = decode(&layout, row.as_bytes());
    assert_eq!(shown(&layout, &decoded, "username"), "\"ada\"");
    let changes = [("username", None), ("a", Some(json("1"))), ("b", Some(json("2")))];
    let patched = patch(&layout, CFID, row.as_bytes(), &changes, TIME).expect("a patch");
    let count = [0x77, 8, 0, 0, 0, 16, 0, 0, 0, 8];
    assert!(find(&bytes(&patched), &count).is_some(), "seven, one less, two more");
    assert!(find(&bytes(&patched), b"username").is_none(), "nothing is left of the entry");
    // A name that is named twice goes away once.
    let twice = patch(&layout, CFID, row.as_bytes(), &[("username", None), ("UserName", None)], TIME).expect("a patch");
    assert_eq!(decode(&layout, &twice).block.len(), 2);
    let decoded = decode(&layout, &patched);
    assert_eq!(shown(&layout, &decoded, "b"), "2");
    assert_eq!(decoded.block.len(), 4, "a, b, lastvisit, timecreated");
}

/// The map of Lucee 7.1 and later, which holds one of Java's; and the same by the old name, as early builds wrote it.
#[test]
fn a_map_that_delegates_is_read_and_changed() {
    let layout = LuceeData::new("shop");
    let names = [
        ("lucee.commons.collection.concurrent.ConcurrentHashMapNullSupportJDK", 0x6499_de12_9d87_293e_u64),
        ("lucee.commons.collection.concurrent.ConcurrentHashMapNullSupport", 0x6499_de12_9d87_293d),
    ];
    for (name, version) in names {
        let outer = class(name, version, 2, &[(b'L', "delegate", "Ljava/util/concurrent/ConcurrentHashMap;")]);
        let segments = "[Ljava/util/concurrent/ConcurrentHashMap$Segment;";
        let fields = [(b'I', "segmentMask", ""), (b'I', "segmentShift", ""), (b'[', "segments", segments)];
        let inner = class("java.util.concurrent.ConcurrentHashMap", 0x6499_de12_9d87_293d, 3, &fields);
        let array = class("[Ljava.util.concurrent.ConcurrentHashMap$Segment;", 0x5277_3f41_329b_3974, 2, &[]);
        let head = [b"s", &outer[..], b"s", &inner, &[0, 0, 0, 15, 0, 0, 0, 28, b'u'], &array, &[0; 4]].concat();
        let row = with_map(&head, b"ppx");
        assert_eq!(shown(&layout, &decode(&layout, row.as_bytes()), "username"), "\"ada\"", "{name}");
        let changes = [("username", Some(json("{\"a\":1}"))), ("new", Some(json("[]")))];
        let patched = patch(&layout, CFID, row.as_bytes(), &changes, TIME).expect("a patch");
        let decoded = decode(&layout, &patched);
        assert_eq!(shown(&layout, &decoded, "username"), "{\"a\":1}", "{name}");
        assert_eq!(shown(&layout, &decoded, "new"), "[]", "{name}");
        assert!(patched.len() > row.len() && layout.decode(&patched[..patched.len() - 4]).is_err());
    }
}
