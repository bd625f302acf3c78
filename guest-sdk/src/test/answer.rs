//! Scripted answers, and the requests that they answered.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::backend::SendError;

/// What a scripted provider answers.
///
/// ```
/// use tidegate_sdk::test::{Answer, Context};
///
/// let ctx = Context::new()
///     .answer("GET", "https://shop.example/", Answer::json(200, &[1]).header("ETag", "v1"));
/// let response = ctx.http().get("https://shop.example/").send().unwrap();
/// assert_eq!(response.headers()["etag"], "v1");
/// ```
#[derive(Debug, Clone)]
pub struct Answer(pub(super) Result<Response<Vec<u8>>, SendError>);

impl Answer {
    /// Answers with a status and no body.
    ///
    /// # Panics
    /// Where the status is not in 100 to 999.
    ///
    /// ```
    /// let answer = tidegate_sdk::test::Answer::status(204);
    /// ```
    pub fn status(status: u16) -> Self {
        let mut response = Response::new(Vec::new());
        *response.status_mut() = StatusCode::from_u16(status).expect("a status is in 100 to 999");
        Self(Ok(response))
    }

    /// Answers with a JSON body.
    ///
    /// # Panics
    /// Where the status is not in 100 to 999 or the value has no JSON.
    ///
    /// ```
    /// let answer = tidegate_sdk::test::Answer::json(200, &[1, 2]);
    /// ```
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Self {
        let body = serde_json::to_vec(body).expect("a scripted answer has a JSON");
        Self::status(status)
            .with_body(body)
            .header("Content-Type", "application/json")
    }

    /// Answers with a text.
    ///
    /// # Panics
    /// Where the status is not in 100 to 999.
    ///
    /// ```
    /// let answer = tidegate_sdk::test::Answer::text(200, "ok");
    /// ```
    pub fn text(status: u16, body: &str) -> Self {
        Self::status(status).with_body(body.as_bytes().to_vec())
    }

    /// Adds a header; an answer that is none keeps none.
    ///
    /// # Panics
    /// Where name or value are not legal.
    ///
    /// ```
    /// let answer = tidegate_sdk::test::Answer::status(429).header("Retry-After", "30");
    /// ```
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.0 {
            let name: HeaderName = name.parse().expect("a legal header name");
            let value = HeaderValue::from_str(value).expect("a legal header value");
            response.headers_mut().append(name, value);
        }
        self
    }

    /// Does not answer: the connection breaks, for the reason given.
    ///
    /// ```
    /// use tidegate_sdk::test::{Answer, Context};
    /// let ctx = Context::new().answer("GET", "https://shop.example/", Answer::broken("reset"));
    /// assert!(ctx.http().get("https://shop.example/").send().unwrap_err().is_retryable());
    /// ```
    pub fn broken(reason: &str) -> Self {
        Self(Err(SendError::Transport(reason.to_owned())))
    }

    /// Is refused by the host, as a host that is not declared.
    ///
    /// ```
    /// use tidegate_sdk::test::{Answer, Context};
    /// let ctx = Context::new().answer("GET", "https://shop.example/", Answer::denied());
    /// let error = ctx.http().get("https://shop.example/").send().unwrap_err();
    /// assert!(!error.is_retryable());
    /// ```
    pub fn denied() -> Self {
        Self(Err(SendError::Denied))
    }

    #[cfg(test)]
    pub(crate) fn refused(error: SendError) -> Self {
        Self(Err(error))
    }

    fn with_body(mut self, body: Vec<u8>) -> Self {
        if let Ok(response) = &mut self.0 {
            *response.body_mut() = body;
        }
        self
    }
}

/// A request that a handler sent to a scripted provider.
///
/// ```
/// use tidegate_sdk::test::{Answer, Context};
///
/// let ctx = Context::new().answer("POST", "https://shop.example/", Answer::status(201));
/// ctx.http().post("https://shop.example/").json("tea").unwrap().send().unwrap();
/// let sent = &ctx.requests()[0];
/// assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", "https://shop.example/"));
/// assert_eq!(sent.json(), "tea");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SentRequest {
    /// Its method.
    pub method: String,
    /// Its URL, query included.
    pub url: String,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// The timeout that the handler set.
    pub timeout: Option<Duration>,
}

impl SentRequest {
    /// Returns the first value of a header, where it is text.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(200));
    /// # ctx.http().get("https://shop.example/").send().unwrap();
    /// assert_eq!(ctx.requests()[0].header("accept"), Some("*/*"));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body as JSON.
    ///
    /// # Panics
    /// Where it is not JSON.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("POST", "https://shop.example/", Answer::status(200));
    /// # ctx.http().post("https://shop.example/").json(&7).unwrap().send().unwrap();
    /// assert_eq!(ctx.requests()[0].json(), 7);
    /// ```
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the request's body is JSON")
    }

    /// Returns the body as text.
    ///
    /// # Panics
    /// Where it is not UTF-8.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("POST", "https://shop.example/", Answer::status(200));
    /// # ctx.http().post("https://shop.example/").body("tea").send().unwrap();
    /// assert_eq!(ctx.requests()[0].text(), "tea");
    /// ```
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the request's body is text")
    }
}
