//! A session's handle: a snapshot plus its own changes.

use crate::bag::Bag;
use crate::error::{Error, ErrorKind, Result};
use crate::holdall::Holdall;
use crate::layout::unsupported;
use crate::options::{Options, millis};
use crate::ticket;
use crate::values::{changes_to, check_json, check_name, to_json};
use holdall_engine::{Block, Changes, FieldChange, Id, IdRef, Limits, Rules as _, Time, Value, ValueRef, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// Where a handle's session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Not saved yet: nobody but this handle knows of it.
    New,
    /// Saved, or found.
    Open,
    /// Destroyed through this handle.
    Ended,
}

/// One visitor's session, as it was when it was opened, with the changes made through this handle.
///
/// Changes are the handle's own until [`Session::save`] lays them over whatever the session is by then. A handle
/// belongs to one thread at a time; several handles of one session may be open at once. Dropping a handle drops the
/// changes that were not saved.
pub struct Session {
    pub(crate) holdall: Holdall,
    pub(crate) id: Id,
    pub(crate) hash: u64,
    pub(crate) shard: usize,
    pub(crate) view: View,
    pub(crate) changes: Changes,
    pub(crate) stage: Stage,
    /// Whether the session was begun by this handle.
    pub(crate) began: bool,
    /// Where its shard counts what this handle holds.
    held_place: u8,
    /// Whether its table is other software's, with names and values of its own.
    pub(crate) is_foreign: bool,
}

impl Session {
    #[inline]
    pub(crate) fn new(holdall: Holdall, id: Id, hash: u64, shard: usize, view: View, stage: Stage, held_place: u8) -> Self {
        let is_foreign = holdall.bag().foreign.is_some();
        let (began, changes) = (stage == Stage::New, Changes::new());
        Self { holdall, id, hash, shard, view, changes, stage, began, held_place, is_foreign }
    }

    pub(crate) fn bag(&self) -> &Bag {
        self.holdall.bag()
    }

