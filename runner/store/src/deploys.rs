//! Deploys: their rows from beginning to end, and what is deployed where.

use domain::{
    ArtifactDigest, DeployId, DeployListHash, DeployNumber, DeployStatus, LiveDeploy, Place,
    Timestamp,
};
use rusqlite::{Connection, params};

use crate::columns::{change, count, first, insert, micros, rows, text, time, time_opt};
use crate::deploy_record::{
    self, AtomicOutcome, DeployError, DeployFailure, DeployRecord, DeployedVersion, NewDeploy,
    PendingCompensation, SELECT, StageRecord, with_stages,
};
use crate::{Error, Store, columns};

impl Store {
    /// Begins a deploy: gives it a number and a row that says `running`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_deploy(&self, new: NewDeploy) -> Result<(DeployId, DeployNumber), Error> {
        self.database()
            .write(move |tx| {
                let number = count(
                    tx,
                    "SELECT coalesce(max(number), 0) + 1 FROM deploys
                     WHERE project = ?1 AND environment = ?2",
                    [new.place.project.0, new.place.environment.0],
                )?;
                let id = insert(
                    tx,
                    "INSERT INTO deploys (project, environment, number, cause, status, version,
                       description, actor, created_at, rollback_of)
                     VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, ?7, ?8, ?9)",
                    params![
                        new.place.project.0,
                        new.place.environment.0,
                        number,
                        new.cause.as_str(),
                        new.version,
                        new.description,
                        new.actor,
                        new.now.as_millis(),
                        new.rollback_of.map(|number| number.0)
                    ],
                )?;
                Ok((DeployId(id), DeployNumber(number)))
            })
            .await
    }

    /// Notes what a running deploy is of, as soon as it is known.
    ///
    /// # Errors
    /// When there is no such deploy, or the store fails.
    pub async fn deploy_is_of(
        &self,
        deploy: DeployId,
        artifact: ArtifactDigest,
        list_hash: Option<DeployListHash>,
        version: String,
    ) -> Result<(), DeployError> {
        self.database()
            .write(move |tx| {
                running(tx, deploy, "given an artifact")?;
                change(
                    tx,
                    "UPDATE deploys SET artifact = ?2, list_hash = coalesce(?3, list_hash),
                       version = ?4
                     WHERE id = ?1",
                    params![
                        deploy.0,
                        artifact.to_string(),
                        list_hash.map(|hash| hash.to_string()),
                        version
                    ],
                )?;
                Ok(())
            })
            .await
    }

    /// Notes that a stage is over; repeating a stage replaces its record.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stage_finished(&self, deploy: DeployId, stage: StageRecord) -> Result<(), Error> {
        self.database()
            .write(move |tx| {
                change(
                    tx,
                    "INSERT INTO deploy_stages (deploy, stage, status, duration_us)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET status = excluded.status,
                       duration_us = excluded.duration_us",
                    params![
                        deploy.0,
                        stage.stage.as_str(),
                        stage.status.as_str(),
                        micros(stage.duration)
                    ],
                )
                .map(drop)
            })
            .await
    }

    /// Ends a deploy that changed nothing.
    ///
    /// # Errors
    /// When it is over or live already, or the store fails.
    pub async fn fail_deploy(
        &self,
        deploy: DeployId,
        failure: DeployFailure,
        now: Timestamp,
    ) -> Result<(), DeployError> {
        self.database()
            .write(move |tx| {
                let state = running(tx, deploy, "failed")?;
                if state.applied {
                    return Err(state.wrong("failed: it is live"));
                }
                change(
                    tx,
                    "UPDATE deploys SET status = 'failed', error_code = ?2, error_message = ?3,
                       finished_at = ?4 WHERE id = ?1",
                    params![deploy.0, failure.code, failure.message, now.as_millis()],
                )?;
                Ok(())
            })
            .await
    }

    /// Ends the settling of a deploy that is live: its status follows from the journal.
    ///
    /// # Errors
    /// When it was not applied, or the store fails.
    pub async fn conclude_deploy(
        &self,
        deploy: DeployId,
        now: Timestamp,
    ) -> Result<DeployStatus, DeployError> {
        self.database()
            .write(move |tx| {
                let state = state_of(tx, deploy)?.ok_or(DeployError::Unknown)?;
                if !state.applied {
                    return Err(state.wrong("concluded: it was not applied"));
                }
                let status = match state.status {
                    DeployStatus::Running | DeployStatus::Incomplete => {
                        if is_complete(tx, deploy)? {
                            DeployStatus::Succeeded
                        } else {
                            DeployStatus::Incomplete
                        }
                    }
                    over @ (DeployStatus::Succeeded
                    | DeployStatus::Failed
                    | DeployStatus::RolledBack
                    | DeployStatus::Interrupted) => return Ok(over),
                };
                end(tx, deploy, status, now)?;
                Ok(status)
            })
            .await
    }

    /// Returns at most `limit` deploys of a place below a number, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deploys(
        &self,
        place: Place,
        before: Option<DeployNumber>,
        limit: u32,
    ) -> Result<Vec<DeployRecord>, Error> {
        self.database()
            .read(move |tx| {
                let sql = format!(
                    "{SELECT} WHERE d.project = ?1 AND d.environment = ?2 AND d.number < ?3
                     ORDER BY d.number DESC LIMIT ?4"
                );
                let before = before.map_or(i64::MAX, |number| number.0);
                let found = rows(
                    tx,
                    &sql,
                    params![place.project.0, place.environment.0, before, limit],
                    deploy_record::read,
                )?;
                found
                    .into_iter()
                    .map(|deploy| with_stages(tx, deploy))
                    .collect()
            })
            .await
    }

    /// Returns what is live in a place.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn live(&self, place: Place) -> Result<Option<LiveDeploy>, Error> {
        self.database().read(move |tx| live(tx, place)).await
    }

    /// Returns a deploy by its number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deploy(
        &self,
        place: Place,
        number: DeployNumber,
    ) -> Result<Option<DeployRecord>, Error> {
        self.database()
            .read(move |tx| {
                let sql = format!(
                    "{SELECT} WHERE d.project = ?1 AND d.environment = ?2 AND d.number = ?3"
                );
                first(
                    tx,
                    &sql,
                    [place.project.0, place.environment.0, number.0],
                    deploy_record::read,
                )?
                .map(|deploy| with_stages(tx, deploy))
                .transpose()
            })
            .await
    }

    /// Returns the last deploy that was live with another artifact than what is live now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn last_live_with_another_artifact(
        &self,
        place: Place,
    ) -> Result<Option<DeployRecord>, Error> {
        self.database()
            .read(move |tx| {
                let sql = format!(
                    "{SELECT} WHERE d.project = ?1 AND d.environment = ?2
                       AND d.applied_at IS NOT NULL AND d.status <> 'rolled-back'
                       AND d.artifact <> (SELECT artifact FROM deployments
                         WHERE project = ?1 AND environment = ?2 AND ended_at IS NULL)
                     ORDER BY d.number DESC LIMIT 1"
                );
                first(
                    tx,
                    &sql,
                    [place.project.0, place.environment.0],
                    deploy_record::read,
                )?
                .map(|deploy| with_stages(tx, deploy))
                .transpose()
            })
            .await
    }

    /// Returns what is deployed, in one place or everywhere.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deployed(&self, place: Option<Place>) -> Result<Vec<DeployedVersion>, Error> {
        self.database()
            .read(move |tx| {
                let all = rows(
                    tx,
                    "SELECT c.*, d.number FROM deployments c JOIN deploys d ON d.id = c.deploy
                     WHERE c.ended_at IS NULL ORDER BY c.project, c.environment",
                    [],
                    |row| {
                        Ok(DeployedVersion {
                            place: columns::place(row)?,
                            artifact: text(row, "artifact")?,
                            version: row.get("version")?,
                            deploy: DeployNumber(row.get("number")?),
                            deployed_at: time(row, "deployed_at")?,
                            settling: time_opt(row, "settled_at")?.is_none(),
                        })
                    },
                )?;
                Ok(all
                    .into_iter()
                    .filter(|one| place.is_none_or(|place| place == one.place))
                    .collect())
            })
            .await
    }

    /// Returns the deploys that were to be undone if a step failed and are not settled.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pending_compensations(&self) -> Result<Vec<PendingCompensation>, Error> {
        self.database()
            .read(|tx| {
                rows(
                    tx,
                    "SELECT id, project, environment, number, atomic_previous FROM deploys
                     WHERE atomic = 1 ORDER BY id",
                    [],
                    |row| {
                        Ok(PendingCompensation {
                            place: columns::place(row)?,
                            deploy: DeployId(row.get("id")?),
                            number: DeployNumber(row.get("number")?),
                            previous: row
                                .get::<_, Option<i64>>("atomic_previous")?
                                .map(DeployNumber),
                        })
                    },
                )
            })
            .await
    }

    /// Settles the intent to undo a deploy.
    ///
    /// # Errors
    /// When the deploy has no such intent, or the store fails.
    pub async fn settle_atomic(
        &self,
        deploy: DeployId,
        outcome: AtomicOutcome,
        now: Timestamp,
    ) -> Result<(), DeployError> {
        self.database()
            .write(move |tx| {
                let state = state_of(tx, deploy)?.ok_or(DeployError::Unknown)?;
                let changed = change(
                    tx,
                    "UPDATE deploys SET atomic = 0 WHERE id = ?1 AND atomic = 1",
                    [deploy.0],
                )?;
                if changed == 0 {
                    return Err(state.wrong("settled: nothing says that it is to be undone"));
                }
                match outcome {
                    AtomicOutcome::Incomplete => {
                        end(tx, deploy, DeployStatus::Incomplete, now)?;
                    }
                    AtomicOutcome::RolledBack => {
                        end(tx, deploy, DeployStatus::RolledBack, now)?;
                    }
                }
                Ok(())
            })
            .await
    }
}

