//! One field's value.

use core::fmt;

/// One field's value, borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueRef<'a> {
    /// JSON text, checked by whoever put it in.
    Json(&'a str),
    /// Bytes, not looked into.
    Bytes(&'a [u8]),
    /// Something that only a layout understands (a CFML query, a Ruby object): its type and its bytes.
    Foreign {
        /// What it is, in the layout's words; at most 255 bytes.
        kind: &'a str,
        /// Its bytes, exactly as they were read.
        raw: &'a [u8],
    },
    /// A part of a row that a newer format wrote. It is kept and written back, and shown to nobody.
    Unknown(&'a [u8]),
}

impl ValueRef<'_> {
    /// The value's length in bytes.
    pub fn len(self) -> usize {
        match self {
            Self::Json(text) => text.len(),
            Self::Bytes(raw) | Self::Unknown(raw) => raw.len(),
            Self::Foreign { kind, raw } => kind.len() + raw.len(),
        }
    }

    /// Whether the value has no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            Self::Json(text) => Value::Json(text.into()),
            Self::Bytes(raw) => Value::Bytes(raw.into()),
            Self::Foreign { kind, raw } => Value::Foreign { kind: kind.into(), raw: raw.into() },
            Self::Unknown(raw) => Value::Unknown(raw.into()),
        }
    }
}

/// One field's value, owned. See [`ValueRef`] for what each is.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON text.
    Json(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// A layout's own value.
    Foreign {
        /// What it is.
        kind: Box<str>,
        /// Its bytes.
        raw: Box<[u8]>,
    },
    /// A newer format's part of the row.
    Unknown(Box<[u8]>),
}

impl Value {
    /// Borrows the value.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Json(text) => ValueRef::Json(text),
            Self::Bytes(raw) => ValueRef::Bytes(raw),
            Self::Foreign { kind, raw } => ValueRef::Foreign { kind, raw },
            Self::Unknown(raw) => ValueRef::Unknown(raw),
        }
    }
}

/// Values are the visitor's: `Debug` shows kind and length only.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, len) = match self {
            Self::Json(text) => ("Json", text.len()),
            Self::Bytes(raw) => ("Bytes", raw.len()),
            Self::Foreign { raw, .. } => ("Foreign", raw.len()),
            Self::Unknown(raw) => ("Unknown", raw.len()),
        };
        write!(f, "{kind}({len} bytes)")
    }
}
