//! Everything durable of one data directory: SQLite, artifacts, keys and locks.
//!
//! The store offers coarse operations in the words of the domain, one
//! transaction each, async at the boundary. It is the only place with SQL, and
//! no SQLite type and no closure over a connection leaves it. It must never
//! call a guest or a third party, and never wait for one while a transaction
//! is open. Time and the random parts of what third parties see are passed in.

mod apply;
mod artifacts;
mod attempts;
mod audit;
mod columns;
mod data_dir;
mod database;
mod deliveries;
mod deploy_log;
mod deploy_record;
mod deploys;
mod doctor;
mod endpoints;
mod error;
mod events;
mod gc;
mod journal;
mod kv;
mod leases;
mod leaving;
mod lock;
mod places;
mod queue;
mod reconfigure;
mod recovery;
mod registration_row;
mod registrations;
mod replace;
mod runs;
mod runs_attempt;
mod schedules;
mod schema;
mod seal;
mod settling;
mod snapshot;
mod step_row;
mod store;
mod subscriptions;
#[cfg(test)]
mod tests;
mod users;
mod values;

pub use apply::{Applied, Apply, ApplyError, AtomicIntent, NewRegistrationSecrets};
pub use artifacts::{ArtifactError, ArtifactSource, StoredArtifact};
pub use attempts::{
    AttemptId, BeginAttempt, BegunAttempt, FinishAttempt, FinishedAttempt, NewOwner, StepError,
};
pub use audit::{AuditEntry, AuditFault};
pub use data_dir::{DataDir, DataDirError, KeySource};
pub use deliveries::{Accept, Accepted, DeliveryFilter, DeliveryRecord};
pub use deploy_log::{LogLine, NewLogLine};
pub use deploy_record::{
    AtomicOutcome, DeployError, DeployFailure, DeployRecord, DeployedVersion, NewDeploy,
    PendingCompensation, PlanDocument, StageRecord, SubscriptionStepDocument,
};
pub use doctor::{Health, Problem};
pub use endpoints::{Address, AddressOf, MissingEndpoint, Receiver};
pub use error::Error;
pub use events::SendEvent;
pub use gc::{Collected, Fate, GarbageMode, KeepReason};
pub use journal::{LastAttempt, RetrySelection, StepContext};
pub use kv::KvWrite;
pub use leases::{Acquire, Acquired, Lease, LeaseError, LeaseToken};
pub use lock::{Holder, LockError, Ownership};
pub use places::{Environment, EnvironmentError, EnvironmentUpdate, Project};
pub use queue::{QueueRun, Tick, Waiting, WaitingRun};
pub use reconfigure::DueReconfigure;
pub use recovery::{FoundDeploy, FoundStep, Recovered};
pub use registrations::{Expiring, ForgetError, Forgotten, OpenEndpoint};
pub use replace::{Replace, ReplaceError, Replaced};
pub use runs::{
    RunAttemptRecord, RunError, RunFilter, RunKind, RunLogLine, RunRecord, RunRequest, RunUsage,
};
pub use runs_attempt::{BegunAttemptOfRun, FinishRun, FinishedRun, RunOn};
pub use schedules::Ticked;
pub use store::Store;
pub use subscriptions::{
    AttemptView, Doubt, DoubtKind, Over, RegistrationEvent, RegistrationView, StepView,
};
pub use users::{Account, ConnectedUser, PutAccount};
pub use values::{Force, HeldValue, SetValue, UnsetError, UnsetValue, ValueEntry};
