//! The transaction that makes a deploy live: all of it or nothing.

mod journal;
mod objects;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    ArtifactDigest, CheckedList, DeployId, DeployNumber, DeployStatus, Desired, Fingerprint, Place,
    Plan, RegistrationId, Relationship, Secret, StepId, Timestamp, ValueKey, fingerprint,
    values_used,
};
use rusqlite::{Connection, params};
use serde_json::json;

use crate::columns::{change, first, text, time_opt, to_json};
use crate::deploy_record::PlanDocument;
use crate::seal::Keys;
use crate::{Error, LeaseToken, Store, audit, columns, leases, reconfigure, schedules, snapshot};

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
    /// [`Store::conclude_deploy`] ends that. The lease ends here, unless the
    /// deploy may have to be undone.
    ///
    /// # Errors
    /// When what was planned from has changed, the lease was lost, or the store fails.
    pub async fn apply(&self, apply: Apply) -> Result<Applied, ApplyError> {
        let keys = self.keys();
        let prepared = Prepared::of(&apply)?;
        self.database()
            .write(move |tx| apply_in(tx, &keys, &apply, &prepared))
            .await
    }
}

/// What can be computed before the transaction is open.
struct Prepared {
    relationships: Vec<Relationship>,
    values: BTreeSet<ValueKey>,
    plan: String,
    unconfigured: String,
}

impl Prepared {
    fn of(apply: &Apply) -> Result<Self, ApplyError> {
        let (needed, given) = (
            apply.plan.subscriptions.create.len(),
            apply.registrations.len(),
        );
        if needed != given {
            return Err(ApplyError::NotApplicable(format!(
                "it creates {needed} subscriptions and has secrets for {given}"
            )));
        }
        Ok(Self {
            relationships: apply.list.relationships(),
            values: values_used(&apply.list),
            plan: to_json(&PlanDocument::of(&apply.plan)),
            unconfigured: to_json(&apply.plan.subscriptions.unconfigured),
        })
    }
}

fn apply_in(
    tx: &Connection,
    keys: &Keys,
    apply: &Apply,
    prepared: &Prepared,
) -> Result<Applied, ApplyError> {
    leases::check(tx, apply.place, &apply.lease)?
        .map_err(|reason| ApplyError::LeaseLost { reason })?;
    let (number, version) = applicable(tx, apply)?;
    check_facts(tx, apply)?;
    let ids = objects::write(tx, apply.place, apply.deploy, &apply.list)?;
    objects::relate(tx, apply.place, &ids, &prepared.relationships)?;
    objects::note_values(tx, apply.place, &prepared.values)?;
    let id_of = |key| ids.get(key).copied();
    schedules::note(tx, apply.place, &apply.list, id_of, apply.now)?;
    let written = journal::write(tx, keys, apply, number, &ids)?;
    note_deployed(tx, apply, version.as_deref())?;
    note_deploy(tx, apply, prepared)?;
    // The fingerprint says that it was planned from the values there are.
    reconfigure::clear(tx, apply.place)?;
    if apply.atomic.is_none() {
        leases::release(tx, apply.place, &apply.lease)?;
    }
    let subject = audit::subject(tx, apply.place)?;
    let details = json!({
        "deploy": number,
        "artifact": apply.artifact,
        "deploy_list_hash": apply.list.hash(),
    });
    audit::add(
        tx,
        apply.now,
        &apply.actor,
        "deploy.apply",
        &subject,
        &details,
    )?;
    Ok(Applied {
        number,
        registrations: written.registrations,
        steps: written.steps,
        superseded: written.superseded,
        at: apply.now,
    })
}

/// Checks that the deploy can be applied; returns its number and version.
fn applicable(
    tx: &Connection,
    apply: &Apply,
) -> Result<(DeployNumber, Option<String>), ApplyError> {
    let refuse = |why: &str| Err(ApplyError::NotApplicable(why.to_owned()));
    let found = first(
        tx,
        "SELECT project, environment, number, version, status, applied_at FROM deploys
         WHERE id = ?1",
        [apply.deploy.0],
        |row| {
            Ok((
                columns::place(row)?,
                DeployNumber(row.get("number")?),
                row.get("version")?,
                text::<DeployStatus>(row, "status")?,
                time_opt(row, "applied_at")?,
            ))
        },
    )?;
    match found {
        None => refuse("there is none"),
        Some((place, ..)) if place != apply.place => refuse("it belongs elsewhere"),
        Some((.., Some(_))) => refuse("it was applied already"),
        Some((_, number, version, DeployStatus::Running, None)) => Ok((number, version)),
        Some((_, number, _, status, None)) => refuse(&format!("deploy {number} is {status}")),
    }
}

/// Checks that nothing changed since the plan was made and that no step is under way.
fn check_facts(tx: &Connection, apply: &Apply) -> Result<(), ApplyError> {
    let running = first(
        tx,
        "SELECT id FROM steps WHERE project = ?1 AND environment = ?2 AND state = 'running'
           AND state NOT IN ('done', 'superseded', 'forgotten') LIMIT 1",
        [apply.place.project.0, apply.place.environment.0],
        |row| Ok(StepId(row.get("id")?)),
    )?;
    if let Some(step) = running {
        return Err(ApplyError::StepRunning(step));
    }
    let desired = Desired {
        artifact: apply.artifact,
        list: &apply.list,
        // No part of the fingerprint: they follow from what is.
        props: Vec::new(),
    };
    let found = fingerprint(&snapshot::facts(tx, apply.place)?, &desired);
    let planned = apply.plan.fingerprint;
    if found == planned {
        Ok(())
    } else {
        Err(ApplyError::Stale { planned, found })
    }
}

/// Notes what is deployed from now on; it settles when every step is done.
fn note_deployed(tx: &Connection, apply: &Apply, version: Option<&str>) -> Result<(), Error> {
    change(
        tx,
        "UPDATE deployments SET ended_at = ?3
         WHERE project = ?1 AND environment = ?2 AND ended_at IS NULL",
        params![
            apply.place.project.0,
            apply.place.environment.0,
            apply.now.as_millis()
        ],
    )?;
    change(
        tx,
        "INSERT INTO deployments (project, environment, deploy, artifact, version, deployed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            apply.place.project.0,
            apply.place.environment.0,
            apply.deploy.0,
            apply.artifact.to_string(),
            version,
            apply.now.as_millis()
        ],
    )
    .map(drop)
}

fn note_deploy(tx: &Connection, apply: &Apply, prepared: &Prepared) -> Result<(), Error> {
    change(
        tx,
        "UPDATE deploys SET artifact = ?2, list_hash = ?3, applied_at = ?4, plan = ?5,
           unconfigured = ?6, atomic = ?7, atomic_previous = ?8 WHERE id = ?1",
        params![
            apply.deploy.0,
            apply.artifact.to_string(),
            apply.list.hash().to_string(),
            apply.now.as_millis(),
            prepared.plan,
            prepared.unconfigured,
            apply.atomic.is_some(),
            apply
                .atomic
                .and_then(|intent| intent.previous)
                .map(|number| number.0)
        ],
    )
    .map(drop)
}
