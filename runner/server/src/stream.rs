//! Server-sent events: what is under way as it goes on, and that something changed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt as _};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::feed::Feed;
use crate::wire::{DoneDocument, VERSION};

/// The media type of a stream of events.
const MEDIA_TYPE: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How often somebody who waits is told that the server is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The least time between two events that say that something changed.
const BETWEEN_CHANGES: Duration = Duration::from_millis(100);

/// Returns whether a client asks for events in place of one answer.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| {
            accept
                .split(',')
                .any(|one| one.split(';').next().unwrap_or_default().trim() == MEDIA_TYPE)
        })
}

/// Where a client that comes back had got to: in which feed, after which event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resume {
    pub(crate) feed: u64,
    pub(crate) position: u64,
}

impl Resume {
    /// Reads it from `Last-Event-ID`; what was not written here counts as none.
    pub(crate) fn from(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(LAST_EVENT_ID)?.to_str().ok()?;
        let (feed, position) = text.split_once('-')?;
        Some(Self {
            feed: feed.parse().ok()?,
            position: position.parse().ok()?,
        })
    }
}

/// Answers with the events of a feed, from where the client had got to.
pub(crate) fn follow(app: &App, feed: Arc<Feed>, resume: Option<Resume>) -> Response {
    let position = resume
        .filter(|resume| resume.feed == feed.id)
        .map_or(0, |resume| resume.position);
    let events = stream::unfold((feed, position), |(feed, position)| async move {
        let sent = feed.next(position).await?;
        let mut event = Event::default()
            .id(format!("{}-{}", feed.id, sent.position))
            .data(&*sent.document);
        if sent.last {
            event = event.event(DoneDocument::EVENT);
        }
        Some((Ok(event), (feed, sent.position)))
    });
    until(events, app.ended.clone())
}

/// Answers with an event whenever something was stored; the first comes at once.
pub(crate) fn changes(app: &App) -> Response {
    let start = Changes {
        commits: app.owner.commits(),
        sent: None,
    };
    let events = stream::unfold(start, |mut changes| async move {
        let commits = changes.next().await?;
        let document = json!({ "kind": "change", "version": VERSION, "commits": commits });
        let event = Event::default().event("change").data(document.to_string());
        Some((Ok(event), changes))
    });
    until(events, app.ending.clone())
}

struct Changes {
    commits: watch::Receiver<u64>,
    sent: Option<Instant>,
}

impl Changes {
    /// Waits for the next change that is to be told, and returns the count.
    async fn next(&mut self) -> Option<u64> {
        if let Some(sent) = self.sent {
            self.commits.changed().await.ok()?;
            tokio::time::sleep_until(sent + BETWEEN_CHANGES).await;
        }
        self.sent = Some(Instant::now());
        Some(*self.commits.borrow_and_update())
    }
}

fn until(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
    end: CancellationToken,
) -> Response {
    let events = events.take_until(end.cancelled_owned());
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use tokio::sync::watch;
    use tokio::time::Instant;

    use super::{BETWEEN_CHANGES, Changes, Resume, is_asked_for};

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn events_are_sent_only_to_those_that_ask_for_them() {
        assert!(is_asked_for(&headers("accept", "text/event-stream")));
        assert!(is_asked_for(&headers(
            "accept",
            "application/json, text/event-stream;q=0.5"
        )));
        assert!(!is_asked_for(&headers("accept", "*/*")));
        assert!(!is_asked_for(&HeaderMap::new()));
    }

    #[test]
    fn only_an_id_that_was_given_out_says_where_to_go_on() {
        let resume = |text| Resume::from(&headers("last-event-id", text));
        let expected = Resume {
            feed: 3,
            position: 14,
        };
        assert_eq!(resume("3-14"), Some(expected));
        assert_eq!(resume("14"), None);
        assert_eq!(resume("a-b"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_come_at_once_and_then_ten_times_a_second_at_most() {
        let (sender, commits) = watch::channel(5_u64);
        let mut changes = Changes {
            commits,
            sent: None,
        };
        let start = Instant::now();
        assert_eq!(changes.next().await, Some(5));
        assert_eq!(start.elapsed(), std::time::Duration::ZERO);
        for commit in 6..40 {
            sender.send_replace(commit);
        }
        assert_eq!(changes.next().await, Some(39), "they are told together");
        assert!(start.elapsed() >= BETWEEN_CHANGES);
        drop(sender);
        assert_eq!(changes.next().await, None);
    }
}
