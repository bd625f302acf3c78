//! The key-value store: reads go through, writes wait for the run's result.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;

use crate::bindings::kv::{Host, KvError};
use crate::guest::{Guest, Reach};

/// The most bytes that a key may have.
pub const MAX_KV_KEY: usize = 512;
/// The most bytes that a value may have.
pub const MAX_KV_VALUE: usize = 64 * 1024;
/// The most bytes of keys and values that one run may write.
pub const MAX_KV_WRITTEN: usize = 1024 * 1024;
/// The most keys that one run may write or delete.
pub const MAX_KV_WRITES: usize = 10_000;

const MAX_LISTED: usize = 1_000;

/// Reads the key-value store of one project and environment.
///
/// An implementation must not block the thread it is called on.
#[async_trait]
pub trait KvRead: Send + Sync {
    /// Returns a key's value.
    ///
    /// # Errors
    /// In words for the guest, why it cannot be read.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String>;

    /// Returns the first `limit` keys that begin with `prefix` and come after
    /// `after`, in byte order.
    ///
    /// # Errors
    /// In words for the guest, why they cannot be read.
    async fn keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, String>;
}

/// A write that commits together with the run's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvWrite {
    /// The key has this value.
    Set {
        /// The key, 1 to [`MAX_KV_KEY`] bytes.
        key: String,
        /// The value, at most [`MAX_KV_VALUE`] bytes.
        value: Vec<u8>,
    },
    /// The key has no value.
    Delete {
        /// The key, 1 to [`MAX_KV_KEY`] bytes.
        key: String,
    },
}

/// The writes of one run, not yet committed; the last one of each key counts.
#[derive(Default)]
pub(crate) struct Overlay {
    writes: BTreeMap<String, Option<Vec<u8>>>,
    bytes: usize,
}

impl Overlay {
    fn write(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), KvError> {
        let before = self
            .writes
            .get(&key)
            .map_or(0, |old| size_of_write(&key, old.as_deref()));
        let after = self.bytes - before + size_of_write(&key, value.as_deref());
        let too_many = before == 0 && self.writes.len() >= MAX_KV_WRITES;
        if after > MAX_KV_WRITTEN || too_many {
            return Err(KvError::TooLarge);
        }
        self.bytes = after;
        self.writes.insert(key, value);
        Ok(())
    }

    /// Returns the writes, one per key, in the order of the keys.
    pub(crate) fn into_writes(self) -> Vec<KvWrite> {
        self.writes
            .into_iter()
            .map(|(key, value)| match value {
                Some(value) => KvWrite::Set { key, value },
                None => KvWrite::Delete { key },
            })
            .collect()
    }

    /// Returns the keys to list first: those of the store, less the deleted, plus the written.
    async fn keys(
        &self,
        store: &dyn KvRead,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        // Deleted keys leave gaps, so pages are read until enough is left.
        while found.len() < limit {
            let page = store.keys(prefix, after.as_deref(), limit).await?;
            let last = page.len() < limit;
            after = page.last().cloned();
            found.extend(
                page.into_iter()
                    .filter(|key| !matches!(self.writes.get(key), Some(None))),
            );
            if last {
                break;
            }
        }
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let written = self
            .writes
            .range::<str, _>(from)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, value)| value.is_some())
            .map(|(key, _)| key.clone());
        found.extend(written);
        found.sort_unstable();
        found.dedup();
        found.truncate(limit);
        Ok(found)
    }
}

fn size_of_write(key: &str, value: Option<&[u8]>) -> usize {
    key.len() + value.map_or(0, <[u8]>::len)
}

fn check_key(key: &str) -> Result<(), KvError> {
    if key.is_empty() || key.len() > MAX_KV_KEY {
        return Err(KvError::BadKey);
    }
    Ok(())
}

