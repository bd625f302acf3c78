//! Directories for what is measured, beside the program: on the disk that builds use.

use std::env;
use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::Connection;
use rusqlite::backup::Progress;
use tempfile::TempDir;

/// Makes a directory that goes when it is dropped.
///
/// # Errors
/// When there is no room for it.
pub(crate) fn temporary() -> Result<TempDir> {
    let program = env::current_exe()?;
    let beside = program
        .parent()
        .context("a program lies in some directory")?;
    Ok(TempDir::with_prefix_in("bench-", beside)?)
}

/// Copies a database as it is committed, while others may have it open.
///
/// # Errors
/// When it cannot be read or written.
pub(crate) fn copy_database(from: &Path, to: &Path) -> Result<()> {
    Connection::open(from)?.backup("main", to, None::<fn(Progress)>)?;
    Ok(())
}

/// Opens a database with the settings that the store's connections have.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    Ok(connection)
}
