//! The key-value store of a place, as guests read it.

use async_trait::async_trait;
use domain::Place;
use sandbox::KvRead;
use store::Store;

/// Reads the key-value store of one place.
pub(crate) struct StoredKv {
    store: Store,
    place: Place,
}

impl StoredKv {
    pub(crate) fn new(store: Store, place: Place) -> Self {
        Self { store, place }
    }
}

#[async_trait]
impl KvRead for StoredKv {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.store
            .kv_get(self.place, key.to_owned())
            .await
            .map_err(|error| error.to_string())
    }

    async fn keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, String> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let after = after.map(str::to_owned);
        self.store
            .kv_keys(self.place, prefix.to_owned(), after, limit)
            .await
            .map_err(|error| error.to_string())
    }
}

/// Turns what a guest wrote into what the store writes.
pub(crate) fn writes(writes: &[sandbox::KvWrite]) -> Vec<store::KvWrite> {
    writes
        .iter()
        .map(|write| match write {
            sandbox::KvWrite::Set { key, value } => store::KvWrite {
                key: key.clone(),
                value: Some(value.clone()),
            },
            sandbox::KvWrite::Delete { key } => store::KvWrite {
                key: key.clone(),
                value: None,
            },
        })
        .collect()
}
