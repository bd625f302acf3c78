//! One request by way of `wasi:http`.

use std::time::Duration;

use http::uri::{PathAndQuery, Scheme as UriScheme};
use http::{HeaderName, HeaderValue, Method as HttpMethod, Request, Response, StatusCode};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

use crate::backend::SendError;

/// What `blocking-write-and-flush` takes at once.
const CHUNK_BYTES: usize = 4096;
const READ_BYTES: u64 = 64 * 1024;

pub(super) fn send(
    request: Request<Vec<u8>>,
    timeout: Option<Duration>,
) -> Result<Response<Vec<u8>>, SendError> {
    let (parts, body) = request.into_parts();
    let outgoing = outgoing_request(&parts, body.len())?;
    let outgoing_body = outgoing
        .body()
        .map_err(|()| invalid("a request has one body"))?;
    let answer = outgoing_handler::handle(outgoing, options(timeout)?).map_err(failed)?;
    let written = write(outgoing_body, &body);
    // A host that refuses or breaks off closes the body, and a provider may
    // answer before it has read all of it: either way the answer says more
    // than the failure to write.
    match wait(&answer) {
        Ok(response) => read(&response),
        Err(SendError::Transport(reason)) => {
            Err(written.err().unwrap_or(SendError::Transport(reason)))
        }
        Err(other) => Err(other),
    }
}

fn outgoing_request(
    parts: &http::request::Parts,
    body_bytes: usize,
) -> Result<OutgoingRequest, SendError> {
    let mut headers: Vec<(String, Vec<u8>)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    let has_body = body_bytes > 0
        || matches!(
            parts.method,
            HttpMethod::POST | HttpMethod::PUT | HttpMethod::PATCH
        );
    if has_body && !parts.headers.contains_key(http::header::CONTENT_LENGTH) {
        headers.push((
            "content-length".to_owned(),
            body_bytes.to_string().into_bytes(),
        ));
    }
    let fields = Fields::from_list(&headers)
        .map_err(|error| SendError::Invalid(format!("a header is refused: {error}")))?;
    let outgoing = OutgoingRequest::new(fields);
    let scheme = match parts.uri.scheme() {
        Some(scheme) if *scheme == UriScheme::HTTP => Scheme::Http,
        _ => Scheme::Https,
    };
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    outgoing
        .set_method(&method(&parts.method))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(authority))
        .and_then(|()| outgoing.set_path_with_query(Some(path)))
        .map_err(|()| invalid("the method or the URL is refused"))?;
    Ok(outgoing)
}

fn method(method: &HttpMethod) -> Method {
    match *method {
        HttpMethod::GET => Method::Get,
        HttpMethod::HEAD => Method::Head,
        HttpMethod::POST => Method::Post,
        HttpMethod::PUT => Method::Put,
        HttpMethod::DELETE => Method::Delete,
        HttpMethod::PATCH => Method::Patch,
        HttpMethod::OPTIONS => Method::Options,
        _ => Method::Other(method.to_string()),
    }
}

fn options(timeout: Option<Duration>) -> Result<Option<RequestOptions>, SendError> {
    let Some(timeout) = timeout else {
        return Ok(None);
    };
    let nanoseconds = u64::try_from(timeout.as_nanos()).ok();
    let options = RequestOptions::new();
    options
        .set_connect_timeout(nanoseconds)
        .and_then(|()| options.set_first_byte_timeout(nanoseconds))
        .and_then(|()| options.set_between_bytes_timeout(nanoseconds))
        .map_err(|()| invalid("the timeout is refused"))?;
    Ok(Some(options))
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), SendError> {
    let stream = body
        .write()
        .map_err(|()| invalid("a body has one stream"))?;
    for chunk in bytes.chunks(CHUNK_BYTES) {
        stream
            .blocking_write_and_flush(chunk)
            .map_err(|_| SendError::Transport("the connection was closed".to_owned()))?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(failed)
}

fn wait(answer: &FutureIncomingResponse) -> Result<IncomingResponse, SendError> {
    loop {
        match answer.get() {
            Some(Ok(result)) => return result.map_err(failed),
            Some(Err(())) => return Err(invalid("an answer is taken once")),
            None => answer.subscribe().block(),
        }
    }
}

fn read(response: &IncomingResponse) -> Result<Response<Vec<u8>>, SendError> {
    let mut answer = Response::new(Vec::new());
    *answer.status_mut() = StatusCode::from_u16(response.status())
        .map_err(|error| SendError::Transport(error.to_string()))?;
    for (name, value) in response.headers().entries() {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(&value))
        {
            answer.headers_mut().append(name, value);
        }
    }
    let body = response
        .consume()
        .map_err(|()| invalid("an answer is read once"))?;
    *answer.body_mut() = read_body(&body)?;
    Ok(answer)
}

fn read_body(body: &IncomingBody) -> Result<Vec<u8>, SendError> {
    let stream = body.stream().map_err(|()| invalid("a body is read once"))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                return Err(
                    code.map_or_else(|| SendError::Transport(error.to_debug_string()), failed)
                );
            }
        }
    }
}

fn invalid(what: &str) -> SendError {
    SendError::Invalid(what.to_owned())
}

fn failed(code: ErrorCode) -> SendError {
    match code {
        ErrorCode::HttpRequestDenied => SendError::Denied,
        ErrorCode::DestinationIpProhibited => SendError::ForbiddenAddress,
        ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_)
        | ErrorCode::HttpRequestUriTooLong => SendError::TooLarge("the request".to_owned()),
        ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_) => SendError::TooLarge("the answer".to_owned()),
        ErrorCode::HttpRequestMethodInvalid => invalid("the method is refused"),
        ErrorCode::HttpRequestUriInvalid => invalid("the URL is refused"),
        ErrorCode::HttpRequestLengthRequired => invalid("the body has no length"),
        ErrorCode::ConnectionLimitReached => invalid("the host permits no more requests"),
        ErrorCode::InternalError(Some(reason)) => SendError::Transport(reason),
        other => SendError::Transport(in_words(&other)),
    }
}

/// What people see of the failures that may pass.
fn in_words(code: &ErrorCode) -> String {
    let words = match code {
        ErrorCode::DnsTimeout => "the name was not resolved in time",
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => "the name does not resolve",
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            "the address cannot be reached"
        }
        ErrorCode::ConnectionRefused => "the connection was refused",
        ErrorCode::ConnectionTerminated => "the connection was closed",
        ErrorCode::ConnectionTimeout => "no connection was made in time",
        ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => "it took too long",
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => "TLS failed",
        ErrorCode::TlsCertificateError => "the certificate is not valid",
        ErrorCode::HttpResponseIncomplete => "the answer broke off",
        ErrorCode::HttpProtocolError => "the answer is not HTTP",
        other => return other.to_string(),
    };
    words.to_owned()
}
