//! Runs: one execution of an action, recorded from beginning to end.

use std::sync::Arc;
use std::time::Duration;

use domain::declare::{Action, Object};
use domain::{
    ArtifactDigest, EnvironmentName, InputSchema, LiveDeploy, ObjectKey, ObjectKind, ObjectName,
    Place, ProjectName, RunId, RunStatus,
};
use sandbox::{Call, Failure, Output, Report, RunContext};
use serde_json::Value;
use store::{FinishRun, QueueRun, RunKind, RunLogLine, RunOn, RunRequest, RunUsage};

use crate::code::Code;
use crate::engine::Owner;
use crate::error::{ReadError, RunError};
use crate::grants::{self, Scope};
use crate::kv::StoredKv;
use crate::props::value_label;
use crate::recorder::{LOG_FULL, field};
use crate::report::RunReport;

/// How long runs are kept, and how many per project and environment.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
const KEPT: u32 = 100_000;

/// Pruning reads every run, so it is done once in so many of them.
const PRUNED_EVERY: i64 = 256;

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

/// On which artifact a run is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// On the one that is live.
    Current,
    /// On the one that it ran on.
    Original,
}

/// A run that is about to begin.
struct Start {
    place: Place,
    environment: EnvironmentName,
    artifact: ArtifactDigest,
    action: ObjectName,
    input: Value,
    trigger: &'static str,
    replay_of: Option<RunId>,
}

impl Owner {
    /// Runs an action on the live artifact.
    ///
    /// # Errors
    /// When the run could not begin; one that failed is reported with its status.
    pub async fn run(&self, request: ActionRun) -> Result<RunReport, RunError> {
        let place = self.place(&request.project, &request.environment).await?;
        let live = self
            .live_action(
                place,
                &request.project,
                &request.environment,
                &request.action,
            )
            .await?;
        self.start(Start {
            place,
            environment: request.environment,
            artifact: live.0.artifact,
            action: live.1,
            input: request.input,
            trigger: "command",
            replay_of: None,
        })
        .await
    }

    /// Runs again what ran before, with the same input.
    ///
    /// # Errors
    /// When there is no such run, or it could not begin.
    pub async fn replay(&self, run: RunId, on: Replay) -> Result<RunReport, RunError> {
        let record = self
            .store
            .run(run)
            .await?
            .ok_or(ReadError::RunUnknown(run))?;
        let (project, environment) = self.store.place_names(record.place).await?;
        let artifact = match on {
            Replay::Original => record.artifact.ok_or(RunError::NeverRan(run))?,
            Replay::Current => {
                let name = record.object.as_str();
                self.live_action(record.place, &project.name, &environment.name, name)
                    .await?
                    .0
                    .artifact
            }
        };
        self.start(Start {
            place: record.place,
            environment: environment.name,
            artifact,
            action: record.object,
            input: field(&record.input),
            trigger: "replay",
            replay_of: Some(run),
        })
        .await
    }

    /// Cancels a run that a crash interrupted, so that nothing tries it again.
    ///
    /// # Errors
    /// When there is no such run, or it is over.
    pub async fn cancel(&self, run: RunId) -> Result<RunReport, RunError> {
        let record = self
            .store
            .run(run)
            .await?
            .ok_or(ReadError::RunUnknown(run))?;
        match record.status {
            RunStatus::Interrupted | RunStatus::Queued | RunStatus::Retrying => {
                if let Err(status) = self.store.cancel_run(run, self.clock.now()).await? {
                    return Err(RunError::NotCancellable { run, status });
                }
                Ok(self.run_report(run).await?)
            }
            // The owner is this process, so nothing else is running it.
            RunStatus::Running
            | RunStatus::Succeeded
            | RunStatus::Failed
            | RunStatus::Dead
            | RunStatus::Cancelled => Err(RunError::NotCancellable {
                run,
                status: record.status,
            }),
        }
    }

    /// Finds a live action; one of the artifact that is disabled does not count.
    async fn live_action(
        &self,
        place: Place,
        project: &ProjectName,
        environment: &EnvironmentName,
        action: &str,
    ) -> Result<(LiveDeploy, ObjectName), RunError> {
        let live = self
            .store
            .live(place)
            .await?
            .ok_or_else(|| ReadError::NothingLive {
                project: project.clone(),
                environment: environment.clone(),
            })?;
        if let Ok(name) = action.parse::<ObjectName>() {
            let key = ObjectKey {
                kind: ObjectKind::Action,
                name: name.clone(),
            };
            if self.store.is_live(place, key).await? {
                return Ok((live, name));
            }
        }
        let names = self.live_names(place, ObjectKind::Action).await?;
        Err(ReadError::ObjectUnknown {
            kind: ObjectKind::Action,
            name: action.to_owned(),
            environment: environment.clone(),
            similar: crate::shape::similar(action, &names),
        }
        .into())
    }

