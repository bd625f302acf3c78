//! Leases: one deploy at a time in each place.

use std::time::Duration;

use domain::{Place, Timestamp};

use crate::{Error, Store};

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
        let _ = acquire;
        todo!()
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
        let _ = (place, token, ttl, now);
        todo!()
    }

    /// Gives a lease back; one that was lost is left alone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release_lease(&self, place: Place, token: LeaseToken) -> Result<(), Error> {
        let _ = (place, token);
        todo!()
    }

    /// Lists all leases.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leases(&self) -> Result<Vec<Lease>, Error> {
        todo!()
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
        let _ = (place, actor, now);
        todo!()
    }
}
