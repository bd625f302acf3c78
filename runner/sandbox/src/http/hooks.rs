//! Where `wasi:http` hands its requests over.

use std::pin::Pin;

use http::Request;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::http::Network;
use crate::http::client::{Sending, origin, without_query};
use crate::http::policy::{Access, Policy};
use crate::log::LogSink;
use crate::meter::Meter;

/// How much of an unsent body the host holds, twice over.
const CHUNK: usize = 64 * 1024;

/// Requests that are recorded of an operation that may make none.
const REFUSED_RECORDED: u32 = 8;

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

/// The requests of one operation.
pub(crate) struct Hooks {
    network: Network,
    policy: Policy,
    log: LogSink,
    meter: Meter,
    made: u32,
}

impl Hooks {
    pub(crate) fn new(network: Network, policy: Policy, log: LogSink, meter: Meter) -> Self {
        Self {
            network,
            policy,
            log,
            meter,
            made: 0,
        }
    }

    /// Returns why no further request may be made, if so.
    ///
    /// It also bounds how many are recorded, refused ones too.
    fn count(&mut self) -> Result<(), String> {
        let limits = &self.policy.grants.limits;
        let most = match self.policy.access {
            Access::NoneIn(_) => REFUSED_RECORDED,
            Access::Declared => limits.requests,
        };
        if self.made >= most {
            return Err(format!(
                "refused: {} has made the {most} requests that one operation may make",
                self.policy.grants.object
            ));
        }
        self.made += 1;
        Ok(())
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        if let Err(message) = self.count() {
            let subject = without_query(request.uri());
            self.log.remark(format!("{subject}: {message}"));
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        }
        let in_flight = self.policy.grants.requests.begin(
            request.method().to_string(),
            self.log.redact(origin(request.uri())),
            self.log.redact(request.uri().path().to_owned()),
        );
        let sending = Sending {
            network: self.network.clone(),
            policy: self.policy.clone(),
            log: self.log.clone(),
            meter: self.meter.clone(),
            request: in_flight,
            options: options.unwrap_or_default(),
        };
        let meter = self.meter.clone();
        Box::new(async move {
            let response = meter.task(sending.send(request)).await?;
            // The body itself drives its connection.
            let nothing_left = Box::pin(async { Ok(()) });
            Ok((response, boxed(nothing_left)))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn p2_error_from_hyper(&mut self, _error: &hyper::Error) -> ErrorCode {
        ErrorCode::HttpProtocolError
    }
}

fn boxed(
    future: Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>,
) -> Box<dyn Future<Output = Result<(), Error>> + Send> {
    Box::new(future)
}
