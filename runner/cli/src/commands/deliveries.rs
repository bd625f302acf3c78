//! `tidegate deliveries`: what third parties sent to webhooks.

use clap::{Args, Subcommand};
use domain::{DeliveryId, RunStatus};
use engine::{DeliveryReport, DeliverySelection};
use serde_json::json;

use super::Outcome;
use super::runs::status;
use crate::context::{Context, EnvironmentArg};
use crate::document::{document, items};
use crate::outcome::Ending;
use crate::text::{Table, bytes, clip, json as written, moment, paragraph};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List deliveries, newest first, and how the run that handles each stands
    List(List),
    /// Show one delivery with what came in it
    Show(One),
    /// Handle one again, on what is live when its turn comes
    Replay(One),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    environment: EnvironmentArg,
    /// Only those of this webhook
    #[arg(long, value_name = "WEBHOOK")]
    webhook: Option<String>,
    /// Only those whose run stands so
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<RunStatus>,
    /// The most to list
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its id
    #[arg(value_name = "DELIVERY")]
    delivery: DeliveryId,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(context, arguments).await,
        Command::Show(arguments) => show(context, &arguments).await,
        Command::Replay(arguments) => replay(context, &arguments).await,
    }
}

async fn list(context: &Context, arguments: List) -> Outcome {
    let session = context.open(None, "deliveries list").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let selection = DeliverySelection {
        webhook: arguments.webhook,
        status: arguments.status,
        before: None,
        limit: arguments.limit,
    };
    let listed = session
        .engine
        .deliveries(&project, &environment, selection)
        .await?;
    context
        .shell
        .document(&items("deliveries", &listed.deliveries));
    context
        .shell
        .data(table(&listed.deliveries).render("there are no deliveries yet"));
    Ok(Ending::Done)
}

fn table(deliveries: &[DeliveryReport]) -> Table {
    let mut table = Table::new([
        "DELIVERY", "WEBHOOK", "CAME", "SIZE", "STATUS", "RUN", "ATTEMPTS", "KEY",
    ]);
    for delivery in deliveries {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([
            delivery.delivery.to_string(),
            clip(&delivery.webhook, 64),
            moment(delivery.received_at),
            bytes(delivery.size_bytes),
            or_dash(delivery.status.map(|status| status.to_string())),
            or_dash(delivery.run.map(|run| run.to_string())),
            delivery.attempts.to_string(),
            or_dash(delivery.key.as_deref().map(|key| clip(key, 40))),
        ]);
    }
    table
}

async fn show(context: &Context, arguments: &One) -> Outcome {
    let session = context.open(None, "deliveries show").await?;
    let delivery = session.engine.delivery(arguments.delivery).await?;
    let shell = &context.shell;
    shell.document(&document("delivery", &delivery));
    shell.data(table(std::slice::from_ref(&delivery)).render(""));
    let Some(content) = &delivery.content else {
        shell.data("its content is gone with its last run");
        return Ok(Ending::Done);
    };
    shell.data(format_args!(
        "{} {}",
        clip(&content.method, 20),
        clip(&content.query, 200)
    ));
    for header in &content.headers {
        shell.data(format_args!(
            "{}: {}",
            clip(&header.name, 100),
            clip(&header.value, 200)
        ));
    }
    let body = content.body.as_ref().or(content.body_base64.as_ref());
    if let Some(body) = body {
        match serde_json::from_str::<serde_json::Value>(body) {
            Ok(value) => shell.data(written(&value)),
            Err(_) => shell.data(paragraph(body)),
        }
    }
    Ok(Ending::Done)
}

async fn replay(context: &Context, arguments: &One) -> Outcome {
    let session = context.open(None, "deliveries replay").await?;
    let mut door = session.door(context).await?;
    let run = door.replay_delivery(arguments.delivery).await?;
    context.shell.document(&document(
        "delivery_replay",
        &json!({ "delivery": arguments.delivery, "run": run }),
    ));
    context.shell.data(format_args!(
        "run {run} handles delivery {} again",
        arguments.delivery
    ));
    context
        .shell
        .hint(format_args!("`tidegate runs show {run}` shows how it ends"));
    door.settle_due(&context.progress()).await;
    Ok(Ending::Done)
}
