//! Bytes that nobody should write: an error, no panic, in little time and memory.

use crate::fixture::ROW;
use crate::made::{CFID, TIME, decode, json, patch, shown};
use crate::{kept, literal_rows, mutations};
use base64::prelude::{BASE64_STANDARD, Engine};
use holdall_engine::ValueRef;
use holdall_layout::foreign::ForeignData;
use holdall_layout::lucee::LuceeData;

fn layout() -> LuceeData {
    LuceeData::new("shop")
}

/// The fixture's row with another value for `username`; the value's bytes are the rest of the item.
fn with_value(value: &[u8]) -> String {
    let row = BASE64_STANDARD.decode(ROW).expect("base64");
    let at = row.windows(6).position(|window| window == b"t\0\x03ada").expect("the value");
    // The entries behind it are left out, for their handles would be others.
    let inner = [&row[126..at], value, b"ppx"].concat();
    let outer = [&row[..122], &(inner.len() as u32).to_be_bytes(), &inner].concat();
    BASE64_STANDARD.encode(outer)
}

fn refused(row: &str) -> String {
    layout().decode(row.as_bytes()).expect_err("a row that is broken").0.to_string()
}

#[test]
fn base64_has_to_be_whole() {
    for row in ["", "r", "rO0", "rO0ABX", "%%%%", "rO0A BXNy", &ROW[..ROW.len() - 1], &format!("{ROW}\n"), &ROW.replace('/', "_")]
    {
        assert!(layout().decode(row.as_bytes()).is_err(), "{}", &row[..row.len().min(20)]);
    }
    assert_eq!(refused("AAAA"), "the Java object stream ends at byte 3, within a value");
    assert_eq!(refused("\u{fffd}"), "the data is neither a CFML literal nor base64");
}

#[test]
fn every_cut_row_is_refused() {
    let row = BASE64_STANDARD.decode(ROW).expect("base64");
    for len in 0..row.len() {
        assert!(layout().decode(BASE64_STANDARD.encode(&row[..len]).as_bytes()).is_err(), "{len} bytes");
    }
}

#[test]
fn nothing_may_follow_a_stream() {
    let row = BASE64_STANDARD.decode(ROW).expect("base64");
    let longer = [&row[..], b"p"].concat();
    assert!(refused(&BASE64_STANDARD.encode(longer)).contains("the end"));
    let inner = [&row[126..], b"t\0\0"].concat();
    let outer = [&row[..122], &(inner.len() as u32).to_be_bytes(), &inner].concat();
    assert!(refused(&BASE64_STANDARD.encode(outer)).contains("the end"));
}

