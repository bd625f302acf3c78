//! `tidegate deploy`: makes a project live in an environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use domain::{ArtifactDigest, DeployNumber, EnvironmentName};
use engine::{
    Atomicity, BuildProfile, Code, DeployReport, DeployRequest, LeaseWait, Owner, Removal, Source,
};

use super::Outcome;
use crate::context::{Context, Session};
use crate::document;
use crate::error::CliError;
use crate::input::confirm;
use crate::outcome::{Ending, code_of, deploy_error};
use crate::progress::Progress;
use crate::render::{self, Length};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The project's directory [default: the current one]
    #[arg(value_name = "PATH")]
    folder: Option<PathBuf>,
    /// The environment
    #[arg(short, long, value_name = "ENVIRONMENT", default_value = "production")]
    env: EnvironmentName,
    /// The version to show [default: from the commit, else from the artifact]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// What to remember the deploy by
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Deploy a stored component in place of what the source builds
    #[arg(long, value_name = "DIGEST")]
    artifact: Option<String>,
    #[command(flatten)]
    manner: Manner,
    /// Show every event as it happens; with `--format json` a document a line
    #[arg(long)]
    follow: bool,
    /// Go on where the project declares nothing, which disables all it has live
    #[arg(long)]
    allow_remove_all: bool,
}

/// How a deploy, or a rollback, goes about its work.
#[derive(Debug, Args)]
pub(crate) struct Manner {
    /// Undo the deploy if a step at a third party fails
    #[arg(long)]
    atomic: bool,
    /// Fail with exit 5 where another deploy is under way
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for the steps at third parties
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    settle_timeout: u64,
}

impl Manner {
    pub(crate) fn atomicity(&self) -> Atomicity {
        if self.atomic {
            Atomicity::Atomic
        } else {
            Atomicity::Plain
        }
    }

    /// Returns how long to wait for whoever owns the data directory.
    pub(crate) fn patience(&self) -> Duration {
        if self.no_wait {
            Duration::ZERO
        } else {
            crate::context::PATIENCE
        }
    }

    pub(crate) fn lease(&self) -> LeaseWait {
        if self.no_wait {
            LeaseWait::Refuse
        } else {
            LeaseWait::Wait
        }
    }

