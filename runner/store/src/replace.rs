//! Replacing one registration by another outside a deploy: a person asked, or it cannot be refreshed.

use domain::declare::ChangeOrder;
use domain::{
    ArtifactDigest, DeployNumber, ObjectName, RegistrationId, StepId, SubscriptionBasis, Timestamp,
};

use crate::{Error, NewRegistrationSecrets, Store};

/// What takes a registration's place.
#[derive(Debug)]
pub struct Replace {
    /// The registration that is replaced.
    pub registration: RegistrationId,
    /// Why, for people.
    pub reason: String,
    /// The artifact that is to subscribe.
    pub owner: ArtifactDigest,
    /// The deploy by which it came.
    pub deploy: DeployNumber,
    /// The webhook's name there.
    pub webhook: ObjectName,
    /// What the new registration is made from.
    pub basis: SubscriptionBasis,
    /// What the new registration gets.
    pub secrets: NewRegistrationSecrets,
    /// What comes first.
    pub order: ChangeOrder,
    /// Who.
    pub actor: String,
    /// The present.
    pub now: Timestamp,
}

/// What replaces a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The new registration.
    pub registration: RegistrationId,
    /// The steps that were written.
    pub steps: Vec<StepId>,
}

/// Says why a registration was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// There is no such registration.
    #[error("there is no subscription {0}")]
    Unknown(RegistrationId),
    /// It is over, or is being ended already.
    #[error("subscription {0} is over or ending already")]
    Ending(RegistrationId),
    /// One of its steps is being attempted.
    #[error("step {0} is running; wait until its attempt is over")]
    Running(StepId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Writes a new registration and the steps that put it in the place of another.
    ///
    /// # Errors
    /// When the other is over, ending or being worked on, or the store fails.
    pub async fn replace_registration(&self, replace: Replace) -> Result<Replaced, ReplaceError> {
        let _ = replace;
        todo!()
    }
}
