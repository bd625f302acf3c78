//! What is kept of a deploy, and how its row is read.

use std::time::Duration;

use domain::{
    ArtifactDigest, Capability, Change, DeployCause, DeployId, DeployListHash, DeployNumber,
    DeployStatus, Fingerprint, Message, ObjectName, Place, Plan, Stage, StageStatus, StepKind,
    Timestamp, Unconfigured, UserId, Wave,
};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use crate::columns::{from_json, json, number, rows, text, text_opt, time, time_opt};
use crate::{Error, columns};

/// A deploy that begins.
#[derive(Debug, Clone)]
pub struct NewDeploy {
    /// Where.
    pub place: Place,
    /// Why.
    pub cause: DeployCause,
    /// Who.
    pub actor: String,
    /// What people say of it.
    pub description: Option<String>,
    /// The version that people gave it.
    pub version: Option<String>,
    /// The deploy that it goes back to, of a rollback or compensation.
    pub rollback_of: Option<DeployNumber>,
    /// The present.
    pub now: Timestamp,
}

/// Why a deploy failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployFailure {
    /// A stable code.
    pub code: String,
    /// What happened, in words.
    pub message: String,
}

/// A stage that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageRecord {
    /// Which.
    pub stage: Stage,
    /// How it ended.
    pub status: StageStatus,
    /// How long it took.
    pub duration: Duration,
}

/// A subscription step as a plan shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionStepDocument {
    /// What it intends.
    pub kind: StepKind,
    /// The webhook.
    pub webhook: ObjectName,
    /// The connected user.
    pub user: Option<UserId>,
    /// When it may begin.
    pub wave: Wave,
    /// Why it is needed.
    pub reason: String,
}

/// A plan as it is kept with its deploy and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDocument {
    /// What happens to objects.
    pub changes: Vec<Change>,
    /// What happens to subscriptions.
    pub subscription_steps: Vec<SubscriptionStepDocument>,
    /// What is newly asked for.
    pub capabilities: Vec<Capability>,
    /// What people should know.
    pub messages: Vec<Message>,
    /// What the plan was made from.
    pub fingerprint: Fingerprint,
}

impl PlanDocument {
    /// Makes the document of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            changes: plan.changes.clone(),
            subscription_steps: plan
                .subscriptions
                .steps
                .iter()
                .map(|step| SubscriptionStepDocument {
                    kind: step.kind,
                    webhook: step.webhook.clone(),
                    user: step.user.clone(),
                    wave: step.wave,
                    reason: step.reason.clone(),
                })
                .collect(),
            capabilities: plan.capabilities.clone(),
            messages: plan.messages.clone(),
            fingerprint: plan.fingerprint,
        }
    }
}

/// A deploy of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployRecord {
    /// Its row.
    pub id: DeployId,
    /// Where.
    pub place: Place,
    /// Its number there.
    pub number: DeployNumber,
    /// Why.
    pub cause: DeployCause,
    /// How it stands.
    pub status: DeployStatus,
    /// Its artifact, once stored.
    pub artifact: Option<ArtifactDigest>,
    /// Its list's hash, once collected.
    pub list_hash: Option<DeployListHash>,
    /// The version that people gave it.
    pub version: Option<String>,
    /// What people say of it.
    pub description: Option<String>,
    /// Who.
    pub actor: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it went live.
    pub applied_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its stages that are over, in order.
    pub stages: Vec<StageRecord>,
    /// Why it failed.
    pub error: Option<DeployFailure>,
    /// Its plan, once applied.
    pub plan: Option<PlanDocument>,
    /// Webhooks that cannot be subscribed yet.
    pub unconfigured: Vec<Unconfigured>,
    /// The deploy that superseded steps of it.
    pub superseded_by: Option<DeployNumber>,
    /// Who dropped steps of it.
    pub forgotten_by: Option<String>,
    /// The deploy that it goes back to.
    pub rollback_of: Option<DeployNumber>,
    /// How many of its steps are open.
    pub open_steps: u32,
    /// Whether it is what is live there now.
    pub live: bool,
}

