//! `doctor` on a Galera cluster, where every ALTER TABLE stops all nodes.

use crate::common::holdall_at;
use crate::table::{STOCK_INDEX, STOCK_LUCEE};
use holdall_test_databases::mysql::prelude::Queryable;
use holdall_test_databases::{Detection, Galera};

#[test]
fn nothing_is_altered_on_a_cluster_and_the_tool_for_it_is_named() {
    let cluster = Galera::start(Detection::Fast).expect("a cluster");
    let database = cluster.database();
    let mut connection = database.connect().expect("a connection");
    connection.query_drop(STOCK_LUCEE).expect("the table");
    connection.query_drop(STOCK_INDEX).expect("the index");
    cluster.node(0).execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0").expect("set");

    let answer = holdall_at(&database.url(), &["doctor", "--json", "--layout", "lucee"]).with_code(1);
    assert!(answer.findings().contains(&"galera-flush".to_owned()), "{answer:?}");
    let fixed = holdall_at(&database.url(), &["doctor", "--fix", "--yes", "--layout", "lucee"]).with_code(1);
    assert!(fixed.out.contains("every node of the cluster stops"), "{}", fixed.out);
    assert!(fixed.out.contains("pt-online-schema-change") && fixed.out.contains("ADD PRIMARY KEY"), "{}", fixed.out);
    assert!(!fixed.out.contains("gh-ost"), "it can't work on a cluster:\n{}", fixed.out);
    let keys = "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = 'PRIMARY'";
    let count: Option<u32> = connection.query_first(keys).expect("the catalogue");
    assert_eq!(count, Some(0), "nothing was altered");

    cluster.node(0).execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1").expect("set");
    let agreed = holdall_at(&database.url(), &["doctor", "--fix", "--yes", "--lock-ok", "--layout", "lucee"]).with_code(0);
    assert!(agreed.out.contains("nothing is wrong any more"), "{}", agreed.out);
}
