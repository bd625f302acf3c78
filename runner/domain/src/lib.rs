//! The model of Tidegate and its rules.
//!
//! Everything here is a pure function of its arguments: no async, no clock, no
//! randomness, no environment, no I/O. Time, ids and random numbers are passed
//! in. The crate must never depend on another of ours.

mod attempt;
mod canonical;
mod capabilities;
mod cron;
pub mod declare;
mod delivery;
mod deploy;
mod digest;
mod host_pattern;
mod ids;
mod limits;
mod list;
mod messages;
mod names;
mod plan;
mod registration;
mod run;
mod schema;
mod secret;
mod signature;
mod stable;
mod step;
mod subscriptions;
mod time;
mod validate;

pub use attempt::{
    Attempt, Conclusion, HookOutcome, MAX_ATTEMPTS, Requests, Subscription, after_crash, back_off,
    conclude, hook_to_call,
};
pub use canonical::{canonical, canonical_of};
pub use cron::{Due, Schedule, ScheduleError};
pub use declare::ObjectKind;
pub use delivery::{KNOWN_FOR, dedupe_key, silent_since, slack_challenge};
pub use deploy::{DeployCause, DeployStatus, LogLevel, Stage, StageStatus};
pub use digest::{ArtifactDigest, DeployListHash, DigestError, Fingerprint};
pub use host_pattern::{HostPattern, HostPatternError, HostPort};
pub use ids::{
    DeliveryId, DeployId, DeployNumber, EndpointId, EnvironmentId, ObjectId, Place, ProjectId,
    RegistrationId, RunId, StepId, UserId,
};
pub use limits::Limits;
pub use list::{CheckedList, Item, ObjectKey, Relation, Relationship};
pub use messages::{Message, Severity};
pub use names::{EnvironmentName, MAX_NAME, NameError, ObjectName, ProjectName, ValueName};
pub use plan::{
    Capability, Change, ChangeAction, Desired, FieldChange, LiveDeploy, NewRegistration, Plan,
    PlannedStep, PropsOutcome, Snapshot, StoredObject, SubscriptionPlan, Target, Unconfigured,
    Wait, WebhookProps, fingerprint, identity, plan, values_used,
};
pub use registration::{
    Registration, RegistrationState, SubscriptionBasis, ValueKey, ValueKind, ValueVersions,
};
pub use run::{
    IllegalRunMove, Patience, RunAttempt, RunConclusion, RunOutcome, RunStatus, conclude_run,
    run_after_crash,
};
pub use schema::{InputSchema, SchemaError, SchemaViolation};
pub use secret::{REDACTED, REDACTED_FROM, Redactor, Secret};
pub use signature::{Headers, KeyError, Refusal, TOLERANCE, sign, verify};
pub use step::{
    IllegalMove, SIDE_BY_SIDE, Step, StepKind, StepState, Subject, Wave, next_due, ready_steps,
};
pub use time::Timestamp;
