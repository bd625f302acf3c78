//! What the host would hand to hooks and to `receive`.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Delivery, Registration};

/// Makes a registration with an endpoint and a key.
///
/// ```
/// let registration = tidegate_sdk::test::registration(7);
/// assert_eq!(registration.endpoint, "https://tidegate.example/hooks/test-token");
/// ```
pub fn registration<P>(props: P) -> Registration<P> {
    Registration::new(
        props,
        "https://tidegate.example/hooks/test-token".to_owned(),
        "test-key".to_owned(),
    )
}

/// Makes a `POST` delivery with a body.
///
/// ```
/// assert_eq!(tidegate_sdk::test::delivery("{}").method(), "POST");
/// ```
pub fn delivery(body: impl Into<Vec<u8>>) -> Delivery {
    Delivery {
        id: "test-delivery".to_owned(),
        method: "POST".to_owned(),
        query: String::new(),
        headers: HeaderMap::new(),
        body: body.into(),
        received_at_ms: 1_700_000_000_000,
    }
}

impl Delivery {
    /// Adds a header; for tests.
    ///
    /// # Panics
    /// Where name or value are not legal.
    ///
    /// ```
    /// let delivery = tidegate_sdk::test::delivery("{}").with_header("X-Topic", "orders");
    /// assert_eq!(delivery.header("x-topic"), Some("orders"));
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a legal header name");
        let value = HeaderValue::from_str(value).expect("a legal header value");
        self.headers.append(name, value);
        self
    }

    /// Sets path and query; for tests.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::test::delivery("").with_query("?a=1").query(), "?a=1");
    /// ```
    #[must_use]
    pub fn with_query(mut self, query: &str) -> Self {
        self.query = query.to_owned();
        self
    }
}