/// What is deployed in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployedVersion {
    /// Where.
    pub place: Place,
    /// Its artifact.
    pub artifact: ArtifactDigest,
    /// The version that people gave it.
    pub version: Option<String>,
    /// The deploy.
    pub deploy: DeployNumber,
    /// Since when.
    pub deployed_at: Timestamp,
    /// Whether its subscriptions are still being brought in step.
    pub settling: bool,
}

/// A deploy that was to be undone if a step failed, and is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingCompensation {
    /// Where.
    pub place: Place,
    /// The deploy's row.
    pub deploy: DeployId,
    /// The deploy.
    pub number: DeployNumber,
    /// The deploy to go back to; `None` for the empty list.
    pub previous: Option<DeployNumber>,
}

/// How a deploy that was to be undone if a step failed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtomicOutcome {
    /// It was undone.
    RolledBack,
    /// Undoing it failed, or was given up.
    Incomplete,
}

/// Says why a deploy was not ended.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// There is no such deploy.
    #[error("there is no such deploy")]
    Unknown,
    /// It is not in a state for this.
    #[error("deploy {number} is {status}, it cannot be {wanted}")]
    WrongState {
        /// The deploy.
        number: DeployNumber,
        /// How it stands.
        status: DeployStatus,
        /// What was to happen.
        wanted: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The columns that [`read`] needs.
pub(crate) const SELECT: &str = "SELECT d.*,
    (SELECT count(*) FROM steps s WHERE s.deploy = d.id
       AND s.state NOT IN ('done', 'superseded', 'forgotten')) AS open_steps,
    EXISTS (SELECT 1 FROM deployments c WHERE c.deploy = d.id AND c.ended_at IS NULL) AS live
    FROM deploys d";

/// Reads a deploy; its stages stand in other rows.
pub(crate) fn read(row: &Row<'_>) -> Result<DeployRecord, Error> {
    let error = match row.get::<_, Option<String>>("error_code")? {
        Some(code) => Some(DeployFailure {
            code,
            message: row.get("error_message")?,
        }),
        None => None,
    };
    let numbered = |column| -> Result<Option<DeployNumber>, Error> {
        Ok(row.get::<_, Option<i64>>(column)?.map(DeployNumber))
    };
    Ok(DeployRecord {
        id: DeployId(row.get("id")?),
        place: columns::place(row)?,
        number: DeployNumber(row.get("number")?),
        cause: text(row, "cause")?,
        status: text(row, "status")?,
        artifact: text_opt(row, "artifact")?,
        list_hash: text_opt(row, "list_hash")?,
        version: row.get("version")?,
        description: row.get("description")?,
        actor: row.get("actor")?,
        created_at: time(row, "created_at")?,
        applied_at: time_opt(row, "applied_at")?,
        finished_at: time_opt(row, "finished_at")?,
        stages: Vec::new(),
        error,
        plan: row
            .get::<_, Option<String>>("plan")?
            .map(|plan| from_json(&plan))
            .transpose()?,
        unconfigured: json(row, "unconfigured")?,
        superseded_by: numbered("superseded_by")?,
        forgotten_by: row.get("forgotten_by")?,
        rollback_of: numbered("rollback_of")?,
        open_steps: number(row, "open_steps")?,
        live: row.get("live")?,
    })
}

/// Adds the stages, in their order.
pub(crate) fn with_stages(tx: &Connection, deploy: DeployRecord) -> Result<DeployRecord, Error> {
    let mut stages = rows(
        tx,
        "SELECT * FROM deploy_stages WHERE deploy = ?1",
        [deploy.id.0],
        |row| {
            Ok(StageRecord {
                stage: text(row, "stage")?,
                status: text(row, "status")?,
                duration: columns::duration(row, "duration_us")?,
            })
        },
    )?;
    stages.sort_by_key(|record| record.stage);
    Ok(DeployRecord { stages, ..deploy })
}
