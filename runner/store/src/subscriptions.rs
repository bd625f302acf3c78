//! Registrations with their steps, attempts and history, for people.

use domain::{
    ArtifactDigest, DeployNumber, ObjectName, Place, Registration, RegistrationId,
    RegistrationState, Step, StepKind, StepState, Timestamp, UserId,
};

use crate::{AttemptId, Error, Store};

/// An attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Its row.
    pub id: AttemptId,
    /// The hook that was called.
    pub call: StepKind,
    /// On which artifact.
    pub artifact: ArtifactDigest,
    /// The key that was passed on.
    pub key: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Where it left the step.
    pub outcome: Option<StepState>,
    /// Why it was not the last.
    pub error: Option<String>,
}

/// A step with its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    /// The step.
    pub step: Step,
    /// The deploy that it belongs to.
    pub deploy: Option<DeployNumber>,
    /// Why it is needed.
    pub reason: String,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptView>,
}

/// Something that happened to a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationEvent {
    /// When.
    pub at: Timestamp,
    /// What, a stable word.
    pub event: String,
    /// Where it left the registration.
    pub state: RegistrationState,
    /// More of it.
    pub detail: Option<String>,
    /// Who, where a person did it.
    pub actor: Option<String>,
}

/// A registration with everything that people may see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationView {
    /// The registration.
    pub registration: Registration,
    /// When it was first wanted.
    pub created_at: Timestamp,
    /// Until when its endpoint's address is open, if that is known.
    pub open_until: Option<Timestamp>,
    /// The registration besides which it was found at the provider.
    pub found_beside: Option<RegistrationId>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// What happened to it, in order.
    pub history: Vec<RegistrationEvent>,
}

/// What kind of thing may be left at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubtKind {
    /// A subscription that nobody may know of.
    PossibleOrphan,
    /// A second subscription besides the one known.
    PossibleDouble,
}

/// Something that may be left at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What.
    pub kind: DoubtKind,
    /// The registration that it comes from.
    pub registration: RegistrationId,
    /// Where that stands.
    pub state: RegistrationState,
    /// The webhook.
    pub webhook: ObjectName,
    /// The connected user.
    pub user: Option<UserId>,
    /// The last error.
    pub last_error: Option<String>,
    /// Whether nothing more is tried until a person asks.
    pub parked: bool,
}

impl Store {
    /// Returns the registrations of a place that are not over, oldest first, with `over` also
    /// those that are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn registrations(
        &self,
        place: Place,
        over: Over,
    ) -> Result<Vec<RegistrationView>, Error> {
        let _ = (place, over);
        todo!()
    }

    /// Returns one registration of a place.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn registration(
        &self,
        place: Place,
        registration: RegistrationId,
    ) -> Result<Option<RegistrationView>, Error> {
        let _ = (place, registration);
        todo!()
    }

    /// Returns what may be left at providers, those of registrations that are gone included.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn doubtful(&self, place: Place) -> Result<Vec<Doubt>, Error> {
        let _ = place;
        todo!()
    }
}

/// Whether registrations that are over are wanted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// They are not.
    Without,
    /// They are.
    With,
}
