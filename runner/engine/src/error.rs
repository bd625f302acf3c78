//! What can go wrong, one enum per kind of use case, each variant with its stable code.

use std::fmt;

use domain::declare::Finding;
use domain::{ArtifactDigest, DeployNumber, EnvironmentName, ObjectKind, ProjectName};

use crate::build::BuildError;
use crate::code::{Code, Coded};
use crate::component::GuestError;
use crate::limits::LimitsError;
use crate::report::DeployReport;

/// Says why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory, or the key in it, is unusable.
    #[error(transparent)]
    DataDir(#[from] store::DataDirError),
    /// The operator's limits are unusable.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The database is unusable.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Coded for OpenError {
    fn code(&self) -> Code {
        match self {
            Self::DataDir(error) => data_dir_code(error),
            Self::Limits(_) => Code::LimitsInvalid,
            Self::Store(error) => store_code(error),
        }
    }
}

/// Says why a process could not become the owner of a data directory.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// Another process owns it, or the lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] store::LockError),
    /// What a dead process left could not be recovered.
    #[error("what an earlier process left could not be recovered")]
    Recover(#[source] store::Error),
}

impl Coded for OwnError {
    fn code(&self) -> Code {
        match self {
            Self::Lock(store::LockError::Held { .. }) => Code::DataDirectoryOwned,
            Self::Lock(_) => Code::DataDirectoryUnusable,
            Self::Recover(error) => store_code(error),
        }
    }
}

