//! Rows of the native table, read and written.

use super::driver::{Row as DriverRow, Value};
use crate::apply::{EndKind, Ending, Head, State};
use crate::resolve::Row;
use holdall_engine::{Key, Listed, Reason, Record, Stamp, Time, Writer, expires};
use holdall_layout::native::{self, FORMAT, STATE_ALIAS, STATE_DEAD, STATE_LIVE, coarse};
use std::sync::Arc;

/// What is wrong with a row, without its content.
pub(super) type Defect = Arc<str>;

/// The values of one row, read from left to right.
pub(super) struct Reader(std::vec::IntoIter<Value>);

impl Reader {
    pub(super) fn new(row: DriverRow) -> Self {
        Self(row.unwrap().into_iter())
    }

    pub(super) fn next(&mut self) -> Value {
        self.0.next().unwrap_or(Value::NULL)
    }

    pub(super) fn number(&mut self, name: &str) -> Result<u64, Defect> {
        number(&self.next()).ok_or_else(|| defect(name))
    }

    fn time(&mut self, name: &str) -> Result<Time, Defect> {
        self.number(name).map(Time)
    }

    fn text(&mut self, name: &str) -> Result<Option<Arc<str>>, Defect> {
        match self.next() {
            Value::NULL => Ok(None),
            Value::Bytes(bytes) => std::str::from_utf8(&bytes).map(|text| Some(text.into())).map_err(|_| defect(name)),
            _ => Err(defect(name)),
        }
    }

    pub(super) fn key(&mut self) -> Result<Option<Key>, Defect> {
        match self.next() {
            Value::NULL => Ok(None),
            Value::Bytes(bytes) => Ok(Some(Key::new(&bytes))),
            _ => Err(defect("key or successor")),
        }
    }

    /// A dead row without a reason, or with that of a newer version, counts as destroyed.
    fn reason(&mut self) -> Result<Reason, Defect> {
        match self.next() {
            Value::NULL => Ok(Reason::Destroyed),
            value => {
                let number = number(&value).ok_or_else(|| defect("reason"))?;
                Ok(Reason::from_number(u8::try_from(number).unwrap_or(0)))
            }
        }
    }

    fn stamp(&mut self) -> Result<Stamp, Defect> {
        let revision = self.number("revision")?;
        let Value::Bytes(bytes) = self.next() else { return Err(defect("writer")) };
        let bytes: [u8; 16] = bytes.try_into().map_err(|_| defect("writer"))?;
        Ok(Stamp { revision, writer: Writer::from_bytes(bytes) })
    }
}

/// A number of the binary protocol.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::UInt(number) => Some(*number),
        _ => None,
    }
}

fn defect(column: &str) -> Defect {
    format!("the row's column {column} holds something else than it should").into()
}

fn unknown_state() -> Defect {
    "the row is in a state that this holdall doesn't know".into()
}

/// A row as a load brings it.
pub(super) struct Fetched {
    pub key: Key,
    /// None where the data was left out: a live row by a writer that was asked about.
    pub row: Option<Row>,
    /// Of a live row.
    pub stamp: Option<Stamp>,
    pub accessed: Time,
}

/// Reads the columns of a row and `data`; none if there is no row.
pub(super) fn fetched(reader: &mut Reader) -> Result<Option<Fetched>, Defect> {
    let Some(key) = reader.key()? else { return Ok(None) };
    let mut fetched = Fetched { key, row: None, stamp: None, accessed: Time::ZERO };
    fetched.row = match read_row(reader, &mut fetched.stamp, &mut fetched.accessed) {
        Ok(row) => row,
        Err(why) => Some(Row::Corrupt(why)),
    };
    Ok(Some(fetched))
}

fn read_row(reader: &mut Reader, stamped: &mut Option<Stamp>, used: &mut Time) -> Result<Option<Row>, Defect> {
    let state = reader.number("state")?;
    let reason = reader.reason()?;
    let successor = reader.key()?;
    let format = u32::try_from(reader.number("format")?).unwrap_or(u32::MAX);
    let stamp = reader.stamp()?;
    let (created, accessed, idle_ms) = (reader.time("created")?, reader.time("accessed")?, reader.number("idle")?);
    let deadline = reader.time("deadline")?;
    match u8::try_from(state).unwrap_or(u8::MAX) {
        STATE_DEAD => return Ok(Some(Row::Dead { reason, successor })),
        STATE_ALIAS => return Ok(Some(Row::Alias { until: deadline, successor })),
        STATE_LIVE => {}
        _ => return Err(unknown_state()),
    }
    (*stamped, *used) = (Some(stamp), accessed);
    let (principal, meta) = (reader.text("principal")?, reader.text("meta")?);
    let data = match reader.next() {
        Value::NULL => return Ok(None),
        Value::Bytes(data) => data,
        _ => return Err(defect("data")),
    };
    let block = native::decode_format(format, &data).map_err(|error| Defect::from(error.to_string()))?;
    Ok(Some(Row::Live(Record { stamp, created, accessed, idle_ms, deadline, principal, meta, block })))
}

