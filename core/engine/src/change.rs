//! What a request changes.

use crate::block::Block;
use crate::value::{Value, ValueRef};
use std::sync::Arc;

/// What happens to one field. (Later: add, append.)
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldChange {
    /// The field gets this value.
    Set(Value),
    /// The field goes.
    Remove,
}

impl FieldChange {
    /// The value that the field has afterwards.
    pub fn value(&self) -> Option<ValueRef<'_>> {
        match self {
            Self::Set(value) => Some(value.as_ref()),
            Self::Remove => None,
        }
    }

    /// Bytes of the new value.
    pub fn size(&self) -> usize {
        self.value().map_or(0, ValueRef::len)
    }
}

/// The changes that one request makes to a session: fields, and what lies beside them in the row.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Changes {
    /// Sorted by name, each name once.
    fields: Vec<(Box<str>, FieldChange)>,
    /// A new principal: `Some(None)` takes it away.
    pub principal: Option<Option<Arc<str>>>,
    /// New meta text: `Some(None)` takes it away.
    pub meta: Option<Option<Arc<str>>>,
    /// A new idle limit in milliseconds; 0 is none.
    pub idle_ms: Option<u64>,
}

impl Changes {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records a change of `name`, replacing an earlier one.
    pub fn put(&mut self, name: &str, change: FieldChange) {
        match self.fields.binary_search_by(|(field, _)| (**field).cmp(name)) {
            Ok(place) => self.fields[place].1 = change,
            Err(place) => self.fields.insert(place, (name.into(), change)),
        }
    }

    /// Sets `name` to JSON text, which the caller has checked.
    pub fn set_json(&mut self, name: &str, text: &str) {
        self.put(name, FieldChange::Set(Value::Json(text.into())));
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) {
        self.put(name, FieldChange::Remove);
    }

    /// Forgets a recorded change of `name`.
    pub fn forget(&mut self, name: &str) {
        if let Ok(place) = self.fields.binary_search_by(|(field, _)| (**field).cmp(name)) {
            self.fields.remove(place);
        }
    }

    /// The change of `name`, if any.
    pub fn get(&self, name: &str) -> Option<&FieldChange> {
        let place = self.fields.binary_search_by(|(field, _)| (**field).cmp(name)).ok()?;
        Some(&self.fields[place].1)
    }

    /// The changed fields, in order of their names.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &FieldChange)> {
        self.fields.iter().map(|(name, change)| (&**name, change))
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.principal.is_none() && self.meta.is_none() && self.idle_ms.is_none()
    }

    /// Whether nothing changes but the principal.
    pub(crate) fn is_principal_only(&self) -> bool {
        self.fields.is_empty() && self.meta.is_none() && self.idle_ms.is_none()
    }

    /// Keeps only the fields for which `keep` answers true.
    pub fn retain_fields(&mut self, mut keep: impl FnMut(&str, &FieldChange) -> bool) {
        self.fields.retain(|(name, change)| keep(name, change));
    }

    /// Lays `newer` over these changes.
    pub fn merge(&mut self, newer: &Self) {
        for (name, change) in newer.fields() {
            self.put(name, change.clone());
        }
        self.principal = newer.principal.clone().or_else(|| self.principal.take());
        self.meta = newer.meta.clone().or_else(|| self.meta.take());
        self.idle_ms = newer.idle_ms.or(self.idle_ms);
    }

    /// The changes that turn `from` into `to`, compared with `same`.
    pub fn between(from: &Block, to: &Block, same: impl Fn(ValueRef<'_>, ValueRef<'_>) -> bool) -> Self {
        let mut changes = Self::new();
        for (name, value) in to.iter() {
            if !from.get(name).is_some_and(|old| same(old, value)) {
                changes.put(name, FieldChange::Set(value.to_value()));
            }
        }
        for (name, _) in from.iter() {
            if to.get(name).is_none() {
                changes.remove(name);
            }
        }
        changes
    }

    /// Bytes that the changes take, roughly: names, values and the list.
    pub fn size(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(name, change)| name.len() + change.size() + 48).sum();
        let text = |text: &Option<Option<Arc<str>>>| text.as_ref().map_or(0, len_of);
        fields + text(&self.principal) + text(&self.meta)
    }
}

/// A call of its own: merged into its caller, it is compiled to look at a text that is not there before it looks whether
/// there is one. That does no harm, but checkers of memory report it.
#[inline(never)]
#[allow(clippy::ref_option, reason = "a reference to the place is the point: see above")]
fn len_of(text: &Option<Arc<str>>) -> usize {
    text.as_ref().map_or(0, |text| text.len())
}
