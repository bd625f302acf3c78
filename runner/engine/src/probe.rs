//! The points at which a crash would matter, for the tests that crash there.

use async_trait::async_trait;

/// A point at which the world outside this process may just have changed, or is about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// The deploy has its row.
    DeployBegun,
    /// The artifact is stored.
    ArtifactStored,
    /// The deploy list is stored.
    ListStored,
    /// The lease is held.
    LeaseHeld,
    /// The plan is made, nothing is applied.
    Planned,
    /// The apply transaction is committed.
    Applied,
    /// `running` is committed, the guest has not been called.
    AttemptBegun,
    /// The guest has returned, nothing is committed.
    HookReturned,
    /// The attempt's result is committed.
    AttemptFinished,
    /// A refresh was refused for good and its replacement is not yet written.
    RefreshRefused,
    /// The deploy's status is committed.
    Concluded,
    /// An attempt of a run is committed as `running`, the guest has not been called.
    RunBegun,
    /// The guest of a run has returned, nothing is committed.
    RunReturned,
    /// The result of a run's attempt is committed.
    RunFinished,
}

/// Is told of every point that is reached.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Takes note; the engine goes on when this returns.
    async fn reached(&self, point: Point);
}

/// Takes no note.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unprobed;

#[async_trait]
impl Probe for Unprobed {
    async fn reached(&self, _point: Point) {}
}
