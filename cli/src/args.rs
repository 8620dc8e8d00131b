//! The command line.

use crate::layout::Layout;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Looks after session tables.
#[derive(Debug, Parser)]
#[command(name = "holdall", version, max_term_width = 100, about = "Looks after session tables", long_about = LONG, after_long_help = AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Answer with one JSON object on standard output.
    #[arg(long, global = true)]
    pub json: bool,
}

const LONG: &str = "\
Looks after session tables: holdall's own, Lucee's cf_session_data, Rails' sessions.

It makes them, finds and repairs what is wrong with them, removes what has expired, moves sessions from one to another, and \
shows what is in them. It is of use without holdall too: doctor and prune work on the tables of any Lucee or Rails application.";

const AFTER: &str = "\
THE URL
    sqlite:PATH
    mysql://USER:PASSWORD@HOST[:PORT][,HOST2...]/DATABASE[?layout=lucee&table=NAME&tls=verify]

    Give it as the argument, or in the environment as HOLDALL_URL: arguments can be read by everyone on
    the machine, so a password belongs into the environment. Of several hosts the first that takes
    writes is used.

EXIT CODES
    0   done; nothing to complain of
    1   there are findings, or something could not be done
    2   the command line makes no sense; nothing was done
    3   the database can't be reached
    4   the database refuses: password, rights, a server that only reads
    5   the database, the table or the session isn't there, or the table has another shape

EXAMPLES
    holdall create-table --layout native --print mysql://app@db/shop
    HOLDALL_URL='mysql://app:secret@db/shop?layout=lucee' holdall doctor
    holdall doctor --fix --layout rails sqlite:storage/production.sqlite3
    holdall prune --layout rails --older-than 30 mysql://app@db/shop
    holdall import --from lucee mysql://app@db/shop --to mysql://app@db2/sessions

No command ever prints a session's id, logs one, or takes one as an argument.";

/// What to do. The structs say what each is for.
#[derive(Debug, Subcommand)]
pub enum Command {
    CreateTable(CreateTable),
    Doctor(Doctor),
    Prune(Prune),
    Import(Import),
    Inspect(Inspect),
    Sessions(Sessions),
    Stats(Stats),
    Bench(Bench),
}

/// Which table.
#[derive(Clone, Debug, Default, Args)]
pub struct Where {
    /// The database, as a URL of the forms that 'holdall --help' shows
    #[arg(env = "HOLDALL_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,
    #[command(flatten)]
    pub table: Table,
}

/// Which table of the database.
#[derive(Clone, Debug, Default, Args)]
#[allow(clippy::struct_field_names, reason = "the options' own names")]
pub struct Table {
    /// Whose table it is [default: what the URL says, else native]
    #[arg(long, value_enum, value_name = "LAYOUT", hide_possible_values = false)]
    pub layout: Option<Layout>,
    /// The table's name [default: that of the layout]
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Only the sessions of this application
    #[arg(long, value_name = "NAME")]
    pub application: Option<String>,
}

/// Makes the table of a layout, or prints the SQL that would.
#[derive(Debug, Args)]
#[command(long_about = "\
Makes the table of a layout in the database that the URL names: so each environment gets its own by the same command. The SQL \
is that of the files in core/layout/sql; --print shows it and changes nothing.

A table that is there is left as it is, and the answer is 1; with --if-missing it is 0. What is wrong with an older table is \
for 'holdall doctor' to find.

Lucee makes a table of its own when it finds none, but one whose shape has faults: make it beforehand with this command.")]
#[command(after_long_help = EXIT_CODES)]
pub struct CreateTable {
    #[command(flatten)]
    pub place: Where,
    /// Print the SQL, and change nothing
    #[arg(long)]
    pub print: bool,
    /// A table that is there already is well
    #[arg(long)]
    pub if_missing: bool,
}

/// Finds what is wrong with a table and its server, and repairs it.
#[derive(Debug, Args)]
#[command(long_about = "\
Looks at a table and the server that holds it, and says what is wrong: each finding with its code, how bad it is (error: \
sessions are lost or refused; warning: slow, or wrong in rare cases; note), and the repair. Answers 1 if there is an error or \
a warning. It reads every row; --quick looks at the catalogue and the settings only.

