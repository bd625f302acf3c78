//! Runs: one execution of an action, a workflow or a webhook's handler, recorded from beginning to end.

mod attempt;
mod notes;
mod prepared;
mod record;
mod under_way;

use std::time::Duration;

use domain::declare::{Object, Trigger};
use domain::{
    ArtifactDigest, EnvironmentName, InputSchema, ObjectKind, ObjectName, Patience, Place,
    ProjectName, RunId, RunStatus, SchemaViolation,
};
use serde_json::Value;
use store::{QueueRun, RunKind, RunOn, RunRecord};

use crate::engine::Owner;
use crate::error::{ReadError, RunError};
use crate::recorder::field;
use crate::report::RunReport;

use attempt::Attempt;
pub(crate) use attempt::Attempted;
pub(crate) use prepared::{LiveObject, Prepared, Subject};
pub(crate) use under_way::UnderWay;

/// How long runs are kept, and how many per project and environment.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
const KEPT: u32 = 100_000;

/// Pruning reads every run, so it is done once in so many of them.
const PRUNED_EVERY: i64 = 256;

/// How often a run is prepared anew because a deploy has made something else live meanwhile.
const PREPARED_AT_MOST: u32 = 5;

/// What is to be run.
#[derive(Debug, Clone)]
pub struct ActionRun {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The action.
    pub action: String,
    /// Its input.
    pub input: Value,
}

/// A workflow that is to be run, as its trigger `request` allows.
#[derive(Debug, Clone)]
pub struct WorkflowRun {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The workflow.
    pub workflow: String,
    /// Its input, any JSON.
    pub input: Value,
}

/// On which artifact a run is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// On the one that is live.
    Current,
    /// On the one that it ran on.
    Original,
}

/// A run that somebody asks for.
struct Asked {
    project: ProjectName,
    environment: EnvironmentName,
    kind: RunKind,
    name: String,
    input: Value,
}

impl From<ActionRun> for Asked {
    fn from(run: ActionRun) -> Self {
        Self {
            project: run.project,
            environment: run.environment,
            kind: RunKind::Action,
            name: run.action,
            input: run.input,
        }
    }
}

impl From<WorkflowRun> for Asked {
    fn from(run: WorkflowRun) -> Self {
        Self {
            project: run.project,
            environment: run.environment,
            kind: RunKind::Workflow,
            name: run.workflow,
            input: run.input,
        }
    }
}

impl Owner {
    /// Runs an action on the live artifact and waits for its end.
    ///
    /// # Errors
    /// When the run could not begin; one that failed is reported with its status.
    pub async fn run(&self, request: ActionRun) -> Result<RunReport, RunError> {
        self.answer(request.into()).await
    }

    /// Runs a workflow that is triggered by requests and waits for its end.
    ///
    /// # Errors
    /// When the run could not begin; one that failed is reported with its status.
    pub async fn run_workflow(&self, request: WorkflowRun) -> Result<RunReport, RunError> {
        self.answer(request.into()).await
    }

    /// Puts a run of an action into the queue.
    ///
    /// # Errors
    /// When there is no such action, or its input is not valid.
    pub async fn submit(&self, request: ActionRun) -> Result<RunId, RunError> {
        self.queue(request.into()).await
    }

    /// Puts a run of a workflow that is triggered by requests into the queue.
    ///
    /// # Errors
    /// When there is no such workflow, or another trigger starts it.
    pub async fn submit_workflow(&self, request: WorkflowRun) -> Result<RunId, RunError> {
        self.queue(request.into()).await
    }

