//! Bodies with a limit.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::http::record::InFlight;
use crate::log::LogSink;

/// A request's body, which fails once it is longer than its limit.
pub(crate) struct RequestBody {
    inner: WasiBody,
    left: u64,
    limit: u64,
    exceeded: Arc<AtomicBool>,
}

impl RequestBody {
    /// Also returns what tells whether the limit was hit: hyper hides the cause.
    pub(crate) fn new(inner: WasiBody, limit: u64) -> (Self, Arc<AtomicBool>) {
        let exceeded = Arc::new(AtomicBool::new(false));
        let body = Self {
            inner,
            left: limit,
            limit,
            exceeded: Arc::clone(&exceeded),
        };
        (body, exceeded)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            match self.left.checked_sub(data_len(frame)) {
                Some(left) => self.left = left,
                None => {
                    self.exceeded.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(self.limit)))));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response's body: limited, never silent for longer than a time-out, and the
/// place that knows whether the response was complete.
pub(crate) struct ResponseBody {
    pub(crate) inner: Incoming,
    pub(crate) request: InFlight,
    pub(crate) log: LogSink,
    pub(crate) left: u64,
    pub(crate) limit: u64,
    pub(crate) silence: Silence,
    /// Drives the connection for as long as its body is wanted.
    pub(crate) _connection: AbortOnDropJoinHandle<()>,
}

/// The time-out between two parts of a body.
pub(crate) struct Silence {
    most: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    pub(crate) fn new(most: Duration) -> Self {
        Self {
            most,
            timer: Box::pin(sleep(most)),
        }
    }

    fn reset(&mut self) {
        let until = Instant::now() + self.most;
        self.timer.as_mut().reset(until);
    }
}

impl ResponseBody {
    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Pending => {
                ready!(self.silence.timer.as_mut().poll(cx));
                return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
            }
            Poll::Ready(frame) => frame,
        };
        self.silence.reset();
        let Some(frame) = frame.transpose()? else {
            return Poll::Ready(None);
        };
        match self.left.checked_sub(data_len(&frame)) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(self.limit))))),
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(self.poll_inner(cx));
        match &frame {
            None => self.request.complete(),
            Some(Err(error)) => {
                let message = format!("the response broke off: {error}");
                self.log.remark(message.clone());
                self.request.failed(self.log.redact(message));
            }
            // The guest may well not ask again once it has all that was announced.
            Some(Ok(_)) if self.inner.is_end_stream() => self.request.complete(),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn data_len(frame: &Frame<Bytes>) -> u64 {
    let len = frame.data_ref().map_or(0, Buf::remaining);
    u64::try_from(len).unwrap_or(u64::MAX)
}
