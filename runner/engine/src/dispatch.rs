//! The dispatcher: starts the runs that wait, in turn, and the schedules that tick.
//!
//! One task looks at the queue when something was committed, when an attempt
//! is over and when the next run or tick is due; it never polls. It holds no
//! queue of its own: what waits is in the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::{Place, RunId, Timestamp};
use store::{Waiting, WaitingRun};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};

use crate::engine::Owner;

/// How many runs that wait are under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatchLimits {
    /// Of one project in one environment; at least 1.
    pub per_place: usize,
    /// Altogether; at least 1.
    pub overall: usize,
}

impl Default for DispatchLimits {
    fn default() -> Self {
        Self {
            per_place: 16,
            overall: 64,
        }
    }
}

/// The longest wait for a run or tick that is to come: time that a machine
/// sleeps through is no time to a timer, and the clock may be set.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long nothing is started after the store has failed, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Owner {
    /// Starts what waits, from now until the dispatcher is stopped or dropped.
    ///
    /// Must be called within a runtime of tokio.
    pub fn dispatch(self: &Arc<Self>, limits: DispatchLimits) -> Dispatcher {
        let (end, ended) = watch::channel(End::NotYet);
        let (rests, at_rest) = watch::channel(false);
        let rounds = Rounds {
            owner: Arc::clone(self),
            limits: DispatchLimits {
                per_place: limits.per_place.max(1),
                overall: limits.overall.max(1),
            },
            in_flight: JoinSet::new(),
            tasks: HashMap::new(),
            served: None,
            pause: None,
            rests,
        };
        Dispatcher {
            end,
            at_rest,
            task: Some(tokio::spawn(rounds.run(ended))),
        }
    }
}

/// What the dispatcher is told of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    /// Start nothing more, and wait this long for what is under way.
    Within(Duration),
}

/// The dispatcher at work. Dropped, it cuts short what is under way.
#[derive(Debug)]
#[must_use]
pub struct Dispatcher {
    end: watch::Sender<End>,
    at_rest: watch::Receiver<bool>,
    task: Option<JoinHandle<()>>,
}

impl Dispatcher {
    /// Waits until nothing is under way and nothing more can be started now: what is left, if
    /// anything, waits for a time that is to come, or for a store that failed.
    pub async fn rest(&mut self) {
        // A dispatcher that is gone starts nothing either.
        let _ = self.at_rest.wait_for(|rests| *rests).await;
    }

