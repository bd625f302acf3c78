//! The runs that are under way in this process: how many, and how one is stopped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Place, RunId};
use tokio::sync::watch;

/// The most runs of one place that somebody waits for at once; they wait in memory.
const ANSWERED_PER_PLACE: usize = 256;

/// The runs that are under way; clones share them.
#[derive(Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    stops: HashMap<RunId, watch::Sender<Stop>>,
    answered: HashMap<Place, usize>,
}

/// What a run under way is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    GoOn,
    Cancel,
}

impl UnderWay {
    /// Makes room for a run that somebody waits for; `None` if there is none.
    pub(crate) fn admit(&self, place: Place) -> Option<Admitted> {
        let mut inner = self.inner();
        let answered = inner.answered.entry(place).or_default();
        if *answered >= ANSWERED_PER_PLACE {
            return None;
        }
        *answered += 1;
        Some(Admitted {
            under_way: self.clone(),
            place,
        })
    }

    /// Notes that an attempt of a run is under way, until the guard is dropped.
    pub(super) fn enter(&self, run: RunId) -> Entered {
        let (sender, stop) = watch::channel(Stop::GoOn);
        self.inner().stops.insert(run, sender);
        Entered {
            under_way: self.clone(),
            run,
            stop,
        }
    }

    /// Tells a run to stop and waits until its attempt is over; returns
    /// whether it was under way here.
    pub(super) async fn cancel(&self, run: RunId) -> bool {
        let sender = self.inner().stops.get(&run).cloned();
        let Some(sender) = sender else {
            return false;
        };
        sender.send_replace(Stop::Cancel);
        // The receiver is in the guard, which is dropped after the result is stored.
        sender.closed().await;
        true
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for a run that somebody waits for.
#[must_use]
pub(crate) struct Admitted {
    under_way: UnderWay,
    place: Place,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut inner = self.under_way.inner();
        if let Some(answered) = inner.answered.get_mut(&self.place) {
            *answered -= 1;
            if *answered == 0 {
                inner.answered.remove(&self.place);
            }
        }
    }
}

/// An attempt that is under way.
#[must_use]
pub(super) struct Entered {
    under_way: UnderWay,
    run: RunId,
    stop: watch::Receiver<Stop>,
}

impl Entered {
    /// Waits until somebody cancels the run.
    pub(super) async fn cancelled(&mut self) {
        if self
            .stop
            .wait_for(|stop| *stop == Stop::Cancel)
            .await
            .is_err()
        {
            // Nobody is left who could cancel it.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.under_way.inner().stops.remove(&self.run);
    }
}
