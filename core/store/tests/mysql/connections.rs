//! Connections that can't be made, that break, and that lead to the wrong server.

use crate::made::{NOW, create, key, load, must, options, record, server, server_at, stamp, store, update};
use holdall_engine::{FaultKind, Loaded, Verdict, Wanted};
use holdall_store::Store;
use holdall_store::mysql::driver::prelude::Queryable;
use holdall_store::mysql::{Host, MysqlStore, Password, Server, Tls};
use holdall_test_databases::{Database, Login, MariaDb, Proxy, shared, wait_until};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn mistakes_are_told_apart_and_no_password_is_told() {
    let database = shared().database();
    let right = server(&database);
    let host = |name: &str, port| vec![Host::new(name, port)];
    let cases: Vec<(&str, Server, FaultKind, &str)> = vec![
        ("password", Server { password: Password("hunter2".to_owned()), ..right.clone() }, FaultKind::Config, "1045"),
        ("user", Server { user: "nobody".to_owned(), ..right.clone() }, FaultKind::Config, "1045"),
        ("database", Server { database: "elsewhere".to_owned(), ..right.clone() }, FaultKind::Config, "104"),
        ("host", Server { hosts: host("no-such-host.invalid", 3306), ..right.clone() }, FaultKind::Unreachable, "no-such-host"),
        ("port", Server { hosts: host("127.0.0.1", 1), ..right.clone() }, FaultKind::Unreachable, "nothing listens"),
        ("socket", Server { socket: Some("/nowhere/socket".into()), ..right.clone() }, FaultKind::Unreachable, "/nowhere/socket"),
        ("TLS", Server { tls: Tls::Unverified, ..right.clone() }, FaultKind::Config, "offers no encryption"),
    ];
    for (what, server, kind, says) in cases {
        let fault = MysqlStore::open(options(server.clone())).expect_err(what);
        assert_eq!(fault.kind, kind, "{what}: {}", fault.message);
        assert!(fault.message.contains(says), "{what}: {}", fault.message);
        assert!(!fault.message.contains("hunter2") && !fault.message.contains(&right.password.0), "{}", fault.message);
        assert!(!format!("{server:?}").contains(&server.password.0));
    }
}

#[test]
fn a_server_must_prove_its_name() {
    let secure = MariaDb::options().tls("db.holdall.test").start().expect("a server");
    let database = secure.database();
    let with = |tls| Server { tls, ..server(&database) };
    let ca = |path: Option<&std::path::Path>| Tls::Verify { ca: path.map(Into::into) };
    for (what, tls) in [
        ("another name", ca(secure.authority())),
        ("another authority", ca(secure.strange_authority())),
        ("no authority", Tls::Verify { ca: None }),
    ] {
        let fault = MysqlStore::open(options(with(tls))).expect_err(what);
        assert_eq!(fault.kind, FaultKind::Config, "{what}: {}", fault.message);
        assert!(fault.message.contains("certificate"), "{what}: {}", fault.message);
    }
    let file = Tls::Verify { ca: Some("/nowhere/ca.pem".into()) };
    MysqlStore::open(options(with(file))).expect_err("no file");
    let store = MysqlStore::open(options(with(Tls::Unverified))).expect("encrypted, whoever it is");
    let cipher: Option<(String, String)> = store
        .pool()
        .run("asking", |connection| Ok(connection.conn()?.query_first("SHOW STATUS LIKE 'Ssl_cipher'")?))
        .expect("asks");
    assert!(cipher.is_some_and(|(_, cipher)| cipher.starts_with("TLS_")));
}

