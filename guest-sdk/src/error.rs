//! How a handler fails: retryably or finally.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// What a handler returns.
///
/// ```
/// use tidegate_sdk::{Error, Result};
///
/// fn quantity(text: &str) -> Result<u32> {
///     let quantity: u32 = text.parse()?;
///     if quantity == 0 {
///         return Err(Error::final_("a quantity is at least 1"));
///     }
///     Ok(quantity)
/// }
/// assert_eq!(quantity("3").unwrap(), 3);
/// assert!(quantity("three").is_err());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure that the host either tries again or records as final.
///
/// The `?` operator makes one of any error. Those of this SDK know which they
/// are: a request without an answer, and the statuses 408, 429 and 5xx, are
/// retryable, other statuses are final. Any other error becomes a final one.
///
/// Like `anyhow::Error` it is no [`std::error::Error`] itself, which is what
/// lets `?` convert from all of those.
///
/// ```
/// use std::time::Duration;
/// use tidegate_sdk::Error;
///
/// let busy = Error::retryable("the warehouse is closed").after(Duration::from_secs(60));
/// assert!(busy.is_retryable());
/// assert_eq!(busy.retry_after(), Some(Duration::from_secs(60)));
/// ```
pub struct Error {
    message: String,
    disposition: Disposition,
    status: Option<StatusCode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disposition {
    Retryable { after: Option<Duration> },
    Final,
}

impl Error {
    /// Makes an error that may pass when the operation is tried again.
    ///
    /// ```
    /// assert!(tidegate_sdk::Error::retryable("no answer").is_retryable());
    /// ```
    pub fn retryable(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            disposition: Disposition::Retryable { after: None },
            status: None,
        }
    }

    /// Makes an error that will not pass; the underscore is there because
    /// `final` is a reserved word.
    ///
    /// ```
    /// assert!(!tidegate_sdk::Error::final_("no such order").is_retryable());
    /// ```
    pub fn final_(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            disposition: Disposition::Final,
            status: None,
        }
    }

    /// Says how long to wait before the next attempt.
    ///
    /// A final error becomes retryable: to name a time is to say that trying
    /// again helps. The host may wait longer.
    ///
    /// ```
    /// use std::time::Duration;
    /// let error = tidegate_sdk::Error::retryable("busy").after(Duration::from_secs(5));
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
    /// ```
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.disposition = Disposition::Retryable { after: Some(delay) };
        self
    }

    /// Puts what was attempted before the message.
    ///
    /// ```
    /// let error = tidegate_sdk::Error::final_("no such order").context("refunding order 7");
    /// assert_eq!(error.to_string(), "refunding order 7: no such order");
    /// ```
    #[must_use]
    pub fn context(mut self, attempted: impl fmt::Display) -> Self {
        self.message = format!("{attempted}: {}", self.message);
        self
    }

    /// Tells whether the operation may be tried again.
    ///
    /// ```
    /// assert!(tidegate_sdk::Error::retryable("no answer").is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self.disposition, Disposition::Retryable { .. })
    }

    /// Returns how long to wait before the next attempt, where that is known.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::Error::retryable("no answer").retry_after(), None);
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        match self.disposition {
            Disposition::Retryable { after } => after,
            Disposition::Final => None,
        }
    }

    /// Returns the HTTP status that caused it, if one did.
    ///
    /// ```
    /// use tidegate_sdk::test::{Answer, Context};
    ///
    /// let ctx = Context::new().answer("GET", "https://shop.example/1", Answer::status(404));
    /// let response = ctx.http().get("https://shop.example/1").send().unwrap();
    /// let error = response.error_for_status().unwrap_err();
    /// assert_eq!(error.http_status().unwrap().as_u16(), 404);
    /// ```
    pub fn http_status(&self) -> Option<StatusCode> {
        self.status
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_retryable() {
            "retryable"
        } else {
            "final"
        };
        write!(f, "{} ({kind}", self.message)?;
        if let Some(after) = self.retry_after() {
            write!(f, ", after {after:?}")?;
        }
        f.write_str(")")
    }
}

impl<E: std::error::Error + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_message = cause.to_string();
            // Many libraries print their source themselves.
            if !message.contains(&cause_message) {
                message = format!("{message}: {cause_message}");
            }
            source = cause.source();
        }
        Self::final_(message)
    }
}

/// Lets an [`Error`] leave a function, such as a test, that returns a boxed one.
impl From<Error> for Box<dyn std::error::Error + Send + Sync> {
    fn from(error: Error) -> Self {
        error.message.into()
    }
}

/// Lets an [`Error`] leave a function, such as a test, that returns a boxed one.
impl From<Error> for Box<dyn std::error::Error> {
    fn from(error: Error) -> Self {
        error.message.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Result};
    use std::time::Duration;

    #[test]
    fn a_foreign_error_becomes_final_and_keeps_its_causes_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("reading the order")]
        struct Reading(#[source] std::num::ParseIntError);

        fn read() -> Result<u8> {
            Ok("x".parse().map_err(Reading)?)
        }
        let error = read().expect_err("x is no number");
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            "reading the order: invalid digit found in string"
        );
    }

    #[test]
    fn naming_a_delay_makes_an_error_retryable() {
        let error = Error::final_("closed").after(Duration::from_secs(1));
        assert!(error.is_retryable());
        assert_eq!(format!("{error:?}"), "closed (retryable, after 1s)");
    }
}
