//! `tidegate plan`: what a deploy would change.

use std::path::PathBuf;

use clap::Args;
use engine::{BuildProfile, PlanRequest};

use super::Outcome;
use super::deploy::source;
use crate::context::{Context, EnvironmentArg};
use crate::document::document;
use crate::outcome::Ending;
use crate::render::{self, Length};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The project's directory [default: the current one]
    #[arg(value_name = "PATH")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    environment: EnvironmentArg,
    /// Plan for a stored component in place of what the source builds
    #[arg(long, value_name = "DIGEST")]
    artifact: Option<String>,
    /// Exit with 2 where something would change
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Outcome {
    let session = context.open(arguments.folder.as_deref(), "plan").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let source = source(
        &session,
        arguments.artifact.as_deref(),
        BuildProfile::Release,
    )
    .await?;
    let mut door = session.door(context).await?;
    let request = PlanRequest {
        project,
        environment,
        source,
    };
    let progress = context.progress();
    let report = door.plan(request, &progress).await?;
    drop(progress);
    context.shell.document(&document("plan", &report));
    let length = if context.shell.is_verbose() {
        Length::Full
    } else {
        Length::Screen
    };
    context.shell.data(render::plan(&report, length));
    if arguments.detailed_exitcode && report.has_changes() {
        return Ok(Ending::ChangesPresent);
    }
    Ok(Ending::Done)
}
