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
    let host = server.host.as_ref().map_or_else(
        || format!("--socket {}", account.socket.as_deref().unwrap_or(std::path::Path::new("")).display()),
        |host| format!("--host {} --port {}", host.name, host.port),
    );
    // A new unique key is refused otherwise: rows that break it would be dropped without a word. There are none here.
    let unique = step.changes.iter().any(|change| matches!(change, Change::PrimaryKey(_) | Change::Index { unique: true, .. }));
    let unique = if unique { " --no-check-unique-key-change" } else { "" };
    let mut commands = vec![format!(
        "pt-online-schema-change {host} --user {} --ask-pass --alter '{alter}'{unique} --execute D={},t={}",
        account.user, account.database, patient.shape.table
    )];
    if is_for_ghost(patient, step) {
        commands.push(format!(
            "gh-ost {host} --user={} --ask-pass --database={} --table={} --alter='{alter}' --allow-on-master --execute",
            account.user, account.database, patient.shape.table
        ));
    }
    commands
}

/// gh-ost reads the binary log, which a Galera cluster need not have, and needs a unique key that is there before and
/// after.
fn is_for_ghost(patient: &Patient, step: &Step) -> bool {
    let dropped = |name: &str| step.changes.iter().any(|change| matches!(change, Change::Drop(dropped) if dropped == name));
    let over_tcp = matches!(&patient.database, Database::Server(server) if server.host.is_some());
    let stays = patient.shape.indexes.iter().any(|index| index.unique && !index.partial && !dropped(&index.name));
    over_tcp && stays && !patient.server.galera
}
