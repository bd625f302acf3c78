//! `tidegate subscriptions`: what webhooks have at third parties.

use clap::{Args, Subcommand};
use domain::RegistrationId;
use engine::{PlaceRequest, RegistrationReport, Selector};
use serde_json::json;

use super::Outcome;
use crate::context::{Context, EnvironmentArg};
use crate::document::{document, items};
use crate::door::Care;
use crate::outcome::Ending;
use crate::render;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List subscriptions, and which deploy owns each
    List(EnvironmentArg),
    /// Show one with its props, steps and history
    Show(One),
    /// Try again at once what was given up or waits
    Retry(Several),
    /// Subscribe anew, on the artifact that is live
    Resubscribe(Which),
    /// Give one up: nothing more is called at the provider, and its address is closed
    Forget(Which),
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its id
    #[arg(value_name = "ID")]
    registration: RegistrationId,
    #[command(flatten)]
    environment: EnvironmentArg,
}

#[derive(Debug, Args)]
pub(crate) struct Several {
    /// Its id, or the webhook's name [default: all in the environment]
    #[arg(value_name = "ID|WEBHOOK", value_parser = selector)]
    which: Option<Selector>,
    #[command(flatten)]
    environment: EnvironmentArg,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its id, or the webhook's name
    #[arg(value_name = "ID|WEBHOOK", value_parser = selector)]
    which: Selector,
    #[command(flatten)]
    environment: EnvironmentArg,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::List(environment) => list(context, &environment).await,
        Command::Show(arguments) => show(context, &arguments).await,
        Command::Retry(arguments) => {
            let which = arguments.which.unwrap_or(Selector::All);
            care(context, Care::Retry, &which, &arguments.environment).await
        }
        Command::Resubscribe(Which { which, environment }) => {
            care(context, Care::Resubscribe, &which, &environment).await
        }
        Command::Forget(Which { which, environment }) => {
            care(context, Care::Forget, &which, &environment).await
        }
    }
}

async fn list(context: &Context, environment: &EnvironmentArg) -> Outcome {
    let session = context.open(None, "subscriptions list").await?;
    let (project, environment) = session.place(environment).await?;
    let subscriptions = session.engine.registrations(&project, &environment).await?;
    let mut addresses = session.engine.addresses(&project, &environment).await?;
    // What is subscribed is in the list; what is set up by hand needs its address.
    addresses.retain(|address| address.registration.is_none());
    let mut list = items("subscriptions", &subscriptions);
    list["addresses"] = json!(addresses);
    context.shell.document(&list);
    context.shell.data(format_args!(
        "{}{}",
        render::subscriptions(&subscriptions, context.now()),
        render::addresses(&addresses)
    ));
    Ok(Ending::Done)
}

async fn show(context: &Context, arguments: &One) -> Outcome {
    let session = context.open(None, "subscriptions show").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let subscription = session
        .engine
        .registration(&project, &environment, arguments.registration)
        .await?;
    context
        .shell
        .document(&document("subscription", &subscription));
    let text = render::subscription(&subscription, environment.as_str(), context.now());
    context.shell.data(text);
    Ok(Ending::Done)
}

async fn care(
    context: &Context,
    care: Care,
    which: &Selector,
    environment: &EnvironmentArg,
) -> Outcome {
    let command = match care {
        Care::Retry => "subscriptions retry",
        Care::Resubscribe => "subscriptions resubscribe",
        Care::Forget => "subscriptions forget",
    };
    let session = context.open(None, command).await?;
    let (project, environment) = session.place(environment).await?;
    let at = PlaceRequest {
        project,
        environment,
    };
    let mut door = session.door(context).await?;
    let changed = door.care(care, &at, which).await;
    door.settle_due(&context.progress()).await;
    tell(context, &changed?);
    Ok(Ending::Done)
}

fn tell(context: &Context, subscriptions: &[RegistrationReport]) {
    context
        .shell
        .document(&items("subscriptions", subscriptions));
    context
        .shell
        .data(render::subscriptions(subscriptions, context.now()));
}

/// Parses an id or a webhook's name; what is all digits is an id.
fn selector(text: &str) -> Result<Selector, String> {
    if let Ok(id) = text.parse() {
        return Ok(Selector::Registration(id));
    }
    match text.parse() {
        Ok(webhook) => Ok(Selector::Webhook(webhook)),
        Err(error) => Err(format!("{error}")),
    }
}
