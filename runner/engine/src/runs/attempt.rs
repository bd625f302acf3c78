//! One attempt of a run: the guest is called, and what it came to is stored in one transaction.

use std::time::Duration;

use domain::{
    DeliveryId, ObjectName, Patience, RunAttempt, RunId, RunStatus, UserId, conclude_run,
};
use sandbox::{Call, RunContext};
use store::{BegunAttemptOfRun, FinishRun, QueueRun, RunKind, RunRecord};

use super::label;
use super::prepared::{Prepared, Subject};
use super::record::Record;
use crate::code::Code;
use crate::engine::Engine;
use crate::error::{ReadError, RunError};
use crate::probe::Point;

/// How often it is looked whether a full disk has room again.
const ROOM_LOOKED_FOR: Duration = Duration::from_secs(1);

/// What is attempted.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    run: RunId,
    number: u32,
    kind: RunKind,
    object: ObjectName,
    user: Option<UserId>,
    input: String,
    delivery: Option<DeliveryId>,
    patience: Patience,
}

impl Attempt {
    /// The first attempt of a run that is about to be stored.
    pub(crate) fn first(run: &QueueRun) -> Self {
        Self {
            run: RunId(0),
            number: 1,
            kind: run.kind,
            object: run.object.clone(),
            user: run.user.clone(),
            input: run.input.clone(),
            delivery: run.delivery,
            patience: run.patience,
        }
    }

    /// Names the run, once it has an id.
    pub(crate) fn of(self, run: RunId) -> Self {
        Self { run, ..self }
    }

    /// The next attempt of a run that waits.
    fn next(record: &RunRecord) -> Self {
        Self {
            run: record.id,
            number: record.attempts + 1,
            kind: record.kind,
            object: record.object.clone(),
            user: record.user.clone(),
            input: record.input.clone(),
            delivery: record.delivery,
            patience: record.patience,
        }
    }

    fn context(&self) -> RunContext {
        RunContext {
            run: self.run.to_string(),
            attempt: self.number,
            // The same for every attempt, and for every replay of a delivery.
            idempotency_key: match self.delivery {
                Some(delivery) => format!("delivery-{delivery}"),
                None => format!("run-{}", self.run),
            },
            user: self.user.clone(),
        }
    }
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub(crate) struct Attempted {
    /// Where the run went.
    pub(crate) status: RunStatus,
    /// The answer that a webhook's handler has for its provider.
    pub(crate) response: Option<sandbox::Response>,
}

/// Why a run that waits could not be prepared.
enum Unready {
    /// What it runs is not live any more, and it fails for good.
    Gone(String),
    /// It cannot run as things are, on this artifact.
    NotNow(domain::ArtifactDigest, RunError),
}

impl Engine {
    /// Makes the next attempt of a run that waits, on what is live now; `None`
    /// if it does not wait any more, or cannot run ever again.
    ///
    /// # Errors
    /// When the store fails, whatever the run.
    pub(crate) async fn attempt_waiting(
        &self,
        run: RunId,
    ) -> Result<Option<Attempted>, store::Error> {
        match self.attempt_next(run).await {
            // What is stored of this one run is damaged or gone: the others go on.
            Err(
                error @ (store::Error::Corrupt(_)
                | store::Error::NotFound(_)
                | store::Error::Unsealable(_)),
            ) => {
                let code = crate::error::store_code(&error);
                self.fail_waiting(run, code, error.to_string()).await?;
                Ok(None)
            }
            other => other,
        }
    }

    async fn attempt_next(&self, run: RunId) -> Result<Option<Attempted>, store::Error> {
        loop {
            let Some(record) = self.store.run(run).await? else {
                return Ok(None);
            };
            if !matches!(record.status, RunStatus::Queued | RunStatus::Retrying) {
                return Ok(None);
            }
            let (artifact, prepared) = match self.ready(&record).await? {
                Ok(prepared) => (prepared.artifact, Ok(prepared)),
                Err(Unready::NotNow(artifact, error)) => (artifact, Err(error)),
                Err(Unready::Gone(message)) => {
                    self.fail_waiting(run, Code::ObjectUnknown, message).await?;
                    return Ok(None);
                }
            };
            let now = self.clock.now();
            match self.store.begin_attempt_of_run(run, artifact, now).await? {
                BegunAttemptOfRun::Begun { .. } => {}
                // A deploy has made something else live: that is what it runs on.
                BegunAttemptOfRun::NotLive => continue,
                BegunAttemptOfRun::NotWaiting(_) => return Ok(None),
            }
            let attempt = Attempt::next(&record);
            let attempted = match prepared {
                Ok(prepared) => self.perform(attempt, prepared).await?,
                Err(error) => {
                    let unfinished = Unfinished::new(self, run);
                    let record = Record::uncalled(&error);
                    self.note_end(&attempt, record, unfinished).await?
                }
            };
            self.prune_now_and_then(run).await?;
            return Ok(Some(attempted));
        }
    }

    async fn fail_waiting(
        &self,
        run: RunId,
        code: Code,
        message: String,
    ) -> Result<(), store::Error> {
        let error = store::RunError {
            code: code.as_str().to_owned(),
            message,
            retryable: false,
        };
        let failed = self
            .store
            .fail_waiting_run(run, error, self.clock.now())
            .await;
        match failed {
            // Somebody was quicker, or the run is gone with its project.
            Err(store::Error::IllegalRunMove(_) | store::Error::NotFound(_)) => Ok(()),
            other => other,
        }
    }

