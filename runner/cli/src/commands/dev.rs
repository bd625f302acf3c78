//! `tidegate dev`: deploys to development and keeps what is due there going.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use domain::EnvironmentName;
use engine::{
    Atomicity, BuildProfile, Code, DeployRequest, EnvironmentChange, LeaseWait, Owner, Removal,
};

use super::Outcome;
use super::deploy::{conclude, deploy, source};
use crate::context::{Context, Session};
use crate::error::CliError;
use crate::progress::Progress;
use crate::text::duration;

/// How long a deploy of the dev loop waits for the steps at third parties;
/// what is not done then goes on while the loop stays.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether another command left something that is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The least time between two looks that both found something due.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The project's directory [default: the current one]
    #[arg(value_name = "PATH")]
    folder: Option<PathBuf>,
    /// The environment
    #[arg(short, long, value_name = "ENVIRONMENT", default_value = "development")]
    env: EnvironmentName,
    /// Deploy once and exit with the deploy's code
    #[arg(long)]
    once: bool,
    /// The address that providers deliver to; the environment keeps it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Outcome {
    let session = context.open(arguments.folder.as_deref(), "dev").await?;
    let progress = context.progress().streaming();
    let deployed = deploy_once(context, &session, &arguments, &progress).await;
    if arguments.once {
        return deployed;
    }
    if let Err(error) = deployed {
        context.shell.still();
        context.shell.error(&error);
        context.shell.note("what was live stays live");
    }
    context.rest();
    context.shell.note(format_args!(
        "what is due in {} is done while this stays; Ctrl-C ends it",
        arguments.env
    ));
    keep_settling(context, &session, &progress).await
}

/// Deploys, owning the data directory only meanwhile.
async fn deploy_once(
    context: &Context,
    session: &Session<'_>,
    arguments: &Arguments,
    progress: &Progress,
) -> Outcome {
    let request = DeployRequest {
        project: session.project().await?,
        environment: arguments.env.clone(),
        source: source(session, None, BuildProfile::Dev).await?,
        version: None,
        description: None,
        atomic: Atomicity::Plain,
        lease: LeaseWait::Wait,
        settle_timeout: PATIENCE,
        removal: Removal::Confirm,
    };
    let owner = session.own().await?;
    if let Some(url) = &arguments.public_url {
        set_public_url(&owner, arguments, url, progress).await?;
    }
    let deployed = deploy(context, &owner, request, progress).await;
    session.settle_due(&owner, progress).await;
    Ok(conclude(context, &deployed?))
}

async fn set_public_url(
    owner: &Owner,
    arguments: &Arguments,
    url: &str,
    progress: &Progress,
) -> Result<(), CliError> {
    let change = EnvironmentChange {
        public_url: Some(Some(url.to_owned())),
        ..EnvironmentChange::default()
    };
    owner
        .update_environment(&arguments.env, change, progress)
        .await?;
    Ok(())
}

/// Does what is due whenever something is, owning the data directory only meanwhile.
async fn keep_settling(context: &Context, session: &Session<'_>, progress: &Progress) -> Outcome {
    let mut told = None;
    loop {
        let next = session.engine.next_due().await.map_err(|error| {
            CliError::because(Code::StorageFailed, "what is due cannot be read", &error)
        })?;
        let Some(wait) = next else {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        if !wait.is_zero() {
            let seconds = wait.as_secs();
            if told.is_none_or(|told| seconds > told) {
                let wait = duration(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                context.shell.note(format_args!("next step in {wait}"));
            }
            told = Some(seconds);
            tokio::time::sleep(wait.min(LOOK_EVERY)).await;
            continue;
        }
        match session.own().await {
            Ok(owner) => session.settle_due(&owner, progress).await,
            Err(error) => context.shell.warn(error.message()),
        }
        told = None;
        // What is due and cannot be done is not tried again without a pause.
        tokio::time::sleep(PAUSE).await;
    }
}
