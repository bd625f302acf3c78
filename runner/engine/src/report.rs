//! What the use cases report: the shapes that the command line and the API show.
//!
//! Field names are stable; units stand in the name.

use domain::{
    ArtifactDigest, Capability, Change, DeliveryId, DeployCause, DeployListHash, DeployNumber,
    DeployStatus, Fingerprint, LogLevel, Message, ObjectKind, RegistrationId, RegistrationState,
    RunId, RunStatus, Stage, StageStatus, StepId, StepKind, StepState, Timestamp, UserId,
    ValueKind,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::deliveries::AddressReport;

/// A stage of a deploy that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageReport {
    /// Which.
    pub name: Stage,
    /// How long it took.
    pub duration_ms: u64,
    /// How it ended.
    pub status: StageStatus,
}

/// A step as a plan shows it before it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStepReport {
    /// What it intends.
    pub action: StepKind,
    /// The webhook.
    pub webhook: String,
    /// The connected user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The registration it works on; none where that is to be created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationId>,
    /// The wave it belongs to, from 1.
    pub wave: u8,
    /// Why it is needed.
    pub reason: String,
}

/// A step of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its id.
    pub step: StepId,
    /// What it intends.
    pub action: StepKind,
    /// The webhook.
    pub webhook: String,
    /// The connected user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The registration it works on.
    pub registration: RegistrationId,
    /// How far it has come.
    pub state: StepState,
    /// Attempts of the intended call so far.
    pub attempts: u32,
    /// When it is attempted next.
    pub next_attempt_at: Option<Timestamp>,
    /// Why the last attempt was not the last.
    pub last_error: Option<String>,
    /// The steps it waits for.
    pub waits_for: Vec<StepId>,
    /// The values it cannot start without.
    pub awaiting: Vec<String>,
}

/// What a plan found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReport {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The artifact that would become live.
    pub artifact: ArtifactDigest,
    /// Its deploy list's hash.
    pub deploy_list_hash: DeployListHash,
    /// What would happen to objects.
    pub changes: Vec<Change>,
    /// What would be called at third parties.
    pub subscription_steps: Vec<PlannedStepReport>,
    /// What is newly asked for.
    pub capabilities: Vec<Capability>,
    /// What people should know.
    pub messages: Vec<Message>,
    /// What the plan was made from.
    pub fingerprint: Fingerprint,
}

impl PlanReport {
    /// Returns whether a deploy would change something.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty() || !self.subscription_steps.is_empty()
    }
}

/// How a deploy ended, or stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployReport {
    /// Its number.
    pub deploy: DeployNumber,
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// Its status.
    pub status: DeployStatus,
    /// Why it was made.
    pub cause: DeployCause,
    /// The artifact; absent where none was built.
    pub artifact: Option<ArtifactDigest>,
    /// The deploy list's hash; absent where none was collected.
    pub deploy_list_hash: Option<DeployListHash>,
    /// The version given, or derived from the source's commit or the digest.
    pub version: Option<String>,
    /// What the deployer said of it.
    pub description: Option<String>,
    /// Who deployed.
    pub actor: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its stages so far.
    pub stages: Vec<StageReport>,
    /// What happened to objects.
    pub changes: Vec<Change>,
    /// Its steps, as they stand.
    pub subscription_steps: Vec<StepReport>,
    /// What is newly asked for.
    pub capabilities: Vec<Capability>,
    /// What people should know.
    pub messages: Vec<Message>,
    /// Webhooks that cannot be subscribed yet, each with what is missing.
    pub unconfigured: Vec<domain::Unconfigured>,
    /// The later deploy that took its open steps.
    pub superseded_by: Option<DeployNumber>,
    /// Who dropped one of its steps.
    pub forgotten_by: Option<String>,
    /// The deploy that it goes back to, or that it undoes.
    pub rollback_of: Option<DeployNumber>,
    /// Why it failed.
    pub error: Option<ErrorReport>,
}

/// An error that is stored with what it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// Its stable code.
    pub code: String,
    /// What happened, in words.
    pub message: String,
}

/// A line of a deploy's or a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogReport {
    /// Counts from 1.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// How weighty.
    pub level: LogLevel,
    /// The stage, in a deploy's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// The object it concerns, as `kind name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What.
    pub message: String,
    /// Structured fields.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub fields: Value,
}

/// An object as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectReport {
    /// Its id, which stays the same.
    pub id: domain::ObjectId,
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// `live` or `disabled`.
    pub state: String,
    /// Its declaration.
    pub declaration: Value,
    /// The addresses of a webhook that nobody subscribes for; only when one object is shown.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub addresses: Vec<AddressReport>,
}

/// A registration as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationReport {
    /// Its id.
    pub registration: RegistrationId,
    /// The webhook.
    pub webhook: String,
    /// The connected user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Where it stands.
    pub state: RegistrationState,
    /// The artifact that subscribed, or that is to.
    pub artifact: ArtifactDigest,
    /// The deploy by which that artifact came.
    pub deploy: DeployNumber,
    /// What the subscription was made from.
    pub props: Value,
    /// Whether a repeated call may have left a second subscription at the provider.
    pub possible_double: bool,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Since when no subscription delivers.
    pub down_since: Option<Timestamp>,
    /// Since when no delivery came, once that is longer than the webhook declares.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub silent_since: Option<Timestamp>,
    /// Why its last attempt was not the last.
    pub last_error: Option<String>,
    /// When something happens to it next.
    pub next_attempt_at: Option<Timestamp>,
    /// Its open steps.
    pub steps: Vec<StepReport>,
    /// What happened to it, oldest first; only when one registration is shown.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub history: Vec<HistoryReport>,
}

