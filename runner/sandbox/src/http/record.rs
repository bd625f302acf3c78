//! What became of each request: whether it went out, and whether it was answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::Requests;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A complete response came, or the guest stopped reading one by itself.
    Answered,
    /// It may have had an effect: it went out, at least in part, and no complete
    /// response came.
    NoAnswer,
    /// Nothing of it left the host: it was refused, or no connection was made.
    NotSent,
}

/// One request of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// The method.
    pub method: String,
    /// The scheme, host and port, without user information: `https://api.github.com`.
    pub origin: String,
    /// The path, without the query, which may hold secrets.
    pub path: String,
    /// The response's status, once its head had come.
    pub status: Option<u16>,
    /// The time from when the guest asked for it until its fate was known.
    pub duration: Duration,
    /// What became of it.
    pub fate: Fate,
    /// Why it was refused or failed, in words.
    pub error: Option<String>,
}

/// The requests of one call. Clones show the same requests, also those of a
/// call that was dropped.
#[derive(Debug, Clone, Default)]
pub struct RequestLog(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    ending: Option<Ending>,
}

/// Returns what became of requests, all in all: one without an answer outweighs the others.
pub(crate) fn summary(records: &[RequestRecord]) -> Requests {
    let any = |fate| records.iter().any(|record| record.fate == fate);
    if any(Fate::NoAnswer) {
        Requests::Unanswered
    } else if any(Fate::Answered) {
        Requests::Answered
    } else {
        Requests::None
    }
}

/// How the operation ended that made the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The guest returned: a response that it left unread it did not want.
    Returned,
    /// The guest was stopped, and might have wanted the rest.
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has been sent.
    Before,
    Sent,
    /// The response's head has come.
    Head,
    Over(Fate),
}

#[derive(Debug)]
struct Entry {
    method: String,
    origin: String,
    path: String,
    status: Option<u16>,
    start: Instant,
    duration: Option<Duration>,
    stage: Stage,
    error: Option<String>,
}

impl RequestLog {
    /// Returns the requests so far, in the order in which they were made. One
    /// that is under way counts as what it would be if nothing more came.
    #[must_use]
    pub fn records(&self) -> Vec<RequestRecord> {
        let inner = self.lock();
        let ending = inner.ending.unwrap_or(Ending::Stopped);
        inner
            .entries
            .iter()
            .map(|entry| entry.record(ending))
            .collect()
    }

    /// Returns what became of the requests, all in all.
    #[must_use]
    pub fn fate(&self) -> Requests {
        summary(&self.records())
    }

    /// Adds a request and returns the handle that says what becomes of it.
    pub(crate) fn begin(&self, method: String, origin: String, path: String) -> InFlight {
        let mut inner = self.lock();
        inner.entries.push(Entry {
            method,
            origin,
            path,
            status: None,
            start: Instant::now(),
            duration: None,
            stage: Stage::Before,
            error: None,
        });
        InFlight {
            log: self.clone(),
            index: inner.entries.len() - 1,
        }
    }

