//! Replacing one registration by another outside a deploy: a person asked, or it cannot be refreshed.

use domain::declare::ChangeOrder;
use domain::{
    ArtifactDigest, DeployNumber, ObjectName, Place, Registration, RegistrationId,
    RegistrationState, StepId, StepKind, StepState, SubscriptionBasis, Timestamp, Wave,
};
use rusqlite::Connection;
use serde_json::json;

use crate::leaving::{self, End};
use crate::registration_row::{self, Event, NewRow};
use crate::seal::Keys;
use crate::step_row::{self, NewStep};
use crate::{Error, NewRegistrationSecrets, Store, audit, registrations};

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
        let keys = self.keys();
        self.database()
            .write(move |tx| replace_in(tx, &keys, &replace))
            .await
    }
}

fn replace_in(tx: &Connection, keys: &Keys, replace: &Replace) -> Result<Replaced, ReplaceError> {
    let id = replace.registration;
    let (place, old) = registration_row::find(tx, id)?.ok_or(ReplaceError::Unknown(id))?;
    let standing = clear(tx, &old, replace)?;
    let new = create(tx, keys, place, &old, replace)?;
    let steps = write_steps(tx, place, &old, new, standing, replace)?;
    let subject = audit::subject(tx, place)?;
    let details = json!({
        "subscription": id, "by": new, "webhook": old.webhook, "reason": replace.reason,
    });
    let (now, actor) = (replace.now, &replace.actor);
    audit::add(tx, now, actor, "subscriptions.replace", &subject, &details)?;
    Ok(Replaced {
        registration: new,
        steps,
    })
}

/// What is at the provider of the registration that is replaced.
enum Standing {
    /// Nothing; these subscribes of it were superseded.
    Nothing(Vec<StepId>),
    /// The subscription.
    There,
    /// That is found out by this step, first.
    Unresolved(StepId),
}

/// Supersedes the steps that have not started; one that may have had an effect goes on.
fn clear(tx: &Connection, old: &Registration, replace: &Replace) -> Result<Standing, ReplaceError> {
    let mut standing = match old.state {
        RegistrationState::Wanted => Standing::Nothing(Vec::new()),
        RegistrationState::Live | RegistrationState::Uncertain => Standing::There,
        RegistrationState::Leaving | RegistrationState::Gone | RegistrationState::Forgotten => {
            return Err(ReplaceError::Ending(old.id));
        }
    };
    for (step, kind, state) in registrations::open_steps(tx, old.id)? {
        let was_unknown = step_row::find(tx, step)?.is_some_and(|found| found.was_unknown);
        let started = old.state == RegistrationState::Uncertain
            && match state {
                StepState::Unknown => true,
                // Refused when it was repeated, which does not tell what the attempt before did.
                StepState::Retrying | StepState::Failed => was_unknown,
                StepState::Running => return Err(ReplaceError::Running(step)),
                StepState::Pending
                | StepState::Done
                | StepState::Superseded
                | StepState::Forgotten => false,
            };
        match (kind, state) {
            (_, StepState::Running) => return Err(ReplaceError::Running(step)),
            (StepKind::Check, _) => {}
            (StepKind::Unsubscribe, _) => return Err(ReplaceError::Ending(old.id)),
            (StepKind::Subscribe | StepKind::Refresh, _) if started => {
                standing = Standing::Unresolved(step);
            }
            (StepKind::Subscribe | StepKind::Refresh, _) => {
                step_row::supersede(tx, step, replace.now)?;
                registrations::blame(tx, step, &replace.actor)?;
                if let Standing::Nothing(superseded) = &mut standing {
                    superseded.push(step);
                }
            }
        }
    }
    Ok(standing)
}

fn create(
    tx: &Connection,
    keys: &Keys,
    place: Place,
    old: &Registration,
    replace: &Replace,
) -> Result<RegistrationId, Error> {
    let state = RegistrationState::Wanted;
    let new = registration_row::create(
        tx,
        keys,
        &NewRow {
            place,
            subject: &old.subject,
            webhook: &replace.webhook,
            owner: replace.owner,
            deploy: replace.deploy,
            basis: &replace.basis,
            variables: &replace.secrets.variables,
            state,
            token: &replace.secrets.token,
            key: &replace.secrets.key,
            found_beside: None,
        },
        replace.now,
    )?;
    let detail = format!("in place of subscription {}: {}", old.id, replace.reason);
    let event = Event {
        what: "wanted",
        detail: Some(&detail),
        actor: Some(&replace.actor),
    };
    registration_row::record(tx, new, state, event, replace.now)?;
    Ok(new)
}

/// Writes the steps, in the order that the webhook asks for.
fn write_steps(
    tx: &Connection,
    place: Place,
    old: &Registration,
    new: RegistrationId,
    standing: Standing,
    replace: &Replace,
) -> Result<Vec<StepId>, Error> {
    let write = |registration, kind| {
        step_row::create(
            tx,
            &NewStep {
                place,
                registration,
                deploy: None,
                kind,
                wave: Wave::Removed,
                reason: &replace.reason,
                due: None,
            },
            replace.now,
        )
    };
    let unresolved = match standing {
        Standing::Nothing(superseded) => {
            let (event, now) = (Event::new("discarded"), replace.now);
            registration_row::set_state(tx, old.id, RegistrationState::Gone, event, now)?;
            registration_row::close(tx, old.id, now)?;
            let subscribe = write(new, StepKind::Subscribe)?;
            for before in superseded {
                step_row::take_place(tx, subscribe, before)?;
            }
            return Ok(vec![subscribe]);
        }
        Standing::There => None,
        Standing::Unresolved(step) => Some(step),
    };
    let end = match replace.order {
        ChangeOrder::Replace => End::Now,
        ChangeOrder::Overlap => End::Replaced,
    };
    leaving::leave(tx, old.id, end, replace.now)?;
    let (earlier, later) = match replace.order {
        ChangeOrder::Replace => ((old.id, StepKind::Unsubscribe), (new, StepKind::Subscribe)),
        ChangeOrder::Overlap => ((new, StepKind::Subscribe), (old.id, StepKind::Unsubscribe)),
    };
    let earlier = write(earlier.0, earlier.1)?;
    let later = write(later.0, later.1)?;
    if let (Some(unresolved), ChangeOrder::Overlap) = (unresolved, replace.order) {
        // What was to make room for the old one makes room for the new one.
        step_row::hold_for(tx, earlier, unresolved)?;
    }
    step_row::wait(tx, later, earlier)?;
    if let Some(unresolved) = unresolved {
        step_row::wait(tx, earlier, unresolved)?;
        step_row::wait(tx, later, unresolved)?;
    }
    Ok(vec![earlier, later])
}
