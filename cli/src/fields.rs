//! Fields as JSON, for people to read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use holdall_engine::{Block, ValueRef};
use holdall_layout::foreign::ForeignData;
use serde_json::json;

/// The fields as the text of a JSON object. JSON values stand there as the text that they are, so no digit is lost; `layout`
/// gives a view of what only it understands.
pub fn as_json(block: &Block, layout: Option<&dyn ForeignData>) -> String {
    let shown = block.iter().filter(|(_, value)| !matches!(value, ValueRef::Unknown(_)));
    let members = shown.map(|(name, value)| format!("{}:{}", json!(name), value_as_json(value, layout)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn value_as_json(value: ValueRef<'_>, layout: Option<&dyn ForeignData>) -> String {
    match value {
        ValueRef::Json(text) => text.to_owned(),
        ValueRef::Bytes(raw) | ValueRef::Unknown(raw) => json!({"$bytes": BASE64.encode(raw)}).to_string(),
        ValueRef::Foreign { kind, raw } => {
            let view = layout.and_then(|layout| layout.view(kind, raw));
            let view = view.map_or_else(String::new, |view| format!(",\"view\":{view}"));
            format!("{{\"$foreign\":{},\"size\":{}{view}}}", json!(kind), raw.len())
        }
    }
}