    async fn answer(&self, asked: Asked) -> Result<RunReport, RunError> {
        let place = self.place(&asked.project, &asked.environment).await?;
        let _admitted = self.under_way.admit(place).ok_or(RunError::Overloaded)?;
        for _ in 0..PREPARED_AT_MOST {
            let live = self.find(place, &asked).await?;
            check_input(&live.object, asked.input.clone()).await?;
            let patience = match &live.object {
                Object::Action(action) if action.idempotent => Patience::Repeatable,
                _ => Patience::Answered,
            };
            let run = QueueRun {
                trigger: "command".to_owned(),
                input: asked.input.to_string(),
                patience,
                ..QueueRun::new(place, asked.kind, live.name.clone(), self.clock.now())
            };
            let prepared = self.prepare(&live.subject(place, &asked), None).await?;
            if let Some(report) = self
                .begin_answered(run, RunOn::Live(live.artifact), prepared)
                .await?
            {
                return Ok(report);
            }
        }
        Err(RunError::Overtaken)
    }

    async fn queue(&self, asked: Asked) -> Result<RunId, RunError> {
        let place = self.place(&asked.project, &asked.environment).await?;
        let live = self.find(place, &asked).await?;
        check_input(&live.object, asked.input.clone()).await?;
        let run = QueueRun {
            trigger: "command".to_owned(),
            input: asked.input.to_string(),
            ..QueueRun::new(place, asked.kind, live.name, self.clock.now())
        };
        Ok(self.store.enqueue_run(run).await?)
    }

    async fn find(&self, place: Place, asked: &Asked) -> Result<LiveObject, RunError> {
        let live = self
            .live_object(
                place,
                (&asked.project, &asked.environment),
                asked.kind.object_kind(),
                &asked.name,
            )
            .await?;
        match &live.object {
            Object::Workflow(workflow) if workflow.trigger != Trigger::Request => {
                Err(RunError::OtherTrigger {
                    workflow: workflow.name.clone(),
                    trigger: trigger_label(&workflow.trigger),
                })
            }
            _ => Ok(live),
        }
    }

    /// Begins a run with its only attempt and waits for its end; `None` if
    /// what it was prepared for is not live any more.
    async fn begin_answered(
        &self,
        run: QueueRun,
        on: RunOn,
        prepared: Prepared,
    ) -> Result<Option<RunReport>, RunError> {
        let attempt = Attempt::first(&run);
        let Some(id) = self.store.begin_run(run, on).await? else {
            return Ok(None);
        };
        self.perform(attempt.of(id), prepared).await?;
        self.prune_now_and_then(id).await?;
        Ok(Some(self.run_report(id).await?))
    }

    /// Runs again what ran before, with the same input, and waits for its end.
    ///
    /// # Errors
    /// When there is no such run, or it could not begin.
    pub async fn replay(&self, run: RunId, on: Replay) -> Result<RunReport, RunError> {
        let record = self.recorded(run).await?;
        let _admitted = self
            .under_way
            .admit(record.place)
            .ok_or(RunError::Overloaded)?;
        for _ in 0..PREPARED_AT_MOST {
            let (artifact, on) = self.replayed_on(&record, on).await?;
            let (_, environment) = self.store.place_names(record.place).await?;
            let subject = Subject {
                place: record.place,
                environment: environment.name,
                artifact,
                kind: record.kind.object_kind(),
                name: record.object.clone(),
            };
            let prepared = self.prepare(&subject, record.user.as_ref()).await?;
            check_input(&prepared.object, field(&record.input)).await?;
            let again = QueueRun {
                trigger: "replay".to_owned(),
                user: record.user.clone(),
                input: record.input.clone(),
                patience: Patience::Answered,
                delivery: record.delivery,
                replay_of: Some(run),
                ..QueueRun::new(
                    record.place,
                    record.kind,
                    record.object.clone(),
                    self.clock.now(),
                )
            };
            if let Some(report) = self.begin_answered(again, on, prepared).await? {
                return Ok(report);
            }
        }
        Err(RunError::Overtaken)
    }

