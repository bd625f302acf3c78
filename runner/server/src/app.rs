//! What every handler has: the owner of the data directory, and what is under way.

use std::sync::Arc;

use engine::Owner;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The state of the router. Clones share everything.
#[derive(Clone)]
pub(crate) struct App {
    /// The owner of the data directory, through which everything is read and written.
    pub(crate) owner: Arc<Owner>,
    /// Work that goes on when whoever asked for it has gone away.
    pub(crate) work: TaskTracker,
    /// Cancelled when the server is to end; streams end with it.
    pub(crate) ending: CancellationToken,
}

impl App {
    /// Makes the state.
    pub(crate) fn new(owner: Arc<Owner>) -> Self {
        Self {
            owner,
            work: TaskTracker::new(),
            ending: CancellationToken::new(),
        }
    }
}
