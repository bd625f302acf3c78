//! The events of what is under way, kept so that whoever follows can come back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::DeployNumber;
use engine::{Event, Observer};
use serde::Serialize;
use tokio::sync::watch;

use crate::wire::{DoneDocument, EventDocument};

/// How long the events of something that is over are kept.
const KEPT_FOR: Duration = Duration::from_secs(300);
/// Of how many things that are over the events are kept.
const KEPT: usize = 64;
/// How many bytes of events one feed keeps; the oldest go first.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A deploy, by the names that its address has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DeployKey {
    pub(crate) project: String,
    pub(crate) environment: String,
    pub(crate) number: DeployNumber,
}

/// One event as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Its place in the feed, from 1.
    pub(crate) position: u64,
    /// Whether it is the last.
    pub(crate) last: bool,
    /// Its document, as JSON.
    pub(crate) document: Arc<str>,
}

/// The events of one thing that goes on for a while.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Tells this feed from every other of this process.
    pub(crate) id: u64,
    kept: Mutex<KeptEvents>,
    grown: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct KeptEvents {
    events: VecDeque<Sent>,
    bytes: usize,
    deploy: Option<DeployNumber>,
    ended: Option<Instant>,
}

impl KeptEvents {
    /// Returns the first event after a position; positions follow one another.
    fn after(&self, position: u64) -> Option<&Sent> {
        let first = self.events.front()?.position;
        let index = position.saturating_add(1).saturating_sub(first);
        self.events.get(usize::try_from(index).ok()?)
    }
}

impl Feed {
    fn new(id: u64) -> Self {
        Self {
            id,
            kept: Mutex::default(),
            grown: watch::Sender::new(0),
        }
    }

    /// Waits for the first event after `position`; none where the last has come before.
    pub(crate) async fn next(&self, position: u64) -> Option<Sent> {
        let mut grown = self.grown.subscribe();
        loop {
            grown.borrow_and_update();
            {
                let kept = self.kept();
                if let Some(sent) = kept.after(position) {
                    return Some(sent.clone());
                }
                if kept.ended.is_some() {
                    return None;
                }
            }
            grown.changed().await.ok()?;
        }
    }

    /// Waits for the deploy's number; none where it ended before it had one.
    pub(crate) async fn deploy(&self) -> Option<DeployNumber> {
        let mut grown = self.grown.subscribe();
        loop {
            grown.borrow_and_update();
            {
                let kept = self.kept();
                if kept.deploy.is_some() || kept.ended.is_some() {
                    return kept.deploy;
                }
            }
            grown.changed().await.ok()?;
        }
    }

    /// Waits for the end, and returns what came of it.
    pub(crate) async fn outcome(&self) -> Option<DoneDocument> {
        let mut grown = self.grown.subscribe();
        loop {
            grown.borrow_and_update();
            {
                let kept = self.kept();
                if kept.ended.is_some() {
                    let last = kept.events.back()?;
                    return serde_json::from_str(&last.document).ok();
                }
            }
            grown.changed().await.ok()?;
        }
    }

    /// Adds the last event.
    pub(crate) fn end(&self, done: &DoneDocument) {
        self.push(done, true);
    }

    fn push<T: Serialize>(&self, document: &T, last: bool) {
        let Ok(text) = serde_json::to_string(document) else {
            return;
        };
        let mut kept = self.kept();
        let position = *self.grown.borrow() + 1;
        kept.bytes += text.len();
        kept.events.push_back(Sent {
            position,
            last,
            document: text.into(),
        });
        while kept.bytes > MOST_BYTES && kept.events.len() > 1 {
            if let Some(oldest) = kept.events.pop_front() {
                kept.bytes -= oldest.document.len();
            }
        }
        if last {
            kept.ended = Some(Instant::now());
        }
        drop(kept);
        self.grown.send_replace(position);
    }

    fn kept(&self) -> MutexGuard<'_, KeptEvents> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The feeds of this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feeds(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    made: u64,
    /// The oldest first.
    feeds: VecDeque<Arc<Feed>>,
    deploys: HashMap<DeployKey, Arc<Feed>>,
}

impl Feeds {
    /// Makes a feed.
    pub(crate) fn open(&self) -> Arc<Feed> {
        let mut known = self.known();
        known.forget_old(Instant::now());
        known.made += 1;
        let feed = Arc::new(Feed::new(known.made));
        known.feeds.push_back(Arc::clone(&feed));
        feed
    }

    /// Returns the feed of a deploy, if it is kept.
    pub(crate) fn of(&self, deploy: &DeployKey) -> Option<Arc<Feed>> {
        self.known().deploys.get(deploy).cloned()
    }

