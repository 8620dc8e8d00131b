//! Tickets: an id with the revision that the visitor has seen, for the cookie.

/// What stands between id and revision. Ids made here never contain it.
const MARK: u8 = b'.';

/// An id with its revision.
pub(crate) fn join(id: &str, revision: Option<u64>) -> String {
    match revision {
        Some(revision) => format!("{id}{}{revision}", char::from(MARK)),
        None => id.to_owned(),
    }
}

/// Splits a ticket; what is none comes back whole. Only what [`join`] writes counts as a revision: digits without a
/// leading zero, below the limit of revisions.
#[inline]
pub(crate) fn split(ticket: &[u8]) -> (&[u8], Option<u64>) {
    // Most cookies end at once here: five of six ids don't end with a digit.
    if !ticket.last().is_some_and(u8::is_ascii_digit) {
        return (ticket, None);
    }
    let digits = ticket.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (head, revision) = ticket.split_at(ticket.len() - digits);
    match head {
        [id @ .., MARK] if !id.is_empty() => match parse(revision) {
            Some(revision) => (id, Some(revision)),
            None => (ticket, None),
        },
        _ => (ticket, None),
    }
}

fn parse(digits: &[u8]) -> Option<u64> {
    if digits.len() > 16 || (digits.len() > 1 && digits[0] == b'0') {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
    (number < holdall_engine::Stamp::REVISION_LIMIT).then_some(number)
}