impl Guest {
    fn store(&self) -> Result<&dyn KvRead, KvError> {
        match (self.reach, &self.grants.kv) {
            (Reach::Everything, Some(kv)) => Ok(kv.as_ref()),
            (Reach::Everything | Reach::Values | Reach::Nothing, _) => Err(KvError::Unavailable),
        }
    }
}

impl Host for Guest {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, KvError> {
        let store = self.store()?;
        check_key(&key)?;
        match self.kv.writes.get(&key) {
            Some(written) => Ok(written.clone()),
            None => store.get(&key).await.map_err(KvError::Failed),
        }
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), KvError> {
        self.store()?;
        check_key(&key)?;
        if value.len() > MAX_KV_VALUE {
            return Err(KvError::TooLarge);
        }
        self.kv.write(key, Some(value))
    }

    fn delete(&mut self, key: String) -> Result<(), KvError> {
        self.store()?;
        check_key(&key)?;
        self.kv.write(key, None)
    }

    async fn keys(&mut self, prefix: String, limit: u32) -> Result<Vec<String>, KvError> {
        let store = self.store()?;
        let limit = usize::try_from(limit)
            .unwrap_or(MAX_LISTED)
            .clamp(1, MAX_LISTED);
        self.kv
            .keys(store, &prefix, limit)
            .await
            .map_err(KvError::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(&'static [&'static str]);

    #[async_trait]
    impl KvRead for Fixed {
        async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
            Ok(None)
        }

        async fn keys(
            &self,
            prefix: &str,
            after: Option<&str>,
            limit: usize,
        ) -> Result<Vec<String>, String> {
            let keys = self.0.iter().map(|key| (*key).to_owned());
            Ok(keys
                .filter(|key| key.starts_with(prefix) && after.is_none_or(|after| &**key > after))
                .take(limit)
                .collect())
        }
    }

    #[tokio::test]
    async fn a_listing_shows_what_this_run_wrote_and_not_what_it_deleted() {
        let store = Fixed(&["a1", "a2", "a3", "a4", "b1"]);
        let mut overlay = Overlay::default();
        for (key, value) in [
            ("a1", None),
            ("a2", None),
            ("a25", Some(vec![1])),
            ("b0", None),
        ] {
            overlay.write(key.to_owned(), value).unwrap();
        }
        for (prefix, limit, expected) in [
            ("a", 2, vec!["a25", "a3"]),
            ("a", 9, vec!["a25", "a3", "a4"]),
            ("b", 9, vec!["b1"]),
            ("", 1, vec!["a25"]),
            ("c", 9, vec![]),
        ] {
            let keys = overlay.keys(&store, prefix, limit).await.unwrap();
            assert_eq!(keys, expected, "{prefix} {limit}");
        }
    }

    #[test]
    fn one_run_writes_at_most_a_mebibyte_and_replacing_a_value_gives_its_room_back() {
        let mut overlay = Overlay::default();
        let value = vec![0; MAX_KV_VALUE];
        let write = |overlay: &mut Overlay, key: usize, value: &[u8]| {
            overlay.write(format!("{key:04}"), Some(value.to_vec()))
        };
        for key in 0..15 {
            write(&mut overlay, key, &value).unwrap();
        }
        let rest = MAX_KV_WRITTEN - overlay.bytes - 4;
        assert!(write(&mut overlay, 15, &vec![0; rest + 1]).is_err());
        write(&mut overlay, 15, &vec![0; rest]).unwrap();
        assert!(write(&mut overlay, 16, &[]).is_err());
        write(&mut overlay, 3, &[]).unwrap();
        write(&mut overlay, 16, &[]).unwrap();
        assert_eq!(overlay.into_writes().len(), 17);
    }

    #[test]
    fn one_run_writes_a_bounded_number_of_keys() {
        let mut overlay = Overlay::default();
        for key in 0..MAX_KV_WRITES {
            overlay.write(format!("{key}"), None).unwrap();
        }
        assert!(overlay.write("one more".to_owned(), None).is_err());
        overlay.write("7".to_owned(), None).unwrap();
    }
}
