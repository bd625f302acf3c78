//! What a guest logged: structured lines, standard output and error, and the host's own remarks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{LogLevel, Redactor};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// How much may be written to standard output or error at once.
const WRITE: usize = 64 * 1024;

/// Standard error that is kept apart, to find a panic's message in, whatever the log had room for.
const TAIL_LINES: usize = 64;
const TAIL_LINE_BYTES: usize = 4 * 1024;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// The guest's structured log.
    Log,
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
    /// The host, about something that it refused.
    Host,
}

/// A line of an operation's log, with secrets taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How grave it is; standard output is `info`, standard error `warn`.
    pub level: LogLevel,
    /// The text, without its newline.
    pub message: String,
    /// Names, each with a JSON text.
    pub fields: Vec<(String, String)>,
    /// Where it comes from.
    pub source: LogSource,
    /// The time since the operation began.
    pub at: Duration,
}

/// Everything that was kept of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// The lines, in order.
    pub lines: Vec<LogLine>,
    /// Whether lines were left out because the log was full.
    pub truncated: bool,
}

/// Collects a log; clones collect into the same one.
#[derive(Clone)]
pub(crate) struct LogSink(Arc<Mutex<Inner>>);

struct Inner {
    log: Log,
    lines_left: u32,
    bytes_left: u64,
    redactor: Arc<Redactor>,
    start: Instant,
    stdout: Pending,
    stderr: Pending,
    tail: VecDeque<String>,
}

/// The begin of a line whose end has not been written yet.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// Whether the line is longer than the log has room for, so that it is left out whole.
    too_long: bool,
}

/// One of the two standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standard {
    Output,
    Error,
}

impl LogSink {
    pub(crate) fn new(lines: u32, bytes: u64, redactor: Arc<Redactor>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            log: Log::default(),
            lines_left: lines,
            bytes_left: bytes,
            redactor,
            start: Instant::now(),
            stdout: Pending::default(),
            stderr: Pending::default(),
            tail: VecDeque::new(),
        })))
    }

    /// Adds a structured line.
    pub(crate) fn write(&self, level: LogLevel, message: String, fields: Vec<(String, String)>) {
        self.lock().push(level, message, fields, LogSource::Log);
    }

    /// Adds a remark of the host.
    pub(crate) fn remark(&self, message: String) {
        self.lock()
            .push(LogLevel::Warn, message, Vec::new(), LogSource::Host);
    }

    /// Takes secrets out of a text.
    pub(crate) fn redact(&self, text: String) -> String {
        let redactor = Arc::clone(&self.lock().redactor);
        redactor.redact(text)
    }

    /// Returns a stream for a guest's standard output or error.
    pub(crate) fn stream(&self, standard: Standard) -> LogStream {
        LogStream {
            sink: self.clone(),
            standard,
        }
    }

    /// Returns what was collected, unfinished lines too, and the last lines of standard error.
    pub(crate) fn finish(&self) -> (Log, Vec<String>) {
        let mut inner = self.lock();
        inner.flush(Standard::Output);
        inner.flush(Standard::Error);
        (
            std::mem::take(&mut inner.log),
            std::mem::take(&mut inner.tail).into(),
        )
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(
        &mut self,
        level: LogLevel,
        message: String,
        fields: Vec<(String, String)>,
        source: LogSource,
    ) {
        let size = fields.iter().fold(message.len(), |sum, (name, value)| {
            sum.saturating_add(name.len()).saturating_add(value.len())
        });
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        if self.lines_left == 0 || size > self.bytes_left {
            self.log.truncated = true;
            return;
        }
        self.lines_left -= 1;
        self.bytes_left -= size;
        let line = LogLine {
            level,
            message: self.redactor.redact(message),
            fields: fields
                .into_iter()
                .map(|(name, value)| (self.redactor.redact(name), self.redactor.redact(value)))
                .collect(),
            source,
            at: self.start.elapsed(),
        };
        self.log.lines.push(line);
    }

    fn pending(&mut self, standard: Standard) -> &mut Pending {
        match standard {
            Standard::Output => &mut self.stdout,
            Standard::Error => &mut self.stderr,
        }
    }

    fn write(&mut self, standard: Standard, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.append(standard, &bytes[..end]);
            self.end_line(standard);
            bytes = &bytes[end + 1..];
        }
        self.append(standard, bytes);
    }

    /// Keeps the begin of a line, unless it is longer than any that could be kept:
    /// a part of it would cut through a secret that stands at the cut.
    fn append(&mut self, standard: Standard, bytes: &[u8]) {
        let kept_apart = match standard {
            Standard::Output => 0,
            Standard::Error => TAIL_LINE_BYTES,
        };
        let room = usize::try_from(self.bytes_left)
            .unwrap_or(usize::MAX)
            .max(kept_apart);
        let pending = self.pending(standard);
        if pending.too_long || pending.bytes.len().saturating_add(bytes.len()) > room {
            pending.too_long = true;
            pending.bytes = Vec::new();
        } else {
            pending.bytes.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self, standard: Standard) {
        let pending = std::mem::take(self.pending(standard));
        if pending.too_long {
            self.log.truncated = true;
            return;
        }
        let text = String::from_utf8_lossy(&pending.bytes);
        let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
        match standard {
            Standard::Output => self.push(LogLevel::Info, text, Vec::new(), LogSource::Stdout),
            Standard::Error => {
                self.remember(&text);
                self.push(LogLevel::Warn, text, Vec::new(), LogSource::Stderr);
            }
        }
    }

    fn remember(&mut self, line: &str) {
        if line.len() > TAIL_LINE_BYTES {
            return;
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        let line = self.redactor.redact(line.to_owned());
        self.tail.push_back(line);
    }

    fn flush(&mut self, standard: Standard) {
        let pending = self.pending(standard);
        if pending.too_long || !pending.bytes.is_empty() {
            self.end_line(standard);
        }
    }
}

/// A guest's standard output or error, split into lines.
#[derive(Clone)]
pub(crate) struct LogStream {
    sink: LogSink,
    standard: Standard,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    /// Serves WASI 0.3 only, which is not offered to guests.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.sink.lock().write(self.standard, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE)
    }
}

