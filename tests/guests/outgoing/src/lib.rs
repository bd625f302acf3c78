//! One blocking HTTP request through `wasi:http`, without the SDK.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use wasip2::io::streams::StreamError;

/// The largest piece that `wasi:io` takes at once.
const PIECE: usize = 4096;

/// What to send.
pub struct Request<'a> {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'a str,
    /// An absolute URL.
    pub url: &'a str,
    /// Names and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// Empty for none.
    pub body: &'a [u8],
}

/// What came back.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The seconds of `Retry-After`, where there is one.
    pub retry_after_s: Option<u64>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Sends a request and reads the answer to its end.
///
/// # Errors
/// In words, when no complete answer came.
pub fn send(request: &Request<'_>) -> Result<Response, String> {
    let response = answer(request)?;
    let retry_after_s = response
        .headers()
        .get("retry-after")
        .first()
        .and_then(|value| str::from_utf8(value).ok()?.parse().ok());
    Ok(Response {
        status: response.status(),
        retry_after_s,
        body: read(&response.consume().map_err(|()| "the body was taken")?)?,
    })
}

fn answer(request: &Request<'_>) -> Result<IncomingResponse, String> {
    let (scheme, rest) = match request.url.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        _ => return Err(format!("{} is no URL", request.url)),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let outgoing = OutgoingRequest::new(fields(request)?);
    let method = match request.method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    };
    let refused = |()| "the request is malformed".to_owned();
    outgoing.set_method(&method).map_err(refused)?;
    outgoing.set_scheme(Some(&scheme)).map_err(refused)?;
    outgoing.set_authority(Some(authority)).map_err(refused)?;
    outgoing.set_path_with_query(Some(path)).map_err(refused)?;
    let body = outgoing.body().map_err(refused)?;
    let answer = outgoing_handler::handle(outgoing, None).map_err(|error| format!("{error:?}"))?;
    write(body, request.body)?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(error))) => Err(format!("{error:?}")),
        Some(Err(())) | None => Err("there is no answer".to_owned()),
    }
}

fn fields(request: &Request<'_>) -> Result<Fields, String> {
    let mut list: Vec<(String, Vec<u8>)> = request
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    let length = request.body.len().to_string().into_bytes();
    list.push(("content-length".to_owned(), length));
    Fields::from_list(&list).map_err(|error| format!("{error:?}"))
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), String> {
    let stream = body.write().map_err(|()| "the body was taken")?;
    for piece in bytes.chunks(PIECE) {
        stream
            .blocking_write_and_flush(piece)
            .map_err(|error| format!("the body was not sent: {error:?}"))?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))
}

fn read(body: &IncomingBody) -> Result<Vec<u8>, String> {
    let stream = body.stream().map_err(|()| "the body was taken")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(piece) => bytes.extend(piece),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(error) => return Err(format!("the answer broke off: {error:?}")),
        }
    }
}
