//! Rules taken out on purpose, in the engine or in the store, to show that the simulator notices.

use crate::store::StoreBug;

/// One planted bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Planted {
    /// A rule of the engine.
    #[cfg(feature = "planted")]
    Engine(holdall_engine::Bug),
    /// A rule of the store.
    Store(StoreBug),
}

impl Planted {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let store = StoreBug::ALL.iter().copied().map(Self::Store);
        #[cfg(feature = "planted")]
        let store = holdall_engine::Bug::ALL.iter().copied().map(Self::Engine).chain(store);
        store.collect()
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            #[cfg(feature = "planted")]
            Self::Engine(bug) => format!("{bug:?}"),
            Self::Store(bug) => format!("{bug:?}"),
        }
    }

    #[cfg_attr(not(feature = "planted"), allow(clippy::unnecessary_wraps, reason = "there are no others"))]
    pub(crate) fn store_bug(self) -> Option<StoreBug> {
        match self {
            Self::Store(bug) => Some(bug),
            #[cfg(feature = "planted")]
            Self::Engine(_) => None,
        }
    }

    #[cfg(feature = "planted")]
    pub(crate) fn engine_bug(self) -> Option<holdall_engine::Bug> {
        match self {
            Self::Engine(bug) => Some(bug),
            Self::Store(_) => None,
        }
    }
}