/// How a deploy stands, as far as its moves need it.
struct State {
    number: DeployNumber,
    status: DeployStatus,
    applied: bool,
}

impl State {
    fn wrong(&self, wanted: &'static str) -> DeployError {
        DeployError::WrongState {
            number: self.number,
            status: self.status,
            wanted,
        }
    }
}

fn state_of(tx: &Connection, deploy: DeployId) -> Result<Option<State>, Error> {
    first(
        tx,
        "SELECT number, status, applied_at FROM deploys WHERE id = ?1",
        [deploy.0],
        |row| {
            Ok(State {
                number: DeployNumber(row.get("number")?),
                status: text(row, "status")?,
                applied: time_opt(row, "applied_at")?.is_some(),
            })
        },
    )
}

fn running(tx: &Connection, deploy: DeployId, wanted: &'static str) -> Result<State, DeployError> {
    let state = state_of(tx, deploy)?.ok_or(DeployError::Unknown)?;
    if state.status == DeployStatus::Running {
        Ok(state)
    } else {
        Err(state.wrong(wanted))
    }
}

/// Returns whether a deploy that is live has nothing left to do, and lost nothing that it had.
pub(crate) fn is_complete(tx: &Connection, deploy: DeployId) -> Result<bool, Error> {
    let owed = count(
        tx,
        "SELECT (SELECT count(*) FROM steps WHERE deploy = ?1 AND state <> 'done')
           + (SELECT count(*) FROM deploys WHERE id = ?1 AND (unconfigured <> '[]'
               OR superseded_by IS NOT NULL OR forgotten_by IS NOT NULL))",
        [deploy.0],
    )?;
    Ok(owed == 0)
}

