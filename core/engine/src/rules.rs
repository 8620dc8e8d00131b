//! What a layout tells the engine about ids and values.

use crate::id::Key;
use crate::value::ValueRef;
use std::sync::Arc;

/// Pure functions that the engine can't know by itself. Equal inputs must give equal outputs.
pub trait Rules {
    /// The key under which the store holds the session `id`.
    fn key(&self, id: &[u8]) -> Key;

    /// Whether two values have the same content (for JSON: whatever the order of members and the white space).
    fn same(&self, a: ValueRef<'_>, b: ValueRef<'_>) -> bool;

    /// Whether a field is a mere touch (Lucee's `lastvisit`): a change of it alone is written no sooner than a touch.
    fn is_touch(&self, name: &str) -> bool {
        let _ = name;
        false
    }
}

impl<T: Rules + ?Sized> Rules for Arc<T> {
    fn key(&self, id: &[u8]) -> Key {
        (**self).key(id)
    }

    fn same(&self, a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
        (**self).same(a, b)
    }

    fn is_touch(&self, name: &str) -> bool {
        (**self).is_touch(name)
    }
}
