//! Ids and times.

use holdall_engine::{Key, Rules, Time, ValueRef};
use holdall_layout::rails::{RailsRules, is_public_id, private_id, times};

#[test]
fn the_private_id_is_the_gems() {
    assert_eq!(
        private_id(b"0123456789abcdef0123456789abcdef"),
        "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9"
    );
    assert_eq!(RailsRules.key(b"abc"), Key::new(b"abc"));
}

#[test]
fn a_cookie_that_looks_private_is_refused() {
    for good in ["0123456789abcdef0123456789abcdef", "a2::b", "::", "2:", "2:x:", "grün"] {
        assert!(is_public_id(good.as_bytes()), "{good}");
    }
    for bad in [&b""[..], b"2::", b"2::3eb1bd", b"17::x", b"\xff"] {
        assert!(!is_public_id(bad));
    }
}

#[test]
fn content_decides_what_is_the_same() {
    let json = ValueRef::Json;
    assert!(RailsRules.same(json(r#"{"a":1,"b":2}"#), json(r#"{ "b":2.0, "a":1 }"#)));
    assert!(!RailsRules.same(json("1"), ValueRef::Bytes(b"1")));
}

#[test]
fn times_as_rails_writes_them() {
    for (text, ms) in [
        ("2026-11-22 00:56:29.331084", 1_795_308_989_331),
        ("2026-11-22 00:56:29", 1_795_308_989_000),
        ("2026-11-22T00:56:29.5Z", 1_795_308_989_500),
        ("2026-11-22 00:56:29 UTC", 1_795_308_989_000),
        ("1970-01-01 00:00:00.000000", 0),
        ("2000-02-29 23:59:59.999999", 951_868_799_999),
        ("9999-12-31 23:59:59.999999", 253_402_300_799_999),
    ] {
        assert_eq!(times::from_text(text), Some(Time(ms)), "{text}");
    }
    for bad in ["", "2026-11-22", "2026-13-22 00:00:00", "1969-12-31 23:59:59", "2026-11-22 00:56:29.x", "2026-11-22 24:00:00"] {
        assert_eq!(times::from_text(bad), None, "{bad}");
    }
    assert_eq!(times::to_text(Time(1_795_308_989_331)), "2026-11-22 00:56:29.331000");
    assert_eq!(times::to_text(Time::NEVER), "9999-12-31 23:59:59.999000");
}

#[test]
fn every_day_there_and_back() {
    for day in (0..80_000).step_by(7).chain([11_016, 11_017, 47_540, 47_541]) {
        let time = Time(day * 86_400_000 + 86_399_999);
        assert_eq!(times::from_text(&times::to_text(time)), Some(time));
    }
}
