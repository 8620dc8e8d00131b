//! What the errors of MySQL, MariaDB and Galera mean: whether anything was applied, and what to do.
//!
//! One table, [`TABLE`], decides about every number. The same number may mean different things before a commit was
//! sent, when nothing can have been applied, and after: a row says both.

use super::driver::{DriverError, Error};
use holdall_engine::FaultKind;
use std::io::ErrorKind;

/// Which family a server belongs to, from its greeting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    /// MySQL and what calls itself so.
    MySql,
    /// MariaDB, with Galera or without.
    MariaDb,
}

/// How far a call had come when it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// No connection yet, or its settings weren't made yet.
    Connect,
    /// A statement that reads, or one in a transaction whose COMMIT has not been sent: nothing is applied.
    Statement,
    /// A COMMIT, or a writing statement outside of a transaction, may have been sent.
    Commit,
}

/// What to do about an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Surely not applied: roll back, and send the same again after a while.
    Again,
    /// It may have been applied: read the rows before anything else.
    Unknown,
    /// This server can't do it: give up its connections and take the next.
    NextServer,
    /// Too much at once: send it in parts, and refuse a single row that is still too much.
    Split,
    /// The row is refused, and will be again.
    Row,
    /// A row is there already.
    Exists,
    /// The row changed since it was read: read it again.
    Stale,
    /// Someone must change something; what is unsaved waits in memory.
    Config,
}

/// What [`classify`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reaction {
    /// What to do.
    pub class: Class,
    /// Whether the connection is of no use any more.
    pub is_connection_lost: bool,
    /// The kind of fault to report if the call fails for it.
    pub kind: FaultKind,
    /// What happened, in words that hold no part of a row or of an id.
    pub what: &'static str,
}

impl Reaction {
    /// Whether surely nothing of the call was applied.
    pub fn is_not_applied(&self) -> bool {
        self.class != Class::Unknown
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The server's error number.
    pub number: u16,
    /// For these servers only.
    pub flavour: Option<Flavour>,
    /// Only if the server's message contains this.
    pub text: Option<&'static str>,
    /// While nothing can have been applied.
    pub before: Class,
    /// When a commit was under way.
    pub at_commit: Class,
    /// The fault to report.
    pub kind: FaultKind,
    /// What happened.
    pub what: &'static str,
}

const fn rule(number: u16, before: Class, at_commit: Class, kind: FaultKind, what: &'static str) -> Rule {
    Rule { number, flavour: None, text: None, before, at_commit, kind, what }
}

impl Rule {
    const fn only(self, flavour: Flavour) -> Self {
        Self { flavour: Some(flavour), ..self }
    }

