//! The use cases of Tidegate: deploy, plan, rollback, steps, runs, values, environments.
//!
//! The engine ties the pure rules of `domain` to the store and the sandbox. It
//! decides nothing that `domain` could decide, holds no SQL and no type of
//! wasmtime. It must never call a guest or a third party while a transaction is
//! open, and never start a step between a plan and its application.
//!
//! [`Engine`] only reads; [`Owner`] is the one process that may write.

mod atomic;
mod attempt;
mod build;
mod clock;
mod code;
mod component;
mod deliveries;
mod deploy;
mod dispatch;
mod engine;
mod error;
mod events;
mod finished_build;
mod grants;
mod guests;
mod ingress;
mod kv;
mod lease;
mod limits;
mod lists;
mod observer;
mod outcome;
mod phases;
mod probe;
mod props;
mod random;
mod reads;
mod reconfigure;
mod recorder;
mod refresh;
mod removal;
mod report;
mod runs;
mod settle;
mod shape;
mod subscriptions;
mod uploads;
mod values;

pub use build::{Build, BuildError, BuildOutput, BuildProfile, BuiltComponent, Commit};
pub use clock::{Clock, SystemClock};
pub use code::{Code, Coded, Exit};
pub use deliveries::{
    AddressReport, DeliveriesReport, DeliveryContentReport, DeliveryReport, DeliverySelection,
    HeaderReport, SampleError, SampleRequest, SignedDelivery,
};
pub use deploy::{Atomicity, DeployRequest, PlanRequest, Removal, RollbackRequest, Source};
pub use dispatch::{DispatchLimits, Dispatcher};
pub use engine::{Engine, Owner, Parts, Planner, Settings};
pub use error::{
    ChangeError, DeployError, DeployFailure, EventError, OpenError, OwnError, ReadError, RunError,
};
pub use finished_build::FinishedBuild;
pub use guests::{Guest, Guests};
pub use ingress::{IngressAnswer, IngressLimits, IngressRefusal, IngressRequest, RateLimit};
pub use lease::LeaseWait;
pub use limits::LimitsError;
pub use observer::{Event, Observer, Unobserved};
pub use probe::{Point, Probe, Unprobed};
pub use reads::{Disabled, RunSelection};
pub use reconfigure::{EnvironmentChange, ValueRequest};
pub use removal::DeletedEnvironment;
pub use report::{
    ArtifactReport, CheckReport, DeployReport, DeploySummary, EnvironmentReport, ErrorReport,
    HistoryReport, LockReport, LogReport, ObjectReport, PlanReport, PlannedStepReport,
    RegistrationReport, RequestReport, RunAttemptReport, RunReport, StageReport, StatusReport,
    StepReport, ValueChangeReport, ValueReport,
};
pub use runs::{ActionRun, Replay, WorkflowRun};
pub use store::{Force, GarbageMode, Holder};
pub use subscriptions::{PlaceRequest, Selector};
pub use uploads::{MAX_UPLOAD, UploadError};
