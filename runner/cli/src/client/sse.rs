//! Reads server-sent events from the bytes that carry them.

use std::collections::VecDeque;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sse {
    /// What to name to go on after it.
    pub(crate) id: Option<String>,
    /// Its name, where it has one.
    pub(crate) event: Option<String>,
    /// What it says.
    pub(crate) data: String,
}

/// Cuts bytes into events, however they were cut on their way.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    line: Vec<u8>,
    begun: Sse,
    ready: VecDeque<Sse>,
}

impl SseReader {
    /// Takes what has come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.line(&String::from_utf8_lossy(&line));
            } else {
                self.line.push(byte);
            }
        }
    }

    /// Returns the next event that is complete.
    pub(crate) fn next(&mut self) -> Option<Sse> {
        self.ready.pop_front()
    }

    fn line(&mut self, line: &str) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.begun);
            // A heartbeat is a comment and an empty line: no event.
            if !event.data.is_empty() {
                self.ready.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.begun.id = Some(value.to_owned()),
            "event" => self.begun.event = Some(value.to_owned()),
            "data" => {
                if !self.begun.data.is_empty() {
                    self.begun.data.push('\n');
                }
                self.begun.data.push_str(value);
            }
            // A comment, or a field that this reader has no use for.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Sse, SseReader};

    const STREAM: &str = ": heartbeat\n\nid: 1-1\ndata: {\"a\":\"é\"}\n\nid: 1-2\r\nevent: done\r\ndata: x\r\ndata: y\r\n\r\nid: 1-3\ndata: cut";

    fn expected() -> Vec<Sse> {
        let event = |id: &str, event: Option<&str>, data: &str| Sse {
            id: Some(id.to_owned()),
            event: event.map(str::to_owned),
            data: data.to_owned(),
        };
        vec![
            event("1-1", None, "{\"a\":\"é\"}"),
            event("1-2", Some("done"), "x\ny"),
        ]
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        for size in 1..=STREAM.len() {
            let mut reader = SseReader::default();
            let mut events = Vec::new();
            for piece in STREAM.as_bytes().chunks(size) {
                reader.push(piece);
                events.extend(std::iter::from_fn(|| reader.next()));
            }
            assert_eq!(events, expected(), "in pieces of {size}");
        }
    }
}
