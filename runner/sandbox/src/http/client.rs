//! One request: resolve, check, connect to the checked address, send.

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::http::Network;
use crate::http::body::{RequestBody, ResponseBody, Silence};
use crate::http::policy::{Destination, Policy, Refusal, Rule};
use crate::http::record::InFlight;
use crate::log::LogSink;
use crate::meter::Meter;
use crate::run::bytes;

/// The most that a response's head may take.
const HEAD_BYTES: usize = 64 * 1024;
const HEADERS: usize = 256;

/// How long a connection may take to be made, whatever the guest asked for.
const CONNECT: Duration = Duration::from_secs(10);

/// One request on its way, with everything that it needs.
pub(crate) struct Sending {
    pub(crate) network: Network,
    pub(crate) policy: Policy,
    pub(crate) log: LogSink,
    pub(crate) meter: Meter,
    pub(crate) request: InFlight,
    pub(crate) options: RequestOptions,
}

/// Why a request got no response.
enum Failed {
    /// It may not be made.
    Refused(Refusal),
    /// It was tried.
    Error(Error, String),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Sending {
    /// Sends the request and returns the response's head, with its body to come.
    pub(crate) async fn send(
        self,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, Error> {
        let subject = format!("{} {}", request.method(), without_query(request.uri()));
        match self.try_send(request).await {
            Ok((response, body)) => {
                let silence = Silence::new(self.wait(self.options.between_bytes_timeout));
                let body = ResponseBody {
                    inner: body.0,
                    _connection: body.1,
                    request: self.request,
                    log: self.log,
                    left: self.policy.grants.limits.body,
                    limit: self.policy.grants.limits.body,
                    silence,
                };
                Ok(response.map(|()| body.boxed_unsync()))
            }
            Err(failed) => {
                let (error, message) = failed.into_parts();
                self.log.remark(format!("{subject}: {message}"));
                self.request.failed(self.log.redact(message));
                Err(error)
            }
        }
    }

    async fn try_send(
        &self,
        request: Request<WasiBody>,
    ) -> Result<(Response<()>, OpenBody), Failed> {
        let destination = self.policy.check(request.method(), request.uri())?;
        self.check_length(request.headers())?;
        let addresses = self.resolve(&destination).await?;
        let permitted = self.policy.permitted(&destination, &addresses)?;
        let stream = self.connect(&destination, &permitted).await?;
        self.exchange(stream, request).await
    }

    /// Refuses a body that announces itself as too long before anything is sent.
    fn check_length(&self, headers: &HeaderMap) -> Result<(), Failed> {
        let limit = self.policy.grants.limits.body;
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match announced {
            Some(length) if length > limit => Err(too_long(limit)),
            Some(_) | None => Ok(()),
        }
    }

    async fn resolve(&self, destination: &Destination) -> Result<Vec<IpAddr>, Failed> {
        if let Ok(address) = destination.host.parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        let host = &destination.host;
        match timeout(CONNECT, self.network.resolver.resolve(host)).await {
            Err(_) => Err(Failed::Error(
                Error::DnsTimeout,
                format!("the name {host} was not resolved within {CONNECT:?}"),
            )),
            Ok(Err(error)) => Err(Failed::Error(
                Error::DnsError {
                    rcode: Some(error.to_string()),
                    info_code: None,
                },
                format!("the name {host} cannot be resolved: {error}"),
            )),
            Ok(Ok(addresses)) => Ok(addresses),
        }
    }

    async fn connect(
        &self,
        destination: &Destination,
        addresses: &[SocketAddr],
    ) -> Result<Box<dyn Stream>, Failed> {
        let most = self
            .options
            .connect_timeout
            .map_or(CONNECT, |asked| asked.min(CONNECT));
        let host = &destination.host;
        match timeout(most, self.connect_to_any(destination, addresses)).await {
            Ok(stream) => stream,
            Err(_) => Err(Failed::Error(
                Error::ConnectionTimeout,
                format!("no connection to {host} within {most:?}"),
            )),
        }
    }

    async fn connect_to_any(
        &self,
        destination: &Destination,
        addresses: &[SocketAddr],
    ) -> Result<Box<dyn Stream>, Failed> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            // The address that was checked, never the name: it could resolve anew.
            match TcpStream::connect(address).await {
                Ok(stream) => return self.secure(destination, stream).await,
                Err(error) => last = error,
            }
        }
        let host = &destination.host;
        let message = format!("no connection to {host}: {last}");
        Err(Failed::Error(unconnected(&last), message))
    }

