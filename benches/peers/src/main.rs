//! Runs the cycles of a tower-sessions store on request: the other side of the bench's "against a caching store".
//!
//! `holdall-bench-peers PLACE SESSIONS` makes that many sessions in a SQLite file, or in the MySQL database of a URL, and
//! says `ready`. Each line `CLIENTS MILLISECONDS` on its input is then answered with the cycles per second that so many
//! clients made.

use sqlx::mysql::MySqlPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::CachingSessionStore;
use tower_sessions_core::{Session, SessionStore};
use tower_sessions_moka_store::MokaStore;
use tower_sessions_sqlx_store::{MySqlStore, SqliteStore};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Store<S> = CachingSessionStore<MokaStore, S>;

/// The session that every benchmark uses: 762 bytes of JSON in 20 fields.
const SESSION: &str = include_str!("../../data/session.json");
/// More would not help: SQLite takes one writer at a time, and what is read comes from the cache.
const CONNECTIONS: u32 = 4;
/// A connection for each of the clients that there are at most.
const MYSQL_CONNECTIONS: u32 = 8;
const WORKERS: usize = 2;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().ok_or("the first argument is the file to make, or the URL of a database")?;
    let sessions: usize = arguments.next().ok_or("the second argument is the number of sessions")?.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    if place.starts_with("mysql:") {
        let store = runtime.block_on(open_mysql(&place))?;
        serve(&runtime, &cached(store), sessions)
    } else {
        let store = runtime.block_on(open_sqlite(&place))?;
        serve(&runtime, &cached(store), sessions)
    }
}

fn cached<S: SessionStore>(store: S) -> Arc<Store<S>> {
    Arc::new(CachingSessionStore::new(MokaStore::new(None), store))
}

fn serve<S: SessionStore>(runtime: &tokio::runtime::Runtime, store: &Arc<Store<S>>, sessions: usize) -> Outcome<()> {
    let ids = Arc::new(runtime.block_on(fill(store, sessions))?);
    say("ready")?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let (clients, millis) = line.split_once(' ').ok_or("a line must be: CLIENTS MILLISECONDS")?;
        let wanted = Duration::from_millis(millis.parse()?);
        let speed = runtime.block_on(measure(store, &ids, clients.parse()?, wanted))?;
        say(&format!("{speed:.1}"))?;
    }
    Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The settings that holdall uses: a write-ahead log, synchronous FULL.
async fn open_sqlite(file: &str) -> Outcome<SqliteStore> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30));
    let pool: SqlitePool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
    let store = SqliteStore::new(pool);
    store.migrate().await?;
    Ok(store)
}

/// As the store comes, with its table in the database of the URL.
async fn open_mysql(url: &str) -> Outcome<MySqlStore> {
    let pool = MySqlPoolOptions::new().max_connections(MYSQL_CONNECTIONS).connect(url).await?;
    let (_, database) = url.rsplit_once('/').ok_or("the URL names no database")?;
    let store = MySqlStore::new(pool).with_schema_name(database)?;
    store.migrate().await?;
    Ok(store)
}

async fn fill<S: SessionStore>(store: &Store<S>, sessions: usize) -> Outcome<Vec<Id>> {
    let mut ids = Vec::with_capacity(sessions);
    for number in 0..sessions {
        let mut record = Record {
            id: Id::default(),
            data: serde_json::from_str(SESSION)?,
            expiry_date: OffsetDateTime::now_utc() + time::Duration::days(1),
        };
        record.data.insert("user_id".to_owned(), serde_json::json!(10_000_000 + number));
        store.create(&mut record).await?;
        ids.push(record.id);
    }
    Ok(ids)
}

/// Cycles per second of so many clients at once, for a while.
async fn measure<S: SessionStore>(store: &Arc<Store<S>>, ids: &Arc<Vec<Id>>, clients: u64, wanted: Duration) -> Outcome<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (store, ids) = (store.clone(), ids.clone());
            tokio::spawn(async move {
                let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(client + 1);
                let mut cycles = 0_u64;
                while start.elapsed() < wanted {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    cycle(&store, ids[(random >> 33) as usize % ids.len()], cycles).await?;
                    cycles += 1;
                }
                Outcome::Ok(cycles)
            })
        })
        .collect();
    let mut cycles = 0;
    for task in tasks {
        cycles += task.await??;
    }
    Ok(cycles as f64 / start.elapsed().as_secs_f64())
}

/// Opens an existing session, reads two fields, sets one, saves. What tower-sessions does for a request that changes
/// its session, without the HTTP around it.
async fn cycle<S: SessionStore>(store: &Arc<Store<S>>, id: Id, number: u64) -> Outcome<()> {
    let session = Session::new(Some(id), store.clone(), None);
    let email: Option<String> = session.get("email").await?;
    let visits: Option<u64> = session.get("visits").await?;
    if email.is_none() || visits.is_none() {
        return Err("a session has lost its fields".into());
    }
    session.insert("visits", number).await?;
    session.save().await?;
    Ok(())
}
