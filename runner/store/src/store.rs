//! The handle by which everything durable is reached.

use std::sync::Arc;

use crate::data_dir::DataDir;
use crate::database::Database;
use crate::seal::Keys;
use crate::{Error, schema};

/// The store of one data directory; clones are cheap and reach the same one.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: DataDir,
    database: Database,
}

impl Store {
    /// Opens the store, creating the database or bringing it up to date where that is due.
    ///
    /// Only that takes the directory's lock, for as long as it lasts, unless
    /// this handle of the directory owns it already.
    ///
    /// # Errors
    /// When the database is damaged, of a newer schema, sealed with another
    /// key, or cannot be read.
    pub async fn open(dir: &DataDir) -> Result<Self, Error> {
        let dir = dir.clone();
        schema::prepare(&dir).await?;
        let path = dir.database();
        let database = tokio::task::spawn_blocking(move || Database::start(&path))
            .await
            .map_err(|_| Error::Stopped)??;
        Ok(Self {
            inner: Arc::new(Inner { dir, database }),
        })
    }

    /// Returns the data directory.
    #[must_use]
    pub fn dir(&self) -> &DataDir {
        &self.inner.dir
    }

    /// Returns a count that changes with every commit of this process.
    ///
    /// Whoever owns the data directory is the only one to write, so for the
    /// owner this tells of every change there is.
    #[must_use]
    pub fn commits(&self) -> tokio::sync::watch::Receiver<u64> {
        self.inner.database.commits()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }

    pub(crate) fn keys(&self) -> Arc<Keys> {
        Arc::clone(self.inner.dir.keys())
    }
}
