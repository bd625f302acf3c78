//! The step journal as the engine reads it, and what people may do to steps.

use std::collections::BTreeMap;

use domain::{
    ArtifactDigest, DeployId, DeployNumber, ObjectName, Place, Registration, RegistrationId,
    Secret, Step, StepId, StepKind, StepState, Timestamp, ValueKey,
};

use rusqlite::{Connection, params};
use serde_json::json;

use crate::columns::{change, count, first, json, rows, text, to_json};
use crate::registration_row::{SIGNING, TOKEN, UNSUBSCRIBE};
use crate::seal::Keys;
use crate::step_row::{self, Which};
use crate::{Error, Store, artifacts, audit, columns, registration_row, values};

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
    pub deploy: DeployNumber,
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
    /// The unsubscribe props of the other registrations at the same endpoint.
    pub siblings: Vec<Secret>,
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
        self.database()
            .read(move |tx| step_row::open(tx, place, Which::All))
            .await
    }

    /// Returns every place that has an open step.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn places_with_open_steps(&self) -> Result<Vec<Place>, Error> {
        self.database()
            .read(|tx| {
                rows(
                    tx,
                    "SELECT DISTINCT project, environment FROM steps
                     WHERE state NOT IN ('done', 'superseded', 'forgotten')
                     ORDER BY project, environment",
                    [],
                    columns::place,
                )
            })
            .await
    }

    /// Reads all that is needed to attempt a step.
    ///
    /// # Errors
    /// When there is no such step, something sealed does not open, or the store fails.
    pub async fn step_context(&self, step: StepId) -> Result<StepContext, Error> {
        let keys = self.keys();
        self.database()
            .read(move |tx| context(tx, &keys, step))
            .await
    }

    /// Notes the values that a step cannot start without; none takes the note away.
    ///
    /// # Errors
    /// When there is no such step, or the store fails.
    pub async fn set_awaiting(&self, step: StepId, values: Vec<ValueKey>) -> Result<(), Error> {
        let awaiting: Vec<String> = values.iter().map(values::label).collect();
        self.database()
            .write(move |tx| {
                let changed = change(
                    tx,
                    "UPDATE steps SET awaiting = ?2 WHERE id = ?1",
                    params![step.0, to_json(&awaiting)],
                )?;
                if changed == 0 {
                    return Err(Error::NotFound(format!("step {step}")));
                }
                Ok(())
            })
            .await
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
        self.database()
            .write(move |tx| {
                let mut retried = Vec::new();
                for step in step_row::open(tx, place, Which::All)? {
                    let chosen = match &selection {
                        RetrySelection::All => true,
                        RetrySelection::Steps(steps) => steps.contains(&step.id),
                        RetrySelection::Registration(id) => *id == step.registration,
                    };
                    if chosen && make_due(tx, &step, now)? {
                        retried.push(step.id);
                    }
                }
                if !retried.is_empty() {
                    let subject = audit::subject(tx, place)?;
                    let details = json!({ "steps": retried });
                    audit::add(tx, now, &actor, "subscriptions.retry", &subject, &details)?;
                }
                Ok(retried)
            })
            .await
    }
}

/// Makes a step due now; returns whether that changed anything.
fn make_due(tx: &Connection, step: &Step, now: Timestamp) -> Result<bool, Error> {
    match step.state {
        StepState::Failed => step_row::advance(tx, step.id, step.state, StepState::Retrying, now)?,
        StepState::Retrying | StepState::Unknown
            if step.parked || step.next_attempt_at.is_some() => {}
        StepState::Retrying
        | StepState::Unknown
        | StepState::Pending
        | StepState::Running
        | StepState::Done
        | StepState::Superseded
        | StepState::Forgotten => return Ok(false),
    }
    // Only what was given up starts to count anew.
    let anew = step.state == StepState::Failed || step.parked;
    change(
        tx,
        "UPDATE steps SET next_attempt_at = NULL, parked = 0,
           attempts = CASE WHEN ?2 THEN 0 ELSE attempts END,
           checks = CASE WHEN ?2 THEN 0 ELSE checks END
         WHERE id = ?1",
        params![step.id.0, anew],
    )?;
    Ok(true)
}

/// Lets the steps that waited for a value, or whose owners use it, go on with it.
pub(crate) fn value_set(
    tx: &Connection,
    place: Place,
    key: &ValueKey,
    now: Timestamp,
) -> Result<(), Error> {
    let label = values::label(key);
    for step in step_row::open(tx, place, Which::All)? {
        let waited = step.awaiting.contains(&label);
        if waited {
            let rest: Vec<&String> = step.awaiting.iter().filter(|one| **one != label).collect();
            change(
                tx,
                "UPDATE steps SET awaiting = ?2 WHERE id = ?1",
                params![step.id.0, to_json(&rest)],
            )?;
        }
        if waited || owner_uses(tx, &step, key)? {
            make_due(tx, &step, now)?;
        }
    }
    Ok(())
}

