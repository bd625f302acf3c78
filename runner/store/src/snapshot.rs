//! Everything that planning needs of one place, read in one transaction.

use domain::{ObjectId, ObjectKey, Place, Registration, Snapshot, StoredObject};
use rusqlite::Connection;

use crate::columns::{first, known, rows};
use crate::step_row::{self, Which};
use crate::{Error, Store, deploys, registration_row, values};

impl Store {
    /// Reads what a project has in an environment.
    ///
    /// Subscriptions that were found besides the one kept, and are being
    /// ended, are not in it: no plan decides about them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn snapshot(&self, place: Place) -> Result<Snapshot, Error> {
        self.database()
            .read(move |tx| {
                Ok(Snapshot {
                    objects: objects(tx, place)?,
                    ..facts(tx, place)?
                })
            })
            .await
    }
}

impl Store {
    /// Returns whether an object is live in a place.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_live(&self, place: Place, key: ObjectKey) -> Result<bool, Error> {
        self.database()
            .read(move |tx| {
                let live = first(
                    tx,
                    "SELECT live FROM objects
                     WHERE project = ?1 AND environment = ?2 AND kind = ?3 AND name = ?4",
                    rusqlite::params![
                        place.project.0,
                        place.environment.0,
                        key.kind.as_str(),
                        key.name.as_str()
                    ],
                    |row| Ok(row.get("live")?),
                )?;
                Ok(live.unwrap_or(false))
            })
            .await
    }
}

/// Reads everything but the objects: all that the fingerprint of a plan covers.
pub(crate) fn facts(tx: &Connection, place: Place) -> Result<Snapshot, Error> {
    Ok(Snapshot {
        live: deploys::live(tx, place)?,
        objects: Vec::new(),
        registrations: registrations(tx, place)?,
        steps: step_row::open(tx, place, Which::Planned)?,
        values: values::versions(tx, place)?,
        public_url: public_url(tx, place)?,
    })
}

fn registrations(tx: &Connection, place: Place) -> Result<Vec<Registration>, Error> {
    rows(
        tx,
        "SELECT * FROM registrations
         WHERE project = ?1 AND environment = ?2 AND state NOT IN ('gone', 'forgotten')
           AND found_beside IS NULL ORDER BY id",
        [place.project.0, place.environment.0],
        registration_row::read,
    )
}

fn public_url(tx: &Connection, place: Place) -> Result<Option<String>, Error> {
    first(
        tx,
        "SELECT public_url FROM environments WHERE id = ?1",
        [place.environment.0],
        |row| Ok(row.get("public_url")?),
    )?
    .ok_or_else(|| Error::NotFound(format!("environment {}", place.environment)))
}

fn objects(tx: &Connection, place: Place) -> Result<Vec<StoredObject>, Error> {
    let mut statement = tx.prepare_cached(
        "SELECT id, kind, name, live, spec FROM objects WHERE project = ?1 AND environment = ?2",
    )?;
    let mut rows = statement.query([place.project.0, place.environment.0])?;
    let mut objects = Vec::new();
    // By index: there may be very many of them.
    while let Some(row) = rows.next()? {
        let kind = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let name = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        objects.push(StoredObject {
            id: ObjectId(row.get(0)?),
            key: ObjectKey {
                kind: known(kind)?,
                name: known(name)?,
            },
            live: row.get(3)?,
            spec: row.get(4)?,
        });
    }
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(objects)
}
