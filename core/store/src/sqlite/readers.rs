//! The connections that read: opened when needed, up to a limit, then shared.

use holdall_engine::Fault;
use rusqlite::Connection;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(crate) struct Readers {
    pool: Mutex<Pool>,
    freed: Condvar,
    limit: usize,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    /// Idle and lent ones.
    open: usize,
    /// Grows when all connections are given up; one lent before isn't taken back.
    generation: u64,
    closed: bool,
}

impl Readers {
    pub(crate) fn new(limit: usize) -> Self {
        Self { pool: Mutex::default(), freed: Condvar::new(), limit: limit.max(1) }
    }

    /// Lends a connection, opening one with `open` while the limit allows it, else waiting for one. None once closed.
    pub(crate) fn lend(&self, open: impl FnOnce() -> Result<Connection, Fault>) -> Result<Option<Lent<'_>>, Fault> {
        let mut pool = self.pool();
        loop {
            if pool.closed {
                return Ok(None);
            }
            if let Some(connection) = pool.idle.pop() {
                return Ok(Some(Lent { readers: self, connection: Some(connection), generation: pool.generation }));
            }
            if pool.open < self.limit {
                pool.open += 1;
                let generation = pool.generation;
                drop(pool);
                // If opening fails, dropping gives the place back.
                let mut lent = Lent { readers: self, connection: None, generation };
                lent.connection = Some(open()?);
                return Ok(Some(lent));
            }
            pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives up all connections; those that are lent are closed when they come back. Later ones are opened anew.
    pub(crate) fn renew(&self) -> Vec<Connection> {
        let mut pool = self.pool();
        pool.open = 0;
        pool.generation += 1;
        self.freed.notify_all();
        std::mem::take(&mut pool.idle)
    }

    /// The same, and lends none any more.
    pub(crate) fn close(&self) -> Vec<Connection> {
        self.pool().closed = true;
        self.renew()
    }

    /// Takes the idle connections without the lock, which a fork may have left locked.
    pub(crate) fn take_all(&mut self) -> Vec<Connection> {
        std::mem::take(&mut self.pool.get_mut().unwrap_or_else(PoisonError::into_inner).idle)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection for one reader.
pub(crate) struct Lent<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
    generation: u64,
}

impl Lent<'_> {
    /// Runs `read` with the connection.
    pub(crate) fn run<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        match &self.connection {
            Some(connection) => read(connection),
            None => Err(rusqlite::Error::InvalidQuery),
        }
    }

    /// Closes the connection instead of giving it back.
    pub(crate) fn discard(mut self) {
        self.connection = None;
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        if pool.generation != self.generation {
            return;
        }
        match self.connection.take() {
            // A panic may have left a transaction open.
            Some(connection) if !std::thread::panicking() => pool.idle.push(connection),
            _ => pool.open -= 1,
        }
        self.readers.freed.notify_one();
    }
}
