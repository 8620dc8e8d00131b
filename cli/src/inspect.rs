//! `holdall inspect`: one session as JSON. Its id is read from standard input or a file, and never told.

use crate::args::Inspect;
use crate::db::{Database, Row, Value};
use crate::fields;
use crate::layout::Layout;
use crate::output::Output;
use crate::problem::{EXIT_OK, Kind, Problem, Result};
use crate::shape;
use crate::stores;
use crate::target::Target;
use holdall_engine::{Loaded, Reason, Record, Rules, Time, Wanted};
use holdall_layout::foreign::ForeignData;
use holdall_layout::lucee::LuceeData;
use holdall_layout::native::NativeRules;
use holdall_layout::rails::{RailsData, private_id, times};
use serde_json::json;
use std::io::Read;
use std::path::Path;

/// Longest id that is looked up.
const ID_LIMIT: u64 = 255;

/// Runs the command.
pub fn run(args: &Inspect, output: Output) -> Result<u8> {
    let target = Target::of(&args.place)?;
    let id = read_id(args.id_file.as_deref())?;
    let text = match target.layout {
        Layout::Native => native(&target, &id)?,
        Layout::Lucee => lucee(&target, &id)?,
        Layout::Rails => rails(&target, &id)?,
        Layout::Django => return Err(Problem::usage("django sessions are shown after their import only")),
    };
    // JSON whatever was asked for.
    Output { json: false }.say(&text);
    let _ = output;
    Ok(EXIT_OK)
}

/// The id, without the line feed that an editor or `echo` puts behind it.
fn read_id(file: Option<&Path>) -> Result<Vec<u8>> {
    let mut id = Vec::new();
    let read = match file {
        Some(path) => std::fs::File::open(path).and_then(|file| file.take(ID_LIMIT + 3).read_to_end(&mut id)),
        None => std::io::stdin().take(ID_LIMIT + 3).read_to_end(&mut id),
    };
    read.map_err(|error| Problem::usage(format!("the id can't be read: {error}")))?;
    while matches!(id.last(), Some(b'\n' | b'\r')) {
        id.pop();
    }
    if id.is_empty() || id.len() as u64 > ID_LIMIT {
        return Err(Problem::usage("the id must have 1 to 255 bytes: give it on standard input or with --id-file"));
    }
    Ok(id)
}

fn no_session() -> Problem {
    Problem::missing("there is no such session in this table")
}

fn native(target: &Target, id: &[u8]) -> Result<String> {
    let application = target.application.as_deref().unwrap_or_default();
    stores::check_table(target)?;
    let store = stores::native(target, application)?;
    let rules = NativeRules { application: application.to_owned() };
    let wanted = [Some(id), ticket_id(id)].into_iter().flatten().map(|id| Wanted { key: rules.key(id), known: None });
    let loaded = store.load(&wanted.collect::<Vec<_>>(), Time(crate::clock::now_ms()))?;
    match loaded.rows.into_iter().find(|row| *row != Loaded::Absent) {
        Some(Loaded::Row(record)) => Ok(shown(Layout::Native, application, "live", &record)),
        Some(Loaded::Alias(record)) => Ok(shown(Layout::Native, application, "old id in its grace", &record)),
        Some(Loaded::Dead { reason, successor }) => {
            Ok(json!({"layout": "native", "state": "dead", "reason": reason_name(reason), "rotated": successor.is_some()})
                .to_string())
        }
        Some(Loaded::Corrupt(why)) => Err(Problem::failed(format!("the session can't be read: {why}"))),
        Some(Loaded::Absent | Loaded::Same { .. }) | None => {
            let advice = if application.is_empty() { "; is --application right?" } else { "" };
            Err(Problem::new(Kind::Missing, format!("{}{advice}", no_session().text)))
        }
    }
}

