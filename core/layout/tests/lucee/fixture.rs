//! A row as Lucee's classes write it for one user field, and the same row as it is written here.

use crate::made::{CFID, TIME, decode, encode, json, patch, shown};
use base64::prelude::{BASE64_STANDARD, Engine};
use holdall_engine::Time;
use holdall_layout::lucee::LuceeData;

/// Application `shop`, session [`CFID`], `username` = `ada`, all times [`TIME`].
pub const ROW: &str = "rO0ABXNyAC9sdWNlZS5ydW50aW1lLnR5cGUuc2NvcGUuc3RvcmFnZS5JS1N0b3JhZ2VWYWx1ZSXcdnpeLxPxAgACSgAMbGFzdE1vZGlmaWVkWw\
     AEYmFycnQAAltCeHAAAAGSwB1SAHVyAAJbQqzzF/gGCFTgAgAAeHAAAAXTrO0ABXNyAEBsdWNlZS5jb21tb25zLmNvbGxlY3Rpb24uY29uY3Vy\
     cmVudC5Db25jdXJyZW50SGFzaE1hcE51bGxTdXBwb3J0ZJneEp2HKT0DAANJAAtzZWdtZW50TWFza0kADHNlZ21lbnRTaGlmdFsACHNlZ21lbn\
     RzdABLW0xsdWNlZS9jb21tb25zL2NvbGxlY3Rpb24vY29uY3VycmVudC9Db25jdXJyZW50SGFzaE1hcE51bGxTdXBwb3J0JFNlZ21lbnQ7eHAA\
     AAAAAAAAIHVyAEtbTGx1Y2VlLmNvbW1vbnMuY29sbGVjdGlvbi5jb25jdXJyZW50LkNvbmN1cnJlbnRIYXNoTWFwTnVsbFN1cHBvcnQkU2VnbW\
     VudDtwkN7o9kof6gIAAHhwAAAAAXNyAEhsdWNlZS5jb21tb25zLmNvbGxlY3Rpb24uY29uY3VycmVudC5Db25jdXJyZW50SGFzaE1hcE51bGxT\
     dXBwb3J0JFNlZ21lbnQfNkyQWJMpPQIAAUYACmxvYWRGYWN0b3J4cgAoamF2YS51dGlsLmNvbmN1cnJlbnQubG9ja3MuUmVlbnRyYW50TG9ja2\
     ZVqCwsyGrrAgABTAAEc3luY3QAL0xqYXZhL3V0aWwvY29uY3VycmVudC9sb2Nrcy9SZWVudHJhbnRMb2NrJFN5bmM7eHBzcgA0amF2YS51dGls\
     LmNvbmN1cnJlbnQubG9ja3MuUmVlbnRyYW50TG9jayROb25mYWlyU3luY2WIMudTe78LAgAAeHIALWphdmEudXRpbC5jb25jdXJyZW50LmxvY2\
     tzLlJlZW50cmFudExvY2skU3luY7geopSqRFp8AgAAeHIANWphdmEudXRpbC5jb25jdXJyZW50LmxvY2tzLkFic3RyYWN0UXVldWVkU3luY2hy\
     b25pemVyZlWoQ3U/UuMCAAFJAAVzdGF0ZXhyADZqYXZhLnV0aWwuY29uY3VycmVudC5sb2Nrcy5BYnN0cmFjdE93bmFibGVTeW5jaHJvbml6ZX\
     Iz36+5rW1vqQIAAHhwAAAAAD9AAABzcgAabHVjZWUucnVudGltZS50eXBlLktleUltcGyE+b8vafRvZwwAAHhwdAAHY2Z0b2tlbnhzcgAzbHVj\
     ZWUucnVudGltZS50eXBlLnNjb3BlLnN0b3JhZ2UuSUtTdG9yYWdlU2NvcGVJdGVtjl8IifXni04CAANKAAtsYXN0TW9kaWZlZFoAB3JlbW92ZW\
     RMAAV2YWx1ZXQAEkxqYXZhL2xhbmcvT2JqZWN0O3hwAAABksAdUgAAdAABMHNxAH4ADnQACWxhc3R2aXNpdHhzcQB+ABEAAAGSwB1SAABzcgAi\
     bHVjZWUucnVudGltZS50eXBlLmR0LkRhdGVUaW1lSW1wbBHf0q60aBGeAgAAeHIAHmx1Y2VlLnJ1bnRpbWUudHlwZS5kdC5EYXRlVGltZR8ysm\
     tpaea/AgAAeHIADmphdmEudXRpbC5EYXRlaGqBAUtZdBkDAAB4cHcIAAABksAdUgB4c3EAfgAOdAAIdXNlcm5hbWV4c3EAfgARAAABksAdUgAA\
     dAADYWRhc3EAfgAOdAAJc2Vzc2lvbmlkeHNxAH4AEQAAAZLAHVIAAHQAK3Nob3BfM2YyYTFjNTgtN2I3ZS00ZjBlLTlhNTMtMGM3ZjZhMmQ5ZT\
     ExXzBzcQB+AA50AAh1cmx0b2tlbnhzcQB+ABEAAAGSwB1SAAB0ADNDRklEPTNmMmExYzU4LTdiN2UtNGYwZS05YTUzLTBjN2Y2YTJkOWUxMSZD\
     RlRPS0VOPTBzcQB+AA50AAt0aW1lY3JlYXRlZHhzcQB+ABEAAAGSwB1SAABzcQB+ABh3CAAAAZLAHVIAeHNxAH4ADnQABGNmaWR4c3EAfgARAA\
     ABksAdUgAAdAAkM2YyYTFjNTgtN2I3ZS00ZjBlLTlhNTMtMGM3ZjZhMmQ5ZTExcHB4";