    pub(crate) fn settle_timeout(&self) -> Duration {
        Duration::from_secs(self.settle_timeout)
    }
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Outcome {
    let session = context.open(arguments.folder.as_deref(), "deploy").await?;
    let request = DeployRequest {
        project: session.project().await?,
        environment: arguments.env,
        source: source(
            &session,
            arguments.artifact.as_deref(),
            BuildProfile::Release,
        )
        .await?,
        version: arguments.version,
        description: arguments.description,
        atomic: arguments.manner.atomicity(),
        lease: arguments.manner.lease(),
        settle_timeout: arguments.manner.settle_timeout(),
        removal: if arguments.allow_remove_all {
            Removal::AllowAll
        } else {
            Removal::Confirm
        },
    };
    let (project, environment) = (request.project.clone(), request.environment.clone());
    let progress = match arguments.follow {
        true => context.progress().in_full().streaming(),
        false => context.progress(),
    };
    let mut door = session
        .door_within(context, arguments.manner.patience())
        .await?;
    let deployed = confirmed(context, request, async |request| {
        door.deploy(request, &progress).await
    })
    .await;
    door.settle_due(&progress).await;
    let report = deployed?;
    // What was settled at the end may have been this deploy's.
    let report = session
        .engine
        .deploy(&project, &environment, report.deploy)
        .await
        .unwrap_or(report);
    drop(progress);
    Ok(conclude(context, &report))
}

/// Deploys as the owner, asking a person on a terminal before everything is removed.
pub(crate) async fn deploy(
    context: &Context,
    owner: &Owner,
    request: DeployRequest,
    progress: &Progress,
) -> Result<DeployReport, CliError> {
    confirmed(context, request, async |request| {
        let deployed = owner.deploy(request, progress).await;
        deployed.map_err(deploy_error)
    })
    .await
}

/// Deploys, in whichever way, asking a person on a terminal before everything is removed.
async fn confirmed(
    context: &Context,
    request: DeployRequest,
    mut deploy: impl AsyncFnMut(DeployRequest) -> Result<DeployReport, CliError>,
) -> Result<DeployReport, CliError> {
    let error = match deploy(request.clone()).await {
        Err(error) if error.code() == Code::RemovesEverything && context.may_ask() => error,
        outcome => return outcome,
    };
    if !confirm(context, &format!("{}. Go on?", error.message()))? {
        return Err(error);
    }
    let request = DeployRequest {
        removal: Removal::AllowAll,
        ..request
    };
    deploy(request).await
}

/// Shows how a deploy ended and says what the program shall end with.
pub(crate) fn conclude(context: &Context, report: &DeployReport) -> Ending {
    let shell = &context.shell;
    shell.document(&document::deploy(report));
    let length = if shell.is_verbose() {
        Length::Full
    } else {
        Length::Screen
    };
    shell.data(render::deploy(report, length, context.now()));
    let Some(code) = code_of(report) else {
        return Ending::Done;
    };
    match code {
        Code::StepsNotDone => {
            shell.warn(format_args!(
                "[{code}] it is live, but subscriptions are not in step"
            ));
            shell.hint(format_args!(
                "`tidegate status --env {}` shows what is owed",
                report.environment
            ));
        }
        Code::RolledBack => {
            shell.warn(format_args!(
                "[{code}] a step failed, so what was live before is live again"
            ));
            shell.hint(format_args!(
                "`tidegate deploys logs {} --env {}` shows why",
                report.deploy, report.environment
            ));
        }
        _ => shell.warn(format_args!("[{code}] nothing changed")),
    }
    Ending::from(code)
}

/// Returns what is to be deployed: a stored component if one is named, else what the source builds.
pub(crate) async fn source(
    session: &Session<'_>,
    artifact: Option<&str>,
    profile: BuildProfile,
) -> Result<Source, CliError> {
    if let Some(text) = artifact {
        return Ok(Source::Artifact(stored_artifact(session, text).await?));
    }
    let file = session.file.as_ref().ok_or_else(|| {
        CliError::new(
            Code::ProjectNotFound,
            "there is no tidegate.toml here or above",
        )
        .hint("give the project's directory, or a stored component with `--artifact DIGEST`")
    })?;
    Ok(Source::Build(Arc::from(watch::build_of(file)), profile))
}

/// Finds a stored component by its digest, or by the first digits of it that no other has.
async fn stored_artifact(session: &Session<'_>, text: &str) -> Result<ArtifactDigest, CliError> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    let short = text.len() >= 6 && text.chars().all(|c| c.is_ascii_hexdigit());
    if !short {
        let message = format!("`{text}` is not a digest: 6 to 64 hexadecimal digits are expected");
        return Err(CliError::usage(message));
    }
    let text = text.to_ascii_lowercase();
    let stored = session.engine.artifacts().await?;
    let mut matching = stored
        .iter()
        .map(|artifact| artifact.artifact)
        .filter(|digest| digest.to_string().starts_with(&text));
    match (matching.next(), matching.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(CliError::usage(format!(
            "several stored components have a digest that begins with {text}"
        ))),
        (None, _) => Err(CliError::new(
            Code::ArtifactUnknown,
            format!("the store has no component whose digest begins with {text}"),
        )
        .hint("`tidegate artifacts list` shows those there are")),
    }
}

/// Parses the number of a deploy.
pub(crate) fn deploy_number(text: &str) -> Result<DeployNumber, String> {
    match text.parse() {
        Ok(DeployNumber(number)) if number > 0 => Ok(DeployNumber(number)),
        _ => Err("a deploy's number is 1 or more".to_owned()),
    }
}
