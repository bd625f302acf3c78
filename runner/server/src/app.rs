//! What every handler has: the owner of the data directory, and what is under way.

use std::sync::{Arc, OnceLock};

use engine::Owner;
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::failure::Failure;
use crate::feed::{Feed, FeedObserver, Feeds};
use crate::wire::{Addresses, DoneDocument};

/// How many artifacts are received side by side, since each is held in memory.
const UPLOADS: usize = 2;

/// The state of the router. Clones share everything.
#[derive(Clone)]
pub(crate) struct App {
    /// The owner of the data directory, through which everything is read and written.
    pub(crate) owner: Arc<Owner>,
    /// The events of what is under way.
    pub(crate) feeds: Feeds,
    /// Lets so many uploads in.
    pub(crate) uploads: Arc<Semaphore>,
    /// Work that goes on when whoever asked for it has gone away.
    pub(crate) work: TaskTracker,
    /// Where the server listens, once it does.
    pub(crate) addresses: Arc<OnceLock<Addresses>>,
    /// Cancelled when the server is to end: nothing that only waits goes on.
    pub(crate) ending: CancellationToken,
    /// Cancelled when the server has ended: nothing at all goes on.
    pub(crate) ended: CancellationToken,
}

impl App {
    /// Makes the state.
    pub(crate) fn new(owner: Arc<Owner>) -> Self {
        Self {
            owner,
            feeds: Feeds::default(),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            work: TaskTracker::new(),
            addresses: Arc::default(),
            ending: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }

    /// Does something to its end, whether or not the client waits for it.
    ///
    /// # Errors
    /// What it fails with; and where it panics or the server ends before it.
    pub(crate) async fn detached<T, E, F>(
        &self,
        work: impl FnOnce(Arc<Owner>) -> F,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: Into<Failure> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.owner));
        let (sender, receiver) = oneshot::channel();
        self.spawn(async move {
            // Nobody may be there any more to hear of it.
            let _ = sender.send(work.await);
        });
        match receiver.await {
            Ok(outcome) => outcome.map_err(Into::into),
            Err(_) => Err(Failure::broken()),
        }
    }

    /// Does something to its end, and tells how it goes through a feed.
    pub(crate) fn followed<T, E, F>(
        &self,
        work: impl FnOnce(Arc<Owner>, FeedObserver) -> F,
    ) -> Arc<Feed>
    where
        T: Serialize + Send + 'static,
        E: Into<Failure> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let feed = self.feeds.open();
        let observer = self.feeds.observer(&feed);
        let work = work(Arc::clone(&self.owner), observer);
        let end = EndFeed(Some(Arc::clone(&feed)));
        self.spawn(async move {
            let outcome = work.await.map_err(|error| error.into().0);
            let outcome = outcome
                .and_then(|report| serde_json::to_value(report).map_err(|_| Failure::broken().0));
            end.with(&DoneDocument::new(outcome));
        });
        feed
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let ended = self.ended.clone();
        drop(self.work.spawn(async move {
            tokio::select! {
                () = work => {}
                () = ended.cancelled() => {}
            }
        }));
    }
}

/// Ends a feed, also where the work panicked or was cut short.
struct EndFeed(Option<Arc<Feed>>);

impl EndFeed {
    fn with(mut self, done: &DoneDocument) {
        if let Some(feed) = self.0.take() {
            feed.end(done);
        }
    }
}

impl Drop for EndFeed {
    fn drop(&mut self) {
        if let Some(feed) = self.0.take() {
            feed.end(&DoneDocument::new(Err(Failure::broken().0)));
        }
    }
}
