//! JSON text: checked once where it comes in, compared by content, otherwise never parsed.

use crate::content;
use core::fmt;
use holdall_engine::ValueRef;
use serde_core::de::IgnoredAny;

/// How deep arrays and objects may be nested in a value. Many parsers stop at 128; a row puts two levels around a value.
pub const DEPTH_LIMIT: usize = 120;

/// Why a text was refused as JSON. It names places, never content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonError {
    /// The text is not JSON.
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// Arrays and objects are nested deeper than [`DEPTH_LIMIT`].
    TooDeep,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => write!(f, "the text is not JSON: look at line {line}, column {column}"),
            Self::TooDeep => write!(f, "the JSON is nested deeper than {DEPTH_LIMIT} levels"),
        }
    }
}

impl core::error::Error for JsonError {}

/// Checks that `text` is one JSON value (RFC 8259), white space around it allowed.
///
/// Whatever the RFC allows passes, also what many parsers refuse or round: numbers of any size and precision
/// (`1e400`), escapes of lone surrogates (`"\ud800"`), repeated names. Only the depth is limited, to [`DEPTH_LIMIT`].
///
/// # Errors
/// [`JsonError`], without content.
pub fn check_json(text: &str) -> Result<(), JsonError> {
    let syntax = |error: &serde_json::Error| JsonError::Syntax { line: error.line(), column: error.column() };
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| syntax(&error))?;
    if depth(text) > DEPTH_LIMIT { Err(JsonError::TooDeep) } else { Ok(()) }
}

/// Whether two JSON texts have the same content: whatever the white space, the order of members, the spelling of
/// escapes and of numbers (`1`, `1.0` and `10e-1` are equal; `-0` and `0` are not; nothing is ever rounded). Of
/// members with one name the last counts. A text that isn't JSON or is nested too deep is the same only as itself.
pub fn same_json(a: &str, b: &str) -> bool {
    a == b || content::same(a, b)
}

/// Whether two values have the same content: JSON by content, everything else byte by byte.
pub fn same_value(a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
    match (a, b) {
        (ValueRef::Json(a), ValueRef::Json(b)) => same_json(a, b),
        _ => a == b,
    }
}

/// The deepest nesting in a text that is JSON.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        if in_string {
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
