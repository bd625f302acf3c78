//! `tidegate objects`: what a project declares, as it stands in an environment.

use clap::{Args, Subcommand};
use domain::ObjectKind;
use engine::{Disabled, ObjectReport};
use serde_json::json;

use super::Outcome;
use crate::context::{Context, EnvironmentArg};
use crate::document::{document, items};
use crate::outcome::Ending;
use crate::render;
use crate::text::{Table, clip, json as json_text, plain};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List objects
    List(List),
    /// Show one object with its declaration
    Show(Show),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    environment: EnvironmentArg,
    /// Only those of one kind
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<ObjectKind>,
    /// Disabled ones too
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its kind: integration, action, webhook, workflow or app-event
    #[arg(value_name = "KIND", value_parser = kind)]
    kind: ObjectKind,
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    environment: EnvironmentArg,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(context, arguments).await,
        Command::Show(arguments) => show(context, arguments).await,
    }
}

async fn list(context: &Context, arguments: List) -> Outcome {
    let session = context.open(None, "objects list").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let disabled = if arguments.all {
        Disabled::With
    } else {
        Disabled::Without
    };
    let objects = session
        .engine
        .objects(&project, &environment, arguments.kind, disabled)
        .await?;
    context.shell.document(&items("objects", &objects));
    context.shell.data(table(&objects));
    Ok(Ending::Done)
}

async fn show(context: &Context, arguments: Show) -> Outcome {
    let session = context.open(None, "objects show").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let object = session
        .engine
        .object(&project, &environment, arguments.kind, &arguments.name)
        .await?;
    // An object has a kind of its own, so it stands below the document's.
    context
        .shell
        .document(&document("object", &json!({ "object": object })));
    context.shell.data(format_args!(
        "{} {}: {}\n{}{}",
        object.kind,
        plain(&object.name),
        object.state,
        json_text(&object.declaration),
        render::addresses(&object.addresses)
    ));
    Ok(Ending::Done)
}

fn table(objects: &[ObjectReport]) -> String {
    let mut table = Table::new(["KIND", "NAME", "STATE", "TITLE"]);
    for object in objects {
        let title = object
            .declaration
            .get("title")
            .and_then(serde_json::Value::as_str);
        table.row([
            object.kind.to_string(),
            plain(&object.name).into_owned(),
            object.state.clone(),
            clip(title.unwrap_or_default(), 60),
        ]);
    }
    table.render("there are no objects")
}

/// Parses a kind, with `-`, `_` or a blank between words.
fn kind(text: &str) -> Result<ObjectKind, String> {
    ObjectKind::from_name(&text.replace(['-', ' '], "_")).ok_or_else(|| {
        let names = ObjectKind::ALL.map(|kind| kind.as_str().replace('_', "-"));
        format!("the kinds are {}", names.join(", "))
    })
}
