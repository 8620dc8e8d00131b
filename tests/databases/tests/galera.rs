//! The tests' own cluster: that it is one, and that its faults are what they are called.

use holdall_test_databases::{Detection, Galera, mysql, wait_until};
use mysql::prelude::Queryable;
use std::time::Duration;

const MOMENT: Duration = Duration::from_secs(30);

#[test]
fn a_cluster_breaks_and_mends() {
    let cluster = Galera::start(Detection::Fast).expect("starts");
    let database = cluster.database();
    let connect = |node: usize| database.connect_as(&database.owner, cluster.node(node).port());
    let mut first = connect(0).expect("connects");
    first.query_drop("CREATE TABLE t (a INT PRIMARY KEY)").expect("makes a table");
    let sees = |node: usize, value: u32| {
        let mut connection = connect(node).expect("connects");
        connection.query_drop("SET SESSION wsrep_sync_wait = 1").expect("sets");
        let row: Option<u32> = connection.query_first(format!("SELECT a FROM t WHERE a = {value}")).expect("selects");
        row.is_some()
    };
    first.query_drop("INSERT INTO t VALUES (1)").expect("inserts");
    assert!(sees(1, 1) && sees(2, 1));

    cluster.kill(2);
    first.query_drop("INSERT INTO t VALUES (2)").expect("waits, and inserts");
    assert!(sees(1, 2));
    println!("rejoined after {:?}", cluster.rejoin(2).expect("rejoins"));
    assert!(sees(2, 2));

    cluster.isolate(1).expect("isolates");
    first.query_drop("INSERT INTO t VALUES (3)").expect("waits, and inserts");
    // The others have given it up; that it is alone it finds out by itself, a moment sooner or later.
    let knows =
        wait_until("the node knows that it is cut off", MOMENT, || cluster.status(1, "wsrep_cluster_status") != "Primary");
    knows.expect("knows");
    let refused = connect(1).map(|mut cut_off| cut_off.query_drop("SELECT a FROM t").expect_err("cut off").to_string());
    let refused = refused.unwrap_or_else(|problem| problem.to_string());
    assert!(refused.contains("1047"), "{refused}");
    println!("healed after {:?}", cluster.heal(1).expect("heals"));
    assert!(sees(1, 3) && sees(2, 3));

    cluster.stop(0).expect("stops");
    connect(1).expect("connects").query_drop("INSERT INTO t VALUES (4)").expect("inserts");
    println!("rejoined after {:?}", cluster.rejoin(0).expect("rejoins"));
    assert!(sees(0, 4));
}
