//! Reconfigure deploys that are due because something that live objects use changed.

use domain::{Place, Timestamp};

use rusqlite::{Connection, params};

use crate::columns::{change, first, json, number, rows, signed, time, to_json};
use crate::{Error, Store, columns};

/// A reconfigure that is due; changes while it waits merge into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueReconfigure {
    /// Where.
    pub place: Place,
    /// Since when.
    pub since: Timestamp,
    /// What changed, in words such as `secret TOKEN`.
    pub causes: Vec<String>,
    /// Counts the changes: what came in while a reconfigure ran is not taken for done.
    pub generation: u64,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

impl Store {
    /// Returns the reconfigures that are due, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due_reconfigures(
        &self,
        place: Option<Place>,
    ) -> Result<Vec<DueReconfigure>, Error> {
        self.database()
            .read(move |tx| {
                let due = rows(
                    tx,
                    "SELECT * FROM due_reconfigures ORDER BY since, project, environment",
                    [],
                    |row| {
                        Ok(DueReconfigure {
                            place: columns::place(row)?,
                            since: time(row, "since")?,
                            causes: json(row, "causes")?,
                            generation: number(row, "generation")?,
                            last_error: row.get("last_error")?,
                        })
                    },
                )?;
                Ok(due
                    .into_iter()
                    .filter(|due| place.is_none_or(|place| place == due.place))
                    .collect())
            })
            .await
    }

    /// Notes that the reconfigure of a generation is live; what changed since stays due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reconfigure_done(&self, place: Place, generation: u64) -> Result<(), Error> {
        self.database()
            .write(move |tx| {
                change(
                    tx,
                    "DELETE FROM due_reconfigures
                     WHERE project = ?1 AND environment = ?2 AND generation <= ?3",
                    params![place.project.0, place.environment.0, signed(generation)],
                )
                .map(drop)
            })
            .await
    }

    /// Notes that a reconfigure failed; it stays due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reconfigure_failed(&self, place: Place, error: String) -> Result<(), Error> {
        self.database()
            .write(move |tx| {
                change(
                    tx,
                    "UPDATE due_reconfigures SET last_error = ?3
                     WHERE project = ?1 AND environment = ?2",
                    params![place.project.0, place.environment.0, error],
                )
                .map(drop)
            })
            .await
    }
}

/// Marks a reconfigure as due; one that waits takes the cause in.
pub(crate) fn mark(
    tx: &Connection,
    place: Place,
    cause: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let waiting = first(
        tx,
        "SELECT causes FROM due_reconfigures WHERE project = ?1 AND environment = ?2",
        [place.project.0, place.environment.0],
        |row| json::<Vec<String>>(row, "causes"),
    )?;
    let mut causes = waiting.unwrap_or_default();
    if !causes.iter().any(|known| known == cause) {
        causes.push(cause.to_owned());
    }
    change(
        tx,
        "INSERT INTO due_reconfigures (project, environment, since, causes, generation)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET causes = excluded.causes, generation = excluded.generation",
        params![
            place.project.0,
            place.environment.0,
            now.as_millis(),
            to_json(&causes),
            next_generation(tx)?
        ],
    )
    .map(drop)
}

/// Counts a change. The count goes on when nothing is due any more, so that the end of an old
/// reconfigure is never taken for that of a newer one.
fn next_generation(tx: &Connection) -> Result<i64, Error> {
    let counted = first(
        tx,
        "INSERT INTO meta (key, value)
         SELECT 'reconfigure_generation', coalesce(max(generation), 0) + 1 FROM due_reconfigures
         WHERE true
         ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1
         RETURNING CAST(value AS INTEGER) AS generation",
        [],
        |row| Ok(row.get("generation")?),
    )?;
    counted.ok_or_else(|| Error::corrupt("changes are not counted".to_owned()))
}

/// Notes that a deploy which saw every present value went live.
pub(crate) fn clear(tx: &Connection, place: Place) -> Result<(), Error> {
    change(
        tx,
        "DELETE FROM due_reconfigures WHERE project = ?1 AND environment = ?2",
        [place.project.0, place.environment.0],
    )
    .map(drop)
}
