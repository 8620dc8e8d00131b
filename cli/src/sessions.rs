//! `holdall sessions`: a list, by principal or by age.

use crate::args::Sessions;
use crate::clock::{now_ms, readable_time};
use crate::db::{Database, Row, Value};
use crate::layout::Layout;
use crate::output::{self, Output};
use crate::problem::{EXIT_OK, Problem, Result};
use crate::shape;
use crate::target::Target;
use holdall_engine::Time;
use holdall_layout::rails::times;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const HOUR_MS: u64 = 3_600_000;
/// Bytes of a reference that is made here; 128 bits tell any number of sessions apart.
const REFERENCE_BYTES: usize = 16;

/// One line of the list.
struct Line {
    reference: String,
    application: Option<String>,
    principal: Option<String>,
    meta: Option<String>,
    created: Option<u64>,
    accessed: Option<u64>,
    expires: Option<u64>,
    bytes: u64,
}

/// Runs the command.
pub fn run(args: &Sessions, output: Output) -> Result<u8> {
    let target = Target::of(&args.place)?;
    check(args, target.layout)?;
    let mut database = Database::open(&target, false)?;
    let shape = shape::read(&mut database, &target.table, &target.shown())?;
    let query = query(args, &target, &database, shape.column("updated_at").is_some());
    let rows = database.query(&query.sql, &query.values)?;
    let lines: Vec<Line> = rows.iter().map(|row| line(row, target.layout)).collect();
    tell(&lines, args.limit, output);
    Ok(EXIT_OK)
}

fn check(args: &Sessions, layout: Layout) -> Result<()> {
    if args.principal.is_some() && layout != Layout::Native {
        return Err(Problem::usage(format!("a {} table has no principals", layout.name())));
    }
    if args.unused_for.is_some() && layout == Layout::Lucee {
        return Err(Problem::usage("a lucee table says when a session expires, not when it was last used"));
    }
    if args.expired && layout == Layout::Rails {
        return Err(Problem::usage("a rails table says nothing of expiry: use --unused-for HOURS"));
    }
    if layout == Layout::Django {
        return Err(Problem::usage("this command doesn't list django tables"));
    }
    Ok(())
}

struct Query {
    sql: String,
    values: Vec<Value>,
}

fn query(args: &Sessions, target: &Target, database: &Database, has_times: bool) -> Query {
    let now = now_ms();
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    let mut only = |condition: &str, value: Option<Value>| {
        conditions.push(condition.to_owned());
        values.extend(value);
    };
    let compared = if args.expired { "<=" } else { ">" };
    let unused = args.unused_for.map(|hours| now.saturating_sub(hours * HOUR_MS));
    let order = match target.layout {
        Layout::Native => {
            only("state = 0", None);
            only(&format!("expires {compared} ?"), Some(now.into()));
            if let Some(unused) = unused {
                only("accessed <= ?", Some(unused.into()));
            }
            if let Some(principal) = &args.principal {
                only("principal = ?", Some(principal.as_str().into()));
            }
            if let Some(application) = &target.application {
                only("application = ?", Some(application.as_str().into()));
            }
            "accessed"
        }
        Layout::Lucee => {
            only(&format!("expires {compared} ?"), Some(now.to_string().into()));
            if let Some(application) = &target.application {
                only("name = ?", Some(application.as_str().into()));
            }
            "expires"
        }
        _ if has_times => {
            if let Some(unused) = unused {
                only("updated_at <= ?", Some(readable_time(unused).into()));
            }
            "updated_at"
        }
        _ => "id",
    };
    let condition = if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
    let table = database.quoted(&target.table);
    let columns = columns(target.layout, database, has_times);
    Query { sql: format!("SELECT {columns} FROM {table} WHERE {condition} ORDER BY {order} LIMIT {}", args.limit), values }
}

/// Key, application, principal, meta, created, accessed, expires, length.
fn columns(layout: Layout, database: &Database, has_times: bool) -> String {
    let key = database.quoted("key");
    match layout {
        Layout::Native => format!("{key}, application, principal, meta, created, accessed, expires, LENGTH(data)"),
        Layout::Lucee => "cfid, name, NULL, NULL, NULL, NULL, expires, LENGTH(data)".to_owned(),
        _ if has_times => "session_id, NULL, NULL, NULL, created_at, updated_at, NULL, LENGTH(data)".to_owned(),
        _ => "session_id, NULL, NULL, NULL, NULL, NULL, NULL, LENGTH(data)".to_owned(),
    }
}

fn line(row: &Row, layout: Layout) -> Line {
    let time = |column: usize| match layout {
        Layout::Rails => row.text(column).and_then(|text| times::from_text(&text)).map(|time| time.0),
        _ => row.int(column).and_then(|time| u64::try_from(time).ok()).filter(|time| Time(*time).is_set()),
    };
    let key = row.bytes(0).unwrap_or_default();
    Line {
        // The native key is a hash already, and the reference that the library uses.
        reference: if layout == Layout::Native { hex(&key) } else { hex(&Sha256::digest(&key)[..REFERENCE_BYTES]) },
        application: row.text(1),
        principal: row.text(2),
        meta: row.text(3),
        created: time(4),
        accessed: time(5),
        expires: time(6),
        bytes: row.count(7),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn tell(lines: &[Line], limit: u32, output: Output) {
    let as_json = |line: &Line| {
        json!({
            "ref": line.reference, "application": line.application, "principal": line.principal, "meta": line.meta,
            "created": line.created, "accessed": line.accessed, "expires": line.expires, "bytes": line.bytes,
        })
    };
    let more = lines.len() >= limit as usize;
    output.answer(&json!({"sessions": lines.iter().map(as_json).collect::<Vec<_>>(), "more": more}));
    let time = |time: Option<u64>| time.map_or_else(|| "-".to_owned(), readable_time);
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let cells = |line: &Line| {
        let short = line.reference.chars().take(16).collect();
        vec![
            short,
            text(&line.application),
            text(&line.principal),
            time(line.created),
            time(line.accessed),
            time(line.expires),
            line.bytes.to_string(),
            line.meta.clone().unwrap_or_default(),
        ]
    };
    if lines.is_empty() {
        output.say("No sessions.");
        return;
    }
    let head = ["REF", "APPLICATION", "PRINCIPAL", "CREATED", "LAST USED", "EXPIRES", "BYTES", "META"];
    output.say(&output::table(&head, &lines.iter().map(cells).collect::<Vec<_>>()));
    if more {
        output.say(&format!("The first {limit}; --limit shows more. Times are UTC."));
    }
}
