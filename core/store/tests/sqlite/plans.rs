//! No statement that the store runs scans the table.

use super::made::{filled, folder};
use holdall_layout::native_sqlite::{
    CREATE, LAST_ROW, LIST, ROW_AFTER, STATEMENTS, SWEEP_COUNT, SWEEP_OLDEST, SWEEP_PROBE, SWEEP_RANGE, SWEEP_RANGE_DELETE,
};
use rusqlite::Connection;

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
    let count = statement.parameter_count();
    for place in 1..=count {
        statement.raw_bind_parameter(place, rusqlite::types::Null).expect("binds");
    }
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().expect("steps") {
        lines.push(row.get::<_, String>(3).expect("a line"));
    }
    lines
}

fn assert_plans(connection: &Connection) {
    for sql in STATEMENTS {
        for line in plan(connection, sql) {
            // The outer query of a count reads the inner one's few rows; the last row number is one look at the end.
            let fine = line.contains("SEARCH") || line.starts_with("SCAN (subquery") || line.starts_with("CO-ROUTINE");
            assert!(fine || sql == LAST_ROW, "{sql}\n{line}");
            assert!(!line.contains("TEMP B-TREE"), "{sql}\n{line}");
        }
    }
    for sql in [SWEEP_PROBE, SWEEP_COUNT, SWEEP_OLDEST] {
        let whole = "holdall_sessions_expires (application=? AND state=? AND expires<?)";
        assert!(plan(connection, sql).iter().any(|line| line.contains(whole)), "{sql}");
    }
    for sql in [SWEEP_RANGE, SWEEP_RANGE_DELETE, ROW_AFTER] {
        assert!(plan(connection, sql)[0].contains("INTEGER PRIMARY KEY (rowid>?"), "{sql}");
    }
    assert!(plan(connection, LIST)[0].contains("holdall_sessions_principal (application=? AND principal=?)"));
}

#[test]
fn every_statement_uses_an_index() {
    let connection = Connection::open_in_memory().expect("opens");
    connection.execute_batch(CREATE).expect("makes");
    assert_plans(&connection);
}

/// Statistics can change the planner's mind.
#[test]
fn with_statistics_too() {
    let (_folder, path) = folder();
    filled(&path, 2000);
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch("ANALYZE").expect("analyses");
    assert_plans(&connection);
}
