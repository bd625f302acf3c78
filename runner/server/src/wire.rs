//! What is sent and received, in the shapes that both sides of the API use.
//!
//! Reports have the shapes of the engine's; here are what is asked for, the
//! documents of events, and problems.

mod build;
mod event;
mod problem;
mod request;

pub use build::{BuildBody, BuildFailureBody, BuildResultBody, CommitBody};
pub use event::{DoneDocument, EventDocument, VERSION};
pub(crate) use problem::MEDIA_TYPE;
pub use problem::Problem;
pub use request::{
    Addresses, ArtifactGarbage, DeletedEnvironmentBody, DeployBody, Deploying, EnvironmentBody,
    EnvironmentChangeBody, EventBody, InputBody, Items, LockBroken, PlanBody, ReplayBody,
    RollbackBody, SecretText, SelectorBody, StartedRuns, UpdatedEnvironment, ValueBody,
};
