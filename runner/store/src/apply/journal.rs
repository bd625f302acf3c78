//! What a plan does to registrations and steps, written with the objects.

use std::collections::BTreeSet;

use domain::{
    DeployId, DeployNumber, ObjectKey, ObjectKind, RegistrationId, RegistrationState, StepId,
    StepKind, Subject, SubscriptionPlan, Target, Timestamp, Wait,
};
use rusqlite::{Connection, params};

use super::objects::Ids;
use super::{Apply, ApplyError};
use crate::Error;
use crate::columns::{change, rows};
use crate::leaving::{self, End};
use crate::registration_row::{self, Event, NewRow};
use crate::seal::Keys;
use crate::step_row::{self, NewStep};

/// What was written.
pub(super) struct Written {
    pub(super) registrations: Vec<RegistrationId>,
    pub(super) steps: Vec<StepId>,
    pub(super) superseded: Vec<DeployNumber>,
}

/// Writes what a plan does to registrations and steps.
pub(super) fn write(
    tx: &Connection,
    keys: &Keys,
    apply: &Apply,
    number: DeployNumber,
    ids: &Ids<'_>,
) -> Result<Written, ApplyError> {
    let superseded = take_over(tx, apply, number)?;
    move_registrations(tx, apply)?;
    let registrations = create_registrations(tx, keys, apply, number, ids)?;
    let steps = create_steps(tx, apply, &registrations)?;
    Ok(Written {
        registrations,
        steps,
        superseded,
    })
}

/// Supersedes and adopts steps; the deploys that lose one to this are never complete.
fn take_over(
    tx: &Connection,
    apply: &Apply,
    number: DeployNumber,
) -> Result<Vec<DeployNumber>, Error> {
    let plan = &apply.plan.subscriptions;
    let mut losers = BTreeSet::new();
    for step in &plan.supersede {
        losers.extend(deploy_of(tx, *step)?);
        step_row::supersede(tx, *step, apply.now)?;
    }
    for step in plan.adopt.iter().copied().chain(extras(tx, apply)?) {
        losers.extend(deploy_of(tx, step)?);
        change(
            tx,
            "UPDATE steps SET deploy = ?2 WHERE id = ?1",
            [step.0, apply.deploy.0],
        )?;
    }
    losers.remove(&apply.deploy);
    let mut numbers = Vec::new();
    for loser in losers {
        numbers.extend(rows(
            tx,
            "UPDATE deploys SET superseded_by = ?2,
               status = CASE status WHEN 'running' THEN 'incomplete' ELSE status END,
               finished_at = coalesce(finished_at, ?3)
             WHERE id = ?1 RETURNING number",
            params![loser.0, number.0, apply.now.as_millis()],
            |row| Ok(DeployNumber(row.get("number")?)),
        )?);
    }
    Ok(numbers)
}

fn deploy_of(tx: &Connection, step: StepId) -> Result<Option<DeployId>, Error> {
    let found = step_row::find(tx, step)?;
    Ok(found.and_then(|found| found.deploy))
}

/// Returns the open steps of subscriptions that were found besides the one kept: no plan
/// decides about them, and each new deploy takes them over.
fn extras(tx: &Connection, apply: &Apply) -> Result<Vec<StepId>, Error> {
    rows(
        tx,
        "SELECT s.id FROM steps s JOIN registrations r ON r.id = s.registration
         WHERE s.project = ?1 AND s.environment = ?2 AND r.found_beside IS NOT NULL
           AND s.state NOT IN ('done', 'superseded', 'forgotten') ORDER BY s.id",
        [apply.place.project.0, apply.place.environment.0],
        |row| Ok(StepId(row.get("id")?)),
    )
}

fn move_registrations(tx: &Connection, apply: &Apply) -> Result<(), Error> {
    let plan = &apply.plan.subscriptions;
    for id in &plan.discard {
        let event = Event::new("discarded");
        registration_row::set_state(tx, *id, RegistrationState::Gone, event, apply.now)?;
        registration_row::close(tx, *id, apply.now)?;
    }
    for id in &plan.revive {
        let event = Event::new("kept");
        registration_row::set_state(tx, *id, RegistrationState::Live, event, apply.now)?;
    }
    let replaced = replaced(plan);
    for id in &plan.leave {
        let end = if replaced.contains(id) {
            End::Replaced
        } else {
            End::Now
        };
        leaving::leave(tx, *id, end, apply.now)?;
    }
    Ok(())
}

/// Returns the registrations whose unsubscribe waits for a subscribe that the plan makes.
fn replaced(plan: &SubscriptionPlan) -> BTreeSet<RegistrationId> {
    let subscribes = |wait: &Wait| match wait {
        Wait::Planned(index) => plan
            .steps
            .get(*index)
            .is_some_and(|step| step.kind == StepKind::Subscribe),
        // What a plan finds open is of the registration itself: it is resolved first.
        Wait::Existing(_) => false,
    };
    plan.steps
        .iter()
        .filter(|step| step.kind == StepKind::Unsubscribe && step.waits_for.iter().any(subscribes))
        .filter_map(|step| match step.target {
            Target::Existing(id) => Some(id),
            Target::New(_) => None,
        })
        .collect()
}

fn create_registrations(
    tx: &Connection,
    keys: &Keys,
    apply: &Apply,
    number: DeployNumber,
    ids: &Ids<'_>,
) -> Result<Vec<RegistrationId>, ApplyError> {
    let mut created = Vec::new();
    let plan = &apply.plan.subscriptions;
    for (new, secrets) in plan.create.iter().zip(&apply.registrations) {
        let key = ObjectKey {
            kind: ObjectKind::Webhook,
            name: new.webhook.clone(),
        };
        let object = *ids.get(&key).ok_or_else(|| {
            ApplyError::NotApplicable(format!("its list has no webhook {}", new.webhook))
        })?;
        let state = RegistrationState::Wanted;
        let row = NewRow {
            place: apply.place,
            subject: &Subject {
                object,
                user: new.user.clone(),
            },
            webhook: &new.webhook,
            owner: apply.artifact,
            deploy: number,
            basis: &new.basis,
            variables: &secrets.variables,
            state,
            token: &secrets.token,
            key: &secrets.key,
            found_beside: None,
        };
        let id = registration_row::create(tx, keys, &row, apply.now)?;
        registration_row::record(tx, id, state, Event::new("wanted"), apply.now)?;
        created.push(id);
    }
    Ok(created)
}

fn create_steps(
    tx: &Connection,
    apply: &Apply,
    registrations: &[RegistrationId],
) -> Result<Vec<StepId>, ApplyError> {
    let broken = |what: &str| ApplyError::NotApplicable(format!("its plan refers to {what}"));
    let mut steps: Vec<StepId> = Vec::new();
    for planned in &apply.plan.subscriptions.steps {
        let registration = match planned.target {
            Target::Existing(id) => id,
            Target::New(index) => *registrations
                .get(index)
                .ok_or_else(|| broken("a subscription that it does not create"))?,
        };
        let step = NewStep {
            place: apply.place,
            registration,
            deploy: Some(apply.deploy),
            kind: planned.kind,
            wave: planned.wave,
            reason: &planned.reason,
            due: None::<Timestamp>,
        };
        let id = step_row::create(tx, &step, apply.now)?;
        for wait in &planned.waits_for {
            let on = match wait {
                Wait::Existing(step) => *step,
                Wait::Planned(index) => *steps
                    .get(*index)
                    .ok_or_else(|| broken("a step that it does not write before"))?,
            };
            step_row::wait(tx, id, on)?;
        }
        steps.push(id);
    }
    Ok(steps)
}