#[test]
fn the_row_is_read() {
    let layout = LuceeData::new("shop");
    let decoded = decode(&layout, ROW.as_bytes());
    assert_eq!(shown(&layout, &decoded, "username"), "\"ada\"");
    assert_eq!(shown(&layout, &decoded, "lastvisit"), "lucee.date: \"2024-10-24T20:00:00.000Z\"");
    assert_eq!((decoded.created, decoded.accessed), (Some(Time(TIME)), Some(Time(TIME))));
    assert_eq!(decoded.block.len(), 3, "username, lastvisit, timecreated");
}

/// A map has no order: the entries of both rows are the same, and so is everything before and behind them.
#[test]
fn a_new_row_is_what_lucee_would_write() {
    let layout = LuceeData::new("shop");
    let ours = BASE64_STANDARD.decode(encode(&layout, &[("username", json("\"ada\""))]).expect("a row")).expect("base64");
    let theirs = BASE64_STANDARD.decode(ROW).expect("base64");
    assert_eq!(ours.len(), theirs.len());
    // The first entry says the class of keys and items, so the constant part goes up to the first key's text.
    assert_eq!(ours[..960], theirs[..960]);
    let entry = b"sq\0~\0\x0et";
    let entries = |row: &[u8]| {
        let text = String::from_utf8_lossy(&row[960..]).into_owned();
        let mut names: Vec<usize> = text.match_indices(&*String::from_utf8_lossy(entry)).map(|(place, _)| place).collect();
        names.dedup();
        names.len()
    };
    assert_eq!(entries(&ours), entries(&theirs));
    for name in ["cfid", "cftoken", "urltoken", "sessionid", "timecreated", "lastvisit", "username"] {
        assert!(ours.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    for text in [format!("CFID={CFID}&CFTOKEN=0"), format!("shop_{CFID}_0")] {
        assert!(ours.windows(text.len()).any(|window| window == text.as_bytes()));
    }
}

/// One field of the same length changed: only its value, its time and the time of the save differ.
#[test]
fn a_patch_changes_the_field_and_times_alone() {
    let layout = LuceeData::new("shop");
    let now = TIME + 0x0102_0304;
    let patched = patch(&layout, CFID, ROW.as_bytes(), &[("username", Some(json("\"bob\"")))], now).expect("a patch");
    let (before, after) = (BASE64_STANDARD.decode(ROW).expect("base64"), BASE64_STANDARD.decode(patched).expect("base64"));
    assert_eq!(before.len(), after.len());
    assert_eq!(after[95..103], now.to_be_bytes());
    let value = before.windows(6).position(|window| window == b"t\0\x03ada").expect("the value") + 3;
    assert_eq!(&after[value..value + 3], b"bob");
    let time = value - 3 - 9;
    assert_eq!(after[time..time + 8], now.to_be_bytes());
    let differ = (0..before.len()).filter(|place| before[*place] != after[*place]);
    let allowed =
        |place: &usize| (95..103).contains(place) || (time..time + 8).contains(place) || (value..value + 3).contains(place);
    assert_eq!(differ.filter(|place| !allowed(place)).count(), 0);
}
