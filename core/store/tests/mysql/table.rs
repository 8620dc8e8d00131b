//! What each error number means: decided for every one, and as the protocol of writes needs it.

use holdall_engine::FaultKind;
use holdall_store::mysql::driver::{DriverError, Error, MySqlError};
use holdall_store::mysql::{Class, Flavour, Phase, TABLE, classify, on_number};
use std::io::{Error as IoError, ErrorKind};

use Class::{Again, Config, Exists, NextServer, Row, Split, Stale, Unknown};

fn class(number: u16, message: &str, phase: Phase) -> Class {
    on_number(number, message, Flavour::MariaDb, phase).class
}

/// Number, what the server says, before a commit, at a commit.
const CASES: &[(u16, &str, Class, Class)] = &[
    (1020, "Record has changed since last read", Stale, Stale),
    (1021, "Disk full", Again, Unknown),
    (1030, "Got error 168 from storage engine", Again, Unknown),
    (1040, "Too many connections", Again, Again),
    (1044, "Access denied for user to database", Config, Config),
    (1045, "Access denied for user", Config, Config),
    (1047, "WSREP has not yet prepared node for application use", NextServer, NextServer),
    (1049, "Unknown database", Config, Config),
    (1053, "Server shutdown in progress", NextServer, Unknown),
    (1054, "Unknown column", Config, Config),
    (1062, "Duplicate entry", Exists, Exists),
    (1105, "Maximum writeset size exceeded", Split, Split),
    (1105, "Unknown error", Again, Unknown),
    (1114, "The table is full", Again, Unknown),
    (1130, "Host is not allowed to connect", Config, Config),
    (1142, "INSERT command denied", Config, Config),
    (1146, "Table doesn't exist", Config, Config),
    (1153, "Got a packet bigger than 'max_allowed_packet' bytes", Split, Split),
    (1158, "Got an error reading communication packets", Again, Unknown),
    (1161, "Got timeout writing communication packets", Again, Unknown),
    (1180, "wsrep_max_ws_rows exceeded", Split, Split),
    (1180, "Got error 6 \"No such device or address\" during COMMIT: Not connected to Primary Component", NextServer, Unknown),
    (1203, "max_user_connections", Again, Again),
    (1205, "Lock wait timeout exceeded", Again, Again),
    (1206, "The total number of locks exceeds the lock table size", Again, Again),
    (1213, "Deadlock found when trying to get lock", Again, Again),
    (1223, "Can't execute the query because you have a conflicting read lock", NextServer, NextServer),
    (1226, "exceeded the 'max_updates' resource", Again, Again),
    (1227, "Access denied; you need the SUPER privilege", Config, Config),
    (1243, "Unknown prepared statement handler", Again, Unknown),
    (1264, "Out of range value", Row, Row),
    (1265, "Data truncated", Row, Row),
    (1290, "running with the --read-only option", NextServer, NextServer),
    (1292, "Incorrect value", Row, Row),
    (1317, "Query execution was interrupted", Again, Unknown),
    (1364, "Field doesn't have a default value", Config, Config),
    (1366, "Incorrect string value", Row, Row),
    (1390, "Prepared statement contains too many placeholders", Split, Split),
    (1406, "Data too long for column", Row, Row),
    (1615, "Prepared statement needs to be re-prepared", Again, Again),
    (1792, "Cannot execute statement in a READ ONLY transaction", NextServer, NextServer),
    (1836, "Running in read-only mode", NextServer, NextServer),
    (1927, "Connection was killed", Again, Unknown),
    (1969, "Query execution was interrupted (max_statement_time exceeded)", Again, Unknown),
    (3032, "The server is currently in offline mode", NextServer, NextServer),
    (3100, "Error on observer while running replication hook", NextServer, NextServer),
    (3101, "Plugin instructed the server to rollback", Again, Again),
    (9999, "a number of a later version", Again, Unknown),
];

#[test]
fn every_number_is_decided() {
    for (number, message, before, at_commit) in CASES {
        assert_eq!(class(*number, message, Phase::Statement), *before, "{number} {message}, before a commit");
        assert_eq!(class(*number, message, Phase::Commit), *at_commit, "{number} {message}, at a commit");
    }
}

/// Before a COMMIT was sent nothing can have been applied, whatever the number.
#[test]
fn nothing_is_unknown_before_a_commit() {
    for rule in TABLE {
        assert_ne!(rule.before, Unknown, "{}", rule.number);
        let surely = matches!(rule.at_commit, Again | Exists | NextServer | Row | Split | Stale | Config);
        assert!(surely || rule.at_commit == Unknown);
    }
}

/// The same number means different things to MySQL and MariaDB.
#[test]
fn flavours_differ() {
    for (number, known_to, what) in [
        (1969, Flavour::MariaDb, "time limit"),
        (3024, Flavour::MySql, "time limit"),
        (4031, Flavour::MySql, "unused"),
        (4025, Flavour::MariaDb, "constraint"),
        (3819, Flavour::MySql, "constraint"),
    ] {
        for flavour in [Flavour::MySql, Flavour::MariaDb] {
            let reaction = on_number(number, "", flavour, Phase::Statement);
            assert_eq!(reaction.what.contains(what), flavour == known_to, "{number} on {flavour:?}: {}", reaction.what);
        }
    }
}

#[test]
fn what_the_network_does() {
    for kind in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof, ErrorKind::TimedOut] {
        for (phase, class) in [(Phase::Connect, NextServer), (Phase::Statement, Again), (Phase::Commit, Unknown)] {
            let reaction = classify(&Error::IoError(IoError::from(kind)), Flavour::MariaDb, phase);
            assert_eq!((reaction.class, reaction.is_connection_lost), (class, true), "{kind} in {phase:?}");
            assert_eq!(reaction.kind, FaultKind::Unreachable);
        }
    }
    let certificate = Error::IoError(IoError::from(ErrorKind::InvalidData));
    assert_eq!(classify(&certificate, Flavour::MariaDb, Phase::Connect).class, Config);
    let plain = Error::DriverError(DriverError::TlsNotSupported);
    assert_eq!(classify(&plain, Flavour::MariaDb, Phase::Connect).class, Config);
    let large = Error::DriverError(DriverError::PacketTooLarge);
    assert_eq!(classify(&large, Flavour::MariaDb, Phase::Commit).class, Split, "the driver refuses it before it is sent");
    let odd = Error::DriverError(DriverError::PacketOutOfSync);
    assert_eq!(classify(&odd, Flavour::MariaDb, Phase::Commit).class, Unknown);
}

/// A server's message may quote a key or a value, so none is handed on.
#[test]
fn the_words_are_holdalls_own() {
    let quoting = MySqlError { state: "23000".to_owned(), message: "Duplicate entry 'secret' for key".to_owned(), code: 1062 };
    let reaction = classify(&Error::MySqlError(quoting), Flavour::MariaDb, Phase::Statement);
    assert!(!reaction.what.contains("secret"));
    assert!(TABLE.iter().all(|rule| rule.what.len() > 10 && !rule.what.ends_with('.')));
}