    const fn saying(self, text: &'static str) -> Self {
        Self { text: Some(text), ..self }
    }
}

use Class::{Again, Config, Exists, NextServer, Row, Split, Stale, Unknown};
use FaultKind as Kind;

/// Every number that holdall knows, once per text and flavour; the first that fits counts. Numbers that are not here
/// are [`Class::Again`] before a commit and [`Class::Unknown`] at one.
pub const TABLE: &[Rule] = &[
    // Locks and certification. A transaction that lost is rolled back by the server, at COMMIT too.
    rule(1213, Again, Again, Kind::Transient, "the transaction lost against another (deadlock, or certification in a cluster)"),
    rule(1205, Again, Again, Kind::Transient, "another transaction held a row or the table for longer than the lock wait"),
    rule(1206, Again, Again, Kind::Transient, "the server's lock table is full"),
    rule(1020, Stale, Stale, Kind::Transient, "the row changed since it was read"),
    rule(3101, Again, Again, Kind::Transient, "the group rolled the transaction back"),
    rule(3100, NextServer, NextServer, Kind::Unreachable, "the group replication plugin refused the transaction"),
    // Time limits, kills, shutdown.
    rule(1317, Again, Unknown, Kind::Transient, "the statement was killed"),
    rule(1969, Again, Unknown, Kind::Transient, "the statement took longer than the time limit").only(Flavour::MariaDb),
    rule(3024, Again, Unknown, Kind::Transient, "the statement took longer than the time limit").only(Flavour::MySql),
    rule(1028, Again, Unknown, Kind::Transient, "a sort was aborted"),
    rule(1053, NextServer, Unknown, Kind::Unreachable, "the server is shutting down"),
    rule(1077, NextServer, Unknown, Kind::Unreachable, "the server is shutting down"),
    rule(1079, NextServer, Unknown, Kind::Unreachable, "the server is shutting down"),
    rule(1927, Again, Unknown, Kind::Unreachable, "the connection was killed").only(Flavour::MariaDb),
    rule(3168, Again, Unknown, Kind::Unreachable, "the connection was killed").only(Flavour::MySql),
    rule(4031, Again, Again, Kind::Transient, "the server closed a connection that lay unused").only(Flavour::MySql),
    rule(1158, Again, Unknown, Kind::Unreachable, "the server met a network error"),
    rule(1159, Again, Unknown, Kind::Unreachable, "the server met a network time-out"),
    rule(1160, Again, Unknown, Kind::Unreachable, "the server met a network error"),
    rule(1161, Again, Unknown, Kind::Unreachable, "the server met a network time-out"),
    // Servers that take no writes, now or ever.
    rule(1290, NextServer, NextServer, Kind::Config, "the server is read-only or runs with an option that forbids it"),
    rule(1792, NextServer, NextServer, Kind::Config, "the server runs transactions read-only"),
    rule(1836, NextServer, NextServer, Kind::Config, "the server is read-only"),
    rule(1223, NextServer, NextServer, Kind::Config, "the server holds a global read lock"),
    rule(3032, NextServer, NextServer, Kind::Config, "the server is in offline mode"),
    rule(1047, NextServer, NextServer, Kind::Unreachable, "the node is not part of the cluster now"),
    rule(1180, Split, Split, Kind::Transient, "the batch has too many rows for the cluster").saying("wsrep_max_ws_rows"),
    rule(1180, Split, Split, Kind::Transient, "the batch is too large for the cluster").saying("writeset size"),
    rule(1180, NextServer, Unknown, Kind::Unreachable, "the node was cut off from the cluster during the commit"),
    rule(1105, Split, Split, Kind::Transient, "the batch is too large for the cluster").saying("writeset size"),
    rule(1105, Again, Unknown, Kind::Transient, "an error that the server doesn't name"),
    // Sizes.
    rule(1153, Split, Split, Kind::Transient, "the statement is larger than max_allowed_packet"),
    rule(1301, Split, Split, Kind::Transient, "a value is larger than max_allowed_packet"),
    rule(1390, Split, Split, Kind::Transient, "the statement has too many parameters"),
    rule(1713, Split, Split, Kind::Transient, "the rows are too large for one undo record"),
    // Prepared statements.
    rule(1243, Again, Unknown, Kind::Transient, "the server forgot a prepared statement"),
    rule(1615, Again, Again, Kind::Transient, "a prepared statement has to be prepared again"),
    rule(1412, Again, Again, Kind::Transient, "the table was changed while it was used"),
    rule(1461, Again, Again, Kind::Transient, "the server has too many prepared statements: raise max_prepared_stmt_count"),
    // One row.
    rule(1062, Exists, Exists, Kind::Transient, "a row with that key is there already"),
    rule(1586, Exists, Exists, Kind::Transient, "a row with that key is there already"),
    rule(1264, Row, Row, Kind::Config, "a number is out of its column's range"),
    rule(1265, Row, Row, Kind::Config, "a value does not fit its column"),
    rule(1292, Row, Row, Kind::Config, "a value has the wrong form for its column"),
    rule(1366, Row, Row, Kind::Config, "a value can't be kept in its column's character set"),
    rule(1406, Row, Row, Kind::Config, "a value is too long for its column"),
    rule(3988, Row, Row, Kind::Config, "a value can't be kept in its column's character set"),
    rule(1267, Row, Row, Kind::Config, "a value can't be compared in its column's collation"),
    rule(1048, Row, Row, Kind::Config, "a column does not take NULL"),
    rule(1118, Row, Row, Kind::Config, "a row is too large for the table's row format"),
    rule(1644, Row, Row, Kind::Config, "a trigger of the table refused the row"),
    rule(4025, Row, Row, Kind::Config, "a constraint of the table refused the row").only(Flavour::MariaDb),
    rule(3819, Row, Row, Kind::Config, "a constraint of the table refused the row").only(Flavour::MySql),
    rule(1451, Row, Row, Kind::Config, "a foreign key of another table refused the change"),
    rule(1452, Row, Row, Kind::Config, "a foreign key of the table refused the row"),
    // Space and damage.
    rule(1021, Again, Unknown, Kind::Full, "the server's disk is full"),
    rule(1114, Again, Unknown, Kind::Full, "the table or the server's disk is full"),
    rule(1041, Again, Unknown, Kind::Full, "the server is out of memory"),
    rule(1037, Again, Unknown, Kind::Full, "the server is out of memory"),
    rule(1030, Again, Unknown, Kind::Transient, "the storage engine answered an error"),
    rule(1034, Config, Unknown, Kind::Corrupt, "the table's index is damaged: CHECK TABLE tells more"),
    rule(1035, Config, Unknown, Kind::Corrupt, "the table's index is damaged: CHECK TABLE tells more"),
    rule(126, Config, Unknown, Kind::Corrupt, "the table's index is damaged: CHECK TABLE tells more"),
    rule(1194, Config, Unknown, Kind::Corrupt, "the table is damaged: CHECK TABLE tells more"),
    rule(1712, Config, Unknown, Kind::Corrupt, "an index of the table is damaged: CHECK TABLE tells more"),
    rule(1877, Config, Unknown, Kind::Corrupt, "the table is damaged: CHECK TABLE tells more"),
    // Limits on connections.
    rule(1040, Again, Again, Kind::Transient, "the server has no connection left: raise max_connections or open fewer"),
    rule(1203, Again, Again, Kind::Transient, "the account has no connection left: raise max_user_connections or open fewer"),
    rule(1226, Again, Again, Kind::Transient, "the account has used up a limit of the server"),
    rule(1129, NextServer, NextServer, Kind::Config, "the server blocks this host after too many errors: FLUSH HOSTS"),
    // Accounts and rights.
    rule(1044, Config, Config, Kind::Config, "the account may not use this database"),
    rule(1045, Config, Config, Kind::Config, "the server does not take this user and password from here"),
    rule(1698, Config, Config, Kind::Config, "the account can't be used with a password from here"),
    rule(1130, Config, Config, Kind::Config, "the server takes no connections from this host"),
    rule(
        1142,
        Config,
        Config,
        Kind::Config,
        "the account lacks a right on the table: SELECT, INSERT, UPDATE and DELETE are needed",
    ),
    rule(1143, Config, Config, Kind::Config, "the account lacks a right on a column"),
    rule(1227, Config, Config, Kind::Config, "the account lacks a right"),
    rule(1251, Config, Config, Kind::Config, "the server wants an authentication that this build doesn't have"),
    rule(1820, Config, Config, Kind::Config, "the account's password has to be changed first"),
    rule(1862, Config, Config, Kind::Config, "the account's password has expired"),
    rule(3118, Config, Config, Kind::Config, "the account is locked").only(Flavour::MySql),
    rule(4151, Config, Config, Kind::Config, "the account is locked").only(Flavour::MariaDb),
    rule(3159, Config, Config, Kind::Config, "the server takes encrypted connections only").only(Flavour::MySql),
    rule(4162, Config, Config, Kind::Config, "the server takes encrypted connections only").only(Flavour::MariaDb),
    rule(1049, Config, Config, Kind::Config, "there is no such database"),
    // Tables of another shape.
    rule(1146, Config, Config, Kind::Config, "there is no such table"),
    rule(1054, Config, Config, Kind::Config, "a column is missing"),
    rule(1364, Config, Config, Kind::Config, "the table has a column of its own that has no default"),
    rule(1136, Config, Config, Kind::Config, "the table has other columns"),
    rule(1356, Config, Config, Kind::Config, "the table is a view that can't be used"),
    rule(1471, Config, Config, Kind::Config, "the table takes no inserts"),
    rule(1288, Config, Config, Kind::Config, "the table takes no updates"),
    rule(1036, Config, Config, Kind::Config, "the table is read-only"),
    rule(1064, Config, Config, Kind::Config, "the server doesn't understand a statement"),
    rule(1193, Config, Config, Kind::Config, "the server doesn't know a setting"),
    rule(1231, Config, Config, Kind::Config, "the server doesn't take a setting"),
    rule(1115, Config, Config, Kind::Config, "the server doesn't know the character set utf8mb4"),
    rule(
        1665,
        Config,
        Config,
        Kind::Config,
        "the server's binary log is kept by statement, which READ COMMITTED doesn't allow: set binlog_format to ROW or MIXED",
    ),
    rule(1176, Config, Config, Kind::Config, "an index is missing"),
    rule(1932, Config, Config, Kind::Config, "the table is listed but its files are gone").only(Flavour::MariaDb),
];

/// Decides about an error.
pub fn classify(error: &Error, flavour: Flavour, phase: Phase) -> Reaction {
    match error {
        Error::MySqlError(error) => on_number(error.code, &error.message, flavour, phase),
        Error::IoError(error) if phase == Phase::Connect && error.kind() == ErrorKind::InvalidData => TLS_REFUSED,
        Error::IoError(error) => on_lost(phase, words(error.kind())),
        Error::CodecError(_) => on_codec(error, phase),
        Error::TlsError(_) => TLS_REFUSED,
        Error::DriverError(error) => on_driver(error, phase),
        Error::UrlError(_) | Error::FromValueError(_) | Error::FromRowError(_) => on_nonsense(phase),
    }
}

/// Decides about an error number of the server.
pub fn on_number(number: u16, message: &str, flavour: Flavour, phase: Phase) -> Reaction {
    let fits = |rule: &&Rule| {
        rule.number == number
            && rule.flavour.is_none_or(|only| only == flavour)
            && rule.text.is_none_or(|text| message.to_ascii_lowercase().contains(&text.to_ascii_lowercase()))
    };
    let Some(rule) = TABLE.iter().find(fits) else {
        let class = if phase == Phase::Commit { Unknown } else { Again };
        return Reaction { class, is_connection_lost: false, kind: Kind::Transient, what: "an error that holdall doesn't know" };
    };
    let class = if phase == Phase::Commit { rule.at_commit } else { rule.before };
    let is_connection_lost = matches!(class, NextServer) || matches!(number, 1053 | 1077 | 1079 | 1243 | 1927 | 3168 | 4031);
    Reaction { class, is_connection_lost, kind: rule.kind, what: rule.what }
}

const TLS_REFUSED: Reaction = Reaction {
    class: Config,
    is_connection_lost: true,
    kind: Kind::Config,
    what: "the encrypted connection was not established: the certificate is not trusted, has expired, or names another host \
        (tls_ca=FILE names the authority)",
};

/// The connection broke. While connecting another server may do; afterwards it depends on what had been sent.
fn on_lost(phase: Phase, what: &'static str) -> Reaction {
    let class = match phase {
        Phase::Connect => NextServer,
        Phase::Statement => Again,
        Phase::Commit => Unknown,
    };
    Reaction { class, is_connection_lost: true, kind: Kind::Unreachable, what }
}

fn words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "the server did not answer in time",
        ErrorKind::ConnectionRefused => "nothing listens there",
        ErrorKind::NotFound => "there is no such host, socket or file",
        ErrorKind::PermissionDenied => "this process may not use the socket or file",
        _ => "the connection broke",
    }
}

