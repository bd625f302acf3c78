//! The transaction that makes a deploy live: all of it or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{
    ArtifactDigest, CheckedList, DeployId, DeployNumber, Fingerprint, Place, Plan, RegistrationId,
    Secret, StepId, Timestamp,
};

use crate::{Error, LeaseToken, Store};

/// What a new registration gets that only the caller can make.
#[derive(Debug, Clone)]
pub struct NewRegistrationSecrets {
    /// The random token of its endpoint's address.
    pub token: Secret,
    /// The key that the provider may use to recognise a repeated request.
    pub key: String,
    /// The variables that its owner's webhook sees now.
    pub variables: BTreeMap<String, String>,
}

/// The intent to undo a deploy if a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtomicIntent {
    /// The deploy to go back to; `None` for the empty list.
    pub previous: Option<DeployNumber>,
}

/// What to make live.
#[derive(Debug)]
pub struct Apply {
    /// Where.
    pub place: Place,
    /// By which deploy, which must be running.
    pub deploy: DeployId,
    /// The lease under which it was planned.
    pub lease: LeaseToken,
    /// The artifact.
    pub artifact: ArtifactDigest,
    /// Its deploy list.
    pub list: Arc<CheckedList>,
    /// The plan; its fingerprint must still hold.
    pub plan: Plan,
    /// What each registration that the plan creates gets, in the plan's order.
    pub registrations: Vec<NewRegistrationSecrets>,
    /// Whether to undo the deploy if a step fails.
    pub atomic: Option<AtomicIntent>,
    /// Who.
    pub actor: String,
    /// The present.
    pub now: Timestamp,
}

/// What applying made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Applied {
    /// The deploy's number.
    pub number: DeployNumber,
    /// The registrations that it created, in the plan's order.
    pub registrations: Vec<RegistrationId>,
    /// The steps that it wrote, in the plan's order.
    pub steps: Vec<StepId>,
    /// Earlier deploys that lost open steps to it and stay incomplete.
    pub superseded: Vec<DeployNumber>,
    /// When the steps can start.
    pub at: Timestamp,
}

/// Says why a plan was not applied; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// What it was planned from is no longer so.
    #[error("what the plan was made from has changed: it was {planned}, now it is {found}")]
    Stale {
        /// The plan's fingerprint.
        planned: Fingerprint,
        /// The fingerprint of what is there now.
        found: Fingerprint,
    },
    /// The lease under which it was planned is no longer held.
    #[error("the lease was lost: {reason}")]
    LeaseLost {
        /// Who has it now, in words.
        reason: String,
    },
    /// A step is being attempted.
    #[error("step {0} is running")]
    StepRunning(StepId),
    /// The deploy is not one that can be applied.
    #[error("the deploy cannot be applied: {0}")]
    NotApplicable(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Makes a deploy live in one transaction.
    ///
    /// The deploy's status stays `running`, for the caller settles it next;
    /// [`Store::conclude_deploy`] ends that.
    ///
    /// # Errors
    /// When what was planned from has changed, the lease was lost, or the store fails.
    pub async fn apply(&self, apply: Apply) -> Result<Applied, ApplyError> {
        let _ = apply;
        todo!()
    }
}
