//! Rust and C source with its comments and the insides of its strings blanked out, so that a search finds code only.

/// The same text, of the same lines, with each character of a comment, a string or a character literal made a space.
pub fn code_only(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < characters.len() {
        let end = skip(&characters, at);
        if end == at {
            out.push(characters[at]);
            at += 1;
            continue;
        }
        out.extend(characters[at..end].iter().map(|&character| if character == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Where the comment or literal that starts here ends; `at` itself where none starts.
fn skip(text: &[char], at: usize) -> usize {
    match (text[at], text.get(at + 1)) {
        ('/', Some('/')) => text[at..].iter().position(|&character| character == '\n').map_or(text.len(), |length| at + length),
        ('/', Some('*')) => skip_block(text, at),
        ('"', _) => skip_string(text, at + 1),
        ('r', Some('"' | '#')) if !follows_word(text, at) => skip_raw(text, at),
        ('b', Some('r')) if !follows_word(text, at) => match skip_raw(text, at + 1) {
            end if end == at + 1 => at,
            end => end,
        },
        ('\'', _) => skip_character(text, at),
        _ => at,
    }
}

fn follows_word(text: &[char], at: usize) -> bool {
    at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_')
}

/// Rust's block comments nest; C's don't, and none of ours relies on it.
fn skip_block(text: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut here = at;
    while here + 1 < text.len() {
        match (text[here], text[here + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                here += 1;
                continue;
            }
        }
        here += 2;
        if depth == 0 {
            return here;
        }
    }
    text.len()
}

fn skip_string(text: &[char], from: usize) -> usize {
    let mut here = from;
    while here < text.len() {
        match text[here] {
            '\\' => here += 2,
            '"' => return here + 1,
            _ => here += 1,
        }
    }
    text.len()
}

fn skip_raw(text: &[char], at: usize) -> usize {
    let hashes = text[at + 1..].iter().take_while(|&&character| character == '#').count();
    let quote = at + 1 + hashes;
    if text.get(quote) != Some(&'"') {
        return at;
    }
    let mut here = quote + 1;
    while here < text.len() {
        let closed =
            text[here] == '"' && text[here + 1..].iter().take(hashes).filter(|&&character| character == '#').count() == hashes;
        if closed {
            return here + 1 + hashes;
        }
        here += 1;
    }
    text.len()
}

/// A character literal; a lifetime starts with the same sign and is left alone.
fn skip_character(text: &[char], at: usize) -> usize {
    match (text.get(at + 1), text.get(at + 2)) {
        (Some('\\'), Some(_)) => {
            let close = text[at + 3..].iter().take(12).position(|&character| character == '\'');
            close.map_or(at, |length| at + 3 + length + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

/// The places (line from 0, column) at which `word` stands alone in code that [`code_only`] made.
pub fn find_word(code: &str, word: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for (column, _) in line.match_indices(word) {
            let before = line[..column].chars().next_back();
            let after = line[column + word.len()..].chars().next();
            let in_word = |character: Option<char>| character.is_some_and(|found| found.is_alphanumeric() || found == '_');
            if !in_word(before) && !in_word(after) {
                places.push((number, column));
            }
        }
    }
    places
}