#[test]
fn a_connection_that_died_idle_is_replaced() {
    let database = shared().database();
    let store = MysqlStore::open(options(server(&database))).expect("opens");
    must(&store, create(key(1), record(1)));
    let kill_all = || {
        let mut admin = shared().admin().expect("an admin");
        let sql = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{}'", database.owner.user);
        let alive = |admin: &mut holdall_test_databases::mysql::Conn| admin.query::<u64, _>(&sql).expect("asks");
        for id in alive(&mut admin) {
            admin.query_drop(format!("KILL {id}")).expect("kills");
        }
        wait_until("they were gone", SOON, || alive(&mut admin).is_empty()).expect("gone");
    };
    let later = NOW + 60_000;
    kill_all();
    assert_eq!(store.load(&[Wanted { key: key(1), known: None }], later).expect("loads").rows, [Loaded::Row(record(1))]);
    kill_all();
    let writes = [update(key(1), stamp(1), record(2)), create(key(2), record(1))];
    assert_eq!(store.commit(&writes, later).expect("commits"), [Verdict::DONE, Verdict::DONE]);
    kill_all();
    let one = [update(key(1), stamp(2), record(3))];
    assert_eq!(store.commit(&one, later + 60_000).expect("commits"), [Verdict::DONE], "looked at before, as it lay idle");
    kill_all();
    // Just used, so not looked at: whether it was applied is open, and found out by reading.
    let one = [update(key(1), stamp(3), record(4))];
    assert_eq!(store.commit(&one, later + 60_000).expect_err("broke").kind, FaultKind::Unreachable);
    assert_eq!(load(&store, key(1)), Loaded::Row(record(3)));
}

/// The server closes what lies unused for longer than its `wait_timeout`.
#[test]
fn the_servers_own_limit_on_idling_does_no_harm() {
    let hasty = MariaDb::options().set("wait_timeout", "1").start().expect("a server");
    let database = hasty.database();
    let store = MysqlStore::open(options(server(&database))).expect("opens");
    must(&store, create(key(1), record(1)));
    let proxyless = || {
        hasty.admin().expect("an admin").query::<u64, _>("SELECT ID FROM information_schema.PROCESSLIST WHERE USER LIKE 'own%'")
    };
    wait_until("the server closed the connection", SOON, || proxyless().expect("asks").is_empty()).expect("closes");
    let one = [update(key(1), stamp(1), record(2))];
    assert_eq!(store.commit(&one, NOW + 10_000).expect("commits"), [Verdict::DONE]);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let silent = MariaDb::start().expect("a server");
    let store = MysqlStore::open(options(Server { statement_timeout_ms: 200, ..server(&silent.database()) })).expect("opens");
    must(&store, create(key(1), record(1)));
    silent.freeze().expect("freezes");
    let wanted = [Wanted { key: key(1), known: None }];
    // The server may answer what came just before it stood still.
    let mut kind = None;
    wait_until("the server was silent", SOON, || {
        kind = store.load(&wanted, NOW).err().map(|fault| fault.kind);
        kind.is_some()
    })
    .expect("no answer");
    assert_eq!(kind, Some(FaultKind::Unreachable));
    silent.thaw().expect("thaws");
    assert_eq!(load(&store, key(1)), Loaded::Row(record(1)));
}

#[test]
fn one_connection_serves_many_threads() {
    let store = MysqlStore::open(options(Server { connections: 1, ..server(&shared().database()) })).expect("opens");
    std::thread::scope(|scope| {
        for thread in 0..50 {
            let store = &store;
            scope.spawn(move || {
                must(store, create(key(thread), record(1)));
                assert_eq!(load(store, key(thread)), Loaded::Row(record(1)));
            });
        }
    });
    assert_eq!(store.check().expect("checks").rows, 50);
}

/// Whoever finds all connections lent waits for a while, and then knows that nothing was sent.
#[test]
fn when_all_connections_are_lent_nothing_is_done() {
    let few = Server { connections: 1, statement_timeout_ms: 300, ..server(&shared().database()) };
    let store = MysqlStore::open(options(few)).expect("opens");
    let (lent, is_lent) = std::sync::mpsc::channel();
    let (end, has_ended) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let pool = store.pool();
        scope.spawn(move || {
            pool.run("holding a connection", |_| {
                lent.send(()).expect("somebody waits");
                let _ = has_ended.recv();
                Ok(())
            })
        });
        is_lent.recv().expect("it is lent");
        assert_eq!(store.commit(&[create(key(1), record(1))], NOW).expect("answers"), [Verdict::NotDone]);
        let fault = store.load(&[], NOW).expect_err("no connection");
        assert!(fault.kind == FaultKind::Transient && fault.message.contains("busy"), "{}", fault.message);
        drop(end);
    });
    must(&store, create(key(1), record(1)));
}

