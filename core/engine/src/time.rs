//! Time as the engine is told it.

use core::fmt;
use core::ops::{Add, Sub};

/// A point in time: milliseconds since 1970-01-01 UTC.
///
/// The engine never reads a clock; every call that depends on time is handed one of these. Durations are plain
/// `u64` milliseconds and carry `_ms` in their names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// The beginning of time; before every real one.
    pub const ZERO: Self = Self(0);
    /// Later than every real time: "no limit", "no timer". It is 2^53 - 1, so that it passes through JavaScript.
    pub const NEVER: Self = Self((1 << 53) - 1);

    /// Milliseconds from `earlier` to `self`; 0 if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whether this is a real time and not [`Time::NEVER`].
    pub const fn is_set(self) -> bool {
        self.0 < Self::NEVER.0
    }
}

impl Add<u64> for Time {
    type Output = Self;
    fn add(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms).min(Self::NEVER.0))
    }
}

impl Sub<u64> for Time {
    type Output = Self;
    fn sub(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_set() { write!(f, "{}ms", self.0) } else { f.write_str("never") }
    }
}
