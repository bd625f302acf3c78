//! Leases: one deploy at a time in each place.

use std::time::Duration;

use domain::{Place, Timestamp};

use rusqlite::{Connection, Row, params};
use serde_json::json;

use crate::columns::{change, first, rows, time};
use crate::{Error, Store, audit, columns};

/// What proves that somebody holds a lease; random, passed in by the holder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub String);

/// A lease that somebody holds, or held until it expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is held.
    pub place: Place,
    /// Who holds it, for people.
    pub holder: String,
    /// Since when.
    pub acquired_at: Timestamp,
    /// When the holder last showed itself.
    pub heartbeat_at: Timestamp,
    /// From when on others may take it.
    pub expires_at: Timestamp,
}

/// What to acquire.
#[derive(Debug, Clone)]
pub struct Acquire {
    /// What.
    pub place: Place,
    /// For whom, for people.
    pub holder: String,
    /// The holder's new token.
    pub token: LeaseToken,
    /// For how long without a heartbeat.
    pub ttl: Duration,
    /// The present.
    pub now: Timestamp,
}

/// What acquiring came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is held now.
    Yes {
        /// The expired lease that was taken over.
        taken_over: Option<Lease>,
    },
    /// Somebody else holds it.
    HeldBy(Lease),
}

/// Says why a lease was not prolonged.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody broke it, or took it after it expired.
    #[error("the lease was lost: {reason}")]
    Lost {
        /// Who has it now, in words.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Acquires the lease of a place, unless somebody holds it who has not expired.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn acquire_lease(&self, acquire: Acquire) -> Result<Acquired, Error> {
        self.database()
            .write(move |tx| {
                let held = held(tx, acquire.place)?;
                if let Some((lease, token)) = &held
                    && lease.expires_at > acquire.now
                    && *token != acquire.token
                {
                    return Ok(Acquired::HeldBy(lease.clone()));
                }
                change(
                    tx,
                    "INSERT INTO leases
                       (project, environment, holder, token, acquired_at, heartbeat_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
                     ON CONFLICT DO UPDATE SET holder = excluded.holder, token = excluded.token,
                       acquired_at = excluded.acquired_at, heartbeat_at = excluded.heartbeat_at,
                       expires_at = excluded.expires_at",
                    params![
                        acquire.place.project.0,
                        acquire.place.environment.0,
                        acquire.holder,
                        acquire.token.0,
                        acquire.now.as_millis(),
                        acquire.now.after(acquire.ttl).as_millis()
                    ],
                )?;
                Ok(Acquired::Yes {
                    taken_over: held
                        .filter(|(_, token)| *token != acquire.token)
                        .map(|(lease, _)| lease),
                })
            })
            .await
    }

    /// Prolongs a lease.
    ///
    /// # Errors
    /// When it was lost, or the store fails.
    pub async fn heartbeat(
        &self,
        place: Place,
        token: LeaseToken,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<(), LeaseError> {
        self.database()
            .write(move |tx| {
                check(tx, place, &token)?.map_err(|reason| LeaseError::Lost { reason })?;
                change(
                    tx,
                    "UPDATE leases SET heartbeat_at = ?3, expires_at = ?4
                     WHERE project = ?1 AND environment = ?2",
                    params![
                        place.project.0,
                        place.environment.0,
                        now.as_millis(),
                        now.after(ttl).as_millis()
                    ],
                )?;
                Ok(())
            })
            .await
    }

    /// Gives a lease back; one that was lost is left alone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release_lease(&self, place: Place, token: LeaseToken) -> Result<(), Error> {
        self.database()
            .write(move |tx| release(tx, place, &token))
            .await
    }

    /// Lists all leases.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leases(&self) -> Result<Vec<Lease>, Error> {
        self.database()
            .read(|tx| {
                rows(
                    tx,
                    "SELECT * FROM leases ORDER BY project, environment",
                    [],
                    read_lease,
                )
            })
            .await
    }

    /// Takes a lease away from its holder; returns it, if there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_lease(
        &self,
        place: Place,
        actor: String,
        now: Timestamp,
    ) -> Result<Option<Lease>, Error> {
        self.database()
            .write(move |tx| {
                let Some((lease, _)) = held(tx, place)? else {
                    return Ok(None);
                };
                change(
                    tx,
                    "DELETE FROM leases WHERE project = ?1 AND environment = ?2",
                    [place.project.0, place.environment.0],
                )?;
                let subject = audit::subject(tx, place)?;
                let details = json!({ "holder": lease.holder });
                audit::add(tx, now, &actor, "lease.break", &subject, &details)?;
                Ok(Some(lease))
            })
            .await
    }
}

/// Reads a lease; its token is read apart, for nobody but its holder is to see it.
pub(crate) fn read_lease(row: &Row<'_>) -> Result<Lease, Error> {
    Ok(Lease {
        place: columns::place(row)?,
        holder: row.get("holder")?,
        acquired_at: time(row, "acquired_at")?,
        heartbeat_at: time(row, "heartbeat_at")?,
        expires_at: time(row, "expires_at")?,
    })
}

fn held(tx: &Connection, place: Place) -> Result<Option<(Lease, LeaseToken)>, Error> {
    first(
        tx,
        "SELECT * FROM leases WHERE project = ?1 AND environment = ?2",
        [place.project.0, place.environment.0],
        |row| Ok((read_lease(row)?, LeaseToken(row.get("token")?))),
    )
}

/// Checks that a token holds the lease; the inner error says who has it instead.
///
/// One that expired and that nobody took is still held: nothing happened in between.
pub(crate) fn check(
    tx: &Connection,
    place: Place,
    token: &LeaseToken,
) -> Result<Result<(), String>, Error> {
    Ok(match held(tx, place)? {
        Some((_, held)) if held == *token => Ok(()),
        Some((lease, _)) => Err(format!(
            "{} has it since {}",
            lease.holder, lease.acquired_at
        )),
        None => Err("it was broken or given back".to_owned()),
    })
}

/// Gives a lease back if the token holds it.
pub(crate) fn release(tx: &Connection, place: Place, token: &LeaseToken) -> Result<(), Error> {
    change(
        tx,
        "DELETE FROM leases WHERE project = ?1 AND environment = ?2 AND token = ?3",
        params![place.project.0, place.environment.0, token.0],
    )
    .map(drop)
}