    async fn start(&self, start: Start) -> Result<RunReport, RunError> {
        let list = self.list_of(start.artifact).await?;
        let item = list
            .find(ObjectKind::Action, start.action.as_str())
            .ok_or_else(|| ReadError::ObjectUnknown {
                kind: ObjectKind::Action,
                name: start.action.to_string(),
                environment: start.environment.clone(),
                similar: Vec::new(),
            })?;
        let Object::Action(action) = &item.object else {
            return Err(store::Error::Corrupt(format!("{} is no action", item.key)).into());
        };
        check_input(action.clone(), start.input.clone()).await?;
        let values = self.values(start.place, &list).await?;
        let missing = grants::missing(&item.object, &values, None);
        if !missing.is_empty() {
            return Err(RunError::Unconfigured {
                object: item.key.to_string(),
                missing: missing.iter().map(value_label).collect(),
            });
        }
        let guest = self.guest(start.artifact).await?;
        let environment = self.environment(&start.environment).await?;
        let scope = Scope {
            environment: environment.name.as_str(),
            allowed_private: &environment.allowed_hosts,
            list: &list,
            values: &values,
            recorded: None,
            user: None,
            kv: Some(Arc::new(StoredKv::new(self.store.clone(), start.place))),
            limits: self.limits.operations,
        };
        let granted = grants::grant(&item.object, &scope);
        let input = start.input.to_string();
        let run = self
            .store
            .begin_run(
                QueueRun {
                    trigger: start.trigger.to_owned(),
                    input: input.clone(),
                    patience: domain::Patience::Answered,
                    replay_of: start.replay_of,
                    ..QueueRun::new(
                        start.place,
                        RunKind::Action,
                        start.action.clone(),
                        self.clock.now(),
                    )
                },
                RunOn::Fixed(start.artifact),
            )
            .await?
            .ok_or_else(|| store::Error::Corrupt("a run did not begin".to_owned()))?;
        let call = Call::RunAction {
            name: start.action.to_string(),
            input,
            context: RunContext {
                run: run.to_string(),
                attempt: 1,
                idempotency_key: format!("run-{run}"),
                user: None,
            },
        };
        let report = guest.call(call, granted).await;
        self.finish_run(run, report).await?;
        Ok(self.run_report(run).await?)
    }

    async fn finish_run(&self, run: RunId, report: Report) -> Result<(), store::Error> {
        let now = self.clock.now();
        let started = self.clock.now().as_millis()
            - i64::try_from(report.usage.wall.as_millis()).unwrap_or(i64::MAX);
        let (status, output, error) = match &report.outcome {
            Ok(Output::Run(output)) => (RunStatus::Succeeded, Some(output.clone()), None),
            Ok(_) => (
                RunStatus::Failed,
                None,
                Some(store::RunError {
                    code: Code::RunFailed.as_str().to_owned(),
                    message: "it gave the answer of another operation".to_owned(),
                    retryable: false,
                }),
            ),
            Err(failure) => (RunStatus::Failed, None, Some(run_error(failure))),
        };
        let logs = run_log(&report, started);
        self.store
            .finish_run(FinishRun {
                run,
                status,
                next_attempt_at: None,
                output,
                error,
                logs,
                requests: report.requests.iter().map(stored_request).collect(),
                usage: RunUsage {
                    cpu: report.usage.cpu,
                    peak_memory: report.usage.peak_memory_bytes,
                },
                duration: report.usage.wall,
                kv_writes: crate::kv::writes(&report.kv_writes),
                now,
            })
            .await?;
        if run.0 % PRUNED_EVERY == 0 {
            let oldest = now.as_millis() - i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
            let oldest = domain::Timestamp::from_millis(oldest);
            self.store.prune_runs(oldest, KEPT).await?;
        }
        Ok(())
    }
}

/// Turns what a guest logged into what is stored; a full log ends with a remark of the host.
fn run_log(report: &Report, started: i64) -> Vec<RunLogLine> {
    let at = |since: Duration| {
        let since = i64::try_from(since.as_millis()).unwrap_or(0);
        domain::Timestamp::from_millis(started.saturating_add(since))
    };
    let mut lines: Vec<RunLogLine> = report
        .log
        .lines
        .iter()
        .map(|line| RunLogLine {
            at: at(line.at),
            level: line.level,
            message: line.message.clone(),
            fields: line
                .fields
                .iter()
                .map(|(name, value)| (name.clone(), field(value)))
                .collect(),
        })
        .collect();
    if report.log.truncated {
        lines.push(RunLogLine {
            at: at(report.usage.wall),
            level: domain::LogLevel::Warn,
            message: LOG_FULL.to_owned(),
            fields: serde_json::Map::new(),
        });
    }
    lines
}

fn stored_request(record: &sandbox::RequestRecord) -> RunRequest {
    RunRequest {
        method: record.method.clone(),
        host: record.origin.clone(),
        status: record.status,
        duration: record.duration,
        error: record.error.clone(),
    }
}

fn run_error(failure: &Failure) -> store::RunError {
    let (code, retryable) = match failure {
        Failure::Guest { retryable, .. } => (Code::RunFailed, *retryable),
        Failure::Trap(_) | Failure::BadContract { .. } => (Code::RunTrapped, false),
        Failure::Limit { .. } => (Code::LimitExceeded, false),
        Failure::Host { .. } => (Code::SandboxFailed, true),
    };
    store::RunError {
        code: code.as_str().to_owned(),
        message: failure.to_string(),
        retryable,
    }
}

/// Checks an input off the async threads: a schema may be made to take its time.
async fn check_input(action: Action, input: Value) -> Result<(), RunError> {
    let checked = tokio::task::spawn_blocking(move || {
        let schema = InputSchema::compile(&action.input).map_err(|error| {
            store::Error::Corrupt(format!("the input schema of {}: {error}", action.name))
        })?;
        schema.check(&input).map_err(|violations| RunError::Input {
            action: action.name.clone(),
            violations,
        })
    });
    match checked.await {
        Ok(checked) => checked,
        Err(error) => Err(store::Error::Corrupt(format!("checking the input: {error}")).into()),
    }
}
