//! Registrations: which are about to expire, and dropping one for good.

use domain::{ArtifactDigest, ObjectName, Place, RegistrationId, StepId, Timestamp};

use crate::{Error, Store};

/// A registration that ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// The registration.
    pub registration: RegistrationId,
    /// Where.
    pub place: Place,
    /// Its owner.
    pub owner: ArtifactDigest,
    /// The webhook's name there.
    pub webhook: ObjectName,
    /// When it was made or last refreshed.
    pub since: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What was dropped with a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// Its steps that were open.
    pub steps: Vec<StepId>,
}

/// Says why a registration was not dropped.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// There is no such registration.
    #[error("there is no subscription {0}")]
    Unknown(RegistrationId),
    /// One of its steps is being attempted.
    #[error("step {0} is running; wait until its attempt is over")]
    Running(StepId),
    /// It is over already.
    #[error("subscription {0} is over already")]
    Over(RegistrationId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Drops a registration, whatever the provider holds: its steps are forgotten, its
    /// endpoint's address is closed, and what waited for its steps waits no longer.
    ///
    /// # Errors
    /// When there is no such registration, it is over, or a step of it is being attempted.
    pub async fn forget_registration(
        &self,
        registration: RegistrationId,
        actor: String,
        now: Timestamp,
    ) -> Result<Forgotten, ForgetError> {
        let _ = (registration, actor, now);
        todo!()
    }

    /// Returns the live registrations of a place that end by themselves and have no step open,
    /// soonest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expiring(&self, place: Place) -> Result<Vec<Expiring>, Error> {
        let _ = place;
        todo!()
    }

    /// Writes the step that refreshes a registration, unless one of its steps is open.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn create_refresh(
        &self,
        registration: RegistrationId,
        now: Timestamp,
    ) -> Result<Option<StepId>, Error> {
        let _ = (registration, now);
        todo!()
    }
}
