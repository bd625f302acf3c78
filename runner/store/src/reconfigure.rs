//! Reconfigure deploys that are due because something that live objects use changed.

use domain::{Place, Timestamp};

use crate::{Error, Store};

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
        let _ = place;
        todo!()
    }

    /// Notes that the reconfigure of a generation is live; what changed since stays due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reconfigure_done(&self, place: Place, generation: u64) -> Result<(), Error> {
        let _ = (place, generation);
        todo!()
    }

    /// Notes that a reconfigure failed; it stays due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reconfigure_failed(&self, place: Place, error: String) -> Result<(), Error> {
        let _ = (place, error);
        todo!()
    }
}