    async fn replayed_on(
        &self,
        record: &RunRecord,
        on: Replay,
    ) -> Result<(ArtifactDigest, RunOn), RunError> {
        match on {
            Replay::Original => {
                let artifact = record.artifact.ok_or(RunError::NeverRan(record.id))?;
                Ok((artifact, RunOn::Fixed(artifact)))
            }
            Replay::Current => {
                let (project, environment) = self.store.place_names(record.place).await?;
                let live = self
                    .live_object(
                        record.place,
                        (&project.name, &environment.name),
                        record.kind.object_kind(),
                        record.object.as_str(),
                    )
                    .await?;
                Ok((live.artifact, RunOn::Live(live.artifact)))
            }
        }
    }

    /// Cancels a run: one that waits starts no more, one that a crash
    /// interrupted is settled, and one that is under way is stopped.
    ///
    /// # Errors
    /// When there is no such run, or it is over.
    pub async fn cancel(&self, run: RunId) -> Result<RunReport, RunError> {
        // It may begin, or end an attempt, while it is looked at.
        for _ in 0..PREPARED_AT_MOST {
            match self.store.cancel_run(run, self.clock.now()).await {
                Ok(Ok(())) => return Ok(self.run_report(run).await?),
                Ok(Err(RunStatus::Running)) => {
                    let stopped = self.under_way.cancel(run).await;
                    let record = self.recorded(run).await?;
                    match record.status {
                        RunStatus::Cancelled => return Ok(self.run_report(run).await?),
                        status if !status.is_open() => {
                            return Err(RunError::NotCancellable { run, status });
                        }
                        // It has begun in the store, and in a moment it will have here.
                        _ if !stopped => tokio::task::yield_now().await,
                        _ => {}
                    }
                }
                Ok(Err(status)) => return Err(RunError::NotCancellable { run, status }),
                Err(store::Error::NotFound(_)) => return Err(ReadError::RunUnknown(run).into()),
                Err(error) => return Err(error.into()),
            }
        }
        let status = self.recorded(run).await?.status;
        Err(RunError::NotCancellable { run, status })
    }

    async fn recorded(&self, run: RunId) -> Result<RunRecord, RunError> {
        let record = self.store.run(run).await?;
        Ok(record.ok_or(ReadError::RunUnknown(run))?)
    }
}

impl crate::engine::Engine {
    /// Removes what is older, or more, than is kept.
    pub(crate) async fn prune_now_and_then(&self, run: RunId) -> Result<(), store::Error> {
        if run.0 % PRUNED_EVERY == 0 {
            let kept = i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
            let oldest = domain::Timestamp::from_millis(self.clock.now().as_millis() - kept);
            self.store.prune_runs(oldest, KEPT).await?;
            self.prune_deliveries().await?;
        }
        Ok(())
    }
}

/// Checks the input of an action; a workflow takes any JSON.
async fn check_input(object: &Object, input: Value) -> Result<(), RunError> {
    let Object::Action(action) = object else {
        return Ok(());
    };
    let schema = action.input.clone();
    let violations = check_schema(action.name.clone(), schema, input).await?;
    if violations.is_empty() {
        return Ok(());
    }
    Err(RunError::Input {
        action: action.name.clone(),
        violations,
    })
}

/// Checks a value off the async threads: a schema may be made to take its time.
pub(crate) async fn check_schema(
    object: String,
    schema: String,
    value: Value,
) -> Result<Vec<SchemaViolation>, store::Error> {
    let checked = tokio::task::spawn_blocking(move || {
        InputSchema::compile(&schema)
            .map(|schema| schema.check(&value).err().unwrap_or_default())
            .map_err(|error| store::Error::Corrupt(format!("the schema of {object}: {error}")))
    });
    match checked.await {
        Ok(checked) => checked,
        Err(error) => Err(store::Error::Corrupt(format!("checking a value: {error}"))),
    }
}

fn trigger_label(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Request => "request".to_owned(),
        Trigger::Webhook { name } => format!("webhook {name}"),
        Trigger::Event { name } => format!("event {name}"),
        Trigger::Schedule { cron, .. } => format!("schedule {cron}"),
    }
}

/// Names an object of a kind, for messages.
pub(crate) fn label(kind: ObjectKind, name: &ObjectName) -> String {
    format!("{kind} {name}")
}
