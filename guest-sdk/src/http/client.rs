//! Building and sending requests.

use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::Serialize;

use super::redirect::{self, Hop};
use super::{Response, url};
use crate::backend::{Backend, SendError};
use crate::context::ObjectLabel;
use crate::{Error, Result, Secret};

const AGENT: &str = concat!("tidegate-sdk/", env!("CARGO_PKG_VERSION"));

/// Sends requests to the hosts that the object declares.
///
/// It follows up to five redirects, never passing credentials on to another
/// origin, and waits for the whole answer.
///
/// ```
/// use tidegate_sdk::test::{Answer, Context};
///
/// let ctx = Context::new().answer("GET", "https://shop.example/open", Answer::text(200, "yes"));
/// let response = ctx.http().get("https://shop.example/open").send().unwrap();
/// assert_eq!(response.text().unwrap(), "yes");
/// ```
#[derive(Clone)]
pub struct Client {
    backend: Rc<dyn Backend>,
    object: ObjectLabel,
}

macro_rules! verb {
    ($name:ident, $method:ident, $text:literal) => {
        #[doc = concat!("Begins a `", $text, "` request to an absolute URL.")]
        ///
        /// ```
        /// # use tidegate_sdk::test::{Answer, Context};
        #[doc = concat!("# let ctx = Context::new().answer(\"", $text, "\", \"https://shop.example/\", Answer::status(204));")]
        #[doc = concat!("let response = ctx.http().", stringify!($name), "(\"https://shop.example/\").send().unwrap();")]
        /// assert_eq!(response.status(), 204);
        /// ```
        pub fn $name(&self, url: impl AsRef<str>) -> RequestBuilder {
            self.request(Method::$method, url)
        }
    };
}

impl Client {
    pub(crate) fn new(backend: Rc<dyn Backend>, object: ObjectLabel) -> Self {
        Self { backend, object }
    }

    verb!(get, GET, "GET");
    verb!(post, POST, "POST");
    verb!(put, PUT, "PUT");
    verb!(patch, PATCH, "PATCH");
    verb!(delete, DELETE, "DELETE");

    /// Begins a request to an absolute URL.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// use tidegate_sdk::http::Method;
    /// # let ctx = Context::new().answer("HEAD", "https://shop.example/", Answer::status(200));
    /// let response = ctx.http().request(Method::HEAD, "https://shop.example/").send().unwrap();
    /// assert_eq!(response.status(), 200);
    /// ```
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder {
        let (uri, problem) = match url::parse(url.as_ref()) {
            Ok(uri) => (uri, None),
            Err(error) => (Uri::default(), Some(error)),
        };
        RequestBuilder {
            client: self.clone(),
            method,
            uri,
            headers: HeaderMap::new(),
            body: Vec::new(),
            timeout: None,
            problem,
        }
    }

    fn failed(&self, method: &Method, uri: &Uri, error: SendError) -> Error {
        let object = self.object;
        let target = url::without_query(uri);
        match error {
            SendError::Denied => {
                let host = url::host_and_port(uri);
                Error::final_(format!(
                    "{method} {target}: the host {host} is not declared: add `hosts(\"{host}\")` to the attribute of {object}"
                ))
            }
            SendError::ForbiddenAddress => {
                let host = url::host_with_port(uri);
                Error::final_(format!(
                    "{method} {target}: the host has a private address: the environment's operator can allow it with `tidegate env update ENVIRONMENT --allow-host {host}`, and {object} must declare it"
                ))
            }
            SendError::TooLarge(what) => Error::final_(format!(
                "{method} {target}: larger than the host allows: {what}"
            )),
            SendError::Invalid(reason) => Error::final_(format!("{method} {target}: {reason}")),
            SendError::Transport(reason) => {
                Error::retryable(format!("{method} {target}: no answer: {reason}"))
            }
        }
    }
}

/// A request that is being put together.
///
/// What is wrong with its parts is reported by [`send`](Self::send).
///
/// ```
/// use tidegate_sdk::test::{Answer, Context};
///
/// let ctx = Context::new().answer("GET", "https://shop.example/find?q=green%20tea", Answer::status(200));
/// ctx.http().get("https://shop.example/find").query("q", "green tea").send().unwrap();
/// ```
#[must_use = "a request is sent by `send`"]
pub struct RequestBuilder {
    client: Client,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
    timeout: Option<Duration>,
    problem: Option<Error>,
}

