//! `doctor` on the settings of a server: told with the line that mends them, never changed.

use crate::common::holdall_at;
use holdall_test_databases::MariaDb;

#[test]
fn settings_that_lose_sessions_are_told() {
    let server =
        MariaDb::options().set("sql_mode", "").set("max_allowed_packet", "1M").flush_log_at_commit(0).start().expect("a server");
    let url = server.database().url();
    holdall_at(&url, &["create-table", "--layout", "lucee"]).with_code(0);
    let answer = holdall_at(&url, &["doctor", "--json", "--layout", "lucee"]).with_code(1);
    assert_eq!(answer.findings(), ["loose-mode", "small-packet", "flush-at-commit"]);
    let fixed = holdall_at(&url, &["doctor", "--fix", "--yes", "--layout", "lucee"]).with_code(1);
    assert!(fixed.out.contains("STRICT_TRANS_TABLES") && fixed.out.contains("max_allowed_packet = 64M"), "{}", fixed.out);

    server.execute("SET GLOBAL sql_mode = 'STRICT_TRANS_TABLES'").expect("set");
    server.execute("SET GLOBAL max_allowed_packet = 67108864").expect("set");
    server.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1").expect("set");
    let clean = holdall_at(&url, &["doctor", "--json", "--layout", "lucee"]).with_code(0);
    assert_eq!(clean.findings(), Vec::<String>::new());

    server.execute("SET GLOBAL read_only = 1").expect("set");
    let looked = holdall_at(&url, &["doctor", "--json", "--layout", "lucee"]).with_code(0);
    assert_eq!(looked.findings(), ["read-only"], "a replica may be looked at");
    let pruned = holdall_at(&url, &["prune", "--layout", "lucee"]).with_code(4);
    assert!(pruned.err.contains("read-only"), "{pruned:?}");
}
