//! `tidegate locks`: who is deploying.

use clap::Subcommand;
use serde_json::json;

use super::Outcome;
use crate::context::{Context, EnvironmentArg};
use crate::document::{document, items};
use crate::outcome::Ending;
use crate::text::{Table, clip, relative};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List who holds the lease on which project and environment
    List,
    /// Take the lease from whoever holds it; its deploy then fails before it changes anything
    Break(EnvironmentArg),
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::List => list(context).await,
        Command::Break(environment) => break_lock(context, &environment).await,
    }
}

async fn list(context: &Context) -> Outcome {
    let session = context.open(None, "locks list").await?;
    let locks = session.engine.locks().await?;
    context.shell.document(&items("locks", &locks));
    let now = context.now();
    let mut table = Table::new([
        "PROJECT",
        "ENVIRONMENT",
        "HOLDER",
        "SINCE",
        "HEARD OF",
        "ENDS",
    ]);
    for lock in &locks {
        table.row([
            lock.project.clone(),
            lock.environment.clone(),
            clip(&lock.holder, 60),
            relative(lock.acquired_at, now),
            relative(lock.heartbeat_at, now),
            relative(lock.expires_at, now),
        ]);
    }
    context.shell.data(table.render("nobody is deploying"));
    Ok(Ending::Done)
}

async fn break_lock(context: &Context, environment: &EnvironmentArg) -> Outcome {
    let session = context.open(None, "locks break").await?;
    let (project, environment) = session.place(environment).await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let broken = door.break_lock(&project, &environment).await?;
    door.settle_due(&progress).await;
    drop(progress);
    context.shell.document(&document(
        "lock_break",
        &json!({ "project": project, "environment": environment, "broken": broken }),
    ));
    context.shell.data(match broken {
        Some(lock) => format!("the lease of {} was broken", clip(&lock.holder, 60)),
        None => "there was no lease to break".to_owned(),
    });
    Ok(Ending::Done)
}
