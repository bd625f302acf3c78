//! Asks the process that owns the data directory, over HTTP on loopback.
//!
//! Each request has a connection of its own: there are few, and one that could
//! not be made is known to have done nothing.

mod sse;

use bytes::Bytes;
use http::request::Builder;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use server::wire::Problem;
use tokio::net::TcpStream;

pub(crate) use sse::Sse;
use sse::SseReader;

/// The most bytes of an answer that is no stream.
const MOST: usize = 256 * 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Says why a request had no answer, or which one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody takes connections there; nothing was asked.
    #[error("nobody answers at {address}")]
    Unreached {
        /// Where.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The connection broke before there was an answer, or in the middle of it.
    #[error("the connection broke before there was an answer")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is that it could not be done.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// What answers there speaks another language.
    #[error("the answer could not be understood: {0}")]
    Unintelligible(String),
}

impl ClientError {
    fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Broken(error.into())
    }
}

/// Where the owner takes requests.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    address: String,
}

/// A connection on which nothing has been asked yet.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    content: HeaderValue,
    body: Bytes,
}

impl Ask {
    /// Asks for something to be read.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::bare(Method::GET, path.into())
    }

    /// Asks whether something is there.
    pub(crate) fn head(path: impl Into<String>) -> Self {
        Self::bare(Method::HEAD, path.into())
    }

    /// Asks for something to be taken away.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::bare(Method::DELETE, path.into())
    }

    /// Asks for something to be done or stored, as JSON says.
    ///
    /// # Panics
    /// When the body has no JSON form, which every shape of the API has.
    pub(crate) fn with<T: Serialize>(method: Method, path: impl Into<String>, body: &T) -> Self {
        let body = serde_json::to_vec(body).expect("the shapes of the API have a JSON form");
        Self {
            body: body.into(),
            ..Self::bare(method, path.into())
        }
    }

    /// Asks for something to be done.
    pub(crate) fn post<T: Serialize>(path: impl Into<String>, body: &T) -> Self {
        Self::with(Method::POST, path, body)
    }

    /// Asks for bytes to be stored.
    pub(crate) fn put_bytes(path: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self {
            content: OCTETS,
            body: bytes.into(),
            ..Self::bare(Method::PUT, path.into())
        }
    }

    fn bare(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            content: JSON,
            body: Bytes::new(),
        }
    }
}

impl Client {
    /// Makes a client of the address that an owner announced.
    pub(crate) const fn new(address: String) -> Self {
        Self { address }
    }

    /// Connects.
    ///
    /// # Errors
    /// When nobody takes connections there.
    pub(crate) async fn connect(&self) -> Result<Connection, ClientError> {
        let stream =
            TcpStream::connect(&self.address)
                .await
                .map_err(|source| ClientError::Unreached {
                    address: self.address.clone(),
                    source,
                })?;
        // Without it a request may wait for the answer to an empty packet.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(ClientError::broken)?;
        // What goes wrong with the connection is told to whoever waits for the answer.
        drop(tokio::spawn(connection));
        Ok(Connection {
            sender,
            host: self.address.clone(),
        })
    }
}

impl Connection {
    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// When there is none, or it is a problem.
    pub(crate) async fn ask<T: DeserializeOwned>(self, ask: Ask) -> Result<T, ClientError> {
        let response = self.send(ask, JSON, None).await?;
        let body = whole(response).await?;
        serde_json::from_slice(&body)
            .map_err(|error| ClientError::Unintelligible(error.to_string()))
    }

    /// Asks whether something is there.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn has(mut self, path: String) -> Result<bool, ClientError> {
        let request = self.request(Ask::head(path), JSON, None)?;
        let response = self.sender.send_request(request).await;
        Ok(response.map_err(ClientError::broken)?.status().is_success())
    }

    /// Asks, and follows what happens, after the event that came last if there was one.
    ///
    /// # Errors
    /// When there is no answer, or it is a problem.
    pub(crate) async fn follow(self, ask: Ask, last: Option<&str>) -> Result<Events, ClientError> {
        let response = self.send(ask, EVENTS, last).await?;
        Ok(Events {
            body: response.into_body(),
            reader: SseReader::default(),
        })
    }

    /// Sends a request as somebody else would, with these headers and no others of its own, and
    /// reads the answer, whatever its status.
    ///
    /// # Errors
    /// When there is none, or the request has no form in HTTP.
    pub(crate) async fn exchange(
        mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, ClientError> {
        let host = HeaderValue::from_str(&self.host)
            .map_err(|error| ClientError::Unintelligible(error.to_string()))?;
        request.headers_mut().insert(header::HOST, host);
        let response = self
            .sender
            .send_request(request)
            .await
            .map_err(ClientError::broken)?;
        let (head, body) = response.into_parts();
        let body = whole(Response::new(body)).await?;
        Ok(Response::from_parts(head, body))
    }

    async fn send(
        mut self,
        ask: Ask,
        accept: HeaderValue,
        last: Option<&str>,
    ) -> Result<Response<Incoming>, ClientError> {
        let request = self.request(ask, accept, last)?;
        let response = self
            .sender
            .send_request(request)
            .await
            .map_err(ClientError::broken)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = whole(response).await?;
        Err(match serde_json::from_slice(&body) {
            Ok(problem) => ClientError::Problem(Box::new(problem)),
            Err(_) => ClientError::Unintelligible(format!("it has the status {status}")),
        })
    }

    fn request(
        &self,
        ask: Ask,
        accept: HeaderValue,
        last: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Builder::new()
            .method(ask.method)
            .uri(ask.path)
            .header(header::HOST, &self.host)
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, ask.content);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request
            .body(Full::new(ask.body))
            .map_err(|error| ClientError::Unintelligible(error.to_string()))
    }
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, ClientError> {
    let body = Limited::new(response.into_body(), MOST).collect().await;
    Ok(body.map_err(ClientError::Broken)?.to_bytes())
}

/// What happens, as it happens.
#[derive(Debug)]
pub(crate) struct Events {
    body: Incoming,
    reader: SseReader,
}

impl Events {
    /// Waits for the next event; none where the stream has ended.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(crate) async fn next(&mut self) -> Result<Option<Sse>, ClientError> {
        loop {
            if let Some(event) = self.reader.next() {
                return Ok(Some(event));
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(data) = frame.map_err(ClientError::broken)?.into_data() {
                self.reader.push(&data);
            }
        }
    }
}

/// Writes a text so that it can stand in a path.
pub(crate) fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_text_in_a_path_leads_nowhere_else() {
        assert_eq!(segment("greet-2_b.c~"), "greet-2_b.c~");
        assert_eq!(segment("../a b?c#d/é"), "..%2Fa%20b%3Fc%23d%2F%C3%A9");
    }
}