/// The id in a ticket, which the cookie may hold: what is before the last dot, if only digits follow.
fn ticket_id(cookie: &[u8]) -> Option<&[u8]> {
    let dot = cookie.iter().rposition(|byte| *byte == b'.')?;
    let (id, revision) = (&cookie[..dot], &cookie[dot + 1..]);
    (!id.is_empty() && !revision.is_empty() && revision.iter().all(u8::is_ascii_digit)).then_some(id)
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Destroyed => "destroyed",
        Reason::Rotated => "rotated",
        Reason::Principal => "ended with its principal",
        Reason::Idle => "idle",
        Reason::Deadline => "deadline",
        Reason::Gone => "gone",
    }
}

fn shown(layout: Layout, application: &str, state: &str, record: &Record) -> String {
    let time = |time: Time| time.is_set().then_some(time.0);
    let head = json!({
        "layout": layout.name(),
        "application": application,
        "state": state,
        "created": record.created.0,
        "accessed": record.accessed.0,
        "idle": record.idle_ms,
        "deadline": time(record.deadline),
        "expires": time(record.expires()),
        "principal": record.principal.as_deref(),
        "meta": record.meta.as_deref(),
        "revision": record.stamp.revision,
    });
    with_fields(&head, &fields::as_json(&record.block, None))
}

/// The object `head` with the member `fields`.
fn with_fields(head: &serde_json::Value, fields: &str) -> String {
    let head = head.to_string();
    format!("{},\"fields\":{fields}}}", head.trim_end_matches('}'))
}

fn lucee(target: &Target, id: &[u8]) -> Result<String> {
    let mut database = Database::open(target, false)?;
    shape::read(&mut database, &target.table, &target.shown())?;
    let table = database.quoted(&target.table);
    let mut sql = format!("SELECT name, expires, data FROM {table} WHERE cfid = ?");
    let mut values = vec![Value::from(id)];
    if let Some(application) = &target.application {
        sql.push_str(" AND name = ?");
        values.push(application.as_str().into());
    }
    let rows = database.query(&format!("{sql} ORDER BY expires DESC"), &values)?;
    let row = rows.first().ok_or_else(no_session)?;
    let name = row.text(0).unwrap_or_default();
    if rows.iter().any(|other| other.text(0).as_deref() != Some(&name)) {
        return Err(Problem::usage("several applications have a session with this id: say which with --application"));
    }
    let expires = row.int(1);
    let layout = LuceeData::new(&name);
    let head = json!({"layout": "lucee", "application": name, "expires": expires, "bytes": size(row, 2), "rows": rows.len()});
    decoded(&head, &layout, row, 2)
}

fn rails(target: &Target, id: &[u8]) -> Result<String> {
    let mut database = Database::open(target, false)?;
    let shape = shape::read(&mut database, &target.table, &target.shown())?;
    let times = if shape.column("updated_at").is_some() { "created_at, updated_at" } else { "NULL, NULL" };
    let sql = format!("SELECT {times}, data FROM {} WHERE session_id = ?", database.quoted(&target.table));
    let mut row = database.first(&sql, &[private_id(id).into()])?;
    let hashed = row.is_some();
    if row.is_none() {
        // A row from before ids were hashed.
        row = database.first(&sql, &[Value::from(id)])?;
    }
    let row = row.ok_or_else(no_session)?;
    let time = |column| row.text(column).and_then(|text| times::from_text(&text)).map(|time| time.0);
    let head = json!({
        "layout": "rails", "hashed_id": hashed, "created": time(0), "updated": time(1), "bytes": size(&row, 2),
    });
    decoded(&head, &RailsData { serializer: target.serializer }, &row, 2)
}

fn size(row: &Row, column: usize) -> usize {
    row.bytes(column).map_or(0, |bytes| bytes.len())
}

fn decoded(head: &serde_json::Value, layout: &dyn ForeignData, row: &Row, column: usize) -> Result<String> {
    let data = row.bytes(column).unwrap_or_default();
    let decoded = layout.decode(&data).map_err(|why| Problem::failed(format!("the session can't be read: {why}")))?;
    Ok(with_fields(head, &fields::as_json(&decoded.block, Some(layout))))
}