With --fix each repair is shown first: the statement, what it locks, and about how long it takes on so many rows. Then it asks, \
unless --yes is given. Indexes and keys are made while others go on reading and writing (ALGORITHM=INPLACE, LOCK=NONE). \
Duplicates are removed in small transactions; the row that lives longest stays.

Where the server can only copy the table while all writes wait, and on a Galera cluster (where every ALTER TABLE stops all \
nodes), nothing is changed: the command line for pt-online-schema-change or gh-ost is printed instead. If writes may wait, say \
--lock-ok.

Settings of the server are never changed: the line for its configuration is printed.")]
#[command(after_long_help = FINDINGS)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Doctor {
    #[command(flatten)]
    pub place: Where,
    /// Repair, asking before each step
    #[arg(long)]
    pub fix: bool,
    /// Don't ask
    #[arg(long, requires = "fix")]
    pub yes: bool,
    /// Run statements too during which writes to the table wait
    #[arg(long, requires = "fix")]
    pub lock_ok: bool,
    /// Look at the catalogue and the settings, not at the rows
    #[arg(long, conflicts_with = "fix")]
    pub quick: bool,
    /// Rows of a rails table count as old after so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub older_than: u32,
}

const FINDINGS: &str = "\
docs/cli.md lists every finding with its cause and its repair.

EXIT CODES
    0 no findings but notes   1 findings, or a repair failed   2 usage   3 unreachable   4 refused
    5 database or table missing";

const EXIT_CODES: &str = "\
EXIT CODES
    0 done   1 findings, or something could not be done   2 usage   3 unreachable   4 refused
    5 database, table or session missing";

/// Removes expired sessions in small steps, while others work on the table.
#[derive(Debug, Args)]
#[command(long_about = "\
Removes sessions whose time is over: what Lucee's hourly task and 'rake db:sessions:trim' do, but in small steps along the \
index, so that requests don't wait. Each step removes some rows in a transaction of its own, aims at 50 ms, and states the \
condition again: a session that is used meanwhile stays. After each step there is a pause as long as the step took, longer when \
the database is slower than before.

  lucee    rows whose 'expires' has passed, by the earlier of this machine's clock and the database's
  rails    rows that were not written for --older-than days. Rails does not move 'updated_at' when a session is only read:
           choose more days than anybody stays signed in without a change
  native   what every bag removes by itself once an hour: rows that expired more than --margin seconds ago

On a terminal a bar shows how far it is; otherwise a line every few seconds goes to standard error. It can be stopped and \
started again at any time.")]
#[command(after_long_help = EXIT_CODES)]
pub struct Prune {
    #[command(flatten)]
    pub place: Where,
    /// rails: remove sessions that were not written for so many days [default: the URL's `trim_days`]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub older_than: Option<u32>,
    /// lucee, native: leave what expired less than so many seconds ago [default: lucee 5, native 600]
    #[arg(long, value_name = "SECONDS")]
    pub margin: Option<u32>,
    /// Rows in one step at most
    #[arg(long, value_name = "ROWS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: u32,
    /// Stop after so many rows
    #[arg(long, value_name = "ROWS")]
    pub limit: Option<u64>,
    /// Don't pause between the steps
    #[arg(long)]
    pub no_pause: bool,
    /// Count, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Copies the sessions of another table into holdall's.
#[derive(Debug, Args)]
#[command(long_about = "\
Copies live sessions from the table of Lucee, Rails or Django into holdall's own table, or from one holdall table to another. The \
source is only read. Each batch is read back and compared; at the end the counts are told.

It may be stopped and run again: sessions that are in the target already are left alone, and with --state it goes on where it \
stopped. With --update those that differ are written again, for a second run after the application was switched off.

Who a session belongs to:
  lucee    the application is the row's name, the id its cfid
  rails    the id is what the table holds, the private id (2::...); the application is --application
  django   the id is the session key, the application is --application; the signature of each row is checked with the key
           of --key-file or of DJANGO_SECRET_KEY, never given as an argument
  native   keys, application, times and stamps stay as they are

docs/migrating.md shows whole moves step by step, with the way back.")]
#[command(after_long_help = EXIT_CODES)]
pub struct Import {
    #[command(flatten)]
    pub source: Source,
    /// Whose table is read
    #[arg(long, value_enum, value_name = "LAYOUT")]
    pub from: Layout,
    /// The target: holdall's own table
    #[arg(long, value_name = "URL", env = "HOLDALL_TO", hide_env_values = true)]
    pub to: String,
    /// The application under which sessions are stored [lucee: the row's name]
    #[arg(long, value_name = "NAME")]
    pub application: Option<String>,
    /// How long a session may lie unused, in seconds: the application's session time-out
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..=315_360_000))]
    pub idle: u64,
    /// Remember in this file how far it is. It holds the last id, and is readable by you only
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// django: a file with the application's secret key
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Write sessions again that are in the target and differ
    #[arg(long)]
    pub update: bool,
    /// Read and decode everything, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Rows in one step
    #[arg(long, value_name = "ROWS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub batch: u32,
}

