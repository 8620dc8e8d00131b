//! The store shows every behaviour of the suite, by every way to reach a server.

use crate::made::{options, server};
use holdall_store::Store;
use holdall_store::mysql::{Host, MysqlOptions, MysqlStore, Server, Tls};
use holdall_store::suite::CASES;
use holdall_test_databases::{MariaDb, shared};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs every case on a store over a new database, and names all that fail.
fn run_all(on: &MariaDb, change: impl Fn(Server) -> MysqlOptions) {
    let mut failed = Vec::new();
    for case in CASES {
        let store = MysqlStore::open(change(server(&on.database()))).expect("opens");
        if catch_unwind(AssertUnwindSafe(|| (case.check)(&store))).is_err() {
            failed.push(case.name);
        }
        store.close().expect("closes");
    }
    assert!(failed.is_empty(), "{} of {} cases failed: {failed:#?}", failed.len(), CASES.len());
}

#[test]
fn by_tcp() {
    run_all(shared(), options);
}

#[test]
fn by_a_socket() {
    run_all(shared(), |server| options(Server { socket: Some(shared().socket()), hosts: Vec::new(), ..server }));
}

#[test]
fn by_tls() {
    let secure = MariaDb::options().tls("localhost").start().expect("a server with TLS");
    let tls = Tls::Verify { ca: secure.authority().map(Into::into) };
    let hosts = |server: &Server| vec![Host::new("localhost", server.hosts[0].port)];
    run_all(&secure, |server| options(Server { hosts: hosts(&server), tls: tls.clone(), ..server }));
}

/// As on MySQL, or behind a proxy that doesn't know MariaDB's bulk protocol.
#[test]
fn without_the_bulk_protocol() {
    run_all(shared(), |server| MysqlOptions { bulk: false, ..options(server) });
}

#[test]
fn over_a_table_of_another_name() {
    run_all(shared(), |server| MysqlOptions { table: "app$Sessions_2".to_owned(), ..options(server) });
}
