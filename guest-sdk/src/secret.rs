//! A secret's value, which does not print itself.

use std::fmt;

/// The value of a secret; prints as `[redacted]`.
///
/// It has no `Serialize`, so that it cannot get into an output unnoticed.
///
/// ```
/// use tidegate_sdk::test::Context;
///
/// let ctx = Context::new().with_secret("SHOP_TOKEN", "t0p-s3cret");
/// let token = ctx.secret("SHOP_TOKEN").unwrap();
/// assert_eq!(format!("{token} {token:?}"), "[redacted] [redacted]");
/// assert_eq!(token.expose(), "t0p-s3cret");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(value: String) -> Self {
        Self(value)
    }

    /// Returns the value itself, for what has to be sent.
    ///
    /// ```
    /// # use tidegate_sdk::test::Context;
    /// # let ctx = Context::new().with_secret("HOOK_SECRET", "abc");
    /// let body = serde_json::json!({ "secret": ctx.secret("HOOK_SECRET").unwrap().expose() });
    /// assert_eq!(body["secret"], "abc");
    /// ```
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Secret {
    fn as_ref(&self) -> &str {
        self.expose()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
