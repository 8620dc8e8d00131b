//! The `data` column of the native layout.

use crate::native_parts::{Foreign, Parts, Text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use core::fmt;
use holdall_engine::{Block, NAME_LIMIT, ValueRef};

/// The format that [`encode`] writes. A reader takes this one and the one before it (there is none before 1).
pub const FORMAT: u32 = 1;

/// The longest `data` that [`decode`] takes, in bytes; what a block can hold.
pub const DATA_LIMIT: usize = 1 << 30;

/// Starts the names of fields that hold members of the row which this version doesn't know. Hosts can't set fields
/// whose names contain NUL, so these meet nothing.
const UNKNOWN_PREFIX: char = '\0';

/// Why a row's `data` can't be read. It names places and kinds, never content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// A newer version of holdall wrote the row in a format that this one doesn't know.
    NewerFormat {
        /// The row's format.
        format: u32,
    },
    /// No version of holdall writes such a format number.
    UnknownFormat,
    /// The bytes are not UTF-8.
    NotText,
    /// The text is not JSON of the expected shape.
    Shape {
        /// Counted from 1, in bytes of the last line read.
        column: usize,
    },
    /// A field's name is too long, or begins with NUL, which no host can have set.
    Name,
    /// Two members give one field.
    Twice,
    /// Bytes that are not base64.
    Base64,
    /// The type of a foreign value is longer than 255 bytes.
    ForeignType,
    /// The row is longer than [`DATA_LIMIT`].
    TooLarge,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerFormat { format } => write!(
                f,
                "the row has format {format}, written by a newer holdall; this one reads up to {FORMAT}: update this server"
            ),
            Self::UnknownFormat => f.write_str("the row has a format number that no holdall writes"),
            Self::NotText => f.write_str("the row's data is not UTF-8"),
            Self::Shape { column } => write!(f, "the row's data is not JSON of the expected shape: look at column {column}"),
            Self::Name => f.write_str("the row names a field in a way that is not allowed"),
            Self::Twice => f.write_str("the row gives one field twice"),
            Self::Base64 => f.write_str("the row has bytes that are not base64"),
            Self::ForeignType => f.write_str("the row has a foreign value whose type is too long"),
            Self::TooLarge => write!(f, "the row's data is longer than {DATA_LIMIT} bytes"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Encodes the fields in format [`FORMAT`]: UTF-8 JSON
/// `{"json": {field: value}, "bytes": {field: base64}, "foreign": {field: {"type": text, "raw": base64}}}`.
///
/// Only parts that hold something are written. JSON values are put in as the text they are, and what [`decode`] did
/// not know is put back byte for byte.
pub fn encode(block: &Block) -> Vec<u8> {
    let mut writer = Writer { out: Vec::with_capacity(block.size() + 64), parts: 0 };
    let (mut bytes, mut foreign, mut unknown) = (false, false, false);
    writer.part("json", block, |value, out| match value {
        ValueRef::Json(text) => put(out, text.as_bytes()),
        ValueRef::Bytes(_) => skip(&mut bytes),
        ValueRef::Foreign { .. } => skip(&mut foreign),
        ValueRef::Unknown(_) => skip(&mut unknown),
    });
    if bytes {
        writer.part("bytes", block, |value, out| match value {
            ValueRef::Bytes(raw) => put_base64(out, raw),
            _ => false,
        });
    }
    if foreign {
        writer.part("foreign", block, |value, out| match value {
            ValueRef::Foreign { kind, raw } => put_foreign(out, kind, raw),
            _ => false,
        });
    }
    if unknown {
        writer.unknown(block);
    }
    writer.finish()
}

struct Writer {
    out: Vec<u8>,
    parts: usize,
}

impl Writer {
    /// Writes the member `part` with the fields for which `value` writes something.
    fn part(&mut self, part: &str, block: &Block, mut value: impl FnMut(ValueRef<'_>, &mut Vec<u8>) -> bool) {
        let start = self.out.len();
        self.name(part);
        self.out.push(b'{');
        let mut count = 0;
        for (name, field) in block.iter() {
            let before = self.out.len();
            if count > 0 {
                self.out.push(b',');
            }
            put_text(&mut self.out, name);
            self.out.push(b':');
            if value(field, &mut self.out) {
                count += 1;
            } else {
                self.out.truncate(before);
            }
        }
        if count == 0 {
            self.out.truncate(start);
            return;
        }
        self.out.push(b'}');
        self.parts += 1;
    }

    fn unknown(&mut self, block: &Block) {
        for (name, value) in block.iter() {
            let (ValueRef::Unknown(raw), Some(member)) = (value, name.strip_prefix(UNKNOWN_PREFIX)) else { continue };
            self.name(member);
            self.out.extend(raw);
            self.parts += 1;
        }
    }

    fn name(&mut self, name: &str) {
        self.out.push(if self.parts == 0 { b'{' } else { b',' });
        put_text(&mut self.out, name);
        self.out.push(b':');
    }

    fn finish(mut self) -> Vec<u8> {
        if self.parts == 0 {
            self.out.push(b'{');
        }
        self.out.push(b'}');
        self.out
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    out.extend(bytes);
    true
}

/// Notes that there is something for another part.
fn skip(found: &mut bool) -> bool {
    *found = true;
    false
}

/// Writes JSON text for `text`. Most names need no escape.
fn put_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let escaped = serde_json::to_string(text).unwrap_or_default();
        out.extend(escaped.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend(text.as_bytes());
    out.push(b'"');
}

fn put_base64(out: &mut Vec<u8>, raw: &[u8]) -> bool {
    out.push(b'"');
    out.extend(BASE64.encode(raw).as_bytes());
    out.push(b'"');
    true
}

fn put_foreign(out: &mut Vec<u8>, kind: &str, raw: &[u8]) -> bool {
    out.extend(b"{\"type\":");
    put_text(out, kind);
    out.extend(b",\"raw\":");
    put_base64(out, raw);
    out.push(b'}');
    true
}

/// Reads `data` of the given `format`: [`FORMAT`], or an error that says whether the row is newer.
///
/// # Errors
/// As [`decode`], and for any other format.
pub fn decode_format(format: u32, data: &[u8]) -> Result<Block, DecodeError> {
    match format {
        FORMAT => decode(data),
        0 => Err(DecodeError::UnknownFormat),
        _ => Err(DecodeError::NewerFormat { format }),
    }
}

/// Reads `data` of format [`FORMAT`]. Members that this version doesn't know are kept as [`ValueRef::Unknown`] fields.
///
/// Any bytes may come in.
///
/// # Errors
/// [`DecodeError`], without content; the row must then be left as it is.
pub fn decode(data: &[u8]) -> Result<Block, DecodeError> {
    if data.len() > DATA_LIMIT {
        return Err(DecodeError::TooLarge);
    }
    let text = core::str::from_utf8(data).map_err(|_| DecodeError::NotText)?;
    let parts: Parts<'_> = serde_json::from_str(text).map_err(|error| DecodeError::Shape { column: error.column() })?;
    let binary = binary(&parts)?;
    let unknown: Vec<String> = parts.unknown.iter().map(|(Text(name), _)| format!("{UNKNOWN_PREFIX}{name}")).collect();
    let count = parts.json.len() + binary.len() + unknown.len();
    let mut fields = Vec::with_capacity(count);
    for (Text(name), value) in &parts.json {
        fields.push((field_name(name)?, ValueRef::Json(value.get())));
    }
    for (name, kind, raw) in &binary {
        let value = kind.map_or(ValueRef::Bytes(raw), |kind| ValueRef::Foreign { kind, raw });
        fields.push((field_name(name)?, value));
    }
    for (name, (_, raw)) in unknown.iter().zip(&parts.unknown) {
        fields.push((short_name(name)?, ValueRef::Unknown(raw.get().as_bytes())));
    }
    let block = Block::from_fields(fields);
    if block.len() == count { Ok(block) } else { Err(DecodeError::Twice) }
}

fn short_name(name: &str) -> Result<&str, DecodeError> {
    if name.len() > NAME_LIMIT { Err(DecodeError::Name) } else { Ok(name) }
}

fn field_name(name: &str) -> Result<&str, DecodeError> {
    if name.starts_with(UNKNOWN_PREFIX) { Err(DecodeError::Name) } else { short_name(name) }
}

/// A field's name, the type of a foreign value, and the bytes.
type Binary<'r> = (&'r str, Option<&'r str>, Vec<u8>);

fn binary<'r>(parts: &'r Parts<'_>) -> Result<Vec<Binary<'r>>, DecodeError> {
    let mut all = Vec::with_capacity(parts.bytes.len() + parts.foreign.len());
    for (Text(name), Text(raw)) in &parts.bytes {
        all.push((&**name, None, from_base64(raw)?));
    }
    for (Text(name), Foreign { kind: Text(kind), raw: Text(raw) }) in &parts.foreign {
        if kind.len() > NAME_LIMIT {
            return Err(DecodeError::ForeignType);
        }
        all.push((&**name, Some(&**kind), from_base64(raw)?));
    }
    Ok(all)
}

fn from_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    BASE64.decode(text).map_err(|_| DecodeError::Base64)
}
