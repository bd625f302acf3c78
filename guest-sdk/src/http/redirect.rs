//! Following redirects without giving credentials away.

use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use super::url;
use crate::Result;

/// How many redirects one request follows.
pub(super) const MOST: usize = 5;

/// One request of a chain of redirects.
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Hop {
    pub(super) fn request(&self) -> Request<Vec<u8>> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// The request that an answer asks for, if it is a redirect.
    pub(super) fn redirected(&self, answer: &Response<Vec<u8>>) -> Result<Option<Self>> {
        let status = answer.status();
        let follows = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = answer.headers().get(LOCATION).filter(|_| follows) else {
            return Ok(None);
        };
        let uri = url::resolve(&self.uri, &String::from_utf8_lossy(location.as_bytes())).map_err(
            |error| {
                error.context(format_args!(
                    "{} {}: following a redirect",
                    self.method,
                    url::without_query(&self.uri)
                ))
            },
        )?;
        let mut next = Self {
            method: method_after(status, &self.method),
            headers: self.headers.clone(),
            body: self.body.clone(),
            uri,
        };
        if next.method != self.method {
            next.body.clear();
            next.headers.remove(CONTENT_TYPE);
            next.headers.remove(CONTENT_LENGTH);
        }
        if !url::same_origin(&self.uri, &next.uri) {
            drop_credentials(&mut next.headers);
        }
        Ok(Some(next))
    }
}

/// RFC 9110, 15.4: 303 asks for a GET; 301 and 302 turn a POST into one.
fn method_after(status: StatusCode, method: &Method) -> Method {
    let becomes_get = match status {
        StatusCode::SEE_OTHER => *method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        _ => false,
    };
    if becomes_get {
        Method::GET
    } else {
        method.clone()
    }
}

fn drop_credentials(headers: &mut HeaderMap) {
    let sensitive: Vec<_> = headers
        .iter()
        .filter(|(name, value)| {
            value.is_sensitive() || [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name)
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in sensitive {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use crate::test::{Answer, Context};

    const A: &str = "https://a.example/one";
    const B: &str = "https://b.example/two";

    fn redirect(status: u16, to: &str) -> Answer {
        Answer::status(status).header("Location", to)
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let ctx = Context::new()
            .with_secret("KEY", "k")
            .answer("GET", A, redirect(302, "/moved"))
            .answer("GET", "https://a.example/moved", redirect(302, B))
            .answer("GET", B, redirect(302, A))
            .answer("GET", A, Answer::status(200));
        let key = ctx.secret("KEY").expect("scripted");
        ctx.http()
            .get(A)
            .bearer("t")
            .header("Cookie", "c=1")
            .secret_header("X-Api-Key", &key)
            .header("X-Plain", "p")
            .send()
            .expect("answered");
        let sent: Vec<_> = ctx
            .requests()
            .iter()
            .map(|request| {
                ["authorization", "cookie", "x-api-key", "x-plain"]
                    .map(|name| request.header(name).is_some())
            })
            .collect();
        // Coming back does not bring them back.
        assert_eq!(
            sent,
            [
                [true, true, true, true],
                [true, true, true, true],
                [false, false, false, true],
                [false, false, false, true],
            ]
        );
    }

    #[test]
    fn a_port_or_scheme_of_its_own_is_another_origin() {
        for to in ["https://a.example:8443/", "http://a.example/"] {
            let ctx = Context::new().answer("GET", A, redirect(307, to)).answer(
                "GET",
                to,
                Answer::status(200),
            );
            ctx.http().get(A).bearer("t").send().expect("answered");
            assert_eq!(ctx.requests()[1].header("authorization"), None, "{to}");
        }
    }

    #[test]
    fn see_other_becomes_a_get_without_a_body() {
        for (status, method, expected) in [
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (302, "PUT", "PUT"),
            (303, "PUT", "GET"),
            (307, "POST", "POST"),
            (308, "DELETE", "DELETE"),
        ] {
            let ctx = Context::new()
                .answer(method, A, redirect(status, B))
                .answer(expected, B, Answer::status(200));
            let request = match method {
                "POST" => ctx.http().post(A),
                "PUT" => ctx.http().put(A),
                _ => ctx.http().delete(A),
            };
            request.json(&1).expect("JSON").send().expect("answered");
            let sent = &ctx.requests()[1];
            let kept = method == expected;
            assert_eq!(sent.text().is_empty(), !kept, "{status} {method}");
            assert_eq!(
                sent.header("content-type").is_some(),
                kept,
                "{status} {method}"
            );
        }
    }

    #[test]
    fn the_sixth_redirect_is_not_followed() {
        let mut ctx = Context::new();
        for _ in 0..6 {
            ctx = ctx.answer("GET", A, redirect(302, A));
        }
        let error = ctx.http().get(A).send().expect_err("a loop");
        assert_eq!(
            error.to_string(),
            "GET https://a.example/one: more than 5 redirects"
        );
        assert!(!error.is_retryable());
        assert_eq!(ctx.requests().len(), 6);
    }

    #[test]
    fn a_redirect_without_a_location_is_an_answer() {
        let ctx = Context::new().answer("GET", A, Answer::status(304));
        assert_eq!(ctx.http().get(A).send().expect("answered").status(), 304);
    }

    #[test]
    fn a_redirect_to_another_scheme_is_refused() {
        let ctx = Context::new().answer("GET", A, redirect(302, "file:///etc/passwd"));
        let error = ctx.http().get(A).send().expect_err("no http");
        assert!(
            error.to_string().contains("following a redirect"),
            "{error}"
        );
    }
}