/// One event in the life of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryReport {
    /// When.
    pub time: Timestamp,
    /// What, in words.
    pub event: String,
}

/// A value as it may be shown: never a secret's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueReport {
    /// Its kind.
    pub kind: ValueKind,
    /// Its name.
    pub name: String,
    /// Whether it has a value.
    pub set: bool,
    /// Its version; counts every change.
    pub version: Option<u64>,
    /// When it was set last.
    pub set_at: Option<Timestamp>,
    /// The content of a variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The live objects that use it, as `kind name`.
    pub used_by: Vec<String>,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentReport {
    /// Its name.
    pub name: String,
    /// The address that providers deliver to.
    pub public_url: Option<String>,
    /// Private hosts that guests may call.
    pub allowed_hosts: Vec<String>,
    /// Since when it is.
    pub created_at: Timestamp,
}

/// What is live, what is pending and what is wrong in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The live deploy.
    pub live: Option<DeploySummary>,
    /// Live objects by kind.
    pub objects: std::collections::BTreeMap<String, u64>,
    /// Steps that are owed.
    pub steps: Vec<StepReport>,
    /// Registrations of which the provider may hold more than is known: possible orphans and doubles.
    pub doubtful: Vec<RegistrationReport>,
    /// Webhooks that cannot be subscribed yet.
    pub unconfigured: Vec<domain::Unconfigured>,
    /// Reconfigure deploys that are due.
    pub reconfigure_due: Vec<String>,
    /// Who owns the data directory, if anybody.
    pub owner: Option<String>,
    /// What is wrong or waits for somebody, in words.
    pub notes: Vec<String>,
}

/// A deploy in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploySummary {
    /// Its number.
    pub deploy: DeployNumber,
    /// Its status.
    pub status: DeployStatus,
    /// Why it was made.
    pub cause: DeployCause,
    /// Its artifact.
    pub artifact: Option<ArtifactDigest>,
    /// Its version.
    pub version: Option<String>,
    /// Who deployed.
    pub actor: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Whether its objects are live.
    pub live: bool,
    /// The later deploy that took its open steps.
    pub superseded_by: Option<DeployNumber>,
    /// Why it failed.
    pub error: Option<ErrorReport>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Its id.
    pub run: RunId,
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// What ran, as `kind name`.
    pub object: String,
    /// What started it.
    pub trigger: String,
    /// How it stands, or ended.
    pub status: RunStatus,
    /// The artifact of the last attempt; none before the first.
    pub artifact: Option<ArtifactDigest>,
    /// The input.
    pub input: Value,
    /// The output.
    pub output: Option<Value>,
    /// Why it failed.
    pub error: Option<ErrorReport>,
    /// When it came into being.
    pub queued_at: Timestamp,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it is attempted next, where it waits for that.
    pub next_attempt_at: Option<Timestamp>,
    /// Wall time of the last attempt.
    pub duration_ms: u64,
    /// CPU time.
    pub cpu_ms: u64,
    /// The most memory that the guest had.
    pub peak_memory_bytes: u64,
    /// Attempts so far, the one under way included.
    pub attempts: u32,
    /// The connected user that it is for.
    pub user: Option<String>,
    /// The run that it repeats.
    pub replay_of: Option<RunId>,
    /// The run whose output is its input.
    pub parent: Option<RunId>,
    /// The delivery that it handles.
    pub delivery: Option<DeliveryId>,
    /// The attempts that are over; empty in lists.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub history: Vec<RunAttemptReport>,
    /// Requests that it sent.
    pub requests: Vec<RequestReport>,
}

/// An attempt of a run that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAttemptReport {
    /// Counts from 1.
    pub attempt: u32,
    /// The artifact that ran.
    pub artifact: ArtifactDigest,
    /// `succeeded`, `failed`, `cancelled` or `interrupted`.
    pub outcome: RunStatus,
    /// Why it failed.
    pub error: Option<ErrorReport>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Wall time.
    pub duration_ms: u64,
    /// CPU time.
    pub cpu_ms: u64,
    /// The most memory that the guest had.
    pub peak_memory_bytes: u64,
}

/// A request that a guest sent, or tried to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestReport {
    /// The method.
    pub method: String,
    /// Host and port.
    pub host: String,
    /// The response's status.
    pub status: Option<u16>,
    /// From sending to the end of the response.
    pub duration_ms: u64,
    /// Why it was not sent or not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactReport {
    /// Its digest.
    pub artifact: ArtifactDigest,
    /// Its size.
    pub size_bytes: u64,
    /// When it was stored.
    pub created_at: Timestamp,
    /// Why it stays; empty where nothing needs it.
    pub kept_for: Vec<String>,
    /// Whether it was removed, or would be.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub removed: bool,
}

/// A lease on a project and environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockReport {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// Who holds it.
    pub holder: String,
    /// Since when.
    pub acquired_at: Timestamp,
    /// When its holder was heard of last.
    pub heartbeat_at: Timestamp,
    /// When it ends if its holder is heard of no more.
    pub expires_at: Timestamp,
}

/// One finding of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// What was checked.
    pub check: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found.
    pub detail: String,
}

/// What a change of a value led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueChangeReport {
    /// The value, as it may be shown.
    pub value: ValueReport,
    /// Whether anything changed.
    pub changed: bool,
    /// The reconfigure deploy that followed, if live objects use it.
    pub reconfigure: Option<DeployReport>,
}
