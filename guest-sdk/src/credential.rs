//! The account of a connected user.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::backend::RawCredential;
use crate::{Error, Result, Secret};

/// A connected user's credential for the object's integration, as the team's
/// backend stored it; its `Debug` shows the scopes only.
///
/// ```
/// use tidegate_sdk::test::Context;
///
/// let ctx = Context::new()
///     .with_user("user-1")
///     .with_credential(&serde_json::json!({ "access_token": "abc" }));
/// let credential = ctx.credential().unwrap();
/// assert_eq!(credential.get("access_token").unwrap().expose(), "abc");
/// ```
#[derive(Clone)]
pub struct Credential {
    value: serde_json::Map<String, Value>,
    scopes: Vec<String>,
    expires_at: Option<SystemTime>,
}

impl Credential {
    pub(crate) fn parse(raw: RawCredential) -> Result<Self> {
        let value = serde_json::from_str(&raw.value)
            // The parser's message could quote the credential.
            .map_err(|_| Error::final_("the user's credential is not a JSON object"))?;
        Ok(Self {
            value,
            scopes: raw.scopes,
            expires_at: raw
                .expires_at_ms
                .map(|ms| UNIX_EPOCH + Duration::from_millis(ms)),
        })
    }

    /// Returns one text of the credential, such as its `access_token`.
    ///
    /// # Errors
    /// A final error where it has no text of that name.
    ///
    /// ```
    /// # use tidegate_sdk::test::Context;
    /// # let ctx = Context::new().with_user("u").with_credential(&serde_json::json!({ "api_key": "k" }));
    /// let credential = ctx.credential().unwrap();
    /// assert_eq!(credential.get("api_key").unwrap().expose(), "k");
    /// assert!(credential.get("access_token").is_err());
    /// ```
    pub fn get(&self, name: &str) -> Result<Secret> {
        match self.value.get(name) {
            Some(Value::String(text)) => Ok(Secret::new(text.clone())),
            _ => Err(Error::final_(format!(
                "the user's credential has no text `{name}`"
            ))),
        }
    }

    /// Returns the scopes that were granted.
    ///
    /// ```
    /// # use tidegate_sdk::test::Context;
    /// # let ctx = Context::new().with_user("u").with_credential(&serde_json::json!({}));
    /// assert!(ctx.credential().unwrap().scopes().is_empty());
    /// ```
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Returns when it expires, where that is known.
    ///
    /// ```
    /// # use tidegate_sdk::test::Context;
    /// # let ctx = Context::new().with_user("u").with_credential(&serde_json::json!({}));
    /// assert_eq!(ctx.credential().unwrap().expires_at(), None);
    /// ```
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
