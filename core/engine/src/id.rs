//! Session ids and the keys under which stores hold them.

use core::fmt;
use core::hash::{Hash, Hasher};

/// How many bytes live inside the value itself; longer ones go to the heap. A base64url id of 24 random bytes (32
/// characters) and a SHA-256 key (32 bytes) both fit.
const INLINE: usize = 38;

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Heap(Box<[u8]>),
}

impl Repr {
    fn new(bytes: &[u8]) -> Self {
        match u8::try_from(bytes.len()) {
            Ok(len) if bytes.len() <= INLINE => {
                let mut inline = [0; INLINE];
                inline[..bytes.len()].copy_from_slice(bytes);
                Self::Inline { len, bytes: inline }
            }
            _ => Self::Heap(bytes.into()),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Heap(bytes) => bytes,
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Inline { .. } => 0,
            Self::Heap(bytes) => bytes.len(),
        }
    }
}

macro_rules! byte_string {
    ($name:ident) => {
        impl $name {
            /// Copies `bytes`.
            pub fn new(bytes: &[u8]) -> Self {
                Self(Repr::new(bytes))
            }

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }

            /// Heap bytes beyond the value itself; 0 for the usual lengths.
            pub fn heap_bytes(&self) -> usize {
                self.0.heap_bytes()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_bytes() == other.as_bytes()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.as_bytes().cmp(other.as_bytes())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_bytes().hash(state);
            }
        }
    };
}

/// A session's id as the visitor's cookie carries it: a secret. It has no `Display`, and `Debug` hides it, so that it
/// can't end up in a log by accident.
#[derive(Clone)]
pub struct Id(Repr);
byte_string!(Id);

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({} bytes)", self.as_bytes().len())
    }
}

/// Where a store holds a session. The layout makes it from the id (the native one by SHA-256), so that a leaked
/// table gives no ids.
#[derive(Clone)]
pub struct Key(Repr);
byte_string!(Key);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In some tables the key is the id itself.
        if self.as_bytes().is_ascii() {
            return write!(f, "Key({} bytes)", self.as_bytes().len());
        }
        f.write_str("Key(")?;
        for byte in self.as_bytes().iter().take(4) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}

/// An id with its hash, made once per call by the driver, which needs the hash to find the shard too.
#[derive(Clone, Copy)]
pub struct IdRef<'a> {
    /// The id's bytes.
    pub bytes: &'a [u8],
    /// The keyed hash of `bytes`; the same hasher must make it for every call into one engine.
    pub hash: u64,
}

impl fmt::Debug for IdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdRef({} bytes)", self.bytes.len())
    }
}
