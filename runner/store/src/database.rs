//! The threads that work on SQLite: one writes, one reads, so that reads never wait for writes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{oneshot, watch};

use crate::Error;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// How long a statement waits for a lock that another process holds.
const BUSY: Duration = Duration::from_secs(5);
const STATEMENTS: usize = 256;

/// Two threads with a connection each; dropping it ends them after what is queued.
#[derive(Debug)]
pub(crate) struct Database {
    writer: mpsc::Sender<Job>,
    reader: mpsc::Sender<Job>,
    commits: watch::Sender<u64>,
}

impl Database {
    /// Starts the threads; the database must exist and have the present schema.
    pub(crate) fn start(path: &Path) -> Result<Self, Error> {
        let write = connect(path)?;
        let read = connect(path)?;
        read.pragma_update(None, "query_only", true)?;
        Ok(Self {
            writer: work("tidegate-store-write", write)?,
            reader: work("tidegate-store-read", read)?,
            commits: watch::Sender::new(0),
        })
    }

    /// Runs `operation` in one `IMMEDIATE` transaction; an error rolls it back.
    ///
    /// Once queued it runs to its end, even if the caller stops waiting.
    pub(crate) async fn write<T, E>(
        &self,
        operation: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let commits = self.commits.clone();
        ask(&self.writer, move |connection| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(Error::from)?;
            let value = operation(&transaction)?;
            transaction.commit().map_err(Error::from)?;
            commits.send_modify(|count| *count += 1);
            Ok(value)
        })
        .await
    }

    /// Returns the count of commits, which changes with each of this process.
    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Runs `operation` in one read transaction: it sees a single state of the database.
    pub(crate) async fn read<T, E>(
        &self,
        operation: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        ask(&self.reader, move |connection| {
            let transaction = connection.transaction().map_err(Error::from)?;
            operation(&transaction)
        })
        .await
    }

    /// Runs `operation` on the writing connection outside any transaction.
    pub(crate) async fn maintain<T>(
        &self,
        operation: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
    {
        ask(&self.writer, move |connection| operation(connection)).await
    }
}

/// Opens a connection with the settings that all of ours have.
pub(crate) fn connect(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    Ok(connection)
}

fn work(name: &str, mut connection: Connection) -> Result<mpsc::Sender<Job>, Error> {
    let (sender, jobs) = mpsc::channel::<Job>();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            for job in jobs {
                // A job that panics drops its answer; its transaction is
                // rolled back, and the connection is good for the next.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
            }
        })
        .map_err(|error| Error::Database(Box::new(error)))?;
    Ok(sender)
}

async fn ask<T, E>(
    queue: &mpsc::Sender<Job>,
    operation: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (sender, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
        // Nobody waits any more: what was done stays done.
        let _ = sender.send(operation(connection));
    });
    queue.send(job).map_err(|_| Error::Stopped)?;
    answer.await.map_err(|_| Error::Stopped)?
}
