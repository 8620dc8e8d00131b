//! What is told when the server can't be used: each with an exit code of its own, and never a password.

use crate::common::holdall_at;
use crate::table::Table;

fn swapped(table: &Table, old: &str, new: &str) -> String {
    let url = table.database.url();
    assert!(url.contains(old));
    url.replace(old, new)
}

#[test]
fn every_way_to_be_refused_has_its_own_words_and_code() {
    let table = Table::of("lucee");
    let database = &table.database;
    let port = format!(":{}/", database.port);
    for (url, code, words) in [
        (swapped(&table, &database.owner.password, "wrong-password"), 4, "Access denied"),
        (swapped(&table, &database.owner.user, "nobody_of_that_name"), 4, "Access denied"),
        (swapped(&table, &format!("/{}", database.name), "/no_such_database"), 4, "Access denied"),
        (swapped(&table, &port, ":1/"), 3, "can't be reached"),
        (swapped(&table, "127.0.0.1", "no-such-host.invalid"), 3, "can't be reached"),
        (format!("{}?tls=verify", database.url()), 4, "encryption"),
    ] {
        for command in [&["stats"][..], &["doctor"], &["prune"], &["sessions"], &["create-table"]] {
            let arguments = [command, &["--layout", "lucee"]].concat();
            let answer = holdall_at(&url, &arguments).with_code(code);
            assert!(answer.err.contains(words), "{answer:?}");
            assert!(!answer.shows(&database.owner.password) && !answer.shows("wrong-password"), "{answer:?}");
        }
    }
    let answer = table.run(&["doctor", "--layout", "lucee", "--table", "no_such_table"]).with_code(5);
    assert!(answer.err.contains("no table no_such_table"), "{answer:?}");
    let answer = table.run(&["doctor", "--layout", "rails", "--json"]).with_code(5);
    assert_eq!(answer.json()["error"]["kind"], "missing");
    let other = holdall_at(&format!("{}?layout=lucee&color=red", database.url()), &["stats"]).with_code(2);
    assert!(other.err.contains("color"), "a parameter that nobody knows is a mistake: {other:?}");
}

#[test]
fn of_several_hosts_the_one_that_answers_is_used() {
    let table = Table::of("lucee");
    let url = swapped(&table, "127.0.0.1:", "127.0.0.1:1,127.0.0.1:");
    holdall_at(&url, &["stats", "--layout", "lucee"]).with_code(0);
}

#[test]
fn an_account_that_may_not_alter_is_told_so() {
    let table = Table::with(&[crate::table::STOCK_LUCEE, crate::table::STOCK_INDEX]);
    let url = table.database.url_for(&table.database.application, table.database.port);
    let answer = holdall_at(&url, &["doctor", "--fix", "--yes", "--layout", "lucee"]).with_code(4);
    assert!(answer.err.contains("ALTER command denied"), "{answer:?}");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = holdall_test_databases::MariaDb::options().tls("localhost").start().expect("a server");
    let database = server.database();
    let authority = server.authority().expect("an authority").display().to_string();
    let stranger = server.strange_authority().expect("another").display().to_string();
    let url = database.url();
    holdall_at(&format!("{url}?tls_ca={authority}"), &["create-table"]).with_code(0);
    let refused = holdall_at(&format!("{url}?tls_ca={stranger}"), &["stats"]).with_code(4);
    assert!(refused.err.contains("certificate"), "{refused:?}");
}
