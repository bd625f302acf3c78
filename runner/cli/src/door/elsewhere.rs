//! What another process owns, for commands that only make sense beside it.

use domain::RunId;
use engine::{Code, Replay, RunReport};

use super::changes::Changes;
use super::there;
use crate::client::{Client, ClientError};
use crate::context::Session;
use crate::error::CliError;

/// The process that owns the data directory, which is another than this one.
#[derive(Debug)]
pub(crate) struct Elsewhere(Client);

impl Session<'_> {
    /// Returns the process that owns the data directory and takes requests.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn elsewhere(&self) -> Result<Elsewhere, CliError> {
        let address = self.engine.holder().and_then(|holder| holder.address);
        let client = Client::new(address.ok_or_else(missing)?);
        match client.connect().await {
            Ok(_) => Ok(Elsewhere(client)),
            // It died and left its address behind.
            Err(ClientError::Unreached { .. }) => Err(missing()),
            Err(error) => Err(there::error(error)),
        }
    }
}

impl Elsewhere {
    /// Runs again there what ran before, on what is live.
    ///
    /// # Errors
    /// When it could not begin, or the process is gone.
    pub(crate) async fn replay(&self, run: RunId) -> Result<RunReport, CliError> {
        let replayed = there::replay(&self.0, run, Replay::Current).await;
        replayed.map_err(there::error)
    }

    /// Follows what it stores from now on.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) async fn changes(&self) -> Result<Changes, CliError> {
        Changes::there(&self.0).await
    }
}

fn missing() -> CliError {
    CliError::new(
        Code::OwnerMissing,
        "no process owns the data directory, so nothing is deployed meanwhile",
    )
    .hint("start `tidegate dev` in another terminal")
}