    /// Starts nothing more and waits until what is under way is over, at most
    /// for `deadline`; what is not is cut short, as a crash would, and tried
    /// again by the next owner if it may be.
    pub async fn stop(mut self, deadline: Duration) {
        self.end.send_replace(End::Within(deadline));
        if let Some(task) = self.task.take() {
            // A panic of the task is the only error, and it is no reason for another.
            let _ = task.await;
        }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// What woke the dispatcher.
enum Woken {
    Ended(Result<(Id, Result<(), store::Error>), JoinError>),
    Committed,
    Due,
    Stopping(Duration),
}

struct Rounds {
    owner: Arc<Owner>,
    limits: DispatchLimits,
    in_flight: JoinSet<Result<(), store::Error>>,
    tasks: HashMap<Id, WaitingRun>,
    /// The place whose turn was the last.
    served: Option<Place>,
    /// How long to start nothing, after the store has failed.
    pause: Option<Duration>,
    /// Tells whether nothing is under way and nothing can be started.
    rests: watch::Sender<bool>,
}

impl Rounds {
    async fn run(mut self, mut end: watch::Receiver<End>) {
        let mut commits = self.owner.commits();
        if let Err(error) = self.owner.store.rewind_schedules().await {
            self.failed(&error);
        }
        loop {
            // Seen before the queue is looked at: what is committed meanwhile wakes again.
            commits.borrow_and_update();
            let wait = self.start_due().await;
            let rests = self.tasks.is_empty() && wait != Some(Duration::ZERO);
            self.rests.send_replace(rests);
            match self.woken(&mut commits, &mut end, wait).await {
                Woken::Ended(ended) => self.ended(ended).await,
                Woken::Committed | Woken::Due => {}
                Woken::Stopping(deadline) => return self.drain(deadline).await,
            }
        }
    }

    /// Starts what is due; returns how long it is until more will be, if only time has to pass.
    async fn start_due(&mut self) -> Option<Duration> {
        if let Some(pause) = self.pause {
            return Some(pause);
        }
        match self.try_start_due().await {
            Ok(next) => next.map(|at| at.since(self.owner.clock.now()).min(LONGEST_WAIT)),
            Err(error) => {
                self.failed(&error);
                self.pause
            }
        }
    }

    async fn try_start_due(&mut self) -> Result<Option<Timestamp>, store::Error> {
        let now = self.owner.clock.now();
        let ticked = self.owner.store.tick(now).await?;
        let free = self.limits.overall.saturating_sub(self.tasks.len());
        if free == 0 {
            return Ok(ticked.next);
        }
        let waiting = Waiting {
            busy: self.busy(),
            per_place: self.limits.per_place,
            limit: free,
            after: self.served,
        };
        for turn in self.owner.store.waiting_runs(waiting, now).await? {
            self.served = Some(turn.place);
            let owner = Arc::clone(&self.owner);
            let attempt = async move { owner.attempt_waiting(turn.run).await.map(drop) };
            let task = self.in_flight.spawn(attempt);
            self.tasks.insert(task.id(), turn);
        }
        let next = self.owner.store.next_run_due(now).await?;
        Ok([ticked.next, next].into_iter().flatten().min())
    }

    fn busy(&self) -> BTreeMap<Place, BTreeSet<RunId>> {
        let mut busy: BTreeMap<Place, BTreeSet<RunId>> = BTreeMap::new();
        for turn in self.tasks.values() {
            busy.entry(turn.place).or_default().insert(turn.run);
        }
        busy
    }

    async fn woken(
        &mut self,
        commits: &mut watch::Receiver<u64>,
        end: &mut watch::Receiver<End>,
        wait: Option<Duration>,
    ) -> Woken {
        // With no turn to give, and while nothing is started, commits change nothing.
        let listens = self.pause.is_none() && self.tasks.len() < self.limits.overall;
        let clock = Arc::clone(&self.owner.clock);
        let due = async move {
            match wait {
                Some(wait) => clock.sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            deadline = told_to_end(end) => Woken::Stopping(deadline),
            Some(ended) = self.in_flight.join_next_with_id() => Woken::Ended(ended),
            Ok(()) = commits.changed(), if listens => Woken::Committed,
            () = due => {
                self.pause = None;
                Woken::Due
            }
        }
    }

    async fn ended(&mut self, ended: Result<(Id, Result<(), store::Error>), JoinError>) {
        match ended {
            Ok((id, outcome)) => {
                self.tasks.remove(&id);
                match outcome {
                    Ok(()) => self.pause = None,
                    Err(error) => self.failed(&error),
                }
            }
            // It panicked: what it had begun is cut short.
            Err(error) => {
                if let Some(turn) = self.tasks.remove(&error.id()) {
                    self.cut_short(turn.run).await;
                }
            }
        }
    }

    fn failed(&mut self, error: &store::Error) {
        let pause = self.pause.map_or(FIRST_PAUSE, |pause| pause * 2);
        self.pause = Some(pause.min(LONGEST_PAUSE));
        tracing::warn!(%error, "runs that wait cannot be started");
    }

    async fn cut_short(&self, run: RunId) {
        let now = self.owner.clock.now();
        match self.owner.store.interrupt_run(run, now).await {
            // It was not under way, or is over.
            Ok(_) | Err(store::Error::NotFound(_)) => {}
            Err(error) => tracing::warn!(run = run.0, %error, "a run could not be cut short"),
        }
    }

    /// Waits for what is under way, and cuts short what takes too long.
    async fn drain(mut self, deadline: Duration) {
        let clock = Arc::clone(&self.owner.clock);
        let mut patience = std::pin::pin!(clock.sleep(deadline));
        loop {
            tokio::select! {
                biased;
                ended = self.in_flight.join_next_with_id() => match ended {
                    Some(ended) => self.ended(ended).await,
                    None => return,
                },
                () = &mut patience => break,
            }
        }
        self.in_flight.shutdown().await;
        for turn in std::mem::take(&mut self.tasks).into_values() {
            self.cut_short(turn.run).await;
        }
    }
}

/// Waits for the word to end; a dispatcher that is gone has nobody who could give it.
async fn told_to_end(end: &mut watch::Receiver<End>) -> Duration {
    let told = end.wait_for(|end| *end != End::NotYet).await;
    match told.as_deref() {
        Ok(End::Within(deadline)) => *deadline,
        Ok(End::NotYet) | Err(_) => Duration::ZERO,
    }
}