/// Says why something could not be found or read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store holds no such project.
    #[error("the store has no project `{0}`")]
    ProjectUnknown(ProjectName),
    /// The store holds no such environment.
    #[error("there is no environment `{0}`")]
    EnvironmentUnknown(EnvironmentName),
    /// There is no such object.
    #[error("there is no {kind} `{name}` in {environment}")]
    ObjectUnknown {
        /// The kind.
        kind: ObjectKind,
        /// The name.
        name: String,
        /// Where it was looked for.
        environment: EnvironmentName,
        /// Names like it.
        similar: Vec<String>,
    },
    /// There is no such deploy.
    #[error("there is no deploy {number} in {environment}")]
    DeployUnknown {
        /// The number.
        number: DeployNumber,
        /// Where it was looked for.
        environment: EnvironmentName,
    },
    /// There is no such artifact.
    #[error("the store has no artifact {0}")]
    ArtifactUnknown(ArtifactDigest),
    /// There is no such run.
    #[error("the store has no run {0}")]
    RunUnknown(domain::RunId),
    /// There is no such delivery.
    #[error("the store has no delivery {0}")]
    DeliveryUnknown(domain::DeliveryId),
    /// The delivery's content is gone with its runs.
    #[error("the content of delivery {0} is no longer kept")]
    DeliveryExpired(domain::DeliveryId),
    /// There is no such registration.
    #[error("there is no registration {0} that is not over")]
    RegistrationUnknown(String),
    /// Nothing is live there.
    #[error("nothing of {project} is live in {environment}")]
    NothingLive {
        /// The project.
        project: ProjectName,
        /// The environment.
        environment: EnvironmentName,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Coded for ReadError {
    fn code(&self) -> Code {
        match self {
            Self::ProjectUnknown(_) => Code::ProjectUnknown,
            Self::EnvironmentUnknown(_) => Code::EnvironmentUnknown,
            Self::ObjectUnknown { .. } => Code::ObjectUnknown,
            Self::DeployUnknown { .. } => Code::DeployUnknown,
            Self::ArtifactUnknown(_) => Code::ArtifactUnknown,
            Self::RunUnknown(_) => Code::RunUnknown,
            Self::DeliveryUnknown(_) | Self::DeliveryExpired(_) => Code::DeliveryUnknown,
            Self::RegistrationUnknown(_) => Code::RegistrationUnknown,
            Self::NothingLive { .. } => Code::NothingLive,
            Self::Store(error) => store_code(error),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::ObjectUnknown { kind, similar, .. } if !similar.is_empty() => {
                vec![format!("there is {kind} `{}`", similar.join("`, `"))]
            }
            Self::ObjectUnknown { .. } => {
                vec!["`tidegate objects list` shows what there is".to_owned()]
            }
            Self::EnvironmentUnknown(_) => {
                vec!["`tidegate env list` shows the environments".to_owned()]
            }
            Self::NothingLive { environment, .. } => {
                vec![format!(
                    "`tidegate deploy --env {environment}` makes it live"
                )]
            }
            Self::RegistrationUnknown(_) => vec![
                "`tidegate subscriptions list` shows those there are; a deploy makes those that are missing"
                    .to_owned(),
            ],
            Self::ProjectUnknown(_)
            | Self::DeployUnknown { .. }
            | Self::ArtifactUnknown(_)
            | Self::RunUnknown(_)
            | Self::DeliveryUnknown(_)
            | Self::DeliveryExpired(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}

/// Says why a deploy, or a plan, failed; nothing was changed unless the report says so.
#[derive(Debug)]
pub struct DeployError {
    /// What happened.
    pub cause: DeployFailure,
    /// The deploy as it is stored, once it had a number.
    pub report: Option<Box<DeployReport>>,
}

impl DeployError {
    /// Returns the deploy as it is stored, once it had a number.
    #[must_use]
    pub fn report(&self) -> Option<&DeployReport> {
        self.report.as_deref()
    }
}

impl<T: Into<DeployFailure>> From<T> for DeployError {
    fn from(cause: T) -> Self {
        Self {
            cause: cause.into(),
            report: None,
        }
    }
}

impl fmt::Display for DeployError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for DeployError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

impl Coded for DeployError {
    fn code(&self) -> Code {
        self.cause.code()
    }

    fn hints(&self) -> Vec<String> {
        self.cause.hints()
    }
}

/// Says why a deploy failed.
#[derive(Debug, thiserror::Error)]
pub enum DeployFailure {
    /// What it works on is not there.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The build gave no component.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The component's file could not be read or stored.
    #[error(transparent)]
    Artifact(store::ArtifactError),
    /// The component does not run here.
    #[error(transparent)]
    Load(#[from] sandbox::LoadError),
    /// The sandbox could not be set up.
    #[error(transparent)]
    Sandbox(#[from] sandbox::OpenError),
    /// The guest could not say what it declares.
    #[error("the project could not say what it declares: {0}")]
    Collect(String),
    /// What it declares has faults.
    #[error("what the project declares has {} fault{}{}", findings.len(), if findings.len() == 1 { "" } else { "s" }, list(findings))]
    Declaration {
        /// All of them.
        findings: Vec<Finding>,
    },
    /// `subscription-props` failed.
    #[error("`subscription-props` of webhook {webhook} failed: {message}")]
    Props {
        /// The webhook.
        webhook: String,
        /// Why.
        message: String,
    },
    /// The list is empty, and nobody said that this is meant.
    #[error("the project declares nothing; the deploy would disable all {live} live objects")]
    RemovesEverything {
        /// How many objects are live.
        live: usize,
    },
    /// Another deploy holds the lease.
    #[error("{holder} has been deploying to {environment} for {age_s} s")]
    LeaseHeld {
        /// Who.
        holder: String,
        /// Where.
        environment: EnvironmentName,
        /// For how long.
        age_s: u64,
    },
    /// The lease was broken or ran out.
    #[error("the deploy's lease on {0} was broken or ran out")]
    LeaseLost(EnvironmentName),
    /// What the plan was made from kept changing.
    #[error("what the plan was made from changed before it could be applied, {0} times")]
    Stale(u32),
    /// There is no earlier deploy to go back to.
    #[error("no earlier deploy with another artifact was live in {0}")]
    NothingToRollBackTo(EnvironmentName),
    /// The deploy to go back to never was live.
    #[error("deploy {number} was never live in {environment}")]
    NeverLive {
        /// The deploy.
        number: DeployNumber,
        /// Where.
        environment: EnvironmentName,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The engine found itself where it should not be.
    #[error("{0}")]
    Internal(String),
}

impl From<store::DeployError> for DeployFailure {
    fn from(error: store::DeployError) -> Self {
        match error {
            store::DeployError::Store(error) => Self::Store(error),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// Lists findings, a line each.
fn list(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|finding| format!("\n  {finding}"))
        .collect()
}

impl Coded for DeployFailure {
    fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::Build(error) => match error {
                BuildError::Start { .. } | BuildError::Failed { .. } => Code::BuildFailed,
                BuildError::TimedOut { .. } => Code::BuildTimedOut,
                BuildError::NoComponent { .. } => Code::ComponentMissing,
                BuildError::Missing { .. } => Code::ToolMissing,
            },
            Self::Artifact(error) => artifact_code(error),
            Self::Load(error) => load_code(error),
            Self::Sandbox(_) => Code::SandboxFailed,
            Self::Collect(_) => Code::CollectFailed,
            Self::Declaration { .. } => Code::DeclarationInvalid,
            Self::Props { .. } => Code::PropsFailed,
            Self::RemovesEverything { .. } => Code::RemovesEverything,
            Self::LeaseHeld { .. } => Code::LeaseHeld,
            Self::LeaseLost(_) => Code::LeaseLost,
            Self::Stale(_) => Code::PlanStale,
            Self::NothingToRollBackTo(_) | Self::NeverLive { .. } => Code::NothingToRollBackTo,
            Self::Internal(_) => Code::Internal,
            Self::Store(error) => store_code(error),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read(error) => error.hints(),
            Self::RemovesEverything { .. } => {
                vec!["if that is meant, use `--allow-remove-all`".to_owned()]
            }
            Self::LeaseHeld { environment, .. } => vec![format!(
                "if its process is dead, `tidegate locks break --env {environment}`"
            )],
            Self::NothingToRollBackTo(_) | Self::NeverLive { .. } => {
                vec!["`tidegate deploys list` shows the deploys; name one with `--to`".to_owned()]
            }
            Self::Build(_)
            | Self::Artifact(_)
            | Self::Load(_)
            | Self::Sandbox(_)
            | Self::Collect(_)
            | Self::Declaration { .. }
            | Self::Props { .. }
            | Self::LeaseLost(_)
            | Self::Stale(_)
            | Self::Store(_)
            | Self::Internal(_) => Vec::new(),
        }
    }
}

/// Says why a run could not be started; a run that failed is no error of this kind.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What it works on is not there.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The input does not match the schema.
    #[error("the input of action {action} is not valid{}", lines(violations))]
    Input {
        /// The action.
        action: String,
        /// What is wrong, by field.
        violations: Vec<domain::SchemaViolation>,
    },
    /// A secret or variable that the object cannot do without has no value.
    #[error("{object} cannot run: {} not set", missing.join(", "))]
    Unconfigured {
        /// The object.
        object: String,
        /// What is missing.
        missing: Vec<String>,
    },
    /// The run is in no state for what was asked.
    #[error("run {run} is {status}, so it cannot be cancelled")]
    NotCancellable {
        /// The run.
        run: domain::RunId,
        /// Its status.
        status: domain::RunStatus,
    },
    /// Another trigger starts the workflow.
    #[error("workflow {workflow} is started by its trigger `{trigger}`, not by requests")]
    OtherTrigger {
        /// The workflow.
        workflow: String,
        /// Its trigger.
        trigger: String,
    },
    /// As many runs as may be are under way.
    #[error("as many runs as there may be are under way; nothing was started")]
    Overloaded,
    /// Deploys came in between each time that the run was about to begin.
    #[error(
        "deploys kept changing what is live while the run was about to begin; nothing was started"
    )]
    Overtaken,
    /// The run has had no attempt, so there is nothing that it ran on.
    #[error("run {0} has not run yet, so there is no artifact that it ran on")]
    NeverRan(domain::RunId),
    /// The artifact is not where it should be.
    #[error(transparent)]
    Artifact(store::ArtifactError),
    /// The component does not run here.
    #[error(transparent)]
    Load(#[from] sandbox::LoadError),
    /// The sandbox could not be set up.
    #[error(transparent)]
    Sandbox(#[from] sandbox::OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<GuestError> for RunError {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::Artifact(error) => Self::Artifact(error),
            GuestError::Sandbox(error) => Self::Sandbox(error),
            GuestError::Load(error) => Self::Load(error),
        }
    }
}

fn lines(violations: &[domain::SchemaViolation]) -> String {
    violations
        .iter()
        .map(|violation| format!("\n  {violation}"))
        .collect()
}

impl Coded for RunError {
    fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::Input { .. } => Code::InputInvalid,
            Self::Unconfigured { .. } => Code::ValueUnknown,
            Self::NotCancellable { .. } | Self::NeverRan(_) | Self::OtherTrigger { .. } => {
                Code::UsageInvalid
            }
            Self::Overloaded | Self::Overtaken => Code::Overloaded,
            Self::Artifact(error) => artifact_code(error),
            Self::Load(error) => load_code(error),
            Self::Sandbox(_) => Code::SandboxFailed,
            Self::Store(error) => store_code(error),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read(error) => error.hints(),
            Self::Unconfigured { .. } => vec![
                "`tidegate secrets set NAME` and `tidegate vars set NAME VALUE` set them"
                    .to_owned(),
            ],
            Self::Input { .. }
            | Self::NotCancellable { .. }
            | Self::NeverRan(_)
            | Self::OtherTrigger { .. }
            | Self::Overloaded
            | Self::Overtaken
            | Self::Artifact(_)
            | Self::Load(_)
            | Self::Sandbox(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}

/// Says why an app event could not be sent; nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// There is no such project or environment.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No such event is live.
    #[error("there is no app event `{event}` in {environment}")]
    Unknown {
        /// The name.
        event: String,
        /// Where it was looked for.
        environment: EnvironmentName,
    },
    /// The payload does not match the event's schema.
    #[error("the payload of app event {event} is not valid{}", lines(violations))]
    Payload {
        /// The event.
        event: String,
        /// What is wrong, by field.
        violations: Vec<domain::SchemaViolation>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Coded for EventError {
    fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::Unknown { .. } => Code::EventUnknown,
            Self::Payload { .. } => Code::InputInvalid,
            Self::Store(error) => store_code(error),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read(error) => error.hints(),
            Self::Unknown { environment, .. } => vec![format!(
                "`tidegate objects list --kind app-event --env {environment}` shows what there is"
            )],
            Self::Payload { .. } | Self::Store(_) => Vec::new(),
        }
    }
}

/// Says why a value, an environment or a subscription could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// What it works on is not there.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A registration's owner still needs the value.
    #[error("{value} is still needed to end {}", owners.join(", "))]
    ValueNeeded {
        /// The value.
        value: String,
        /// The registrations, in words.
        owners: Vec<String>,
    },
    /// There is no such value.
    #[error("{0} is not set")]
    ValueUnknown(String),
    /// There is such an environment already.
    #[error("there is an environment `{0}` already")]
    EnvironmentExists(EnvironmentName),
    /// The environment is one of those that always are.
    #[error("the environment `{0}` is there from the start and cannot be deleted")]
    EnvironmentBuiltIn(EnvironmentName),
    /// The environment still holds something.
    #[error("the environment `{environment}` cannot be deleted: {reason}")]
    EnvironmentInUse {
        /// The environment.
        environment: EnvironmentName,
        /// What it holds.
        reason: String,
    },
    /// What was given is not valid.
    #[error("{0}")]
    Invalid(String),
    /// A deploy that it led to failed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Coded for ChangeError {
    fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::ValueNeeded { .. } => Code::ValueNeeded,
            Self::ValueUnknown(_) => Code::ValueUnknown,
            Self::EnvironmentExists(_) => Code::EnvironmentExists,
            Self::EnvironmentBuiltIn(_) => Code::EnvironmentBuiltIn,
            Self::EnvironmentInUse { .. } => Code::EnvironmentInUse,
            Self::Invalid(_) => Code::UsageInvalid,
            Self::Deploy(error) => error.code(),
            Self::Store(error) => store_code(error),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read(error) => error.hints(),
            Self::Deploy(error) => error.hints(),
            Self::ValueNeeded { .. } => vec![
                "with `--force` its steps wait, and go on when the value is set again".to_owned(),
            ],
            Self::EnvironmentInUse { .. } => {
                vec!["`--force` forgets its registrations and lists them".to_owned()]
            }
            Self::ValueUnknown(_)
            | Self::EnvironmentExists(_)
            | Self::EnvironmentBuiltIn(_)
            | Self::Invalid(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}

/// Returns the code of an error of the data directory.
fn data_dir_code(error: &store::DataDirError) -> Code {
    match error {
        error if error.is_disk_full() => Code::DiskFull,
        store::DataDirError::File { .. } => Code::DataDirectoryUnusable,
        store::DataDirError::KeyTooOpen { .. }
        | store::DataDirError::BadKey { .. }
        | store::DataDirError::KeyMissing { .. }
        | store::DataDirError::NoRandomness => Code::KeyUnusable,
    }
}

/// Returns the code of an error of the store itself.
pub(crate) fn store_code(error: &store::Error) -> Code {
    match error {
        store::Error::Corrupt(_) | store::Error::Unsealable(_) => Code::DatabaseCorrupt,
        store::Error::DiskFull => Code::DiskFull,
        store::Error::ReadOnly | store::Error::File { .. } => Code::DataDirectoryUnusable,
        store::Error::NewerSchema { .. } => Code::DatabaseNewer,
        store::Error::WrongKey { .. } => Code::KeyUnusable,
        store::Error::Locked(_) => Code::DataDirectoryOwned,
        _ => Code::StorageFailed,
    }
}

/// Returns the code of an error of the artifact store.
pub(crate) fn artifact_code(error: &store::ArtifactError) -> Code {
    match error {
        store::ArtifactError::TooLarge { .. } => Code::ComponentInvalid,
        store::ArtifactError::Source { .. } => Code::ComponentMissing,
        store::ArtifactError::Unknown(_) => Code::ArtifactUnknown,
        store::ArtifactError::Damaged { .. } => Code::ArtifactDamaged,
        store::ArtifactError::OtherList { .. } => Code::Internal,
        store::ArtifactError::Store(error) => store_code(error),
    }
}

fn load_code(error: &sandbox::LoadError) -> Code {
    use sandbox::{LoadError, Unfit};
    match error {
        LoadError::TooLarge { .. } | LoadError::Compile(_) | LoadError::Mismatch(_) => {
            Code::ComponentInvalid
        }
        LoadError::Parts(_) => Code::ComponentInvalid,
        LoadError::Unfit(Unfit::NoContract | Unfit::OtherContract { .. }) => {
            Code::ContractUnsupported
        }
        LoadError::Unfit(Unfit::Imports(_)) => Code::ImportUnsupported,
        LoadError::Unfit(Unfit::NotWasm | Unfit::CoreModule | Unfit::Damaged(_)) => {
            Code::ComponentInvalid
        }
        LoadError::Read { .. } | LoadError::OtherDigest { .. } | LoadError::Host(_) => {
            Code::StorageFailed
        }
    }
}

/// Lets a failed read stand where a change is reported.
impl From<DeployFailure> for ChangeError {
    fn from(failure: DeployFailure) -> Self {
        Self::Deploy(failure.into())
    }
}