#[test]
fn huge_lengths_take_no_memory() {
    let huge: [(&str, &[u8]); 5] = [
        ("a string", b"|\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ("an array of bytes", b"ur\0\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\0\0xp\x7f\xff\xff\xff"),
        ("an array of objects", b"ur\0\x13[Ljava.lang.Object;\x90\xce\x58\x9f\x10\x73\x29\x6c\x02\0\0xp\x7f\xff\xff\xff"),
        ("an array of numbers", b"ur\0\x02[J\0\0\0\0\0\0\0\0\x02\0\0xp\xff\xff\xff\xff"),
        ("a proxy's interfaces", b"s}\x7f\xff\xff\xff"),
    ];
    for (what, value) in huge {
        let error = refused(&with_value(value));
        assert!(error.contains("ends at byte") || error.contains("something else"), "{what}: {error}");
    }
}

/// Each null takes a byte in the row and many in memory, so their number has a limit.
#[test]
fn a_row_has_so_many_values_at_most() {
    let count = 3_000_000_u32;
    let head = b"ur\0\x13[Ljava.lang.Object;\x90\xce\x58\x9f\x10\x73\x29\x6c\x02\0\0xp";
    let value = [&head[..], &count.to_be_bytes(), &vec![b'p'; count as usize]].concat();
    assert!(refused(&with_value(&value)).contains("has more than 2000000 parts"));
}

#[test]
fn nesting_has_an_end() {
    let array = b"ur\0\x13[Ljava.lang.Object;\x90\xce\x58\x9f\x10\x73\x29\x6c\x02\0\0xp\0\0\0\x01";
    // One descriptor, then arrays in arrays by its handle, whichever that is.
    let errors = (0x10..0x40_u8).map(|handle| {
        let next = [b"uq\0~\0", &[handle][..], b"\0\0\0\x01"].concat();
        refused(&with_value(&[&array[..], &next.repeat(200_000)].concat()))
    });
    assert_eq!(errors.filter(|error| error.contains("nests too deep")).count(), 1);
    let literal = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refused(&literal).contains("nested deeper"));
    let calls = format!("{{\"a\":f{}{}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(layout().decode(calls.as_bytes()).is_ok(), "brackets in a call are only counted");
}

#[test]
fn references_go_back_only() {
    for handle in [0x7e_00ff_u32, 0x7e_7fff, 0, 0xffff_ffff, 0x7d_ffff] {
        let mut value = b"q".to_vec();
        value.extend(handle.to_be_bytes());
        assert!(refused(&with_value(&value)).contains("a handle of what came before"), "{handle:x}");
    }
    // A class descriptor where an object is expected is data like any other: of no use, and of no harm.
    let row = with_value(b"q\0~\0\x0e");
    assert_eq!(
        shown(&layout(), &decode(&layout(), row.as_bytes()), "username"),
        "java.lang.Object: {\"class\":\"java.lang.Class\"}"
    );
}

/// A class whose super class is itself, a class used before it is whole, a chain without end.
#[test]
fn classes_that_turn_back_are_refused() {
    let with_handle = |before: &[u8], handle: u8, after: &[u8]| refused(&with_value(&[before, &[handle], after].concat()));
    // One of these handles is the new descriptor's own.
    let own = (0x10..0x40).map(|handle| with_handle(b"sr\0\x01X\0\0\0\0\0\0\0\0\x02\0\0xq\0~\0", handle, b"q\0~\0\xff"));
    assert_eq!(own.filter(|error| error.contains("super classes")).count(), 1);
    let within = (0x10..0x40).map(|handle| with_handle(b"sr\0\x01X\0\0\0\0\0\0\0\0\x02\0\0sq\0~\0", handle, b"xp"));
    assert_eq!(within.filter(|error| error.contains("a class descriptor that is whole")).count(), 1);
    let mut chain = b"s".to_vec();
    for _ in 0..5000 {
        chain.extend(b"r\0\x01X\0\0\0\0\0\0\0\0\x02\0\0x");
    }
    chain.push(b'p');
    assert!(refused(&with_value(&chain)).contains("super classes"));
}

/// A struct that holds itself is a foreign value; it is written back, and seen as far as it goes.
#[test]
fn a_value_that_holds_itself_is_kept() {
    let row = kept::row("6.2.0.321", "lab_binary");
    let layout = LuceeData::new(&row.application);
    let bytes = row.bytes();
    // Java's list with one string: the string becomes a reference to the list, whose handle is looked for.
    let at = bytes.windows(4).position(|window| window == b"\0\x02e1").expect("the list's element") - 1;
    let mut found = 0;
    for handle in 0x20..0x60_u8 {
        let changed = [&bytes[126..at], b"q\0~\0", &[handle], &bytes[at + 5..]].concat();
        let outer = [&bytes[..122], &(changed.len() as u32).to_be_bytes(), &changed].concat();
        let data = BASE64_STANDARD.encode(outer);
        let Ok(decoded) = layout.decode(data.as_bytes()) else { continue };
        let Some(ValueRef::Foreign { kind: "java.util.ArrayList", raw }) = decoded.block.get("javalist") else { continue };
        if layout.view("", raw).as_deref() != Some("[{\"class\":\"java.util.ArrayList\"}]") {
            continue;
        }
        found += 1;
        let patched = patch(&layout, &row.cfid, data.as_bytes(), &[("new", Some(json("1")))], TIME * 2).expect("a patch");
        assert_eq!(decode(&layout, &patched).block.get("javalist"), decoded.block.get("javalist"));
    }
    assert_eq!(found, 1, "one handle is the list's own");
}

/// Arrays that have the next one ten times, twenty levels of them: more JSON than a disk holds, in a few kilobytes.
#[test]
fn a_row_that_unfolds_without_end_is_kept_as_it_is() {
    let layout = layout();
    let array = b"sr\0\x1clucee.runtime.type.ArrayImpl\xaa\x1f\xd4\x16\xb4\x56\x71\xe3\x02\0\0x\
        r\0\x23lucee.runtime.type.wrap.ListAsArray\xd7\x1b\xac\xe6\x5a\x57\x14\x77\x02\0\x01L\0\x04listt\0\x10Ljava/util/List;xp\
        sr\0\x13java.util.ArrayList\x78\x81\xd2\x1d\x99\xc7\x61\x9d\x03\0\x01I\0\x04sizexp\0\0\0\x0aw\x04\0\0\0\x0a";
    // Six handles a level; the fourth is the array's. Where they begin is found out.
    let unfolding = |first: u8| {
        let level = |depth: u8, next: Vec<u8>| {
            let again = [b"q\0~\0", &[first + 6 * (depth + 1) + 3][..]].concat();
            [&array[..], &next, &again.repeat(9), b"x"].concat()
        };
        let last = [&array[..], &[b'p'; 10], b"x"].concat();
        with_value(&(0..20).rev().fold(last, |next, depth| level(depth, next)))
    };
    let kept = (0x10..0x40).filter(|first| {
        let row = unfolding(*first);
        let Ok(decoded) = layout.decode(row.as_bytes()) else { return false };
        let Some(ValueRef::Foreign { kind: "lucee.array", raw }) = decoded.block.get("username") else { return false };
        let patched = patch(&layout, CFID, row.as_bytes(), &[("new", Some(json("1")))], TIME).expect("a patch");
        assert_eq!(decode(&layout, &patched).block.get("username"), decoded.block.get("username"));
        layout.view("lucee.array", raw).is_none()
    });
    assert!(kept.count() > 0);
}

#[test]
fn damaged_rows_never_panic_and_never_lie() {
    let mut rows: Vec<Vec<u8>> = kept::all().map(|(_, row)| row.data).collect();
    rows.push(ROW.as_bytes().to_vec());
    let counts = mutations::run(&literal_rows::with_literals(rows), 0x5eed, 20_000);
    assert!(counts.read > 2000 && counts.changed > 2000, "too few were still readable: {counts:?}");
}

#[test]
fn an_error_says_nothing_of_the_content() {
    let cut = &ROW[..ROW.len() - 400];
    for row in [cut.to_owned(), format!("{{\"secretname\":\"secretvalue\",\"x\":{CFID}}}"), "secret!".to_owned()] {
        let error = refused(&row);
        assert!(!error.contains("secret") && !error.contains("3f2a") && !error.contains("ada"), "{error}");
    }
}
