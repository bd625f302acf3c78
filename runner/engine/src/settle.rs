//! Brings subscriptions in step: starts what is due, waits for what is not.

use std::time::Duration;

use domain::{Place, StepId, StepState, Timestamp, next_due, ready_steps};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::engine::{Engine, Owner};
use crate::observer::{Event, Observer, Unobserved};
use crate::recorder::Recorder;

impl Owner {
    /// Runs everything that is due in every project and environment, without
    /// waiting for what is not: reconfigure deploys, compensations, refreshes, steps.
    ///
    /// # Errors
    /// When the store fails; what a third party refuses is no error.
    pub async fn settle_due(&self, observer: &dyn Observer) -> Result<(), store::Error> {
        for pending in self.store.pending_compensations().await? {
            // What keeps it from being undone is stored with its deploy.
            if let Err(error) = self.resume_compensation(pending.place, observer).await {
                observer.event(Event::Waiting(format!(
                    "a deploy could not be undone: {error}"
                )));
            }
        }
        for due in self.store.due_reconfigures(None).await? {
            // A failed one stays due and is shown by `status`.
            if let Err(error) = self.reconfigure_due(due.place, observer).await {
                observer.event(Event::Waiting(format!("a reconfigure failed: {error}")));
            }
        }
        // One place that cannot be settled is no reason to leave the others.
        let mut outcome = Ok(());
        for place in self.places_to_settle().await? {
            // Whoever settles it already does what is due.
            if let Ok(_alone) = self.settling.of(place).try_lock() {
                outcome = outcome.and(self.settle_ready(place, None, observer).await.map(drop));
            }
        }
        outcome
    }
}

/// The least time between two looks at what is due.
const PAUSE: Duration = Duration::from_millis(200);

impl Owner {
    /// Does what is due whenever something is, for as long as the future is polled.
    ///
    /// It waits for the next instant at which something is due, or for a
    /// commit that may have changed it. What fails in the store is told to the
    /// observer and tried again.
    pub async fn keep_settling(&self, observer: &dyn Observer) {
        let mut commits = self.commits();
        loop {
            commits.mark_unchanged();
            let next = match self.next_due().await {
                Ok(Some(wait)) if wait.is_zero() => match self.settle_due(observer).await {
                    Ok(()) => Some(Duration::ZERO),
                    Err(error) => Some(troubled(observer, &error)),
                },
                Ok(next) => next,
                Err(error) => Some(troubled(observer, &error)),
            };
            match next {
                Some(wait) => tokio::select! {
                    () = self.clock.sleep(wait.max(PAUSE)) => {}
                    _ = commits.changed() => self.clock.sleep(PAUSE).await,
                },
                // The sender lives as long as the store.
                None => {
                    let _ = commits.changed().await;
                    self.clock.sleep(PAUSE).await;
                }
            }
        }
    }
}

/// How long to wait after the store failed.
const RECOVERY: Duration = Duration::from_secs(5);

fn troubled(observer: &dyn Observer, error: &store::Error) -> Duration {
    observer.event(Event::Waiting(format!(
        "what is due cannot be done: {error}"
    )));
    RECOVERY
}

impl Engine {
    /// Returns how long it is until something is due; `None` if nothing will be.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_due(&self) -> Result<Option<Duration>, store::Error> {
        let now = self.clock.now();
        let mut next: Option<Timestamp> = None;
        for place in self.places_to_settle().await? {
            let steps = self.store.open_steps(place).await?;
            let step = if ready_steps(&steps, now).is_empty() {
                next_due(&steps)
            } else {
                Some(now)
            };
            let refresh = self.next_refresh(place).await?;
            next = [next, step, refresh].into_iter().flatten().min();
        }
        Ok(next.map(|at| at.since(now)))
    }

    async fn places_to_settle(&self) -> Result<Vec<Place>, store::Error> {
        let mut places = self.store.places_with_open_steps().await?;
        places.extend(self.store.places_with_expiries().await?);
        places.sort();
        places.dedup();
        Ok(places)
    }

    /// Runs the steps of a place until none is left that may start within `patience`.
    pub(crate) async fn settle(
        &self,
        place: Place,
        patience: Duration,
        recorder: Option<&Recorder<'_>>,
    ) -> Result<(), store::Error> {
        let until = self.clock.elapsed() + patience;
        let lock = self.settling.of(place);
        loop {
            let next = {
                let _alone = lock.lock().await;
                self.settle_ready(place, recorder, &Unobserved).await?
            };
            let left = until.saturating_sub(self.clock.elapsed());
            match next {
                Some(wait) if wait <= left && !left.is_zero() => self.clock.sleep(wait).await,
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// Runs the steps of a place until none is left that may start at once;
    /// returns how long it is until the next may.
    async fn settle_ready(
        &self,
        place: Place,
        recorder: Option<&Recorder<'_>>,
        observer: &dyn Observer,
    ) -> Result<Option<Duration>, store::Error> {
        self.start_refreshes(place).await?;
        let mut running = FuturesUnordered::new();
        let mut started: Vec<StepId> = Vec::new();
        let mut outcome = Ok(());
        loop {
            let steps = self.store.open_steps(place).await?;
            let now = self.clock.now();
            let ready = if outcome.is_ok() {
                ready_steps(&steps, now)
            } else {
                Vec::new()
            };
            for id in ready {
                // A step that was picked and has not yet been stored as running is not picked twice.
                if !started.contains(&id) {
                    started.push(id);
                    running.push(async move { (id, self.attempt(place, id, recorder).await) });
                }
            }
            let Some((id, result)) = running.next().await else {
                return outcome.map(|()| next_due(&steps).map(|at| at.since(now)));
            };
            started.retain(|other| *other != id);
            // What is under way is not dropped: its result must be stored.
            outcome = outcome.and(result);
            self.tell(id, recorder, observer).await?;
        }
    }

    /// Tells the deploy's log, or else the observer, how a step stands.
    async fn tell(
        &self,
        id: StepId,
        recorder: Option<&Recorder<'_>>,
        observer: &dyn Observer,
    ) -> Result<(), store::Error> {
        let Some(recorder) = recorder else {
            if let Some(step) = self.store.step(id).await? {
                observer.event(Event::Step(crate::shape::step_report(&step)));
            }
            return Ok(());
        };
        if let Some(step) = self.store.step(id).await? {
            let level = match step.state {
                StepState::Done | StepState::Pending | StepState::Running => domain::LogLevel::Info,
                StepState::Retrying
                | StepState::Unknown
                | StepState::Failed
                | StepState::Superseded
                | StepState::Forgotten => domain::LogLevel::Warn,
            };
            let report = crate::shape::step_report(&step);
            let mut message = format!("{} {}: {}", report.action, report.webhook, report.state);
            if let Some(error) = &report.last_error
                && report.state != StepState::Done
            {
                message = format!("{message}: {error}");
            }
            recorder.note(level, Some(format!("webhook {}", report.webhook)), message);
            recorder.event(Event::Step(report));
        }
        Ok(())
    }
}
