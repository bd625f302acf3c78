//! The model of Tidegate and its rules.
//!
//! Everything here is a pure function of its arguments: no async, no clock, no
//! randomness, no environment, no I/O. Time, ids and random numbers are passed
//! in. The crate must never depend on another of ours.

mod canonical;
pub mod declare;
mod digest;
mod host_pattern;
mod ids;
mod list;
mod names;
mod secret;
mod time;
mod validate;

pub use canonical::{canonical, canonical_of};
pub use digest::{ArtifactDigest, DeployListHash, DigestError, Fingerprint};
pub use host_pattern::{HostPattern, HostPatternError, HostPort};
pub use ids::{
    DeployId, DeployNumber, EnvironmentId, ObjectId, Place, ProjectId, RegistrationId, RunId,
    StepId, UserId,
};
pub use list::{CheckedList, Item, ObjectKey, Relation, Relationship};
pub use names::{EnvironmentName, NameError, ObjectName, ProjectName, ValueName, MAX_NAME};
pub use declare::ObjectKind;
pub use secret::{Redactor, Secret, REDACTED, REDACTED_FROM};
pub use time::Timestamp;
