//! The answers of handlers to providers that wait for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::RunId;
use tokio::sync::oneshot;

use crate::runs::Attempted;

/// Brings what attempts came to to those who wait for it; clones share it.
///
/// A run has no id before it is stored, and may be over right after: while
/// somebody is about to wait, what comes is kept.
#[derive(Clone, Default)]
pub(crate) struct Replies(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    expecting: usize,
    kept: HashMap<RunId, Attempted>,
    waiting: HashMap<RunId, oneshot::Sender<Attempted>>,
}

impl Replies {
    /// Announces that somebody will wait for a run that is about to be stored.
    pub(crate) fn expect(&self) -> Expected {
        self.inner().expecting += 1;
        Expected(self.clone())
    }

    /// Tells whoever waits for a run what its attempt came to.
    pub(crate) fn give(&self, run: RunId, attempted: &Attempted) {
        let mut inner = self.inner();
        if let Some(waiting) = inner.waiting.remove(&run) {
            // Whoever waited may have gone.
            let _ = waiting.send(attempted.clone());
        } else if inner.expecting > 0 {
            inner.kept.insert(run, attempted.clone());
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody is about to wait.
#[must_use]
pub(crate) struct Expected(Replies);

impl Expected {
    /// Waits for the first attempt of a run.
    pub(crate) fn of(self, run: RunId) -> Awaited {
        let (sender, answer) = oneshot::channel();
        let mut inner = self.0.inner();
        match inner.kept.remove(&run) {
            Some(reply) => {
                let _ = sender.send(reply);
            }
            None => {
                inner.waiting.insert(run, sender);
            }
        }
        drop(inner);
        Awaited {
            replies: self.0.clone(),
            run,
            answer,
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        inner.expecting -= 1;
        if inner.expecting == 0 {
            inner.kept.clear();
        }
    }
}

/// Somebody waits.
#[must_use]
pub(crate) struct Awaited {
    replies: Replies,
    run: RunId,
    answer: oneshot::Receiver<Attempted>,
}

impl Awaited {
    /// Returns what the attempt came to, when it is over.
    pub(crate) async fn reply(&mut self) -> Option<Attempted> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.replies.inner().waiting.remove(&self.run);
    }
}

#[cfg(test)]
mod tests {
    use domain::RunStatus;

    use super::*;

    fn came_to(status: RunStatus) -> Attempted {
        Attempted {
            status,
            response: None,
        }
    }

    #[tokio::test]
    async fn a_reply_is_brought_whether_it_comes_before_or_after_its_run_is_known() {
        let replies = Replies::default();
        let expected = replies.expect();
        replies.give(RunId(1), &came_to(RunStatus::Succeeded));
        let mut early = expected.of(RunId(1));
        assert_eq!(early.reply().await.unwrap().status, RunStatus::Succeeded);

        let mut late = replies.expect().of(RunId(2));
        replies.give(RunId(2), &came_to(RunStatus::Failed));
        assert_eq!(late.reply().await.unwrap().status, RunStatus::Failed);
    }

    #[test]
    fn what_nobody_waits_for_is_not_kept() {
        let replies = Replies::default();
        replies.give(RunId(1), &came_to(RunStatus::Succeeded));
        let expected = replies.expect();
        replies.give(RunId(2), &came_to(RunStatus::Succeeded));
        drop(expected);
        drop(replies.expect().of(RunId(3)));
        let inner = replies.inner();
        assert_eq!((inner.expecting, inner.kept.len()), (0, 0));
        assert!(inner.waiting.is_empty());
    }
}