    async fn secure(
        &self,
        destination: &Destination,
        stream: TcpStream,
    ) -> Result<Box<dyn Stream>, Failed> {
        // Requests are small and written whole.
        let _ = stream.set_nodelay(true);
        if !destination.tls {
            return Ok(Box::new(stream));
        }
        let host = &destination.host;
        match self.network.tls.connect(host, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}"));
                let message = format!("{host}: {error}{}", cause.unwrap_or_default());
                let code = if error.is_about_the_certificate() {
                    Error::TlsCertificateError
                } else {
                    Error::TlsProtocolError
                };
                Err(Failed::Error(code, message))
            }
        }
    }

    async fn exchange(
        &self,
        stream: Box<dyn Stream>,
        request: Request<WasiBody>,
    ) -> Result<(Response<()>, OpenBody), Failed> {
        let limit = self.policy.grants.limits.body;
        let (parts, body) = request.into_parts();
        let (body, exceeded) = RequestBody::new(body, limit);
        let mut request = Request::from_parts(parts, body);
        *request.uri_mut() = origin_form(request.uri());
        let broken = |error: hyper::Error| broken(error, &exceeded, limit);

        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let meter = self.meter.clone();
        let connection = wasmtime_wasi::runtime::spawn(async move {
            if let Err(error) = meter.task(connection).await {
                tracing::debug!(%error, "a guest's connection ended");
            }
        });
        self.request.sent().map_err(|_| {
            let message = "the operation was over before the request was sent".to_owned();
            Failed::Error(Error::ConnectionTerminated, message)
        })?;
        let first_byte = self.wait(self.options.first_byte_timeout);
        let response = match timeout(first_byte, sender.send_request(request)).await {
            Ok(response) => response.map_err(broken)?,
            Err(_) => {
                let message = format!("no response within {first_byte:?}");
                return Err(Failed::Error(Error::HttpResponseTimeout, message));
            }
        };
        let (parts, body) = response.into_parts();
        self.request.head(parts.status.as_u16());
        if hyper::body::Body::is_end_stream(&body) {
            self.request.complete();
        }
        Ok((Response::from_parts(parts, ()), OpenBody(body, connection)))
    }

    /// Returns what the guest asked for, but no longer than the operation itself may take.
    fn wait(&self, asked: Option<Duration>) -> Duration {
        let most = self.policy.grants.limits.wall;
        asked.map_or(most, |asked| asked.min(most))
    }
}

/// A body and the task that drives the connection it comes from.
struct OpenBody(
    hyper::body::Incoming,
    wasmtime_wasi::runtime::AbortOnDropJoinHandle<()>,
);

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Failed {
    /// Returns what the guest is told, and the words for the log.
    fn into_parts(self) -> (Error, String) {
        match self {
            Self::Refused(refusal) => {
                let message = format!("refused: {refusal}");
                (code_of(refusal.rule, &message), message)
            }
            Self::Error(error, message) => (error, message),
        }
    }
}

/// Returns the code that says best to a guest in any language what was refused.
fn code_of(rule: Rule, message: &str) -> Error {
    match rule {
        Rule::Network => Error::InternalError(Some(message.to_owned())),
        Rule::Method => Error::HttpRequestMethodInvalid,
        Rule::Address => Error::HttpRequestUriInvalid,
        Rule::Declared => Error::HttpRequestDenied,
        Rule::Resolved => Error::DestinationNotFound,
        Rule::Public => Error::DestinationIpProhibited,
    }
}

fn unconnected(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::DestinationUnavailable
        }
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        _ => Error::ConnectionRefused,
    }
}

fn too_long(limit: u64) -> Failed {
    Failed::Error(
        Error::HttpRequestBodySize(Some(limit)),
        format!(
            "the request's body is longer than the {} that one may have",
            bytes(limit)
        ),
    )
}

fn broken(error: hyper::Error, exceeded: &Arc<AtomicBool>, limit: u64) -> Failed {
    if exceeded.load(Ordering::Relaxed) {
        return too_long(limit);
    }
    let cause = error.source().map(|cause| format!(": {cause}"));
    let message = format!("the connection broke: {error}{}", cause.unwrap_or_default());
    let error = if error.is_incomplete_message() || error.is_closed() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    };
    Failed::Error(error, message)
}

/// A server, unlike a proxy, is asked for path and query alone.
fn origin_form(uri: &Uri) -> Uri {
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::from(path)
}

/// Returns a request's address without its query, which may hold secrets.
pub(crate) fn without_query(uri: &Uri) -> String {
    format!("{}{}", origin(uri), uri.path())
}

/// Returns scheme, host and port.
pub(crate) fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    // User information may be a password.
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}")
}
