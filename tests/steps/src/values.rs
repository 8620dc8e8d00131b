//! Values as lines write them: JSON, bytes, durations.

use crate::line::Line;
use crate::world::Failure;
use std::time::Duration;

/// The rest of the line as JSON text: as it stands, or `@string N`, a JSON string of N bytes with its quotes.
pub(crate) fn json(line: &mut Line<'_>) -> Result<String, Failure> {
    if !line.takes("@string") {
        return Ok(line.rest().to_owned());
    }
    let size = usize::try_from(line.number()?).unwrap_or(0);
    line.end()?;
    Ok(format!("\"{}\"", "x".repeat(size.saturating_sub(2))))
}

/// The rest of the line as bytes: hex digits, `empty` for no bytes at all, or `@bytes N`, N bytes 0, 1, 2 ... 255, 0 ...
pub(crate) fn bytes(line: &mut Line<'_>) -> Result<Vec<u8>, Failure> {
    if line.takes("@bytes") {
        let size = line.number()?;
        line.end()?;
        return Ok((0..size).map(|place| (place % 256) as u8).collect());
    }
    let word = line.bare_word()?;
    line.end()?;
    if word == "empty" {
        return Ok(Vec::new());
    }
    let pair = |place: usize| word.get(place..place + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..word.len()).step_by(2).map(pair).collect();
    bytes.ok_or_else(|| Failure::scenario(format!("{word:?} is not hex")))
}

/// A number with its unit: `250ms`, `10s`, `30min`, `24h`; `never` is the longest there is.
pub(crate) fn duration(word: &str) -> Result<Duration, Failure> {
    if word == "never" {
        return Ok(Duration::MAX);
    }
    let unit = word.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let number: Option<u64> = word[..word.len() - unit.len()].parse().ok();
    match (number, unit) {
        (Some(number), "ms") => Ok(Duration::from_millis(number)),
        (Some(number), "s") => Ok(Duration::from_secs(number)),
        (Some(number), "min") => Ok(Duration::from_secs(number * 60)),
        (Some(number), "h") => Ok(Duration::from_secs(number * 3_600)),
        _ => Err(Failure::scenario(format!("{word:?} is no duration: say 250ms, 10s, 30min, 24h or never"))),
    }
}

pub(crate) fn yes_no(word: &str) -> Result<bool, Failure> {
    match word {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(Failure::scenario(format!("{word:?} must be yes or no"))),
    }
}

/// Bytes as lines write them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    if bytes.is_empty() {
        return "empty".to_owned();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}
