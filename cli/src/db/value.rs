//! Values and rows, the same for every database.

use std::borrow::Cow;

/// One value of a row, or one parameter.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text, or bytes that a text column holds, exactly as they are.
    Bytes(Vec<u8>),
    /// Bytes of a column for bytes: SQLite tells them from text.
    Blob(Vec<u8>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Bytes(text.into_bytes())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// One row of an answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The value of a column, NULL beyond the last.
    pub fn value(&self, column: usize) -> &Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }

    /// A whole number; none for NULL or anything that is no number.
    pub fn int(&self, column: usize) -> Option<i64> {
        match self.value(column) {
            Value::Int(number) => Some(*number),
            Value::Real(number) => Some(*number as i64),
            Value::Bytes(bytes) | Value::Blob(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
            Value::Null => None,
        }
    }

    /// A number that is not negative; 0 for anything else.
    pub fn count(&self, column: usize) -> u64 {
        self.int(column).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }

    /// Text; none for NULL.
    pub fn text(&self, column: usize) -> Option<String> {
        match self.value(column) {
            Value::Null => None,
            Value::Int(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Bytes(bytes) | Value::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    /// Bytes; none for NULL.
    pub fn bytes(&self, column: usize) -> Option<Cow<'_, [u8]>> {
        match self.value(column) {
            Value::Null => None,
            Value::Bytes(bytes) | Value::Blob(bytes) => Some(Cow::Borrowed(bytes)),
            Value::Int(number) => Some(Cow::Owned(number.to_string().into_bytes())),
            Value::Real(number) => Some(Cow::Owned(number.to_string().into_bytes())),
        }
    }
}