    async fn ready(&self, record: &RunRecord) -> Result<Result<Prepared, Unready>, store::Error> {
        let (project, environment) = self.store.place_names(record.place).await?;
        let kind = record.kind.object_kind();
        let names = (&project.name, &environment.name);
        let found = self
            .live_object(record.place, names, kind, record.object.as_str())
            .await;
        let live = match found {
            Ok(live) => live,
            Err(RunError::Read(
                ReadError::NothingLive { .. } | ReadError::ObjectUnknown { .. },
            )) => {
                let message = format!(
                    "{} is not live in {} any more",
                    label(kind, &record.object),
                    environment.name
                );
                return Ok(Err(Unready::Gone(message)));
            }
            Err(RunError::Read(ReadError::Store(error)) | RunError::Store(error)) => {
                return Err(error);
            }
            Err(error) => return Err(store::Error::Corrupt(error.to_string())),
        };
        let subject = Subject {
            place: record.place,
            environment: environment.name,
            artifact: live.artifact,
            kind,
            name: live.name,
        };
        match self.prepare(&subject, record.user.as_ref()).await {
            Ok(prepared) => Ok(Ok(prepared)),
            Err(RunError::Read(ReadError::Store(error)) | RunError::Store(error)) => Err(error),
            Err(error) => Ok(Err(Unready::NotNow(subject.artifact, error))),
        }
    }

    /// Calls the guest for an attempt that has begun, and stores what it came to.
    pub(crate) async fn perform(
        &self,
        attempt: Attempt,
        prepared: Prepared,
    ) -> Result<Attempted, store::Error> {
        let unfinished = Unfinished::new(self, attempt.run);
        self.probe.reached(Point::RunBegun).await;
        let mut entered = self.under_way.enter(attempt.run);
        let record = match self.call_of(&attempt).await {
            Err(error) => Record::uncalled(&error),
            Ok(call) => {
                let requests = prepared.grants.requests.clone();
                let secrets = prepared.grants.redact.clone();
                let began = self.clock.elapsed();
                tokio::select! {
                    biased;
                    () = entered.cancelled() => {
                        let took = self.clock.elapsed().saturating_sub(began);
                        Record::cancelled(&requests, took)
                    }
                    report = prepared.guest.call(call, prepared.grants) => {
                        Record::of(report, self.clock.now()).without(&secrets)
                    }
                }
            }
        };
        self.probe.reached(Point::RunReturned).await;
        let attempted = self.note_end(&attempt, record, unfinished).await?;
        self.probe.reached(Point::RunFinished).await;
        drop(entered);
        Ok(attempted)
    }

    async fn call_of(&self, attempt: &Attempt) -> Result<Call, RunError> {
        let (name, input) = (attempt.object.to_string(), attempt.input.clone());
        let context = attempt.context();
        match attempt.kind {
            RunKind::Action => Ok(Call::RunAction {
                name,
                input,
                context,
            }),
            RunKind::Workflow => Ok(Call::RunWorkflow {
                name,
                input,
                context,
            }),
            RunKind::Webhook => {
                let delivery = attempt.delivery.ok_or_else(|| {
                    store::Error::Corrupt(format!("run {} handles no delivery", attempt.run))
                })?;
                Ok(self.delivery_call(delivery, name, context).await?)
            }
        }
    }

    /// Stores what an attempt came to.
    async fn note_end(
        &self,
        attempt: &Attempt,
        record: Record,
        unfinished: Unfinished,
    ) -> Result<Attempted, store::Error> {
        let now = self.clock.now();
        let over = RunAttempt {
            patience: attempt.patience,
            attempts: attempt.number,
            outcome: record.outcome,
        };
        let concluded = conclude_run(&over, now, crate::random::number()?);
        let finish = FinishRun {
            run: attempt.run,
            status: concluded.status,
            next_attempt_at: concluded.next_attempt_at,
            output: record.output,
            error: record.error,
            logs: record.logs,
            requests: record.requests,
            usage: record.usage,
            duration: record.duration,
            kv_writes: record.kv_writes,
            now,
        };
        while let Err(error) = self.store.finish_run(finish.clone()).await {
            // Somebody who waits is told; else what was done is kept until there is room for it.
            if !matches!(error, store::Error::DiskFull) || attempt.patience != Patience::Queued {
                return Err(error);
            }
            self.clock.sleep(ROOM_LOOKED_FOR).await;
        }
        unfinished.finished();
        let attempted = Attempted {
            status: concluded.status,
            response: record.response,
        };
        if attempt.kind == RunKind::Webhook {
            self.ingress.replies.give(attempt.run, &attempted);
        }
        Ok(attempted)
    }
}

/// An attempt whose result is not stored. Dropped before it is, it cuts the
/// run short, as a crash would: whoever awaited it has gone.
struct Unfinished {
    engine: Option<Engine>,
    run: RunId,
}

impl Unfinished {
    fn new(engine: &Engine, run: RunId) -> Self {
        Self {
            engine: Some(engine.clone()),
            run,
        }
    }

    fn finished(mut self) {
        self.engine = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(engine) = self.engine.take() else {
            return;
        };
        let run = self.run;
        // Without a runtime the process is about to end, and the next owner does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let now = engine.clock.now();
                match engine.store.interrupt_run(run, now).await {
                    Ok(_) | Err(store::Error::NotFound(_)) => {}
                    Err(error) => {
                        tracing::warn!(run = run.0, %error, "an attempt could not be cut short");
                    }
                }
            });
        }
    }
}
