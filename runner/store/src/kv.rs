//! The small key-value store that a project's guests have in each environment.

use domain::Place;

use rusqlite::{Connection, params};

use crate::columns::{change, first, rows};
use crate::{Error, Store};

/// A write that commits with the result of the operation that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvWrite {
    /// The key.
    pub key: String,
    /// The value; `None` deletes.
    pub value: Option<Vec<u8>>,
}

impl Store {
    /// Reads a value.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kv_get(&self, place: Place, key: String) -> Result<Option<Vec<u8>>, Error> {
        self.database()
            .read(move |tx| {
                first(
                    tx,
                    "SELECT value FROM kv WHERE project = ?1 AND environment = ?2 AND key = ?3",
                    params![place.project.0, place.environment.0, key],
                    |row| Ok(row.get("value")?),
                )
            })
            .await
    }

    /// Returns at most `limit` keys with a prefix that come after `after`, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kv_keys(
        &self,
        place: Place,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        self.database()
            .read(move |tx| {
                // The prefix is compared bytewise: in LIKE, `_` would match anything.
                rows(
                    tx,
                    "SELECT key FROM kv WHERE project = ?1 AND environment = ?2
                       AND key >= ?3 AND substr(key, 1, length(?3)) = ?3
                       AND (?4 IS NULL OR key > ?4)
                     ORDER BY key LIMIT ?5",
                    params![place.project.0, place.environment.0, prefix, after, limit],
                    |row| Ok(row.get("key")?),
                )
            })
            .await
    }
}

/// Makes the writes of an operation, in order.
pub(crate) fn write_all(tx: &Connection, place: Place, writes: &[KvWrite]) -> Result<(), Error> {
    for write in writes {
        match &write.value {
            Some(value) => change(
                tx,
                "INSERT INTO kv (project, environment, key, value) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET value = excluded.value",
                params![place.project.0, place.environment.0, write.key, value],
            )?,
            None => change(
                tx,
                "DELETE FROM kv WHERE project = ?1 AND environment = ?2 AND key = ?3",
                params![place.project.0, place.environment.0, write.key],
            )?,
        };
    }
    Ok(())
}
