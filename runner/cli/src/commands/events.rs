//! `tidegate events`: app events, which start workflows.

use clap::{Args, Subcommand};
use engine::PlaceRequest;
use serde_json::json;

use super::Outcome;
use crate::context::{Context, EnvironmentArg};
use crate::document::document;
use crate::input::action_input;
use crate::outcome::Ending;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send an app event, as the team's product would
    Send(Send),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    tidegate events send order-placed --payload '{\"order\":7,\"amount_cents\":1200}'")]
pub(crate) struct Send {
    /// The event's name
    #[arg(value_name = "EVENT")]
    event: String,
    #[command(flatten)]
    environment: EnvironmentArg,
    /// The payload: JSON, @FILE, or - for standard input
    #[arg(
        short,
        long,
        value_name = "PAYLOAD",
        default_value = "{}",
        allow_hyphen_values = true
    )]
    payload: String,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Send(arguments) => send(context, arguments).await,
    }
}

async fn send(context: &Context, arguments: Send) -> Outcome {
    let payload = action_input(&arguments.payload)?;
    let session = context.open(None, "events send").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let at = PlaceRequest {
        project,
        environment,
    };
    let mut door = session.door(context).await?;
    let runs = door.send_event(&at, &arguments.event, &payload).await?;
    context.shell.document(&document(
        "event",
        &json!({ "event": arguments.event, "runs": runs }),
    ));
    context.shell.data(match runs.len() {
        0 => "no workflow waits for it, so nothing was started".to_owned(),
        1 => "1 run was started".to_owned(),
        several => format!("{several} runs were started"),
    });
    for run in &runs {
        let hint = format_args!("`tidegate runs show {run}` shows how it ends");
        context.shell.hint(hint);
    }
    door.settle_due(&context.progress()).await;
    Ok(Ending::Done)
}
