//! The schema and the steps by which an older database becomes one of today.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::database::connect;
use crate::{DataDir, Error};

/// Each brings the database from the version of its index to the next.
const MIGRATIONS: [&str; 3] = [
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
];

/// The version of today.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Makes sure that the database is there, of today's schema, and sealed with the key there is.
pub(crate) async fn prepare(dir: &DataDir) -> Result<(), Error> {
    let path = dir.database();
    let key = dir.keys().id();
    if needs_nothing(path.clone(), key.clone()).await? {
        return Ok(());
    }
    let _ownership = if dir.is_owned() {
        None
    } else {
        Some(
            dir.lock("tidegate (preparing the database)", LOCK_WAIT)
                .await?,
        )
    };
    blocking(move || {
        create_privately(&path)?;
        let mut connection = connect(&path)?;
        migrate(&mut connection, &path, &key)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Stopped)?
}

/// Returns whether the database is there and of today's schema, without changing anything.
async fn needs_nothing(path: std::path::PathBuf, key: String) -> Result<bool, Error> {
    blocking(move || {
        if !path.is_file() {
            return Ok(false);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        if version(&connection, &path)? < VERSION {
            return Ok(false);
        }
        check_key(&connection, &key)?;
        Ok(true)
    })
    .await
}

/// Creates the file for its owner alone; SQLite gives the journal the same permissions.
fn create_privately(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|source| Error::file("create", path, source))
}

fn version(connection: &Connection, path: &Path) -> Result<u32, Error> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > VERSION {
        return Err(Error::NewerSchema {
            path: path.to_owned(),
            found,
            known: VERSION,
        });
    }
    Ok(found)
}

/// Brings the database to today's schema; all of it or nothing, and twice does no harm.
pub(crate) fn migrate(connection: &mut Connection, path: &Path, key: &str) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction, path)?;
    for migration in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.execute(
        "INSERT INTO meta (key, value) VALUES ('key_id', ?1) ON CONFLICT DO NOTHING",
        [key],
    )?;
    check_key(&transaction, key)?;
    transaction.commit()?;
    Ok(())
}

fn check_key(connection: &Connection, key: &str) -> Result<(), Error> {
    let expected: String =
        connection.query_row("SELECT value FROM meta WHERE key = 'key_id'", [], |row| {
            row.get(0)
        })?;
    if expected == key {
        Ok(())
    } else {
        Err(Error::WrongKey {
            expected,
            found: key.to_owned(),
        })
    }
}
