//! What settling reads besides the open steps: a deploy's own steps, and where something expires.

use domain::{DeployId, ObjectId, ObjectName, Place, Step, StepId, Timestamp};

use crate::columns::{self, change, first, rows, text};
use crate::step_row;
use crate::{Error, Store};

impl Store {
    /// Returns every step of a deploy, over or not, in the order of their ids.
    ///
    /// What they wait for is left out of steps that are over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deploy_steps(&self, deploy: DeployId) -> Result<Vec<Step>, Error> {
        self.database()
            .read(move |tx| {
                let ids = rows(
                    tx,
                    "SELECT id FROM steps WHERE deploy = ?1 ORDER BY id",
                    [deploy.0],
                    |row| Ok(StepId(row.get("id")?)),
                )?;
                let mut steps = Vec::with_capacity(ids.len());
                for id in ids {
                    steps.extend(step_row::find(tx, id)?.map(|found| found.step));
                }
                Ok(steps)
            })
            .await
    }

    /// Returns one step.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn step(&self, step: StepId) -> Result<Option<Step>, Error> {
        self.database()
            .read(move |tx| Ok(step_row::find(tx, step)?.map(|found| found.step)))
            .await
    }

    /// Puts a step off that could not be attempted, and says why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_off(
        &self,
        step: StepId,
        reason: String,
        until: Timestamp,
    ) -> Result<(), Error> {
        self.database()
            .write(move |tx| {
                change(
                    tx,
                    "UPDATE steps SET next_attempt_at = ?2, last_error = ?3 WHERE id = ?1",
                    rusqlite::params![step.0, until.as_millis(), reason],
                )
                .map(drop)
            })
            .await
    }

    /// Returns the name that a live object has now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn live_name(&self, object: ObjectId) -> Result<Option<ObjectName>, Error> {
        self.database()
            .read(move |tx| {
                first(
                    tx,
                    "SELECT name FROM objects WHERE id = ?1 AND live",
                    [object.0],
                    |row| text(row, "name"),
                )
            })
            .await
    }

    /// Returns the places where a registration ends by itself.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn places_with_expiries(&self) -> Result<Vec<Place>, Error> {
        self.database()
            .read(|tx| {
                rows(
                    tx,
                    "SELECT DISTINCT project, environment FROM registrations
                     WHERE state = 'live' AND expires_at IS NOT NULL
                     ORDER BY project, environment",
                    [],
                    columns::place,
                )
            })
            .await
    }
}
