//! Waiting for something to be stored, whoever stores it.

use std::time::Duration;

use engine::Owner;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{Door, Side, there};
use crate::client::{Client, Events};
use crate::error::CliError;

/// Tells that something was stored since it was asked last.
#[derive(Debug)]
pub(crate) enum Changes {
    /// By this process.
    Here(watch::Receiver<u64>),
    /// By the one that owns the data directory.
    There(Events),
}

impl Changes {
    pub(super) fn here(owner: &Owner) -> Self {
        Self::Here(owner.commits())
    }

    pub(super) async fn there(client: &Client) -> Result<Self, CliError> {
        let events = there::changes(client).await.map_err(there::error)?;
        Ok(Self::There(events))
    }

    /// Waits for the next change; several that come together are one.
    ///
    /// # Errors
    /// When the process that would tell of it is gone.
    pub(crate) async fn next(&mut self) -> Result<(), CliError> {
        match self {
            Self::Here(commits) => {
                // The owner holds the other end for as long as this process runs.
                let _ = commits.changed().await;
                Ok(())
            }
            Self::There(events) => match events.next().await {
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err(there::gone()),
                Err(error) => Err(there::error(error)),
            },
        }
    }

    /// Looks again at each change until there is something to be found, at most until `deadline`.
    ///
    /// # Errors
    /// When looking fails, or nobody tells of changes any more.
    pub(crate) async fn until<T>(
        &mut self,
        deadline: Instant,
        mut look: impl AsyncFnMut() -> Result<Option<T>, CliError>,
    ) -> Result<Option<T>, CliError> {
        loop {
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            match timeout_at(deadline, self.next()).await {
                Ok(changed) => changed?,
                Err(_) => return Ok(None),
            }
        }
    }
}

impl Door<'_> {
    /// Follows what is stored from now on, and has the runs that wait started meanwhile: by this
    /// process where it is the owner, else by the one that is.
    ///
    /// # Errors
    /// When the owner does not answer.
    pub(crate) async fn follow_runs(&self) -> Result<(Changes, Option<Runs>), CliError> {
        match &self.side {
            Side::Here(owner) => Ok((Changes::here(owner), Some(Runs::start(owner)))),
            Side::There(client) => Ok((Changes::there(client).await?, None)),
        }
    }
}

/// The runs that this process starts while a command waits for some of them.
#[must_use = "dropping it cuts short what it started"]
pub(crate) struct Runs(engine::Dispatcher);

impl Runs {
    fn start(owner: &std::sync::Arc<Owner>) -> Self {
        Self(owner.dispatch(engine::DispatchLimits::default()))
    }

    /// Starts no more, and gives those under way some time to end.
    pub(crate) async fn stop(self, grace: Duration) {
        self.0.stop(grace).await;
    }
}
