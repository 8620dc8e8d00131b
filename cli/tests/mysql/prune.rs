//! `prune` on a server, while others work on the table.

use crate::common::{LUCEE_DATA, RAILS_DATA, now_ms};
use crate::table::Table;
use holdall_test_databases::mysql::prelude::Queryable;
use std::sync::atomic::{AtomicBool, Ordering};

const ROWS: u64 = 20_000;

/// Every fourth row lives; the others expired minutes ago.
fn fill(table: &Table) {
    let mut connection = table.connect();
    for start in (0..ROWS).step_by(1000) {
        let now = now_ms();
        let row = |number: u64| {
            let expires = if number.is_multiple_of(4) { now + 600_000 } else { now - 600_000 - number };
            (expires.to_string(), format!("id-{number:06}"), "shop", LUCEE_DATA)
        };
        connection.query_drop("BEGIN").expect("begin");
        let sql = "INSERT INTO cf_session_data (expires, cfid, name, data) VALUES (?, ?, ?, ?)";
        connection.exec_batch(sql, (start..start + 1000).map(row).collect::<Vec<_>>()).expect("rows");
        connection.query_drop("COMMIT").expect("commit");
    }
}

#[test]
fn exactly_the_expired_go_while_a_writer_touches_rows() {
    let table = Table::of("lucee");
    fill(&table);
    let stop = AtomicBool::new(false);
    // The writer saves expired sessions again, as stock Lucee does. Those that it still found are alive from then on.
    let mut revived = Vec::new();
    let pruned = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = table.connect();
            let mut revived = Vec::new();
            // From the end: the oldest go first.
            for number in (0..ROWS).rev().step_by(3) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let sql = "UPDATE cf_session_data SET expires = ? WHERE cfid = ? AND name = 'shop'";
                let id = format!("id-{number:06}");
                connection.exec_drop(sql, ((now_ms() + 600_000).to_string(), &id)).expect("the writer is never refused");
                if connection.affected_rows() > 0 {
                    revived.push(id);
                }
            }
            revived
        });
        let pruned = table.run(&["prune", "--json", "--layout", "lucee", "--batch", "200"]).with_code(0);
        stop.store(true, Ordering::Relaxed);
        revived.extend(writer.join().expect("the writer"));
        pruned.json()
    });
    assert!(!revived.is_empty());
    let mut connection = table.connect();
    let left: Vec<String> = connection.query("SELECT cfid FROM cf_session_data").expect("ids");
    let left: std::collections::BTreeSet<String> = left.into_iter().collect();
    for id in &revived {
        assert!(left.contains(id), "a session that was saved meanwhile was removed");
    }
    let always = (0..ROWS).step_by(4).map(|number| format!("id-{number:06}"));
    let alive: std::collections::BTreeSet<String> = revived.into_iter().chain(always).collect();
    assert_eq!(left, alive, "what lives stays, what has expired goes");
    assert_eq!(pruned["removed"].as_u64(), Some(ROWS - left.len() as u64));
}

#[test]
fn a_prune_reads_about_what_it_removes() {
    // A server of its own: its counters are what is looked at.
    let server = holdall_test_databases::MariaDb::start().expect("a server");
    let table = Table { database: server.database() };
    table.run(&["create-table", "--layout", "lucee"]).with_code(0);
    fill(&table);
    let past = (now_ms() + 600_000).to_string();
    table.execute("UPDATE cf_session_data SET expires = ? WHERE cfid > 'id-000400'", (past,));
    table.execute("ANALYZE TABLE cf_session_data", ());
    let rows_read = || {
        let sql = "SELECT CAST(SUM(variable_value) AS UNSIGNED) FROM information_schema.global_status \
            WHERE variable_name IN ('HANDLER_READ_RND_NEXT', 'HANDLER_READ_NEXT', 'HANDLER_READ_KEY')";
        table.connect().query_first::<u64, _>(sql).expect("counts").expect("a row")
    };
    let before = rows_read();
    let pruned = table.run(&["prune", "--json", "--layout", "lucee"]).with_code(0).json();
    let read = rows_read() - before;
    assert_eq!(pruned["removed"], 300);
    // The catalogue and the counters are read too; the table has 20,000 rows.
    assert!(read < 6000, "{read} rows were read to remove 300");
}

#[test]
fn rails_sessions_go_by_the_servers_clock() {
    let table = Table::of("rails");
    let sql = "INSERT INTO sessions (session_id, data, created_at, updated_at) \
        VALUES (?, ?, '2020-01-01', UTC_TIMESTAMP(6) - INTERVAL ? HOUR)";
    for (id, hours) in [("2::a", 24 * 31), ("2::b", 24 * 30 + 1), ("2::c", 24 * 30 - 1), ("2::d", 0)] {
        table.execute(sql, (id, RAILS_DATA, hours));
    }
    let answer = table.run(&["prune", "--json", "--layout", "rails", "--older-than", "30"]).with_code(0).json();
    assert_eq!(answer["removed"], 2);
    assert_eq!(table.text("SELECT GROUP_CONCAT(session_id ORDER BY session_id) FROM sessions"), "2::c,2::d");
}

#[test]
fn a_row_lock_is_waited_for() {
    let table = Table::of("lucee");
    let sql = "INSERT INTO cf_session_data (expires, cfid, name, data) VALUES ('1600000000000', 'id', 'shop', '{}')";
    table.execute(sql, ());
    let mut connection = table.connect();
    connection.query_drop("BEGIN").expect("begin");
    connection.query_drop("SELECT * FROM cf_session_data FOR UPDATE").expect("locked");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            holdall_test_databases::pause(std::time::Duration::from_millis(500));
            connection.query_drop("COMMIT").expect("released");
        });
        let answer = table.run(&["prune", "--json", "--layout", "lucee"]).with_code(0).json();
        assert_eq!(answer["removed"], 1);
    });
}
