//! Keeps web pages from driving a server that asks for no token.
//!
//! A page can make a browser send requests to 127.0.0.1: as a form, as an image,
//! by `fetch`, or under a name of its own that it lets point there. None of
//! these gets past the rules here, and no header ever allows another origin.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use engine::Code;

use crate::failure::Failure;
use crate::wire::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Refuses what may come from a page that has no business here.
pub(crate) async fn guard(
    State(address): State<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match check(&parts, address) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(reason) => {
            let problem = Problem::new(Code::RequestRefused, reason);
            Failure::from(problem).into_response()
        }
    };
    protect(response.headers_mut());
    response
}

/// Adds what keeps a browser from making something else of an answer.
fn protect(headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Says why a request is refused, if it is.
fn check(parts: &Parts, address: SocketAddr) -> Result<(), &'static str> {
    let host = host(parts).ok_or("the request names no host, or several")?;
    if !is_ours(host, address) {
        return Err("the request is for another host than this server");
    }
    if let Some(origin) = one(&parts.headers, &header::ORIGIN)? {
        let same = origin
            .strip_prefix("http://")
            .is_some_and(|origin| origin.eq_ignore_ascii_case(host));
        if !same {
            return Err("the request comes from another origin");
        }
    }
    let site = one(&parts.headers, &SEC_FETCH_SITE)?.unwrap_or("none");
    let mode = one(&parts.headers, &SEC_FETCH_MODE)?.unwrap_or_default();
    let safe = matches!(parts.method, Method::GET | Method::HEAD);
    let own = matches!(site, "same-origin" | "none");
    let link = safe && mode == "navigate";
    if !own && !link {
        return Err("the request comes from another site");
    }
    if safe || takes(parts) {
        Ok(())
    } else {
        Err("a change is taken only as `Content-Type: application/json`")
    }
}

/// Returns whether a change comes in a form that no page can send unasked.
fn takes(parts: &Parts) -> bool {
    let Ok(Some(content_type)) = one(&parts.headers, &header::CONTENT_TYPE) else {
        return false;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let artifact =
        parts.method == Method::PUT && parts.uri.path().starts_with("/api/v1/artifacts/");
    essence.eq_ignore_ascii_case("application/json")
        || (artifact && essence.eq_ignore_ascii_case("application/octet-stream"))
}

/// Returns the host that a request is for.
fn host(parts: &Parts) -> Option<&str> {
    let named = one(&parts.headers, &header::HOST).ok()??;
    match parts.uri.authority() {
        Some(authority) if authority.as_str() != named => None,
        Some(_) | None => Some(named),
    }
}

fn is_ours(host: &str, address: SocketAddr) -> bool {
    let port = address.port();
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|name| host.eq_ignore_ascii_case(&format!("{name}:{port}")))
}

/// Returns the value of a header that may stand once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, &'static str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .map(Some)
            .map_err(|_| "a header of the request is no text"),
        (Some(_), Some(_)) => Err("a header of the request stands twice"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::check;

    /// Checks a request of these lines: the method and the path, then headers.
    fn decide(lines: &[&str]) -> Result<(), &'static str> {
        let (method, path) = lines[0].split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for line in &lines[1..] {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts, "127.0.0.1:4600".parse().unwrap())
    }

    #[test]
    fn its_own_addresses_are_answered() {
        for host in [
            "127.0.0.1:4600",
            "localhost:4600",
            "LocalHost:4600",
            "[::1]:4600",
        ] {
            assert_eq!(
                decide(&["GET /", &format!("Host: {host}")]),
                Ok(()),
                "{host}"
            );
        }
    }

    #[test]
    fn a_name_that_was_made_to_point_here_is_refused() {
        for host in [
            "evil.example",
            "evil.example:4600",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1:46000",
            "localhost.evil.example:4600",
            "0.0.0.0:4600",
        ] {
            let get = decide(&["GET /api/v1/projects", &format!("Host: {host}")]);
            assert!(get.is_err(), "{host}");
        }
        assert!(decide(&["GET /"]).is_err(), "no host at all");
        let twice = ["GET /", "Host: localhost:4600", "Host: evil.example"];
        assert!(decide(&twice).is_err());
        let other = ["GET http://evil.example/", "Host: localhost:4600"];
        assert!(decide(&other).is_err());
    }

    #[test]
    fn another_origin_is_refused_whatever_it_asks_for() {
        let json = "Content-Type: application/json";
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            for origin in [
                "http://evil.example",
                "https://localhost:4600",
                "http://localhost:3000",
                "http://127.0.0.1:4600",
                "null",
            ] {
                let origin = format!("Origin: {origin}");
                let line = format!("{method} /api/v1/settle");
                let asked = decide(&[&line, "Host: localhost:4600", &origin, json]);
                assert!(asked.is_err(), "{method} {origin}");
            }
        }
        let own = [
            "POST /api/v1/settle",
            "Host: localhost:4600",
            "Origin: http://localhost:4600",
            json,
        ];
        assert_eq!(decide(&own), Ok(()));
    }

    #[test]
    fn a_form_changes_nothing() {
        for content in [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=a",
            "text/plain",
            "application/octet-stream",
            "",
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let line = format!("{method} /api/v1/projects/p/environments/e/secrets/S");
                let content = format!("Content-Type: {content}");
                let asked = decide(&[&line, "Host: localhost:4600", &content]);
                assert!(asked.is_err(), "{method} {content}");
            }
        }
        assert!(decide(&["POST /api/v1/settle", "Host: localhost:4600"]).is_err());
        let json = "Content-Type: application/json; charset=utf-8";
        assert_eq!(
            decide(&["POST /api/v1/settle", "Host: localhost:4600", json]),
            Ok(())
        );
    }

    #[test]
    fn only_artifacts_come_as_bytes() {
        let bytes = "Content-Type: application/octet-stream";
        let put = |path: &str| decide(&[&format!("PUT {path}"), "Host: localhost:4600", bytes]);
        assert_eq!(put("/api/v1/artifacts/abc"), Ok(()));
        assert!(put("/api/v1/projects/p/environments/e/secrets/S").is_err());
    }

    #[test]
    fn another_site_may_link_here_and_do_nothing_else() {
        let host = "Host: localhost:4600";
        let cross = "Sec-Fetch-Site: cross-site";
        let link = ["GET /", host, cross, "Sec-Fetch-Mode: navigate"];
        assert_eq!(decide(&link), Ok(()));
        let image = ["GET /", host, cross, "Sec-Fetch-Mode: no-cors"];
        assert!(decide(&image).is_err());
        let neighbour = [
            "GET /",
            host,
            "Sec-Fetch-Site: same-site",
            "Sec-Fetch-Mode: cors",
        ];
        assert!(decide(&neighbour).is_err());
        let page = [
            "GET /",
            host,
            "Sec-Fetch-Site: same-origin",
            "Sec-Fetch-Mode: cors",
        ];
        assert_eq!(decide(&page), Ok(()));
    }
}
