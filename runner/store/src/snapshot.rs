//! Everything that planning needs of one place, read in one transaction.

use domain::{Place, Snapshot};

use crate::{Error, Store};

impl Store {
    /// Reads what a project has in an environment.
    ///
    /// Subscriptions that were found besides the one kept, and are being
    /// ended, are not in it: no plan decides about them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn snapshot(&self, place: Place) -> Result<Snapshot, Error> {
        let _ = place;
        todo!()
    }
}