/// Ends a deploy that is live; a success also settles what is deployed and its intent to be undone.
pub(crate) fn end(
    tx: &Connection,
    deploy: DeployId,
    status: DeployStatus,
    now: Timestamp,
) -> Result<(), Error> {
    change(
        tx,
        "UPDATE deploys SET status = ?2, finished_at = ?3 WHERE id = ?1",
        params![deploy.0, status.as_str(), now.as_millis()],
    )?;
    if status == DeployStatus::Succeeded {
        change(
            tx,
            "UPDATE deploys SET atomic = 0 WHERE id = ?1",
            [deploy.0],
        )?;
        change(
            tx,
            "UPDATE deployments SET settled_at = ?2 WHERE deploy = ?1 AND settled_at IS NULL",
            params![deploy.0, now.as_millis()],
        )?;
    }
    Ok(())
}

/// Completes a deploy that was concluded with steps open, if the last of them is done now.
pub(crate) fn complete(
    tx: &Connection,
    deploy: DeployId,
    now: Timestamp,
) -> Result<Option<(DeployNumber, DeployStatus)>, Error> {
    let Some(state) = state_of(tx, deploy)? else {
        return Ok(None);
    };
    if state.status != DeployStatus::Incomplete || !is_complete(tx, deploy)? {
        return Ok(None);
    }
    end(tx, deploy, DeployStatus::Succeeded, now)?;
    Ok(Some((state.number, DeployStatus::Succeeded)))
}

/// Reads which deploy is live in a place.
pub(crate) fn live(tx: &Connection, place: Place) -> Result<Option<LiveDeploy>, Error> {
    first(
        tx,
        "SELECT c.artifact, d.number FROM deployments c JOIN deploys d ON d.id = c.deploy
         WHERE c.project = ?1 AND c.environment = ?2 AND c.ended_at IS NULL",
        [place.project.0, place.environment.0],
        |row| {
            Ok(LiveDeploy {
                number: DeployNumber(row.get("number")?),
                artifact: text(row, "artifact")?,
            })
        },
    )
}
