//! Stamps: the names of committed states.

/// Who wrote a state: the writing engine's nonce and the number of its write. A writer is never used for two
/// contents, so a row that carries it proves that exactly this write has landed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Writer {
    /// Random, one per engine and run.
    pub nonce: u64,
    /// Counts the engine's writes, from 1.
    pub number: u64,
}

impl Writer {
    /// Sixteen bytes, big-endian: nonce, then number. This is how tables hold it.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.nonce.to_be_bytes());
        bytes[8..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    /// The reverse of [`Writer::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let [nonce, number] = [&bytes[..8], &bytes[8..]].map(|half| {
            let mut eight = [0; 8];
            eight.copy_from_slice(half);
            u64::from_be_bytes(eight)
        });
        Self { nonce, number }
    }
}

/// Names one committed state of a session: which revision, written by whom.
///
/// Two rows with the same stamp hold the same content. The revision starts at a random number, grows by one with
/// each commit, and stays below 2^53 so that it passes through JavaScript.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Stamp {
    /// Grows by one with each commit.
    pub revision: u64,
    /// Which write made this state.
    pub writer: Writer,
}

impl Stamp {
    /// Revisions stay below this: first ones are random below half of it, which leaves 2^52 commits.
    pub const REVISION_LIMIT: u64 = 1 << 53;

    /// The stamp of the commit after this one, made by `writer`.
    #[must_use]
    pub fn next(self, writer: Writer) -> Self {
        Self { revision: self.revision + 1, writer }
    }
}
