//! The step journal as the engine reads it, and what people may do to steps.

use std::collections::BTreeMap;

use domain::{
    ArtifactDigest, DeployId, DeployNumber, ObjectName, Place, Registration, RegistrationId,
    Secret, Step, StepId, StepKind, Timestamp, ValueKey,
};

use crate::{Error, Store};

/// The last attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAttempt {
    /// The hook that was called.
    pub call: StepKind,
    /// On which artifact.
    pub artifact: ArtifactDigest,
    /// The webhook's name there.
    pub webhook: ObjectName,
    /// The public URL of the endpoint that it was given.
    pub public_url: String,
    /// The variables that it saw.
    pub variables: BTreeMap<String, String>,
    /// By which deploy the artifact had come.
    pub deploy: Option<DeployNumber>,
}

/// All that is needed to attempt a step.
#[derive(Debug, Clone)]
pub struct StepContext {
    /// The step.
    pub step: Step,
    /// Where.
    pub place: Place,
    /// The deploy that it belongs to; none of a refresh or what a person asked for.
    pub deploy: Option<(DeployId, DeployNumber)>,
    /// Its registration.
    pub registration: Registration,
    /// The token of the endpoint's address.
    pub endpoint_token: Secret,
    /// What `unsubscribe` needs.
    pub unsubscribe_props: Option<Secret>,
    /// The signing secret that the provider issued.
    pub signing_secret: Option<Secret>,
    /// The key of the next call.
    pub key: String,
    /// Whether a later step is to end the registration.
    pub unwanted: bool,
    /// Whether the step has been unknown before.
    pub was_unknown: bool,
    /// The last attempt of the intended call, on whose artifact what is uncertain is resolved.
    pub last_attempt: Option<LastAttempt>,
}

/// Which steps are to be attempted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetrySelection {
    /// Every one that failed, is parked or waits for its time.
    All,
    /// These.
    Steps(Vec<StepId>),
    /// Those of a registration.
    Registration(RegistrationId),
}

impl Store {
    /// Returns the open steps of a place, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_steps(&self, place: Place) -> Result<Vec<Step>, Error> {
        let _ = place;
        todo!()
    }

    /// Returns every place that has an open step.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn places_with_open_steps(&self) -> Result<Vec<Place>, Error> {
        todo!()
    }

    /// Reads all that is needed to attempt a step.
    ///
    /// # Errors
    /// When there is no such step, something sealed does not open, or the store fails.
    pub async fn step_context(&self, step: StepId) -> Result<StepContext, Error> {
        let _ = step;
        todo!()
    }

    /// Notes the values that a step cannot start without; none takes the note away.
    ///
    /// # Errors
    /// When there is no such step, or the store fails.
    pub async fn set_awaiting(&self, step: StepId, values: Vec<ValueKey>) -> Result<(), Error> {
        let _ = (step, values);
        todo!()
    }

    /// Makes steps due now: what failed retries with its counts from zero, what is parked or
    /// waits for its time waits no longer. Returns them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn retry_steps(
        &self,
        place: Place,
        selection: RetrySelection,
        actor: String,
        now: Timestamp,
    ) -> Result<Vec<StepId>, Error> {
        let _ = (place, selection, actor, now);
        todo!()
    }
}
