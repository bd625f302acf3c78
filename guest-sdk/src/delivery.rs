//! What a webhook's `receive` takes and gives back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// One delivery of a provider, whose signature has been verified.
///
/// ```
/// use tidegate_sdk::test;
///
/// let delivery = test::delivery(r#"{"action": "opened"}"#).with_header("X-GitHub-Event", "issues");
/// assert_eq!(delivery.header("x-github-event"), Some("issues"));
/// assert_eq!(delivery.json::<serde_json::Value>().unwrap()["action"], "opened");
/// ```
#[derive(Debug, Clone)]
pub struct Delivery {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) received_at_ms: u64,
}

impl Delivery {
    /// Returns the id that the host gave the delivery.
    ///
    /// ```
    /// assert!(!tidegate_sdk::test::delivery("{}").id().is_empty());
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the request's method.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::test::delivery("{}").method(), "POST");
    /// ```
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns path and query as received, without the endpoint's token.
    ///
    /// ```
    /// let delivery = tidegate_sdk::test::delivery("").with_query("?topic=orders");
    /// assert_eq!(delivery.query(), "?topic=orders");
    /// ```
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Returns all headers.
    ///
    /// ```
    /// let delivery = tidegate_sdk::test::delivery("{}").with_header("X-Topic", "orders");
    /// assert_eq!(delivery.headers()["x-topic"], "orders");
    /// ```
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the first value of a header, where it is text.
    ///
    /// ```
    /// let delivery = tidegate_sdk::test::delivery("{}").with_header("X-Topic", "orders");
    /// assert_eq!(delivery.header("x-topic"), Some("orders"));
    /// assert_eq!(delivery.header("x-other"), None);
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::test::delivery("abc").body(), b"abc");
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// A final error where it is not the JSON of a `T`.
    ///
    /// ```
    /// let numbers: Vec<u8> = tidegate_sdk::test::delivery("[1, 2]").json().unwrap();
    /// assert_eq!(numbers, [1, 2]);
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::from(error).context("reading the delivery's body"))
    }

    /// Returns when the host received it.
    ///
    /// ```
    /// let delivery = tidegate_sdk::test::delivery("{}");
    /// assert!(delivery.received_at() > std::time::SystemTime::UNIX_EPOCH);
    /// ```
    pub fn received_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.received_at_ms)
    }
}

/// What `receive` gives back: the input of the workflows that the webhook
/// triggers and, where the webhook responds `sync`, the answer to the provider.
///
/// A `receive` without an answer of its own may return the output alone.
///
/// ```
/// use tidegate_sdk::{Received, Reply};
///
/// let received = Received::new("order 7").reply(Reply::text(200, "thanks"));
/// assert_eq!(received.output(), &"order 7");
/// ```
#[derive(Debug, Clone)]
pub struct Received<T> {
    pub(crate) output: T,
    pub(crate) reply: Option<Reply>,
}

impl<T> Received<T> {
    /// Makes a result without an answer of its own.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::Received::new(7).output(), &7);
    /// ```
    pub fn new(output: T) -> Self {
        Self {
            output,
            reply: None,
        }
    }

    /// Sets the answer to the provider.
    ///
    /// ```
    /// use tidegate_sdk::{Received, Reply};
    /// let received = Received::new(7).reply(Reply::text(202, "later"));
    /// assert_eq!(received.answer().unwrap().status(), 202);
    /// ```
    #[must_use]
    pub fn reply(mut self, reply: Reply) -> Self {
        self.reply = Some(reply);
        self
    }

    /// Returns the input of the workflows that the webhook triggers.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::Received::new(7).output(), &7);
    /// ```
    pub fn output(&self) -> &T {
        &self.output
    }

    /// Returns the answer to the provider, if it was set.
    ///
    /// ```
    /// assert!(tidegate_sdk::Received::new(7).answer().is_none());
    /// ```
    pub fn answer(&self) -> Option<&Reply> {
        self.reply.as_ref()
    }
}

/// An answer to a provider.
///
/// ```
/// let reply = tidegate_sdk::Reply::text(200, "thanks");
/// assert_eq!(reply.status(), 200);
/// ```
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Makes an answer with a text.
    ///
    /// # Panics
    /// Where the status is not in 100 to 999.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::Reply::text(200, "ok").status(), 200);
    /// ```
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(
            status,
            "text/plain; charset=utf-8",
            text.into().into_bytes(),
        )
    }

    /// Makes an answer with a JSON body.
    ///
    /// # Errors
    /// A final error where the value has no JSON.
    ///
    /// # Panics
    /// Where the status is not in 100 to 999.
    ///
    /// ```
    /// let reply = tidegate_sdk::Reply::json(200, &[1, 2]).unwrap();
    /// assert_eq!(reply.status(), 200);
    /// ```
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Result<Self> {
        Ok(Self::new(
            status,
            "application/json",
            serde_json::to_vec(value)?,
        ))
    }

    /// Sets a header, in place of an earlier value.
    ///
    /// # Errors
    /// A final error where name or value are not legal.
    ///
    /// ```
    /// let reply = tidegate_sdk::Reply::text(200, "ok").header("X-Seen", "7").unwrap();
    /// assert!(reply.header("X Seen", "7").is_err());
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let name: HeaderName = name.parse()?;
        self.headers.insert(name, HeaderValue::from_str(value)?);
        Ok(self)
    }

    /// Returns the status.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::Reply::text(202, "").status(), 202);
    /// ```
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the body.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::Reply::text(200, "ok").body(), b"ok");
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the headers.
    ///
    /// ```
    /// let reply = tidegate_sdk::Reply::text(200, "ok");
    /// assert_eq!(reply.headers()["content-type"], "text/plain; charset=utf-8");
    /// ```
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static(content_type),
        );
        Self {
            status: StatusCode::from_u16(status).expect("a status is in 100 to 999"),
            headers,
            body,
        }
    }
}
