//! `tidegate runs`: what ran, and once more.

mod difference;
mod watch;

use clap::{Args, Subcommand};
use domain::{RunId, RunStatus};
use engine::{Replay, RunSelection};

use super::Outcome;
use super::deploys::log_text;
use super::run::conclude;
use crate::context::{Context, EnvironmentArg};
use crate::document::{document, items};
use crate::outcome::Ending;
use crate::render;
use crate::text::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List runs, newest first
    List(List),
    /// Show one run with its input and output
    Show(One),
    /// Show the log of one run
    Logs(One),
    /// Run the same input again
    Replay(Again),
    /// Cancel a run that is not over
    Cancel(One),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    environment: EnvironmentArg,
    /// Only those that stand so
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<RunStatus>,
    /// The most to list
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its id
    #[arg(value_name = "RUN")]
    run: RunId,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tidegate runs replay 7\n  \
    tidegate runs replay 7 --watch    beside `tidegate dev`: again at every save that goes live")]
pub(crate) struct Again {
    /// Its id
    #[arg(value_name = "RUN")]
    run: RunId,
    /// On the artifact that ran then, in place of the one that is live
    #[arg(long)]
    original: bool,
    /// Run it now and after every deploy that goes live, and show how the outcome changes
    ///
    /// Another process has to deploy meanwhile, such as `tidegate dev`. Ctrl-C ends it. With
    /// `--format json` each run is a document, one a line.
    #[arg(long, conflicts_with = "original")]
    watch: bool,
}

/// Parses how a run stands.
pub(crate) fn status(text: &str) -> Result<RunStatus, String> {
    RunStatus::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = RunStatus::ALL
            .iter()
            .map(|status| status.as_str())
            .collect();
        format!("one of {} is expected", names.join(", "))
    })
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(context, arguments).await,
        Command::Show(arguments) => show(context, &arguments).await,
        Command::Logs(arguments) => logs(context, &arguments).await,
        Command::Replay(arguments) => replay(context, &arguments).await,
        Command::Cancel(arguments) => cancel(context, &arguments).await,
    }
}

async fn list(context: &Context, arguments: List) -> Outcome {
    let session = context.open(None, "runs list").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let runs = session
        .engine
        .runs_matching(
            &project,
            &environment,
            RunSelection {
                status: arguments.status,
                limit: arguments.limit,
                ..RunSelection::default()
            },
        )
        .await?;
    context.shell.document(&items("runs", &runs));
    context.shell.data(render::runs(&runs));
    Ok(Ending::Done)
}

async fn show(context: &Context, arguments: &One) -> Outcome {
    let session = context.open(None, "runs show").await?;
    let run = session.engine.run_report(arguments.run).await?;
    let shell = &context.shell;
    shell.document(&document("run", &run));
    shell.data(render::run_facts(&run));
    shell.data(format_args!("input\n{}", json(&run.input)));
    if let Some(output) = &run.output {
        shell.data(format_args!("output\n{}", json(output)));
    }
    if let Some(why) = render::run_failure(&run) {
        shell.data(why);
    }
    Ok(Ending::Done)
}

async fn logs(context: &Context, arguments: &One) -> Outcome {
    let session = context.open(None, "runs logs").await?;
    let lines = session.engine.run_logs(arguments.run).await?;
    context.shell.document(&items("run_logs", &lines));
    context.shell.data(log_text(&lines));
    Ok(Ending::Done)
}

async fn replay(context: &Context, arguments: &Again) -> Outcome {
    let session = context.open(None, "runs replay").await?;
    if arguments.watch {
        return watch::run(context, &session, arguments.run).await;
    }
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let which = if arguments.original {
        Replay::Original
    } else {
        Replay::Current
    };
    context.shell.spin("run");
    let ran = door.replay(arguments.run, which).await;
    context.shell.still();
    door.settle_due(&progress).await;
    drop(progress);
    Ok(conclude(context, &ran?))
}

async fn cancel(context: &Context, arguments: &One) -> Outcome {
    let session = context.open(None, "runs cancel").await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let run = door.cancel(arguments.run).await?;
    door.settle_due(&progress).await;
    drop(progress);
    context.shell.document(&document("run", &run));
    context.shell.data(render::run_facts(&run));
    match run.status {
        RunStatus::Cancelled => Ok(Ending::Done),
        _ => Ok(Ending::Exit(engine::Exit::Failed)),
    }
}
