//! How what is stored is reported.

use std::collections::BTreeMap;

use domain::{ObjectName, PlannedStep, Step, StepState, Target};
use store::{DeployRecord, Fate, KeepReason, RegistrationView, StoredArtifact};

use crate::props::public_url;
use crate::recorder::field;
use crate::report::{
    ArtifactReport, DeployReport, DeploySummary, EnvironmentReport, ErrorReport, HistoryReport,
    PlannedStepReport, RegistrationReport, RequestReport, RunAttemptReport, RunReport, StageReport,
    StepReport,
};

/// How much of a registration is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// As in a list.
    Brief,
    /// With its history.
    Full,
}

pub(crate) fn fields(fields: serde_json::Map<String, serde_json::Value>) -> serde_json::Value {
    if fields.is_empty() {
        serde_json::Value::Null
    } else {
        serde_json::Value::Object(fields)
    }
}

pub(crate) fn planned_step(step: &PlannedStep) -> PlannedStepReport {
    PlannedStepReport {
        action: step.kind,
        webhook: step.webhook.to_string(),
        user: step.user.clone(),
        registration: match step.target {
            Target::Existing(id) => Some(id),
            Target::New(_) => None,
        },
        wave: step.wave.number(),
        reason: step.reason.clone(),
    }
}

pub(crate) fn step_report(step: &Step) -> StepReport {
    let ended = !step.state.is_open();
    StepReport {
        step: step.id,
        action: step.kind,
        webhook: step.webhook.to_string(),
        user: step.subject.user.clone(),
        registration: step.registration,
        state: step.state,
        attempts: step.attempts,
        next_attempt_at: step.next_attempt_at.filter(|_| !ended),
        last_error: step.last_error.clone(),
        waits_for: step.waits_for.clone(),
        awaiting: step.awaiting.clone(),
    }
}

pub(crate) fn deploy_report(
    record: DeployRecord,
    steps: &[Step],
    project: &str,
    environment: &str,
) -> DeployReport {
    let plan = record.plan;
    DeployReport {
        deploy: record.number,
        project: project.to_owned(),
        environment: environment.to_owned(),
        status: record.status,
        cause: record.cause,
        artifact: record.artifact,
        deploy_list_hash: record.list_hash,
        version: record.version,
        description: record.description,
        actor: record.actor,
        started_at: record.created_at,
        finished_at: record.finished_at,
        stages: record
            .stages
            .iter()
            .map(|stage| StageReport {
                name: stage.stage,
                duration_ms: u64::try_from(stage.duration.as_millis()).unwrap_or(u64::MAX),
                status: stage.status,
            })
            .collect(),
        changes: plan
            .as_ref()
            .map(|plan| plan.changes.clone())
            .unwrap_or_default(),
        subscription_steps: steps.iter().map(step_report).collect(),
        capabilities: plan
            .as_ref()
            .map(|plan| plan.capabilities.clone())
            .unwrap_or_default(),
        messages: plan.map(|plan| plan.messages).unwrap_or_default(),
        unconfigured: record.unconfigured,
        superseded_by: record.superseded_by,
        forgotten_by: record.forgotten_by,
        rollback_of: record.rollback_of,
        error: record.error.map(|error| ErrorReport {
            code: error.code,
            message: error.message,
        }),
    }
}

pub(crate) fn deploy_summary(record: DeployRecord) -> DeploySummary {
    DeploySummary {
        deploy: record.number,
        status: record.status,
        cause: record.cause,
        artifact: record.artifact,
        version: record.version,
        actor: record.actor,
        started_at: record.created_at,
        finished_at: record.finished_at,
        live: record.live,
        superseded_by: record.superseded_by,
        error: record.error.map(|error| ErrorReport {
            code: error.code,
            message: error.message,
        }),
    }
}

pub(crate) fn registration_report(view: RegistrationView, detail: Detail) -> RegistrationReport {
    let open: Vec<&Step> = view
        .steps
        .iter()
        .map(|view| &view.step)
        .filter(|step| step.state.is_open())
        .collect();
    let registration = view.registration;
    RegistrationReport {
        registration: registration.id,
        webhook: registration.webhook.to_string(),
        user: registration.subject.user,
        state: registration.state,
        artifact: registration.owner,
        deploy: registration.deploy,
        props: field(&registration.basis.props),
        possible_double: registration.possible_double,
        expires_at: registration.expires_at,
        down_since: registration.down_since,
        silent_since: None,
        last_error: open.iter().rev().find_map(|step| step.last_error.clone()),
        next_attempt_at: open
            .iter()
            .filter(|step| step.state != StepState::Running)
            .filter_map(|step| step.next_attempt_at)
            .min(),
        steps: open.into_iter().map(step_report).collect(),
        history: match detail {
            Detail::Brief => Vec::new(),
            Detail::Full => view
                .history
                .into_iter()
                .map(|event| HistoryReport {
                    time: event.at,
                    event: [Some(event.event), event.detail, event.actor]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                        .join(": "),
                })
                .collect(),
        },
    }
}

