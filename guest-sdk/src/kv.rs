//! The small store of a project in an environment.

use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::{Backend, KvError};
use crate::{Error, Result};

/// A small key-value store per project and environment.
///
/// Keys are 1 to 512 bytes. A value is stored as JSON, of at most 64 KiB, and
/// one run writes at most 1 MiB. Writes are seen by later reads of the same
/// run, and commit together with its result: a run that fails writes nothing.
///
/// ```
/// use tidegate_sdk::{Context, Result};
///
/// fn count(ctx: &Context) -> Result<u64> {
///     let count = ctx.kv().get::<u64>("count")?.unwrap_or(0) + 1;
///     ctx.kv().set("count", &count)?;
///     Ok(count)
/// }
///
/// let ctx = tidegate_sdk::test::Context::new().with_kv("count", &41);
/// assert_eq!(count(&ctx).unwrap(), 42);
/// ```
pub struct Kv {
    backend: Rc<dyn Backend>,
}

impl Kv {
    pub(crate) fn new(backend: Rc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// Reads the value of a key, if it has one.
    ///
    /// # Errors
    /// A final error where the value is not a `T` or the key is not legal; a
    /// retryable one where the store failed.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_kv("name", "Ada");
    /// assert_eq!(ctx.kv().get::<String>("name").unwrap().unwrap(), "Ada");
    /// assert_eq!(ctx.kv().get::<String>("other").unwrap(), None);
    /// ```
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let bytes = self
            .backend
            .kv_get(key)
            .map_err(|error| refused(error, "read", key))?;
        bytes
            .map(|bytes| {
                serde_json::from_slice(&bytes).map_err(|error| {
                    Error::from(error).context(format_args!("reading the key `{key}`"))
                })
            })
            .transpose()
    }

    /// Writes the value of a key.
    ///
    /// # Errors
    /// A final error where key or value are not legal; a retryable one where
    /// the store failed.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// ctx.kv().set("seen", &vec![1, 2]).unwrap();
    /// assert_eq!(ctx.kv().get::<Vec<u8>>("seen").unwrap(), Some(vec![1, 2]));
    /// ```
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<()> {
        let bytes = serde_json::to_vec(value)?;
        self.backend
            .kv_set(key, &bytes)
            .map_err(|error| refused(error, "write", key))
    }

    /// Removes a key; one that has no value is no error.
    ///
    /// # Errors
    /// A final error where the key is not legal; a retryable one where the
    /// store failed.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_kv("seen", &true);
    /// ctx.kv().delete("seen").unwrap();
    /// assert_eq!(ctx.kv().get::<bool>("seen").unwrap(), None);
    /// ```
    pub fn delete(&self, key: &str) -> Result<()> {
        self.backend
            .kv_delete(key)
            .map_err(|error| refused(error, "delete", key))
    }

    /// Lists the keys that begin with `prefix`, in byte order, at most `limit`
    /// of them (1 to 1,000).
    ///
    /// # Errors
    /// A retryable error where the store failed.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new()
    ///     .with_kv("order/1", &1)
    ///     .with_kv("order/2", &2)
    ///     .with_kv("other", &3);
    /// assert_eq!(ctx.kv().keys("order/", 100).unwrap(), ["order/1", "order/2"]);
    /// ```
    pub fn keys(&self, prefix: &str, limit: u32) -> Result<Vec<String>> {
        self.backend
            .kv_keys(prefix, limit)
            .map_err(|error| refused(error, "list", prefix))
    }
}

fn refused(error: KvError, verb: &str, key: &str) -> Error {
    match error {
        KvError::Unavailable => Error::final_(format!(
            "cannot {verb} the key `{key}`: this operation has no key-value store"
        )),
        KvError::BadKey => Error::final_(format!(
            "cannot {verb} the key `{key}`: a key is 1 to 512 bytes"
        )),
        KvError::TooLarge => Error::final_(format!(
            "cannot {verb} the key `{key}`: a value is at most 64 KiB, and one run writes at most 1 MiB"
        )),
        KvError::Failed(message) => {
            Error::retryable(format!("cannot {verb} the key `{key}`: {message}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::refused;
    use crate::backend::KvError;
    use crate::test::Context;

    #[test]
    fn only_a_failing_store_is_worth_another_attempt() {
        for (error, message, retryable) in [
            (
                KvError::Unavailable,
                "this operation has no key-value store",
                false,
            ),
            (KvError::BadKey, "a key is 1 to 512 bytes", false),
            (KvError::TooLarge, "a value is at most 64 KiB", false),
            (KvError::Failed("disk full".to_owned()), "disk full", true),
        ] {
            let error = refused(error, "write", "k");
            assert!(error.to_string().contains(message), "{error}");
            assert_eq!(error.is_retryable(), retryable, "{error}");
        }
    }

    #[test]
    fn the_scripted_store_has_the_limits_of_the_real_one() {
        let ctx = Context::new();
        let kv = ctx.kv();
        assert!(kv.set(&"k".repeat(512), &1).is_ok());
        assert!(kv.set(&"k".repeat(513), &1).is_err());
        assert!(kv.set("", &1).is_err());
        // Two bytes are the quotes of the JSON text.
        assert!(kv.set("full", &"v".repeat(64 * 1024 - 2)).is_ok());
        assert!(kv.set("full", &"v".repeat(64 * 1024 - 1)).is_err());
        let written = (0..20).filter(|_| kv.set("full", &"v".repeat(64 * 1024 - 2)).is_ok());
        assert_eq!(written.count(), 14, "1 MiB less what was written before");
    }
}
