//! The command lines of other tools that change a table by copying it little by little.

use super::change::{Change, Step};
use super::patient::Patient;
use crate::db::Database;

/// The command lines that do what a step would, without a password: the tools ask for it.
pub fn commands(patient: &Patient, step: &Step) -> Vec<String> {
    let Database::Server(server) = &patient.database else { return Vec::new() };
    let clauses: Vec<String> = step.changes.iter().map(Change::clause).collect();
    let alter = clauses.join(", ");
    let account = &server.place;
    let (user, database, table) = (word(&account.user), word(&account.database), word(&patient.shape.table));
    // Only within its last word pt-online-schema-change takes a port.
    let place = match (&server.host, &account.socket) {
        (Some(host), _) => format!("h={},P={}", host.name, host.port),
        (None, Some(socket)) => format!("S={}", word(&socket.display().to_string())),
        (None, None) => String::new(),
    };
    // A new unique key is refused otherwise: rows that break it would be dropped without a word. There are none here.
    let unique = step.changes.iter().any(|change| matches!(change, Change::PrimaryKey(_) | Change::Index { unique: true, .. }));
    let unique = if unique { " --no-check-unique-key-change" } else { "" };
    let mut commands = vec![format!(
        "pt-online-schema-change --ask-pass --alter '{alter}'{unique} --execute {place},u={user},D={database},t={table}"
    )];
    if let Some(host) = server.host.as_ref().filter(|_| is_for_ghost(patient, step)) {
        commands.push(format!(
            "gh-ost --host={} --port={} --user={user} --ask-pass --database={database} --table={table} --alter='{alter}' \
             --allow-on-master --execute",
            host.name, host.port
        ));
    }
    commands
}

/// A word for a shell.
fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// gh-ost reads the binary log, which a Galera cluster need not have, and needs a unique key that is there before and
/// after.
fn is_for_ghost(patient: &Patient, step: &Step) -> bool {
    let dropped = |name: &str| step.changes.iter().any(|change| matches!(change, Change::Drop(dropped) if dropped == name));
    let stays = patient.shape.indexes.iter().any(|index| index.unique && !index.partial && !dropped(&index.name));
    stays && !patient.server.galera
}