/// Shapes an attempt that is over.
pub(crate) fn run_attempt_report(attempt: store::RunAttemptRecord) -> RunAttemptReport {
    RunAttemptReport {
        attempt: attempt.number,
        artifact: attempt.artifact,
        outcome: attempt.outcome,
        error: attempt
            .error
            .map(|(code, message)| ErrorReport { code, message }),
        started_at: attempt.started_at,
        finished_at: attempt.ended_at,
        duration_ms: millis(attempt.duration),
        cpu_ms: millis(attempt.usage.cpu),
        peak_memory_bytes: attempt.usage.peak_memory,
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn run_report(
    record: store::RunRecord,
    project: &str,
    environment: &str,
    requests: Vec<store::RunRequest>,
) -> RunReport {
    let kind = record.kind.as_str();
    RunReport {
        run: record.id,
        project: project.to_owned(),
        environment: environment.to_owned(),
        object: format!("{kind} {}", record.object),
        trigger: record.trigger,
        status: record.status,
        artifact: record.artifact,
        input: field(&record.input),
        output: record.output.as_deref().map(field),
        error: record.error.map(|error| ErrorReport {
            code: error.code,
            message: error.message,
        }),
        queued_at: record.queued_at,
        started_at: record.started_at,
        finished_at: record.finished_at,
        next_attempt_at: record.next_attempt_at,
        duration_ms: record.duration.map_or(0, millis),
        cpu_ms: millis(record.usage.cpu),
        peak_memory_bytes: record.usage.peak_memory,
        attempts: record.attempts,
        user: record.user.map(|user| user.0),
        replay_of: record.replay_of,
        parent: record.parent,
        delivery: record.delivery,
        history: Vec::new(),
        requests: requests
            .into_iter()
            .map(|request| RequestReport {
                method: request.method,
                host: request.host,
                status: request.status,
                duration_ms: millis(request.duration),
                error: request.error,
            })
            .collect(),
    }
}

pub(crate) fn environment_report(environment: store::Environment) -> EnvironmentReport {
    EnvironmentReport {
        public_url: public_url(&environment.name, environment.public_url.as_deref()),
        name: environment.name.to_string(),
        allowed_hosts: environment
            .allowed_hosts
            .iter()
            .map(ToString::to_string)
            .collect(),
        created_at: environment.created_at,
    }
}

pub(crate) fn artifact_reports(
    stored: Vec<StoredArtifact>,
    collected: Vec<store::Collected>,
) -> Vec<ArtifactReport> {
    let fates: BTreeMap<_, _> = collected
        .into_iter()
        .map(|collected| (collected.digest, collected.fate))
        .collect();
    stored
        .into_iter()
        .map(|artifact| {
            let fate = fates.get(&artifact.digest);
            ArtifactReport {
                artifact: artifact.digest,
                size_bytes: artifact.size,
                created_at: artifact.created_at,
                kept_for: match fate {
                    Some(Fate::Kept(reasons)) => reasons.iter().map(keep_reason).collect(),
                    Some(Fate::Removed) | None => Vec::new(),
                },
                removed: fate == Some(&Fate::Removed),
            }
        })
        .collect()
}

fn keep_reason(reason: &KeepReason) -> String {
    match reason {
        KeepReason::Live(project, environment) => format!("live: {project} in {environment}"),
        KeepReason::Deploy(project, environment, number) => {
            format!("deploy {number} of {project} in {environment}")
        }
        KeepReason::Registration(id) => format!("registration {id}"),
        KeepReason::Run(id) => format!("run {id}"),
        KeepReason::New => "stored within the last hour".to_owned(),
    }
}

/// Finds the names that a misspelt one may have meant, best first.
pub(crate) fn similar(name: &str, names: &[ObjectName]) -> Vec<String> {
    let mut close: Vec<(usize, &str)> = names
        .iter()
        .map(|other| (strsim::levenshtein(name, other.as_str()), other.as_str()))
        .filter(|(distance, other)| *distance <= 1 + other.len() / 3)
        .collect();
    close.sort_unstable();
    close
        .into_iter()
        .take(3)
        .map(|(_, other)| other.to_owned())
        .collect()
}