impl RequestBuilder {
    /// Sets a header, in place of an earlier value.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(200));
    /// ctx.http().get("https://shop.example/").header("Accept", "text/csv").send().unwrap();
    /// assert_eq!(ctx.requests()[0].header("accept"), Some("text/csv"));
    /// ```
    pub fn header(self, name: &str, value: impl AsRef<str>) -> Self {
        self.set_header(name, value.as_ref(), Sensitivity::Plain)
    }

    /// Sets a header that carries a credential: it is not passed on when a
    /// redirect leads to another origin.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().with_secret("KEY", "k").answer("GET", "https://shop.example/", Answer::status(200));
    /// let key = ctx.secret("KEY").unwrap();
    /// ctx.http().get("https://shop.example/").secret_header("X-Api-Key", &key).send().unwrap();
    /// assert_eq!(ctx.requests()[0].header("x-api-key"), Some("k"));
    /// ```
    pub fn secret_header(self, name: &str, value: &Secret) -> Self {
        self.set_header(name, value.expose(), Sensitivity::Credential)
    }

    /// Authorizes the request with a bearer token.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().with_secret("TOKEN", "t").answer("GET", "https://shop.example/", Answer::status(200));
    /// let token = ctx.secret("TOKEN").unwrap();
    /// ctx.http().get("https://shop.example/").bearer(&token).send().unwrap();
    /// assert_eq!(ctx.requests()[0].header("authorization"), Some("Bearer t"));
    /// ```
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        let value = format!("Bearer {}", token.as_ref());
        self.set_header(AUTHORIZATION.as_str(), &value, Sensitivity::Credential)
    }

    /// Authorizes the request with a user name and a password.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(200));
    /// ctx.http().get("https://shop.example/").basic("ada", "lovelace").send().unwrap();
    /// assert_eq!(ctx.requests()[0].header("authorization"), Some("Basic YWRhOmxvdmVsYWNl"));
    /// ```
    pub fn basic(self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let pair = format!("{}:{}", user.as_ref(), password.as_ref());
        let value = format!("Basic {}", url::base64(pair.as_bytes()));
        self.set_header(AUTHORIZATION.as_str(), &value, Sensitivity::Credential)
    }

    /// Adds a parameter to the query, percent-encoded.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("GET", "https://shop.example/orders?page=2", Answer::status(200));
    /// ctx.http().get("https://shop.example/orders").query("page", 2).send().unwrap();
    /// ```
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        match url::with_parameter(&self.uri, name, &value.to_string()) {
            Ok(uri) => self.uri = uri,
            Err(error) => self.note(error),
        }
        self
    }

    /// Sets the body.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("PUT", "https://shop.example/note", Answer::status(204));
    /// ctx.http().put("https://shop.example/note").body("fragile").send().unwrap();
    /// assert_eq!(ctx.requests()[0].text(), "fragile");
    /// ```
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a JSON body, and its content type.
    ///
    /// # Errors
    /// A final error where the value has no JSON.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("POST", "https://shop.example/orders", Answer::status(201));
    /// ctx.http().post("https://shop.example/orders").json(&[1, 2]).unwrap().send().unwrap();
    /// assert_eq!(ctx.requests()[0].json(), serde_json::json!([1, 2]));
    /// ```
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self> {
        self.body = serde_json::to_vec(value)?;
        Ok(self.header(CONTENT_TYPE.as_str(), "application/json"))
    }

    /// Sets a form as the body, and its content type.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("POST", "https://shop.example/token", Answer::status(200));
    /// ctx.http().post("https://shop.example/token").form(&[("grant", "a b")]).send().unwrap();
    /// assert_eq!(ctx.requests()[0].text(), "grant=a%20b");
    /// ```
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = url::form(fields).into_bytes();
        self.header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")
    }

    /// Limits each wait for the provider: to connect, for the first byte, and
    /// between bytes. The host's own limits hold besides.
    ///
    /// ```
    /// # use tidegate_sdk::test::{Answer, Context};
    /// # let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(200));
    /// let timeout = std::time::Duration::from_secs(5);
    /// ctx.http().get("https://shop.example/").timeout(timeout).send().unwrap();
    /// assert_eq!(ctx.requests()[0].timeout, Some(timeout));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// A retryable error where there is no answer; a final one where the host
    /// refuses the request, where a part of it is not legal, or after more
    /// than five redirects.
    ///
    /// ```
    /// use tidegate_sdk::test::{Answer, Context};
    ///
    /// let ctx = Context::new().answer("GET", "https://shop.example/", Answer::denied());
    /// let error = ctx.http().get("https://shop.example/").send().unwrap_err();
    /// assert!(error.to_string().contains("hosts(\"shop.example\")"));
    /// ```
    pub fn send(mut self) -> Result<Response> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        let defaults = [(USER_AGENT, AGENT), (ACCEPT, "*/*")];
        for (name, value) in defaults {
            self.headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
        let mut hop = Hop {
            method: self.method,
            uri: self.uri,
            headers: self.headers,
            body: self.body,
        };
        for _ in 0..=redirect::MOST {
            let answer = self
                .client
                .backend
                .send(hop.request(), self.timeout)
                .map_err(|error| self.client.failed(&hop.method, &hop.uri, error))?;
            match hop.redirected(&answer)? {
                Some(next) => hop = next,
                None => return Ok(Response::new(hop.method, hop.uri, answer)),
            }
        }
        Err(Error::final_(format!(
            "{} {}: more than {} redirects",
            hop.method,
            url::without_query(&hop.uri),
            redirect::MOST
        )))
    }

    fn set_header(mut self, name: &str, value: &str, sensitivity: Sensitivity) -> Self {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(sensitivity == Sensitivity::Credential);
                self.headers.insert(name, value);
            }
            // Not the value: it may be a secret.
            _ => self.note(Error::final_(format!("the header `{name}` is not legal"))),
        }
        self
    }

    fn note(&mut self, problem: Error) {
        self.problem.get_or_insert(problem);
    }
}

