//! Tickets: an id with the revision that the visitor has seen, for the cookie.

/// What stands between id and revision. Ids made here never contain it.
const MARK: char = '.';

/// An id with its revision.
pub(crate) fn join(id: &str, revision: Option<u64>) -> String {
    match revision {
        Some(revision) => format!("{id}{MARK}{revision}"),
        None => id.to_owned(),
    }
}

/// Splits a ticket; what is none comes back whole. A revision that is no number counts as none.
pub(crate) fn split(text: &str) -> (&str, Option<u64>) {
    match text.rsplit_once(MARK) {
        Some((id, revision)) if !id.is_empty() => match parse(revision) {
            Some(revision) => (id, Some(revision)),
            None => (text, None),
        },
        _ => (text, None),
    }
}

/// Digits only, no sign, no leading zero: what [`join`] writes and nothing else.
fn parse(revision: &str) -> Option<u64> {
    let digits = !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = revision == "0" || !revision.starts_with('0');
    let number = if digits && canonical { revision.parse::<u64>().ok()? } else { return None };
    (number < holdall_engine::Stamp::REVISION_LIMIT).then_some(number)
}