/// Reads what decides about a write.
pub(super) fn head(reader: &mut Reader) -> Result<Head, Defect> {
    let state = reader.number("state")?;
    let reason = reader.reason()?;
    let state = match u8::try_from(state).unwrap_or(u8::MAX) {
        STATE_LIVE => State::Live,
        STATE_DEAD => State::Dead(reason),
        STATE_ALIAS => State::Alias,
        _ => return Err(unknown_state()),
    };
    Ok(Head {
        state,
        successor: reader.key()?,
        stamp: reader.stamp()?,
        accessed: reader.time("accessed")?,
        idle_ms: reader.number("idle")?,
        deadline: reader.time("deadline")?,
        expires: reader.time("expires")?,
    })
}

/// Reads a row of a list, without the mark before it.
pub(super) fn listed(reader: &mut Reader) -> Result<Option<Listed>, Defect> {
    let Some(key) = reader.key()? else { return Ok(None) };
    let (created, accessed) = (reader.time("created")?, reader.time("accessed")?);
    let expires = expires(accessed, reader.number("idle")?, reader.time("deadline")?);
    Ok(Some(Listed { key, created, accessed, expires, meta: reader.text("meta")? }))
}

/// Times as the table holds them. None is later than [`Time::NEVER`].
pub(super) fn time(time: Time) -> Value {
    Value::UInt(time.min(Time::NEVER).0)
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

pub(super) fn key(key: &Key) -> Value {
    bytes(key.as_bytes())
}

fn optional(text: Option<&[u8]>) -> Value {
    text.map_or(Value::NULL, bytes)
}

/// The parameters of a live row, as an insert and a replacement take them.
pub(super) fn live(key: &Key, application: &str, record: &Record, accessed: Time, data: Vec<u8>) -> Vec<Value> {
    let expires = coarse(expires(accessed, record.idle_ms, record.deadline), record.idle_ms);
    let mut values = Vec::with_capacity(15);
    values.extend([
        bytes(key.as_bytes()),
        bytes(application.as_bytes()),
        Value::UInt(u64::from(FORMAT)),
        Value::UInt(record.stamp.revision),
        bytes(&record.stamp.writer.to_bytes()),
        time(record.created),
        time(accessed),
        Value::UInt(record.idle_ms),
        time(record.deadline),
        time(expires),
        optional(record.principal.as_deref().map(str::as_bytes)),
        optional(record.meta.as_deref().map(str::as_bytes)),
        Value::Bytes(data),
    ]);
    values
}

/// The parameters of an end.
pub(super) fn end(key: &Key, ending: &Ending) -> Vec<Value> {
    let (state, reason, deadline) = match ending.kind {
        EndKind::Dead(reason) => (STATE_DEAD, reason, Time::NEVER),
        EndKind::Alias(until) => (STATE_ALIAS, Reason::Rotated, until),
    };
    vec![
        bytes(key.as_bytes()),
        Value::UInt(u64::from(state)),
        Value::UInt(reason as u64),
        optional(ending.successor.as_ref().map(Key::as_bytes)),
        bytes(&ending.writer.to_bytes()),
        time(deadline),
        time(ending.until),
    ]
}

/// The parameters of a row that was never live.
pub(super) fn planted(key: &Key, application: &str, ending: &Ending, now: Time) -> Vec<Value> {
    let mut values = end(key, ending);
    values.extend([bytes(application.as_bytes()), Value::UInt(u64::from(FORMAT)), time(now), time(now)]);
    values
}

/// The parameters of a touch.
pub(super) fn touched(key: &Key, head: &Head, accessed: Time) -> Vec<Value> {
    let expires = coarse(expires(accessed, head.idle_ms, head.deadline), head.idle_ms);
    vec![bytes(key.as_bytes()), time(accessed), time(expires)]
}
