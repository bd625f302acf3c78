//! What a process that died left behind, put in order by the next owner.

use domain::{DeployNumber, Place, RunId, StepId, StepState, Timestamp};

use crate::{Error, Lease, Store};

/// A deploy that a crash cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundDeploy {
    /// Where.
    pub place: Place,
    /// The deploy.
    pub number: DeployNumber,
}

/// A step whose attempt a crash cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundStep {
    /// Where.
    pub place: Place,
    /// The step.
    pub step: StepId,
    /// Where it was moved.
    pub state: StepState,
}

/// What recovery found and put in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Deploys that had changed nothing: `interrupted`.
    pub interrupted: Vec<FoundDeploy>,
    /// Deploys that were live and settling: to be resumed.
    pub resumed: Vec<FoundDeploy>,
    /// Steps that were being attempted.
    pub steps: Vec<FoundStep>,
    /// Runs that were under way: `interrupted`.
    pub runs: Vec<RunId>,
    /// Leases of dead holders, dropped.
    pub leases: Vec<Lease>,
}

impl Store {
    /// Puts in order what dead processes left: to be called once after taking the lock, before
    /// anything else is begun.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(&self, now: Timestamp) -> Result<Recovered, Error> {
        let _ = now;
        todo!()
    }
}