fn owner_uses(tx: &Connection, step: &Step, key: &ValueKey) -> Result<bool, Error> {
    // Only for these is it of any consequence.
    if step.state != StepState::Failed && step.next_attempt_at.is_none() && !step.parked {
        return Ok(false);
    }
    let Some((_, registration)) = registration_row::find(tx, step.registration)? else {
        return Ok(false);
    };
    let list = artifacts::list_of(tx, registration.owner)?;
    Ok(list.is_some_and(|list| values::uses(&list, &registration.webhook, key)))
}

fn context(tx: &Connection, keys: &Keys, id: StepId) -> Result<StepContext, Error> {
    let found = step_row::find(tx, id)?.ok_or_else(|| Error::NotFound(format!("step {id}")))?;
    let registration = found.step.registration;
    let deploy = match found.deploy {
        Some(deploy) => first(
            tx,
            "SELECT number FROM deploys WHERE id = ?1",
            [deploy.0],
            |row| Ok((deploy, DeployNumber(row.get("number")?))),
        )?,
        None => None,
    };
    let unwanted = count(
        tx,
        "SELECT count(*) FROM steps WHERE registration = ?1 AND id <> ?2 AND kind = 'unsubscribe'
           AND state NOT IN ('done', 'superseded', 'forgotten')",
        [registration.0, id.0],
    )? > 0;
    let last_attempt = last_attempt(tx, &found.step)?;
    let siblings = siblings(tx, keys, registration)?;
    first(
        tx,
        "SELECT * FROM registrations WHERE id = ?1",
        [registration.0],
        |row| {
            let open = |column, sealed: Option<Vec<u8>>| {
                sealed
                    .map(|sealed| registration_row::open(keys, registration, column, &sealed))
                    .transpose()
            };
            let token: Vec<u8> = row.get("token_sealed")?;
            Ok(StepContext {
                place: found.place,
                deploy,
                registration: registration_row::read(row)?,
                endpoint_token: registration_row::open(keys, registration, TOKEN, &token)?,
                unsubscribe_props: open(UNSUBSCRIBE, row.get("unsubscribe_sealed")?)?,
                siblings,
                signing_secret: open(SIGNING, row.get("signing_sealed")?)?,
                key: row.get("key")?,
                unwanted,
                was_unknown: found.was_unknown,
                last_attempt,
                step: found.step,
            })
        },
    )?
    .ok_or_else(|| Error::corrupt(format!("step {id} is of no subscription")))
}

/// Reads the unsubscribe props of the other registrations at an endpoint: the
/// one that is kept and those that were found beside it, until they are gone.
fn siblings(tx: &Connection, keys: &Keys, id: RegistrationId) -> Result<Vec<Secret>, Error> {
    rows(
        tx,
        "SELECT other.id, other.unsubscribe_sealed FROM registrations self
         JOIN registrations other
           ON coalesce(other.found_beside, other.id) = coalesce(self.found_beside, self.id)
         WHERE self.id = ?1 AND other.id <> ?1 AND other.unsubscribe_sealed IS NOT NULL
           AND other.state NOT IN ('gone', 'forgotten')",
        [id.0],
        |row| {
            let other = RegistrationId(row.get("id")?);
            let sealed: Vec<u8> = row.get("unsubscribe_sealed")?;
            registration_row::open(keys, other, UNSUBSCRIBE, &sealed)
        },
    )
}

/// Reads the last attempt of the intended call; a further look has that of any step before it.
fn last_attempt(tx: &Connection, step: &Step) -> Result<Option<LastAttempt>, Error> {
    let of_step = match step.kind {
        StepKind::Check => None,
        StepKind::Subscribe | StepKind::Unsubscribe | StepKind::Refresh => Some(step.id.0),
    };
    first(
        tx,
        "SELECT a.* FROM step_attempts a JOIN steps s ON s.id = a.step
         WHERE s.registration = ?1 AND (?2 IS NULL OR s.id = ?2) AND a.call <> 'check'
         ORDER BY a.id DESC LIMIT 1",
        params![step.registration.0, of_step],
        |row| {
            Ok(LastAttempt {
                call: text(row, "call")?,
                artifact: text(row, "artifact")?,
                webhook: text(row, "webhook")?,
                public_url: row.get("public_url")?,
                variables: json(row, "variables")?,
                deploy: DeployNumber(row.get("deploy")?),
            })
        },
    )
}
