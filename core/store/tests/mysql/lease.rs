//! Who sweeps, when several servers could.

use crate::made::{options, server};
use holdall_store::Store;
use holdall_store::mysql::{MysqlOptions, MysqlStore};

fn open(options: MysqlOptions) -> MysqlStore {
    MysqlStore::open(options).expect("opens")
}

#[test]
fn one_of_several_leads_until_its_time_runs_out() {
    let database = holdall_test_databases::shared().database();
    let stores = [open(options(server(&database))), open(options(server(&database)))];
    assert_eq!(stores[0].lead(1, 60_000), Ok(true));
    assert_eq!(stores[1].lead(2, 60_000), Ok(false), "another one leads");
    // Leading again sets the time anew, by the database's clock: so it runs out at once.
    assert_eq!(stores[0].lead(1, 0), Ok(true));
    assert_eq!(stores[1].lead(2, 60_000), Ok(true), "whoever lets it run out is followed by another");
    assert_eq!(stores[0].lead(1, 60_000), Ok(false));
}

#[test]
fn applications_of_one_table_have_leaders_of_their_own() {
    let database = holdall_test_databases::shared().database();
    let long = "a name that is longer than a key of a table may be ".repeat(5);
    let stores = ["shop", &long].map(|application| open(MysqlOptions::new(application, server(&database))));
    assert_eq!((stores[0].lead(1, 60_000), stores[1].lead(2, 60_000)), (Ok(true), Ok(true)));
}

#[test]
fn without_the_table_everybody_may_sweep() {
    let database = holdall_test_databases::shared().database();
    let store = open(options(server(&database)));
    let dropped = store.pool().run("dropping", |connection| {
        use holdall_store::mysql::driver::prelude::Queryable;
        Ok(connection.conn()?.query_drop("DROP TABLE holdall_meta")?)
    });
    dropped.expect("is dropped");
    assert_eq!((store.lead(1, 60_000), store.lead(2, 60_000)), (Ok(true), Ok(true)));
}
