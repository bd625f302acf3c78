//! What a process that died left behind, put in order by the next owner.

use domain::{
    DeployId, DeployNumber, DeployStatus, Place, RunId, StepId, StepState, Timestamp, after_crash,
};
use rusqlite::{Connection, Row, params};

use crate::columns::{change, rows};
use crate::registration_row::{self, Event};
use crate::{Error, Lease, Store, artifacts, columns, deploys, leases, runs_attempt, step_row};

/// A deploy that a crash cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundDeploy {
    /// Where.
    pub place: Place,
    /// The deploy.
    pub number: DeployNumber,
}

/// A step whose attempt a crash cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundStep {
    /// Where.
    pub place: Place,
    /// The step.
    pub step: StepId,
    /// Where it was moved.
    pub state: StepState,
}

/// What recovery found and put in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Deploys that had changed nothing: `interrupted`.
    pub interrupted: Vec<FoundDeploy>,
    /// Deploys that were live and settling: to be resumed.
    pub resumed: Vec<FoundDeploy>,
    /// Steps that were being attempted.
    pub steps: Vec<FoundStep>,
    /// Runs that were under way: `interrupted`, or waiting for another attempt.
    pub runs: Vec<RunId>,
    /// Leases of dead holders, dropped.
    pub leases: Vec<Lease>,
}

impl Store {
    /// Puts in order what dead processes left: to be called once after taking the lock, before
    /// anything else is begun.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(&self, now: Timestamp) -> Result<Recovered, Error> {
        let dir = self.dir().artifacts();
        let cleaned = tokio::task::spawn_blocking(move || artifacts::remove_temporary(&dir));
        cleaned.await.map_err(|_| Error::Stopped)??;
        self.database()
            .write(move |tx| {
                Ok(Recovered {
                    steps: steps(tx, now)?,
                    interrupted: interrupted(tx, now)?,
                    resumed: resumed(tx, now)?,
                    runs: runs_attempt::interrupt_all(tx, now)?,
                    leases: drop_leases(tx)?,
                })
            })
            .await
    }
}

/// Moves each step that was being attempted to where a crash leaves it.
fn steps(tx: &Connection, now: Timestamp) -> Result<Vec<FoundStep>, Error> {
    let cut = rows(
        tx,
        "SELECT id FROM steps WHERE state = 'running' ORDER BY id",
        [],
        |row| Ok(StepId(row.get("id")?)),
    )?;
    cut.into_iter().map(|id| step(tx, id, now)).collect()
}

fn step(tx: &Connection, id: StepId, now: Timestamp) -> Result<FoundStep, Error> {
    const WHY: &str = "the process ended during the attempt";
    let missing = || Error::corrupt(format!("step {id} has no subscription"));
    let found = step_row::find(tx, id)?.ok_or_else(missing)?;
    let (_, registration) =
        registration_row::find(tx, found.step.registration)?.ok_or_else(missing)?;
    let (state, standing) = after_crash(found.step.kind, registration.state);
    step_row::advance(tx, id, found.step.state, state, now)?;
    change(
        tx,
        "UPDATE steps SET last_error = ?2 WHERE id = ?1",
        params![id.0, WHY],
    )?;
    change(
        tx,
        "UPDATE step_attempts SET ended_at = ?2, outcome = ?3, error = ?4
         WHERE step = ?1 AND ended_at IS NULL",
        params![id.0, now.as_millis(), state.as_str(), WHY],
    )?;
    let event = Event {
        what: "interrupted",
        detail: Some(WHY),
        actor: None,
    };
    registration_row::set_state(tx, registration.id, standing, event, now)?;
    Ok(FoundStep {
        place: found.place,
        step: id,
        state,
    })
}

/// Ends the deploys that had changed nothing.
fn interrupted(tx: &Connection, now: Timestamp) -> Result<Vec<FoundDeploy>, Error> {
    rows(
        tx,
        "UPDATE deploys SET status = 'interrupted', finished_at = ?1
         WHERE status = 'running' AND applied_at IS NULL
         RETURNING project, environment, number",
        [now.as_millis()],
        found_deploy,
    )
}

/// Concludes the deploys that are live: what they still owe is in the journal.
fn resumed(tx: &Connection, now: Timestamp) -> Result<Vec<FoundDeploy>, Error> {
    let found = rows(
        tx,
        "SELECT id, project, environment, number FROM deploys
         WHERE status = 'running' AND applied_at IS NOT NULL ORDER BY id",
        [],
        |row| Ok((DeployId(row.get("id")?), found_deploy(row)?)),
    )?;
    for (deploy, _) in &found {
        let status = if deploys::is_complete(tx, *deploy)? {
            DeployStatus::Succeeded
        } else {
            DeployStatus::Incomplete
        };
        deploys::end(tx, *deploy, status, now)?;
    }
    Ok(found.into_iter().map(|(_, found)| found).collect())
}

fn found_deploy(row: &Row<'_>) -> Result<FoundDeploy, Error> {
    Ok(FoundDeploy {
        place: columns::place(row)?,
        number: DeployNumber(row.get("number")?),
    })
}

/// Drops every lease: whoever held one owned the directory, and does no longer.
fn drop_leases(tx: &Connection) -> Result<Vec<Lease>, Error> {
    rows(tx, "DELETE FROM leases RETURNING *", [], leases::read_lease)
}
