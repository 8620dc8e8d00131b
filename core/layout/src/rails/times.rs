//! `created_at` and `updated_at`: UTC, to the microsecond, as text of one form that sorts by time.

use holdall_engine::Time;

const MS_PER_DAY: u64 = 86_400_000;

/// The text of a time, as in `2026-11-22 00:56:29.331000`. SQLite tables hold it, and MySQL takes it. Times past the
/// year 9999 are written as its last moment.
pub fn to_text(time: Time) -> String {
    let last = Time(253_402_300_799_999);
    let ms = time.min(last).0;
    let (year, month, day) = date_of(ms / MS_PER_DAY);
    let in_day = ms % MS_PER_DAY;
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}000", in_day % 1000)
}

/// The time that a text says: with or without a fraction, `T` for the blank, `Z` or `UTC` at the end. Times before 1970
/// and anything else are none.
pub fn from_text(text: &str) -> Option<Time> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix(" UTC")).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let bytes = whole.as_bytes();
    let separated = bytes.len() == 19
        && [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')].iter().all(|(place, byte)| bytes[*place] == *byte)
        && matches!(bytes[10], b' ' | b'T');
    if !separated || fraction.len() > 9 {
        return None;
    }
    let number = |from: usize, to: usize| digits(&bytes[from..to]);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut ms = 0;
    for place in 0..3 {
        ms = ms * 10 + digits(fraction.as_bytes().get(place..=place).unwrap_or(b"0"))?;
    }
    Some(Time(days_to(year, month, day) * MS_PER_DAY + (hour * 3600 + minute * 60 + second) * 1000 + ms))
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(number * 10 + u64::from(digit))
    })
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March, so that the leap day is the
/// last of a year.
fn days_to(year: u64, month: u64, day: u64) -> u64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    let before = 365 * year + year / 4 - year / 100 + year / 400;
    // 719,468 days lie between the first of March of the year 0 and 1970-01-01.
    before + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// The reverse of [`days_to`].
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let january = u64::from(month >= 10);
    (era * 400 + year + january, if month < 10 { month + 3 } else { month - 9 }, day)
}
