//! What third parties send to webhooks.
//!
//! The token in the address alone routes. What is not there is not described,
//! and what is refused looks the same, whatever the reason.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use engine::{Clock as _, IngressAnswer, IngressRefusal, IngressRequest, SystemClock};

use crate::app::App;
use crate::failure::Failure;

/// How long a sender may take for its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// The headers that belong to the connection, which no answer may set.
const OF_THE_CONNECTION: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::DATE,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::UPGRADE,
];

/// Receives a delivery.
pub(crate) async fn receive(State(app): State<App>, request: Request) -> Response {
    let received_at = SystemClock::default().now();
    let known_method = matches!(*request.method(), Method::GET | Method::POST);
    let Some((token, query)) = address(request.uri()).filter(|_| known_method) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let method = request.method().as_str().to_owned();
    let headers = received(request.headers());
    // The limit of the body is that of the route.
    let body = match tokio::time::timeout(PATIENCE, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body.into(),
        Ok(Err(rejection)) => return rejection.status().into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let request = IngressRequest {
        method,
        query,
        headers,
        body,
        received_at,
    };
    // A handler goes on when the sender does not wait for its answer.
    let answered =
        app.detached(|owner| async move { Ok::<_, Failure>(owner.receive(&token, request).await) });
    match answered.await {
        Ok(Ok(answer)) => given(answer),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Returns the token of an address and what stands after it.
fn address(uri: &Uri) -> Option<(String, String)> {
    let rest = uri.path_and_query()?.as_str().strip_prefix("/hooks/")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (token, query) = rest.split_at(end);
    (!token.is_empty()).then(|| (token.to_owned(), query.to_owned()))
}

fn received(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}

/// Makes the answer that was declared, or that a handler gave.
fn given(answer: IngressAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    // What is no status that can end an exchange is a fault of the handler's.
    *response.status_mut() = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name);
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value)) else {
            continue;
        };
        if !OF_THE_CONNECTION.contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn refused(refusal: &IngressRefusal) -> Response {
    if let IngressRefusal::Store(error) = refusal {
        tracing::error!(%error, "a delivery could not be stored");
    }
    let status = StatusCode::from_u16(refusal.status());
    let mut response = status
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        .into_response();
    if let Some(seconds) = refusal.retry_after_seconds() {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::http::{Uri, header};
    use engine::{IngressAnswer, IngressRefusal};

    use super::{address, given, refused};

    fn check(uri: &str, expected: Option<(&str, &str)>) {
        let uri: Uri = uri.parse().unwrap();
        let expected = expected.map(|(token, query)| (token.to_owned(), query.to_owned()));
        assert_eq!(address(&uri), expected, "{uri}");
    }

    #[test]
    fn the_token_ends_where_a_path_or_a_query_begins() {
        check("/hooks/abc", Some(("abc", "")));
        check(
            "/hooks/abc?challenge=x&y=%20",
            Some(("abc", "?challenge=x&y=%20")),
        );
        check("/hooks/abc/more/path?q", Some(("abc", "/more/path?q")));
        check("/hooks/", None);
        check("/hooks", None);
        check("/hooks?abc", None);
        check("/other/abc", None);
    }

    #[test]
    fn an_answer_sets_no_header_of_the_connection() {
        let answer = |status| IngressAnswer {
            status,
            headers: vec![
                ("content-type".to_owned(), b"text/plain".to_vec()),
                ("Transfer-Encoding".to_owned(), b"chunked".to_vec()),
                ("content-length".to_owned(), b"999".to_vec()),
                ("bad name".to_owned(), b"x".to_vec()),
            ],
            body: b"ok".to_vec(),
        };
        let response = given(answer(201));
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers().len(), 1);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain");
        assert_eq!(given(answer(100)).status(), 502);
        assert_eq!(given(answer(9)).status(), 502);
    }

    #[test]
    fn a_refusal_says_when_to_try_again_and_nothing_else() {
        let unknown = refused(&IngressRefusal::Unknown);
        assert_eq!(unknown.status(), 404);
        assert!(unknown.headers().is_empty());
        let retry_after = std::time::Duration::from_millis(1_500);
        let busy = refused(&IngressRefusal::TooMany { retry_after });
        assert_eq!(busy.status(), 429);
        assert_eq!(busy.headers()[header::RETRY_AFTER], "2");
    }
}