#[cfg(test)]
mod tests {
    use domain::Secret;

    use super::*;

    fn sink(lines: u32, bytes: u64) -> LogSink {
        let secrets = [Secret::new("hunter2-hunter2")];
        LogSink::new(lines, bytes, Arc::new(Redactor::new(&secrets)))
    }

    fn messages(log: &Log) -> Vec<&str> {
        log.lines.iter().map(|line| line.message.as_str()).collect()
    }

    fn print(sink: &LogSink, standard: Standard, text: &str) {
        sink.stream(standard)
            .write(Bytes::copy_from_slice(text.as_bytes()))
            .unwrap();
    }

    #[test]
    fn a_line_that_is_written_in_parts_is_one_line() {
        let sink = sink(10, 100);
        print(&sink, Standard::Output, "a hun");
        print(&sink, Standard::Error, "oops\r\n");
        print(&sink, Standard::Output, "ter2-hunter2 b\nlast");
        let (log, tail) = sink.finish();
        assert_eq!(messages(&log), ["oops", "a [redacted] b", "last"]);
        assert_eq!(tail, ["oops"]);
        assert!(!log.truncated);
    }

    #[test]
    fn what_has_no_room_is_left_out_whole_and_said() {
        for (lines, bytes) in [(2, 100), (10, 8)] {
            let sink = sink(lines, bytes);
            print(&sink, Standard::Output, "1234\n5678\n9\n");
            let (log, _) = sink.finish();
            assert_eq!(messages(&log), ["1234", "5678"], "{lines} {bytes}");
            assert!(log.truncated, "{lines} {bytes}");
        }
        let sink = sink(2, 8);
        print(&sink, Standard::Output, "1234\n5678\n");
        assert!(!sink.finish().0.truncated);
    }

    #[test]
    fn a_line_longer_than_the_log_is_never_cut_in_two() {
        let sink = sink(10, 10);
        for _ in 0..5 {
            print(&sink, Standard::Output, "hunter2-");
        }
        print(&sink, Standard::Output, "\nshort\n");
        let (log, _) = sink.finish();
        assert_eq!(messages(&log), ["short"]);
        assert!(log.truncated);
    }

    #[test]
    fn the_end_of_standard_error_is_kept_though_the_log_is_full() {
        let sink = sink(1, 3);
        sink.write(LogLevel::Info, "abc".to_owned(), Vec::new());
        print(&sink, Standard::Error, "panicked: hunter2-hunter2\n");
        let (log, tail) = sink.finish();
        assert_eq!(messages(&log), ["abc"]);
        assert_eq!(tail, ["panicked: [redacted]"]);
    }

    #[test]
    fn fields_are_redacted_and_counted() {
        let sink = sink(10, 30);
        let field = |value: &str| vec![("token".to_owned(), value.to_owned())];
        sink.write(LogLevel::Warn, "a".to_owned(), field("hunter2-hunter2"));
        sink.write(LogLevel::Warn, "b".to_owned(), field("123456789"));
        let (log, _) = sink.finish();
        assert_eq!(log.lines.len(), 1);
        assert_eq!(log.lines[0].fields, field("[redacted]"));
        assert!(log.truncated);
    }
}
