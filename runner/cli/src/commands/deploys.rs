//! `tidegate deploys`: every attempt to make something live.

use clap::{Args, Subcommand};
use domain::DeployNumber;
use engine::LogReport;

use super::Outcome;
use super::deploy::deploy_number;
use crate::context::{Context, EnvironmentArg};
use crate::document::{self, items};
use crate::outcome::Ending;
use crate::progress::{log_line, stage_line};
use crate::render::{self, Length};
use crate::text::moment;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List deploys, newest first
    List(List),
    /// Show one deploy with its stages, changes and steps
    Show(One),
    /// Show the log of one deploy
    Logs(One),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    environment: EnvironmentArg,
    /// The most to list
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its number
    #[arg(value_name = "DEPLOY", value_parser = deploy_number)]
    deploy: DeployNumber,
    #[command(flatten)]
    environment: EnvironmentArg,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(context, arguments).await,
        Command::Show(arguments) => show(context, arguments).await,
        Command::Logs(arguments) => logs(context, arguments).await,
    }
}

async fn list(context: &Context, arguments: List) -> Outcome {
    let session = context.open(None, "deploys list").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let deploys = session
        .engine
        .deploys(&project, &environment, arguments.limit)
        .await?;
    context.shell.document(&document::deploys(&deploys));
    context.shell.data(render::deploys(&deploys));
    Ok(Ending::Done)
}

async fn show(context: &Context, arguments: One) -> Outcome {
    let session = context.open(None, "deploys show").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let deploy = session
        .engine
        .deploy(&project, &environment, arguments.deploy)
        .await?;
    context.shell.document(&document::deploy(&deploy));
    context
        .shell
        .data(render::deploy(&deploy, Length::Full, context.now()));
    context.shell.data(format_args!(
        "{} by {}, began {}",
        deploy.cause,
        crate::text::plain(&deploy.actor),
        moment(deploy.started_at)
    ));
    for stage in &deploy.stages {
        context.shell.data(stage_line(stage));
    }
    Ok(Ending::Done)
}

async fn logs(context: &Context, arguments: One) -> Outcome {
    let session = context.open(None, "deploys logs").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let lines = session
        .engine
        .deploy_logs(&project, &environment, arguments.deploy)
        .await?;
    context.shell.document(&items("deploy_logs", &lines));
    context.shell.data(log_text(&lines));
    Ok(Ending::Done)
}

/// Writes a log, each line with its time.
pub(crate) fn log_text(lines: &[LogReport]) -> String {
    if lines.is_empty() {
        return "the log is empty".to_owned();
    }
    let line = |line: &LogReport| {
        let stage = line
            .stage
            .map_or_else(String::new, |stage| format!(" {stage:<8}"));
        format!("{}{stage}{}", line.time, log_line(line))
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}