    /// Fixes every fate: nothing goes out after this, and nothing changes.
    pub(crate) fn close(&self, ending: Ending) {
        let mut inner = self.lock();
        if inner.ending.is_some() {
            return;
        }
        inner.ending = Some(ending);
        for entry in &mut inner.entries {
            let fate = entry.fate(ending);
            entry.over(fate);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn fate(&self, ending: Ending) -> Fate {
        match (self.stage, ending) {
            (Stage::Before, _) => Fate::NotSent,
            (Stage::Sent, _) | (Stage::Head, Ending::Stopped) => Fate::NoAnswer,
            (Stage::Head, Ending::Returned) => Fate::Answered,
            (Stage::Over(fate), _) => fate,
        }
    }

    fn over(&mut self, fate: Fate) {
        self.stage = Stage::Over(fate);
        self.duration.get_or_insert_with(|| self.start.elapsed());
    }

    fn record(&self, ending: Ending) -> RequestRecord {
        RequestRecord {
            method: self.method.clone(),
            origin: self.origin.clone(),
            path: self.path.clone(),
            status: self.status,
            duration: self.duration.unwrap_or_else(|| self.start.elapsed()),
            fate: self.fate(ending),
            error: self.error.clone(),
        }
    }
}

/// A request whose fate is open; when this is dropped, it is known.
#[must_use]
#[derive(Debug)]
pub(crate) struct InFlight {
    log: RequestLog,
    index: usize,
}

/// Says that the operation is over and nothing may be sent for it.
#[derive(Debug)]
pub(crate) struct Closed;

impl InFlight {
    /// Says that the first byte is about to leave.
    pub(crate) fn sent(&self) -> Result<(), Closed> {
        let mut inner = self.log.lock();
        if inner.ending.is_some() {
            return Err(Closed);
        }
        inner.entries[self.index].stage = Stage::Sent;
        Ok(())
    }

    /// Says that the response's head has come.
    pub(crate) fn head(&self, status: u16) {
        self.change(|entry| {
            entry.status = Some(status);
            entry.stage = Stage::Head;
        });
    }

    /// Says that the response has come to its end.
    pub(crate) fn complete(&self) {
        self.change(|entry| entry.over(Fate::Answered));
    }

    /// Says why no answer comes, or why nothing was sent.
    pub(crate) fn failed(&self, error: String) {
        self.change(|entry| {
            entry.error = Some(error);
            let fate = entry.fate(Ending::Stopped);
            entry.over(fate);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Entry)) {
        let mut inner = self.log.lock();
        let open = inner.ending.is_none();
        let entry = &mut inner.entries[self.index];
        if open && !matches!(entry.stage, Stage::Over(_)) {
            change(entry);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // While the guest runs, only the guest drops a response: it is done with it.
        self.change(|entry| {
            let fate = entry.fate(Ending::Returned);
            entry.over(fate);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(log: &RequestLog) -> InFlight {
        log.begin(
            "POST".to_owned(),
            "https://example.com".to_owned(),
            "/".to_owned(),
        )
    }

    fn fates(log: &RequestLog) -> Vec<Fate> {
        log.records().iter().map(|record| record.fate).collect()
    }

    #[test]
    fn what_went_out_without_a_complete_response_has_no_answer() {
        let log = RequestLog::default();
        let requests: Vec<InFlight> = (0..6).map(|_| begin(&log)).collect();
        for request in &requests[1..] {
            request.sent().unwrap();
        }
        for request in &requests[2..] {
            request.head(200);
        }
        requests[3].complete();
        requests[4].failed("the connection broke".to_owned());
        let expected = [
            Fate::NotSent,
            Fate::NoAnswer,
            Fate::NoAnswer,
            Fate::Answered,
            Fate::NoAnswer,
            Fate::NoAnswer,
        ];
        assert_eq!(fates(&log), expected, "while it runs");
        log.close(Ending::Stopped);
        drop(requests);
        assert_eq!(fates(&log), expected, "after the guest was stopped");
    }

    #[test]
    fn a_guest_that_returns_has_had_all_it_wanted_of_a_response() {
        let log = RequestLog::default();
        let (unread, unanswered) = (begin(&log), begin(&log));
        unread.sent().unwrap();
        unread.head(201);
        unanswered.sent().unwrap();
        log.close(Ending::Returned);
        assert_eq!(fates(&log), [Fate::Answered, Fate::NoAnswer]);
    }

    #[test]
    fn a_response_that_the_guest_dropped_counts_as_read_though_it_traps_later() {
        let log = RequestLog::default();
        let request = begin(&log);
        request.sent().unwrap();
        request.head(204);
        drop(request);
        log.close(Ending::Stopped);
        assert_eq!(fates(&log), [Fate::Answered]);
    }

    #[test]
    fn nothing_is_sent_and_nothing_changes_once_the_log_is_closed() {
        let log = RequestLog::default();
        let request = begin(&log);
        log.close(Ending::Stopped);
        assert!(request.sent().is_err());
        request.head(200);
        request.complete();
        let record = &log.records()[0];
        assert_eq!((record.fate, record.status), (Fate::NotSent, None));
    }
}