/// Where `import` reads.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// The database to read from
    #[arg(env = "HOLDALL_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,
    /// The name of the table that is read [default: that of the layout]
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
}

/// Shows one session as JSON; its id comes from standard input or a file.
#[derive(Debug, Args)]
#[command(long_about = "\
Shows one session as JSON: its times, its limits, its fields. The id, as the visitor's cookie carries it, is read from standard \
input or from a file: never from the command line, where others could see it.

    printf %s \"$COOKIE\" | holdall inspect --application shop sqlite:sessions.db

Fields that have no form in JSON are shown as {\"$bytes\": base64} or {\"$foreign\": type, \"size\": bytes}. Reading is no use of \
the session: it lives no longer for it.")]
#[command(after_long_help = EXIT_CODES)]
pub struct Inspect {
    #[command(flatten)]
    pub place: Where,
    /// Read the id from this file
    #[arg(long, value_name = "FILE")]
    pub id_file: Option<PathBuf>,
}

/// Lists sessions, by principal or by age.
#[derive(Debug, Args)]
#[command(long_about = "\
Lists live sessions, the least lately used first: a reference (no id: it opens nothing), application, when each began, was last \
used and expires, its size and principal, as far as the table says. Of lucee and rails tables only the columns are read, not \
the data.")]
#[command(after_long_help = EXIT_CODES)]
pub struct Sessions {
    #[command(flatten)]
    pub place: Where,
    /// Only the sessions of this principal (native)
    #[arg(long, value_name = "PRINCIPAL")]
    pub principal: Option<String>,
    /// Only sessions that were not used for so many hours
    #[arg(long, value_name = "HOURS")]
    pub unused_for: Option<u64>,
    /// Show expired ones instead of live ones
    #[arg(long)]
    pub expired: bool,
    /// Show so many at most
    #[arg(long, value_name = "ROWS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// Counts what is in a table.
#[derive(Debug, Args)]
#[command(long_about = "\
Counts what is in a table: rows, live and expired, by application, how large the sessions are, and how large the table is. It \
reads the whole table once; with --quick only what the server knows by itself.")]
#[command(after_long_help = EXIT_CODES)]
pub struct Stats {
    #[command(flatten)]
    pub place: Where,
    /// Don't read the rows: the server's estimate
    #[arg(long)]
    pub quick: bool,
}

/// Measures what a database does with sessions: commits, loads, sweep.
#[derive(Debug, Args)]
#[command(long_about = "\
Measures what a database does with sessions over the connection as it is: commits of one session, commits in batches, loads, and \
a sweep. It writes sessions of an application of its own (a random name) into holdall's own table, and removes them again. \
Others' sessions are not touched, but others share the load: don't run it where a few seconds of load hurt.")]
#[command(after_long_help = EXIT_CODES)]
pub struct Bench {
    #[command(flatten)]
    pub place: Where,
    /// How many sessions
    #[arg(long, value_name = "ROWS", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sessions: u32,
    /// How large each is, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub size: u32,
}
