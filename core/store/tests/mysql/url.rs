//! `mysql:` URLs: what they say, and what is refused.

use holdall_engine::FaultKind;
use holdall_store::mysql::{Host, MysqlUrl, Tls};
use std::path::PathBuf;

fn parse(url: &str) -> MysqlUrl {
    MysqlUrl::parse(url).unwrap_or_else(|fault| panic!("{url}: {}", fault.message))
}

#[test]
fn says_everything() {
    let url = "mysql://app%40web:p%3Aw%2F%25@db1:3307,[::1]:3308,db3/shop%20db?layout=native&table=my_sessions\
               &tls=verify&tls_ca=%2Fetc%2Fca.pem&connections=3&connect_timeout_ms=500&statement_timeout_ms=2500\
               &lock_wait_seconds=2&more=a%26b";
    let parsed = parse(url);
    let server = &parsed.server;
    assert_eq!(server.hosts, [Host::new("db1", 3307), Host::new("::1", 3308), Host::new("db3", 3306)]);
    assert_eq!((server.user.as_str(), server.password.0.as_str()), ("app@web", "p:w/%"));
    assert_eq!(server.database, "shop db");
    assert_eq!(server.tls, Tls::Verify { ca: Some(PathBuf::from("/etc/ca.pem")) });
    assert_eq!((server.connections, server.lock_wait_seconds), (3, 2));
    assert_eq!((server.connect_timeout_ms, server.statement_timeout_ms), (500, 2500));
    assert_eq!((parsed.layout.as_str(), parsed.table.as_deref()), ("native", Some("my_sessions")));
    assert_eq!(parsed.others.get("more").map(String::as_str), Some("a&b"));
    assert_eq!(format!("{} {}", server.hosts[1], server.hosts[2]), "[::1]:3308 db3:3306");
}

#[test]
fn a_parameter_that_nobody_takes_is_a_mistake() {
    let mut parsed = parse("mariadb://a@localhost/db?speed=high");
    assert_eq!(parsed.finish().expect_err("speed is left").kind, FaultKind::Config);
    assert_eq!(parsed.take("speed").as_deref(), Some("high"));
    parsed.finish().expect("nothing is left");
}

/// Whoever says nothing sends nothing in clear over a network.
#[test]
fn encryption_is_the_default_except_on_this_machine() {
    for (url, tls) in [
        ("mysql://a@localhost/db", Tls::Off),
        ("mysql://a@127.0.0.1/db", Tls::Off),
        ("mysql://a@[::1]/db", Tls::Off),
        ("mysql://a@/db?socket=/run/mysqld.sock", Tls::Off),
        ("mysql://a@db.example/db", Tls::Verify { ca: None }),
        ("mysql://a@localhost,db.example/db", Tls::Verify { ca: None }),
        ("mysql://a@db.example/db?tls=off", Tls::Off),
        ("mysql://a@db.example/db?tls=unverified", Tls::Unverified),
        ("mysql://a@localhost/db?tls_ca=ca.pem", Tls::Verify { ca: Some(PathBuf::from("ca.pem")) }),
    ] {
        assert_eq!(parse(url).server.tls, tls, "{url}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for url in [
        "mysql:a:hunter2@localhost/db",
        "mysql://localhost/db",
        "mysql://:hunter2@localhost/db",
        "mysql://a:hunter2@localhost",
        "mysql://a:hunter2@localhost/",
        "mysql://a:hunter2@/db",
        "mysql://a:hunter2@local host/db",
        "mysql://a:hunter2@localhost:0/db",
        "mysql://a:hunter2@localhost:99999/db",
        "mysql://a:hunter2@[::1/db",
        "mysql://a:hunter2@localhost/db?tls=maybe",
        "mysql://a:hunter2@localhost/db?tls=off&tls_ca=x",
        "mysql://a:hunter2@localhost/db?connections=0",
        "mysql://a:hunter2@localhost/db?lock_wait_seconds=50",
        "mysql://a:hunter2@localhost/db?connections=3&connections=4",
        "mysql://a:hunter2@localhost/db?table",
        "mysql://a:hunter2@localhost/db?table=a.b",
        "mysql://a:hunter2@localhost/db?table=a%60b",
        "mysql://a:hunter2@localhost/db?table=",
        "mysql://a:hunter2%zz@localhost/db",
        "mysql://a:hunter2%00@localhost/db",
        "mysql://a:hunter2%ff@localhost/db",
        "postgres://a:hunter2@localhost/db",
    ] {
        let fault = MysqlUrl::parse(url).expect_err(url);
        assert_eq!(fault.kind, FaultKind::Config, "{url}");
        assert!(!fault.message.contains("hunter2"), "{}", fault.message);
    }
}

#[test]
fn a_password_is_never_shown() {
    let parsed = parse("mysql://a:hunter2@localhost/db");
    assert!(!format!("{parsed:?} {:?}", parsed.server.password).contains("hunter2"));
}