fn on_codec(error: &Error, phase: Phase) -> Reaction {
    use mysql_common::proto::codec::error::PacketCodecError;
    match error {
        Error::CodecError(PacketCodecError::Io(error)) if phase == Phase::Connect && error.kind() == ErrorKind::InvalidData => {
            TLS_REFUSED
        }
        Error::CodecError(PacketCodecError::Io(error)) => on_lost(phase, words(error.kind())),
        // The driver refuses it before anything is sent.
        Error::CodecError(PacketCodecError::PacketTooLarge) if phase != Phase::Connect => Reaction {
            class: Split,
            is_connection_lost: true,
            kind: Kind::Transient,
            what: "the statement is larger than max_allowed_packet",
        },
        _ => on_nonsense(phase),
    }
}

fn on_driver(error: &DriverError, phase: Phase) -> Reaction {
    let config = |what| Reaction { class: Config, is_connection_lost: true, kind: Kind::Config, what };
    match error {
        DriverError::ConnectTimeout => on_lost(phase, "the connection was not made in time"),
        DriverError::CouldNotConnect(Some((_, _, kind))) => on_lost(phase, words(*kind)),
        DriverError::CouldNotConnect(None) => on_lost(phase, "the host has no address"),
        DriverError::Timeout => on_lost(phase, "the server did not answer in time"),
        DriverError::TlsNotSupported => {
            config("the server offers no encryption (tls=off sends the password and the sessions in clear)")
        }
        DriverError::UnknownAuthPlugin(_) | DriverError::OldMysqlPasswordDisabled | DriverError::CleartextPluginDisabled => {
            config("the server wants an authentication that this build doesn't have or refuses as unsafe")
        }
        DriverError::UnsupportedProtocol(_) | DriverError::Protocol41NotSet | DriverError::CouldNotParseVersion => {
            config("what answers there is not a MySQL or MariaDB server of a known version")
        }
        DriverError::PacketTooLarge if phase != Phase::Connect => Reaction {
            class: Split,
            is_connection_lost: true,
            kind: Kind::Transient,
            what: "the statement is larger than max_allowed_packet",
        },
        DriverError::BulkExecute(_) if phase != Phase::Connect => Reaction {
            class: Split,
            is_connection_lost: false,
            kind: Kind::Transient,
            what: "the rows are larger than max_allowed_packet",
        },
        _ => on_nonsense(phase),
    }
}

/// An answer that makes no sense: the connection is out of step, and what was sent may have been carried out.
fn on_nonsense(phase: Phase) -> Reaction {
    match phase {
        Phase::Connect => Reaction {
            class: Config,
            is_connection_lost: true,
            kind: Kind::Config,
            what: "what answers there does not speak the MySQL protocol as expected",
        },
        _ => on_lost(phase, "the server's answer makes no sense"),
    }
}
