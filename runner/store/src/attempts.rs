//! The two transactions of an attempt: one before the guest is called, one after.

use std::collections::BTreeMap;

use domain::{
    ArtifactDigest, Conclusion, DeployNumber, DeployStatus, IllegalMove, ObjectName,
    RegistrationId, StepId, StepKind, Timestamp,
};

use crate::kv::KvWrite;
use crate::{Error, Store};

/// An attempt's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub i64);

/// An attempt that is about to call a guest.
#[derive(Debug, Clone)]
pub struct BeginAttempt {
    /// The hook that is called.
    pub call: StepKind,
    /// On which artifact.
    pub artifact: ArtifactDigest,
    /// The deploy by which that artifact came.
    pub deploy: DeployNumber,
    /// The webhook's name there.
    pub webhook: ObjectName,
    /// The public URL of the endpoint; its token is the registration's.
    pub public_url: String,
    /// The key that is passed on.
    pub key: String,
    /// The variables that the guest sees.
    pub variables: BTreeMap<String, String>,
    /// The present.
    pub now: Timestamp,
}

/// An attempt that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an attempt that begins has to be finished"]
pub struct BegunAttempt {
    /// Its row.
    pub id: AttemptId,
    /// Attempts of the intended call, this one included.
    pub attempts: u32,
    /// Checks, this one included.
    pub checks: u32,
}

/// Who owns a registration from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOwner {
    /// The artifact that subscribed.
    pub artifact: ArtifactDigest,
    /// The deploy by which it came.
    pub deploy: DeployNumber,
    /// The webhook's name there.
    pub webhook: ObjectName,
    /// The variables that it saw.
    pub variables: BTreeMap<String, String>,
}

/// An attempt that is over, with what follows.
#[derive(Debug)]
pub struct FinishAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its step.
    pub step: StepId,
    /// What follows.
    pub conclusion: Conclusion,
    /// The registration's owner, where a subscription was made or found.
    pub owner: Option<NewOwner>,
    /// A new key, used where the conclusion asks for one.
    pub new_key: String,
    /// A key for each of the conclusion's extras.
    pub extra_keys: Vec<String>,
    /// When to look once more, where the conclusion asks for that.
    pub recheck_at: Timestamp,
    /// What the guest wrote to the key-value store.
    pub kv_writes: Vec<KvWrite>,
    /// The present.
    pub now: Timestamp,
}

/// What finishing an attempt made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct FinishedAttempt {
    /// The registration, if it has to be replaced by a new one.
    pub replace: Option<RegistrationId>,
    /// Steps that were written: of extras, and a further check.
    pub new_steps: Vec<StepId>,
    /// The deploy that is complete by this, with its new status.
    pub completed: Option<(DeployNumber, DeployStatus)>,
}

/// Says why an attempt did not begin or end.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// There is no such step, or no such attempt of it under way.
    #[error("there is no {0}")]
    Unknown(String),
    /// The journal does not know that move.
    #[error("step {step} cannot be moved")]
    Illegal {
        /// The step.
        step: StepId,
        /// The move.
        source: IllegalMove,
    },
    /// The step waits for another one or for a value.
    #[error("step {step} waits for {what}")]
    Waiting {
        /// The step.
        step: StepId,
        /// For what.
        what: String,
    },
    /// Too few keys were given.
    #[error("{needed} keys are needed for further subscriptions, {given} were given")]
    Keys {
        /// How many are needed.
        needed: usize,
        /// How many were given.
        given: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Commits that a step is running, before its guest is called.
    ///
    /// # Errors
    /// When it cannot be started, or the store fails.
    pub async fn begin_attempt(
        &self,
        step: StepId,
        begin: BeginAttempt,
    ) -> Result<BegunAttempt, StepError> {
        let _ = (step, begin);
        todo!()
    }

    /// Commits what an attempt came to, all of it in one transaction.
    ///
    /// # Errors
    /// When the attempt is not under way, or the store fails.
    pub async fn finish_attempt(
        &self,
        finish: FinishAttempt,
    ) -> Result<FinishedAttempt, StepError> {
        let _ = finish;
        todo!()
    }
}
