//! An answer, read to its end.

use std::time::SystemTime;

use http::{HeaderMap, Method, StatusCode, Uri};
use serde::de::DeserializeOwned;

use super::{date, url};
use crate::{Error, Result};

/// How much of an answer's body an error quotes.
const QUOTED_CHARACTERS: usize = 300;

/// An answer, read to its end.
///
/// ```
/// use tidegate_sdk::test::{Answer, Context};
///
/// let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(503));
/// let response = ctx.http().get("https://shop.example/").send().unwrap();
/// assert_eq!(response.status(), 503);
/// assert!(response.error_for_status().unwrap_err().is_retryable());
/// ```
#[derive(Debug)]
pub struct Response {
    method: Method,
    uri: Uri,
    answer: http::Response<Vec<u8>>,
}

impl Response {
    pub(super) fn new(method: Method, uri: Uri, answer: http::Response<Vec<u8>>) -> Self {
        Self {
            method,
            uri,
            answer,
        }
    }

    /// Returns the status.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(404));
    /// let response = ctx.http().get("https://shop.example/").send().unwrap();
    /// assert_eq!(response.status(), 404);
    /// ```
    pub fn status(&self) -> StatusCode {
        self.answer.status()
    }

    /// Returns the headers.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let answer = Answer::status(200).header("ETag", "v1");
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", answer);
    /// let response = ctx.http().get("https://shop.example/").send().unwrap();
    /// assert_eq!(response.headers()["etag"], "v1");
    /// ```
    pub fn headers(&self) -> &HeaderMap {
        self.answer.headers()
    }

    /// Returns the body.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", Answer::text(200, "ok"));
    /// let response = ctx.http().get("https://shop.example/").send().unwrap();
    /// assert_eq!(response.bytes(), b"ok");
    /// ```
    pub fn bytes(&self) -> &[u8] {
        self.answer.body()
    }

    /// Returns the body as text.
    ///
    /// # Errors
    /// A final error where it is not UTF-8.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", Answer::text(200, "ok"));
    /// let response = ctx.http().get("https://shop.example/").send().unwrap();
    /// assert_eq!(response.text().unwrap(), "ok");
    /// ```
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(self.answer.body())
            .map_err(|error| Error::from(error).context(self.of_what()))
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// A final error where it is not the JSON of a `T`.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let answer = Answer::json(200, &[1, 2]);
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", answer);
    /// let response = ctx.http().get("https://shop.example/").send().unwrap();
    /// assert_eq!(response.json::<Vec<u8>>().unwrap(), [1, 2]);
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(self.answer.body())
            .map_err(|error| Error::from(error).context(self.of_what()))
    }

    /// Turns a status of 400 and above into an error, which quotes the
    /// beginning of the body.
    ///
    /// # Errors
    /// Retryable for 408, 429 and 5xx, after the time that the answer's
    /// `Retry-After` names; final for all others. The error keeps the status.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let answer = Answer::text(429, "slow down").header("Retry-After", "30");
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", answer);
    /// let response = ctx.http().get("https://shop.example/").send().unwrap();
    /// let error = response.error_for_status().unwrap_err();
    /// assert_eq!(error.to_string(), "GET https://shop.example/: 429 Too Many Requests: slow down");
    /// assert_eq!(error.retry_after().unwrap().as_secs(), 30);
    /// ```
    pub fn error_for_status(self) -> Result<Self> {
        let status = self.status();
        if !status.is_client_error() && !status.is_server_error() {
            return Ok(self);
        }
        let mut message = format!("{}: {status}", self.of_what());
        let body = String::from_utf8_lossy(self.answer.body());
        if !body.trim().is_empty() {
            message.push_str(": ");
            message.extend(body.trim().chars().take(QUOTED_CHARACTERS));
        }
        let passes = matches!(status.as_u16(), 408 | 429) || status.is_server_error();
        let error = match date::retry_after(self.headers(), SystemTime::now()) {
            Some(delay) if passes => Error::retryable(message).after(delay),
            None if passes => Error::retryable(message),
            _ => Error::final_(message),
        };
        Err(error.with_status(status))
    }

    fn of_what(&self) -> String {
        format!("{} {}", self.method, url::without_query(&self.uri))
    }
}

#[cfg(test)]
mod tests {
    use crate::test::{Answer, Context};

    #[test]
    fn statuses_map_to_retryable_and_final() {
        for (status, retryable) in [
            (400, false),
            (401, false),
            (404, false),
            (408, true),
            (422, false),
            (429, true),
            (500, true),
            (503, true),
        ] {
            let ctx = Context::new().answer("GET", "https://a.example/", Answer::status(status));
            let answer = ctx
                .http()
                .get("https://a.example/")
                .send()
                .expect("answered");
            let error = answer.error_for_status().expect_err("a failure");
            assert_eq!(error.is_retryable(), retryable, "{status}");
            assert_eq!(
                error.http_status().map(|status| status.as_u16()),
                Some(status)
            );
        }
    }

    #[test]
    fn an_error_quotes_no_more_than_the_beginning() {
        let ctx = Context::new().answer(
            "GET",
            "https://a.example/?token=t",
            Answer::text(400, &"ä".repeat(10_000)),
        );
        let request = ctx.http().get("https://a.example/").query("token", "t");
        let error = request
            .send()
            .expect("answered")
            .error_for_status()
            .expect_err("400");
        let message = error.to_string();
        assert!(message.chars().count() < 400, "{message}");
        assert!(!message.contains("token"), "{message}");
    }
}