#[test]
fn a_closed_store_leaves_no_connection() {
    let database = shared().database();
    let store = MysqlStore::open(options(server(&database))).expect("opens");
    must(&store, create(key(1), record(1)));
    store.close().expect("closes");
    let mut admin = shared().admin().expect("an admin");
    let sql = format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{}'", database.owner.user);
    wait_until("they were gone", SOON, || admin.query_first::<u64, _>(&sql).expect("asks") == Some(0)).expect("gone");
}

/// The same account and database on another server, as a replica would have them.
fn same_on(other: &MariaDb, database: &Database) -> u16 {
    let Login { user, password } = &database.owner;
    for sql in [
        format!("CREATE DATABASE {}", database.name),
        format!("CREATE USER {user} IDENTIFIED BY '{password}'"),
        format!("GRANT ALL ON {}.* TO {user}", database.name),
    ] {
        other.execute(&sql).expect("prepares");
    }
    other.port()
}

#[test]
fn a_read_only_server_is_neither_written_nor_read() {
    let (one, two) = (MariaDb::start().expect("a server"), MariaDb::start().expect("another"));
    let database = one.database();
    let hosts = vec![Host::new("127.0.0.1", database.port), Host::new("127.0.0.1", same_on(&two, &database))];
    let both = Server { hosts, ..server(&database) };
    one.execute("SET GLOBAL read_only = 1").expect("sets");
    let store = MysqlStore::open(options(both.clone())).expect("opens on the second");
    must(&store, create(key(1), record(1)));
    // The roles change while connections lie in the pool.
    two.execute("SET GLOBAL read_only = 1").expect("sets");
    let wanted = [Wanted { key: key(1), known: None }];
    let fault = store.load(&wanted, NOW).expect_err("nobody is the primary");
    assert!(fault.message.matches("read-only").count() == 2, "{}", fault.message);
    let fault = store.commit(&[update(key(1), stamp(1), record(2))], NOW).expect_err("nobody is the primary");
    assert_eq!(fault.kind, FaultKind::Unreachable, "{}", fault.message);
    one.execute("SET GLOBAL read_only = 0").expect("sets");
    drop(MysqlStore::open(options(both)).expect("makes the table on the first"));
    assert_eq!(load(&store, key(1)), Loaded::Absent, "the first answers now");
    must(&store, create(key(2), record(1)));
    two.execute("SET GLOBAL read_only = 0").expect("sets");
    one.execute("SET GLOBAL read_only = 1").expect("sets");
    must(&store, update(key(1), stamp(1), record(2)));
}

/// A copy that is behind takes over: its older stamps are told as they are, and nothing is written over by mistake.
#[test]
fn a_fail_over_to_an_older_copy_shows_in_the_stamps() {
    let (old, copy) = (MariaDb::start().expect("a server"), tempfile::tempdir().expect("a folder"));
    let database = old.database();
    let proxy = Proxy::start(old.port()).expect("a proxy");
    let store = MysqlStore::open(options(server_at(&database, &database.owner, proxy.port()))).expect("opens");
    must(&store, create(key(1), record(1)));
    old.copy_data(&copy.path().join("data")).expect("copies");
    let behind = MariaDb::options().data_from(copy.path().join("data")).start().expect("the copy");
    assert_eq!(store.commit(&[update(key(1), stamp(1), record(2))], NOW + 60_000).expect("commits"), [Verdict::DONE]);
    proxy.switch_to(behind.port());
    let wanted = [Wanted { key: key(1), known: Some(stamp(2)) }];
    let rows = store.load(&wanted, NOW + 120_000).expect("loads").rows;
    assert_eq!(rows, [Loaded::Row(record(1))], "lower than what is known: the engine sees that it went back");
    let late = store.commit(&[update(key(1), stamp(2), record(3))], NOW + 120_000).expect("answers");
    assert_eq!(late, [Verdict::Conflict]);
    must(&store, update(key(1), stamp(1), record(3)));
}

#[test]
fn the_pool_tells_what_it_is_connected_to() {
    let store = store(shared());
    let facts = store.pool().facts().expect("answers");
    assert!(facts.version >= (10, 2, 0) && !facts.is_galera && facts.max_allowed_packet == 16 << 20, "{facts:?}");
}