#[derive(PartialEq, Eq)]
enum Sensitivity {
    Plain,
    Credential,
}

#[cfg(test)]
mod tests {
    use crate::backend::SendError;
    use crate::test::{Answer, Context};

    const URL: &str = "https://a.example:8443/x?token=t";

    #[test]
    fn only_a_broken_connection_is_worth_another_attempt() {
        for (error, message, retryable) in [
            (SendError::Denied, "add `hosts(\"a.example:8443\")`", false),
            (
                SendError::ForbiddenAddress,
                "--allow-host a.example:8443`",
                false,
            ),
            (
                SendError::TooLarge("the answer".to_owned()),
                "larger than the host allows",
                false,
            ),
            (SendError::Invalid("refused".to_owned()), "refused", false),
            (
                SendError::Transport("reset".to_owned()),
                "no answer: reset",
                true,
            ),
        ] {
            let ctx = Context::new().answer("GET", URL, Answer::refused(error));
            let error = ctx.http().get(URL).send().expect_err("scripted");
            assert!(error.to_string().contains(message), "{error}");
            assert!(!error.to_string().contains("token"), "{error}");
            assert_eq!(error.is_retryable(), retryable, "{error}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_request_is_reported_before_it_is_sent() {
        let ctx = Context::new();
        let http = ctx.http();
        for (request, message) in [
            (http.get("/relative"), "no absolute"),
            (
                http.get(URL).header("X Y", "z"),
                "the header `X Y` is not legal",
            ),
            (
                http.get(URL).bearer("t\n"),
                "the header `authorization` is not legal",
            ),
        ] {
            let error = request.send().expect_err("wrong");
            assert!(error.to_string().contains(message), "{error}");
        }
        assert!(ctx.requests().is_empty());
    }

    #[test]
    fn a_request_names_its_agent_unless_the_author_does() {
        let ctx = Context::new()
            .answer("GET", URL, Answer::status(200))
            .answer("GET", URL, Answer::status(200));
        ctx.http().get(URL).send().expect("answered");
        ctx.http()
            .get(URL)
            .header("User-Agent", "me")
            .send()
            .expect("answered");
        let agents: Vec<_> = ctx
            .requests()
            .iter()
            .filter_map(|request| request.header("user-agent").map(str::to_owned))
            .collect();
        assert_eq!(agents, [super::AGENT, "me"]);
    }

    #[test]
    #[should_panic(
        expected = "unexpected request GET https://a.example/other; answers are left for: [GET https://a.example/]"
    )]
    fn a_request_that_is_not_scripted_panics() {
        let ctx = Context::new().answer("GET", "https://a.example", Answer::status(200));
        let _ = ctx.http().get("https://a.example/other").send();
    }
}
