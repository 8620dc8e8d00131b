//! What the tests make: layouts, sessions, saves.

use holdall_engine::{Block, Key, Record, Stamp, Time, Value, ValueRef};
use holdall_layout::foreign::{Decoded, ForeignData, Saving, Unwritable};
use holdall_layout::lucee::LuceeData;

/// The session of most tests.
pub const CFID: &str = "3f2a1c58-7b7e-4f0e-9a53-0c7f6a2d9e11";
/// 24 October 2024, 20:00 UTC.
pub const TIME: u64 = 1_729_800_000_000;

/// A JSON value.
pub fn json(text: &str) -> Value {
    Value::Json(text.into())
}

/// A session with these fields.
pub fn record(fields: &[(&str, Value)]) -> Record {
    Record {
        stamp: Stamp::default(),
        created: Time(TIME),
        accessed: Time(TIME),
        idle_ms: 1_800_000,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block: Block::from_fields(fields.iter().map(|(name, value)| (*name, value.as_ref()))),
    }
}

/// The data of a new row for the session [`CFID`], saved at [`TIME`].
pub fn encode(layout: &LuceeData, fields: &[(&str, Value)]) -> Result<String, Unwritable> {
    let (key, record) = (Key::new(CFID.as_bytes()), record(fields));
    let data = layout.encode(Saving { key: &key, record: &record, now: Time(TIME) })?;
    Ok(String::from_utf8(data).expect("rows are text"))
}

/// The data of a row with changes: a field and its value, or none to remove it.
pub fn patch(
    layout: &LuceeData,
    cfid: &str,
    data: &[u8],
    changes: &[(&str, Option<Value>)],
    now: u64,
) -> Result<Vec<u8>, Unwritable> {
    let names: Vec<Box<str>> = changes.iter().map(|(name, _)| (*name).into()).collect();
    let fields: Vec<(&str, Value)> =
        changes.iter().filter_map(|(name, value)| value.clone().map(|value| (*name, value))).collect();
    let (key, record) = (Key::new(cfid.as_bytes()), record(&fields));
    layout.patch(data, &names, Saving { key: &key, record: &record, now: Time(now) })
}

/// The fields of a row.
pub fn decode(layout: &LuceeData, data: &[u8]) -> Decoded {
    layout.decode(data).unwrap_or_else(|error| panic!("the row is not read: {error}"))
}

/// Whether two JSON texts have the same content.
pub fn same(a: &str, b: &str) -> bool {
    holdall_layout::json::same_json(a, b)
}

/// A field as one line: its JSON, or its kind and view.
pub fn shown(layout: &LuceeData, decoded: &Decoded, name: &str) -> String {
    match decoded.block.get(name).map(ValueRef::to_value) {
        None => "absent".to_owned(),
        Some(Value::Json(text)) => text.into_string(),
        Some(Value::Bytes(bytes)) => format!("{bytes:?}"),
        Some(Value::Foreign { kind, raw }) => {
            format!("{kind}: {}", layout.view(&kind, &raw).unwrap_or_else(|| "no view".into()))
        }
        Some(Value::Unknown(_)) => "unknown".to_owned(),
    }
}