    pub(crate) fn id_ref(&self) -> IdRef<'_> {
        IdRef { bytes: self.id.as_bytes(), hash: self.hash }
    }

    /// Moves the snapshot forward, and keeps the account of what handles hold.
    pub(crate) fn show(&mut self, block: Block) {
        let size = block.size();
        if size != self.view.block.size() {
            self.bag().shards[self.shard].held.change(self.held_place, self.view.block.size(), size);
        }
        self.view.block = block;
    }

    /// The handle goes over to another shard: a rotation never does that, only a test could.
    pub(crate) fn rename(&mut self, id: Id, hash: u64) {
        self.id = id;
        self.hash = hash;
    }

    /// The id, for the cookie. A secret: whoever has it is the visitor.
    pub fn id(&self) -> &str {
        std::str::from_utf8(self.id.as_bytes()).unwrap_or_default()
    }

    /// The id's bytes; with ids chosen by the host they need not be text.
    pub fn id_bytes(&self) -> &[u8] {
        self.id.as_bytes()
    }

    /// The id with the revision that the visitor has seen, for the cookie where `sharing` is `fleet`: a server whose
    /// copy is at least that new answers from memory. It names the last commit that was awaited; before the first it
    /// is the bare id. So it always is in the tables of Lucee and Rails, whose rows have no revisions.
    pub fn ticket(&self) -> String {
        ticket::join(self.id(), self.view.revision.filter(|_| !self.is_foreign))
    }

    /// Whether the session was begun by this handle: its id must be sent to the visitor.
    pub fn is_new(&self) -> bool {
        self.began
    }

    /// Whose session it is, as this handle sees it.
    pub fn principal(&self) -> Option<&str> {
        match &self.changes.principal {
            Some(changed) => changed.as_deref(),
            None => self.view.attributes.as_ref()?.principal.as_deref(),
        }
    }

    /// The host's text for lists, as this handle sees it.
    pub fn meta(&self) -> Option<&str> {
        match &self.changes.meta {
            Some(changed) => changed.as_deref(),
            None => self.view.attributes.as_ref()?.meta.as_deref(),
        }
    }

    /// The value of a field, raw; none if there is no such field.
    pub fn value(&self, name: &str) -> Option<ValueRef<'_>> {
        if self.is_foreign {
            return self.value_of(&self.folded(name));
        }
        self.value_of(name)
    }

    #[inline]
    fn value_of(&self, name: &str) -> Option<ValueRef<'_>> {
        match self.changes.get(name) {
            Some(change) => change.value(),
            None => self.view.block.get(name),
        }
        .filter(|value| !matches!(value, ValueRef::Unknown(_)))
    }

    /// The JSON text of a field; none if there is no such field or it holds bytes.
    pub fn get_json(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            ValueRef::Json(text) => Some(text),
            _ => None,
        }
    }

    /// The JSON text of a field that holds JSON, or the view of one that holds a value of the other software's (a date of
    /// Lucee's, a symbol of Ruby's) which JSON has no exact form for. Such a view is for reading: the value stays what it
    /// is until the field is set.
    pub fn json(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.value(name)? {
            ValueRef::Json(text) => Some(Cow::Borrowed(text)),
            ValueRef::Foreign { kind, raw } => {
                self.bag().foreign.as_ref()?.view(kind, raw).map(|text| Cow::Owned(text.into_string()))
            }
            _ => None,
        }
    }

    /// The bytes of a field; none if there is no such field or it holds JSON.
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        match self.value(name)? {
            ValueRef::Bytes(raw) => Some(raw),
            _ => None,
        }
    }

    /// A field as a value of type `T`; none if there is no such field.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the field holds bytes, or JSON that is no `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match self.value(name) {
            None => Ok(None),
            Some(ValueRef::Json(text)) => parsed(name, text).map(Some),
            Some(ValueRef::Foreign { .. }) => match self.json(name) {
                Some(view) => parsed(name, &view).map(Some),
                None => Err(Error::invalid(format!("field {name:?} holds a value of the other software's that JSON can't show"))),
            },
            Some(_) => Err(Error::invalid(format!("field {name:?} does not hold JSON: read it with get_bytes"))),
        }
    }

    /// Sets a field to a value of any type that can be written as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the name or the value can't be used, [`ErrorKind::TooLarge`] if one is over its limit.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        let json = serde_json::to_string(value)
            .map_err(|_| Error::invalid(format!("the value for field {name:?} can't be written as JSON")))?;
        self.put(name, Value::Json(json.into()))
    }

    /// Sets a field to JSON text. It is kept as it is: numbers of any size, the order of members, white space.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the name can't be used or the text is no JSON; [`ErrorKind::TooLarge`].
    pub fn set_json(&mut self, name: &str, json: &str) -> Result<()> {
        // The size first: a text that is refused anyway need not be parsed.
        self.check_size(name, json.len())?;
        check_json(json)?;
        self.put(name, Value::Json(json.into()))
    }

    /// Sets a field to bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the name can't be used; [`ErrorKind::TooLarge`].
    pub fn set_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.put(name, Value::Bytes(bytes.into()))
    }

    /// Removes a field; removing one that is not there is no error.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the name can't be used.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        let name = &*self.folded(name);
        check_name(name)?;
        self.check_stage()?;
        if self.view.block.get(name).is_some() {
            self.changes.put(name, FieldChange::Remove);
        } else {
            self.changes.forget(name);
        }
        Ok(())
    }

    /// The names of the fields, sorted.
    pub fn keys(&self) -> Vec<String> {
        self.block().iter().filter(|(_, value)| !matches!(value, ValueRef::Unknown(_))).map(|(name, _)| name.to_owned()).collect()
    }

    /// All JSON fields as one JSON object, and those that have a JSON view (see [`Session::json`]). Fields that hold bytes
    /// are left out.
    pub fn to_json(&self) -> String {
        to_json(&self.block(), self.bag().foreign.as_deref())
    }

    /// Makes the JSON fields those of one JSON object. What has changed is found per field against what this handle
    /// was shown; fields that hold bytes are left alone. So are values of the other software's, unless the object has
    /// something else under their name than their view.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the text is no JSON object or a name can't be used; [`ErrorKind::TooLarge`]. Then
    /// nothing is changed.
    pub fn replace_json(&mut self, whole: &str) -> Result<()> {
        self.check_stage()?;
        let rules = &self.bag().rules;
        let foreign = self.bag().foreign.as_deref();
        let changes = changes_to(whole, &self.block(), foreign, |a, b| rules.same(a, b))?;
        for (name, change) in changes.fields() {
            self.check_size(name, change.size())?;
        }
        self.changes.merge(&changes);
        Ok(())
    }

    /// Sets the host's text for lists: UTF-8, at most 1,024 bytes; none takes it away. Saved with the next save.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`].
    pub fn set_meta(&mut self, meta: Option<&str>) -> Result<()> {
        self.check_stage()?;
        if self.is_foreign {
            return Err(unsupported("a text for lists"));
        }
        let limit = 1_024;
        if let Some(size) = meta.map(str::len).filter(|size| *size > limit) {
            return Err(Error::new(ErrorKind::TooLarge, format!("the meta text has {size} bytes; the limit is {limit}")));
        }
        self.changes.meta = Some(meta.map(Into::into));
        Ok(())
    }

    /// Sets how long the session may lie unused; zero for ever. Saved with the next save.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if it is shorter than 1 s, or than 30 s where sessions are shared.
    pub fn set_idle_timeout(&mut self, idle: Duration) -> Result<()> {
        self.check_stage()?;
        if self.is_foreign {
            return Err(unsupported("an idle limit of a single session"));
        }
        let shared = self.bag().options.sharing != crate::Sharing::Single;
        let least = if shared { crate::options::SHARED_IDLE_LEAST } else { Duration::from_secs(1) };
        if !idle.is_zero() && idle < least {
            return Err(Error::invalid(format!("the idle timeout must be zero or at least {} s", least.as_secs())));
        }
        self.changes.idle_ms = Some(millis(idle));
        Ok(())
    }

    /// Whether there is anything to save.
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The fields as this handle sees them.
    pub(crate) fn block(&self) -> Block {
        if self.changes.fields().len() == 0 { self.view.block.clone() } else { self.view.block.with(&self.changes) }
    }

    /// The name under which the layout holds a field.
    fn folded<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if !self.is_foreign {
            return Cow::Borrowed(name);
        }
        self.bag().foreign.as_ref().map_or(Cow::Borrowed(name), |data| data.fold(name))
    }

    fn put(&mut self, name: &str, value: Value) -> Result<()> {
        if self.is_foreign {
            let folded = self.folded(name);
            return self.put_under(&folded, value);
        }
        self.put_under(name, value)
    }

    #[inline]
    fn put_under(&mut self, name: &str, value: Value) -> Result<()> {
        self.check_size(name, value.as_ref().len())?;
        self.check_stage()?;
        if self.view.block.get(name) == Some(value.as_ref()) {
            // What it was shown: nothing of this field is left to save.
            self.changes.forget(name);
        } else {
            self.changes.put(name, FieldChange::Set(value));
        }
        Ok(())
    }

    fn check_size(&self, name: &str, size: usize) -> Result<()> {
        check_name(name)?;
        let limit = self.bag().options.value_limit;
        if size > limit {
            let text = format!("the value for field {name:?} has {size} bytes; the limit is {limit} (option value_limit)");
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        Ok(())
    }

    pub(crate) fn check_stage(&self) -> Result<()> {
        if self.stage == Stage::Ended {
            return Err(crate::open::gone(holdall_engine::Reason::Destroyed));
        }
        if self.view.alias {
            return Err(crate::open::gone(holdall_engine::Reason::Rotated));
        }
        Ok(())
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits { idle_ms: self.view.idle_ms, deadline: self.view.deadline }
    }
}

fn parsed<T: DeserializeOwned>(name: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::invalid(format!("field {name:?} holds JSON of another type (line {line}, column {column})"))
    })
}

/// A session that nobody has saved yet.
pub(crate) fn blank_view(now: Time, options: &Options) -> View {
    let absolute = millis(options.absolute_limit());
    let deadline = if absolute == 0 { Time::NEVER } else { now + absolute };
    let idle_ms = millis(options.idle_limit());
    View { block: Block::empty(), attributes: None, revision: None, deadline, idle_ms, alias: false }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.bag().shards[self.shard].held.change(self.held_place, self.view.block.size(), 0);
    }
}

/// Shows neither id nor values.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("is_new", &self.began).field("fields", &self.block().len()).finish_non_exhaustive()
    }
}