    /// Returns what puts the events of a deploy into a feed, and passes them on.
    pub(crate) fn observer(&self, feed: &Arc<Feed>) -> FeedObserver {
        FeedObserver {
            feeds: self.clone(),
            feed: Arc::clone(feed),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Drops the feeds that ended long ago, and the oldest ended ones of too many.
    fn forget_old(&mut self, now: Instant) {
        let ended: Vec<(u64, Instant)> = self
            .feeds
            .iter()
            .filter_map(|feed| feed.kept().ended.map(|at| (feed.id, at)))
            .collect();
        let too_many = ended.len().saturating_sub(KEPT);
        let old: Vec<u64> = ended
            .iter()
            .enumerate()
            .filter(|(index, (_, at))| *index < too_many || now.duration_since(*at) > KEPT_FOR)
            .map(|(_, (id, _))| *id)
            .collect();
        self.feeds.retain(|feed| !old.contains(&feed.id));
        self.deploys.retain(|_, feed| !old.contains(&feed.id));
    }
}

/// Puts events into a feed, where the feed of a deploy can be found by its number.
#[derive(Debug, Clone)]
pub(crate) struct FeedObserver {
    feeds: Feeds,
    feed: Arc<Feed>,
}

impl Observer for FeedObserver {
    fn event(&self, event: Event) {
        if let Event::Began {
            deploy,
            project,
            environment,
        } = &event
        {
            let key = DeployKey {
                project: project.clone(),
                environment: environment.clone(),
                number: *deploy,
            };
            let mut known = self.feeds.known();
            known.deploys.insert(key, Arc::clone(&self.feed));
            drop(known);
            self.feed.kept().deploy.get_or_insert(*deploy);
        }
        self.feed.push(&EventDocument::from(event), false);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use domain::DeployNumber;
    use engine::{Event, Observer as _};
    use serde_json::json;

    use super::{DeployKey, DoneDocument, Feeds, KEPT, KEPT_FOR, MOST_BYTES};

    fn began(number: i64) -> Event {
        Event::Began {
            deploy: DeployNumber(number),
            project: "shop".to_owned(),
            environment: "production".to_owned(),
        }
    }

    fn key(number: i64) -> DeployKey {
        DeployKey {
            project: "shop".to_owned(),
            environment: "production".to_owned(),
            number: DeployNumber(number),
        }
    }

    fn done() -> DoneDocument {
        DoneDocument::new(Ok(json!({})))
    }

    #[tokio::test]
    async fn whoever_comes_back_gets_what_came_meanwhile_and_the_end_once() {
        let feeds = Feeds::default();
        let feed = feeds.open();
        let observer = feeds.observer(&feed);
        observer.event(began(3));
        let first = feed.next(0).await.unwrap();
        assert_eq!((first.position, first.last), (1, false));
        observer.event(Event::Waiting("for the lease".to_owned()));
        feed.end(&done());
        let again = feeds.of(&key(3)).unwrap();
        let second = again.next(first.position).await.unwrap();
        assert!(second.document.contains("for the lease"), "{second:?}");
        assert!(again.next(2).await.unwrap().last);
        assert_eq!(again.next(3).await, None);
    }

    #[tokio::test]
    async fn somebody_who_waits_is_woken_by_the_next_event() {
        let feeds = Feeds::default();
        let feed = feeds.open();
        let waiting = tokio::spawn({
            let feed = std::sync::Arc::clone(&feed);
            async move { (feed.deploy().await, feed.next(0).await) }
        });
        tokio::task::yield_now().await;
        feeds.observer(&feed).event(began(7));
        let (deploy, first) = waiting.await.unwrap();
        assert_eq!(deploy, Some(DeployNumber(7)));
        assert_eq!(first.map(|sent| sent.position), Some(1));
    }

    #[tokio::test]
    async fn what_ends_before_it_has_a_number_has_none() {
        let feed = Feeds::default().open();
        feed.end(&done());
        assert_eq!(feed.deploy().await, None);
    }

    #[tokio::test]
    async fn a_feed_keeps_no_more_than_its_share() {
        let feeds = Feeds::default();
        let feed = feeds.open();
        let observer = feeds.observer(&feed);
        let line = "x".repeat(MOST_BYTES / 4);
        for _ in 0..8 {
            observer.event(Event::BuildLine(line.clone()));
        }
        assert!(feed.kept().bytes <= MOST_BYTES);
        let first = feed.next(0).await.unwrap();
        assert!(first.position > 1, "the oldest are gone");
        assert_eq!(feed.next(7).await.unwrap().position, 8);
    }

    #[test]
    fn what_is_over_is_forgotten_in_time_and_what_goes_on_is_not() {
        let feeds = Feeds::default();
        let going = feeds.open();
        feeds.observer(&going).event(began(1));
        let over = feeds.open();
        feeds.observer(&over).event(began(2));
        over.end(&done());
        feeds.known().forget_old(Instant::now());
        assert!(feeds.of(&key(2)).is_some());
        let later = Instant::now() + KEPT_FOR + Duration::from_secs(1);
        feeds.known().forget_old(later);
        assert!(feeds.of(&key(1)).is_some());
        assert!(feeds.of(&key(2)).is_none());
    }

    #[test]
    fn no_more_than_so_many_that_are_over_are_kept() {
        let feeds = Feeds::default();
        for _ in 0..KEPT + 10 {
            feeds.open().end(&done());
        }
        feeds.known().forget_old(Instant::now());
        assert_eq!(feeds.known().feeds.len(), KEPT);
    }
}
