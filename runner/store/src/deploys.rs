//! Deploys: their rows from beginning to end, and what is deployed where.

use std::time::Duration;

use domain::{
    ArtifactDigest, Capability, Change, DeployCause, DeployId, DeployListHash, DeployNumber,
    DeployStatus, Fingerprint, Message, ObjectName, Place, Plan, Stage, StageStatus, StepKind,
    Timestamp, Unconfigured, UserId, Wave,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Store};

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
    /// Every step was done: it stays.
    Kept,
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

impl Store {
    /// Begins a deploy: gives it a number and a row that says `running`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_deploy(&self, new: NewDeploy) -> Result<(DeployId, DeployNumber), Error> {
        let _ = new;
        todo!()
    }

    /// Notes what a running deploy is of, as soon as it is known.
    ///
    /// # Errors
    /// When there is no such deploy, or the store fails.
    pub async fn deploy_is_of(
        &self,
        deploy: DeployId,
        artifact: ArtifactDigest,
        list_hash: Option<DeployListHash>,
    ) -> Result<(), DeployError> {
        let _ = (deploy, artifact, list_hash);
        todo!()
    }

    /// Notes that a stage is over; repeating a stage replaces its record.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stage_finished(&self, deploy: DeployId, stage: StageRecord) -> Result<(), Error> {
        let _ = (deploy, stage);
        todo!()
    }

    /// Ends a deploy that changed nothing.
    ///
    /// # Errors
    /// When it is over or live already, or the store fails.
    pub async fn fail_deploy(
        &self,
        deploy: DeployId,
        failure: DeployFailure,
        now: Timestamp,
    ) -> Result<(), DeployError> {
        let _ = (deploy, failure, now);
        todo!()
    }

    /// Ends the settling of a deploy that is live: its status follows from the journal.
    ///
    /// # Errors
    /// When it was not applied, or the store fails.
    pub async fn conclude_deploy(
        &self,
        deploy: DeployId,
        now: Timestamp,
    ) -> Result<DeployStatus, DeployError> {
        let _ = (deploy, now);
        todo!()
    }

    /// Returns at most `limit` deploys of a place below a number, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deploys(
        &self,
        place: Place,
        before: Option<DeployNumber>,
        limit: u32,
    ) -> Result<Vec<DeployRecord>, Error> {
        let _ = (place, before, limit);
        todo!()
    }

    /// Returns a deploy by its number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deploy(
        &self,
        place: Place,
        number: DeployNumber,
    ) -> Result<Option<DeployRecord>, Error> {
        let _ = (place, number);
        todo!()
    }

    /// Returns the last deploy that was live with another artifact than what is live now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn last_live_with_another_artifact(
        &self,
        place: Place,
    ) -> Result<Option<DeployRecord>, Error> {
        let _ = place;
        todo!()
    }

    /// Returns what is deployed, in one place or everywhere.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deployed(&self, place: Option<Place>) -> Result<Vec<DeployedVersion>, Error> {
        let _ = place;
        todo!()
    }

    /// Returns the deploys that were to be undone if a step failed and are not settled.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pending_compensations(&self) -> Result<Vec<PendingCompensation>, Error> {
        todo!()
    }

    /// Settles the intent to undo a deploy.
    ///
    /// # Errors
    /// When the deploy has no such intent, or the store fails.
    pub async fn settle_atomic(
        &self,
        deploy: DeployId,
        outcome: AtomicOutcome,
        now: Timestamp,
    ) -> Result<(), DeployError> {
        let _ = (deploy, outcome, now);
        todo!()
    }
}
