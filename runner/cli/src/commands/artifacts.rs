//! `tidegate artifacts`: stored components.

use clap::{Args, Subcommand};
use engine::{ArtifactReport, GarbageMode};

use super::Outcome;
use crate::context::Context;
use crate::document::items;
use crate::outcome::Ending;
use crate::text::{Table, bytes, clip, moment};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List stored components, and why each is kept
    List,
    /// Remove the components that nothing needs
    Gc(Gc),
}

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::List => list(context).await,
        Command::Gc(arguments) => gc(context, &arguments).await,
    }
}

async fn list(context: &Context) -> Outcome {
    let session = context.open(None, "artifacts list").await?;
    let artifacts = session.engine.artifacts().await?;
    context.shell.document(&items("artifacts", &artifacts));
    context
        .shell
        .data(table(&artifacts).render("there are no components yet"));
    Ok(Ending::Done)
}

async fn gc(context: &Context, arguments: &Gc) -> Outcome {
    let session = context.open(None, "artifacts gc").await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let mode = if arguments.dry_run {
        GarbageMode::DryRun
    } else {
        GarbageMode::Remove
    };
    let artifacts = door.gc(mode).await?;
    door.settle_due(&progress).await;
    drop(progress);
    context.shell.document(&items("artifacts", &artifacts));
    let removed: Vec<ArtifactReport> = artifacts
        .iter()
        .filter(|artifact| artifact.removed)
        .cloned()
        .collect();
    let size = removed.iter().map(|artifact| artifact.size_bytes).sum();
    let what = if arguments.dry_run {
        "would be removed"
    } else {
        "removed"
    };
    if !removed.is_empty() {
        context.shell.data(table(&removed).render(""));
    }
    context.shell.data(format_args!(
        "{} of {} components {what}, {}",
        removed.len(),
        artifacts.len(),
        bytes(size)
    ));
    Ok(Ending::Done)
}

fn table(artifacts: &[ArtifactReport]) -> Table {
    let mut table = Table::new(["ARTIFACT", "SIZE", "STORED", "KEPT FOR"]);
    for artifact in artifacts {
        table.row([
            artifact.artifact.short(),
            bytes(artifact.size_bytes),
            moment(artifact.created_at),
            clip(&artifact.kept_for.join(", "), 80),
        ]);
    }
    table
}
