//! The small key-value store that a project's guests have in each environment.

use domain::Place;

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
        let _ = (place, key);
        todo!()
    }

    /// Returns at most `limit` keys with a prefix, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kv_keys(
        &self,
        place: Place,
        prefix: String,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        let _ = (place, prefix, limit);
        todo!()
    }
}
