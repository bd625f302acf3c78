//! `tidegate env`: the environments of the store.

use clap::{Args, Subcommand};
use domain::{EnvironmentName, HostPort};
use engine::{EnvironmentChange, EnvironmentReport, Force};
use serde_json::json;

use super::Outcome;
use super::deploy::conclude;
use crate::context::Context;
use crate::document::{deploy_fields, document, fields, items};
use crate::error::CliError;
use crate::outcome::Ending;
use crate::render;
use crate::text::{Table, clip, moment, plain};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List environments
    List,
    /// Show one environment
    Show(One),
    /// Make an environment
    Create(One),
    /// Change an environment
    Update(Update),
    /// Delete an environment that holds nothing live
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its name
    #[arg(value_name = "ENVIRONMENT")]
    name: EnvironmentName,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Its name
    #[arg(value_name = "ENVIRONMENT")]
    name: EnvironmentName,
    /// Allow guests a private address, where they declare its host too
    #[arg(long, value_name = "HOST:PORT", value_parser = host)]
    allow_host: Vec<HostPort>,
    /// Take back what `--allow-host` allowed
    #[arg(long, value_name = "HOST:PORT", value_parser = host)]
    deny_host: Vec<HostPort>,
    /// The address that providers deliver to
    #[arg(long, value_name = "URL", conflicts_with = "no_public_url")]
    public_url: Option<String>,
    /// Unset the address that providers deliver to
    #[arg(long)]
    no_public_url: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its name
    #[arg(value_name = "ENVIRONMENT")]
    name: EnvironmentName,
    /// Forget its registrations, which then stay at their providers, and list them
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::List => list(context).await,
        Command::Show(arguments) => show(context, &arguments).await,
        Command::Create(arguments) => create(context, arguments).await,
        Command::Update(arguments) => update(context, arguments).await,
        Command::Delete(arguments) => delete(context, &arguments).await,
    }
}

async fn list(context: &Context) -> Outcome {
    let session = context.open(None, "env list").await?;
    let environments = session.engine.environments().await?;
    context
        .shell
        .document(&items("environments", &environments));
    let mut table = Table::new(["ENVIRONMENT", "PUBLIC URL", "ALLOWED HOSTS", "SINCE"]);
    for environment in &environments {
        table.row([
            environment.name.clone(),
            environment
                .public_url
                .as_deref()
                .map_or_else(|| "-".to_owned(), |url| clip(url, 60)),
            environment.allowed_hosts.join(", "),
            since(environment),
        ]);
    }
    context
        .shell
        .data(table.render("there are no environments"));
    Ok(Ending::Done)
}

async fn show(context: &Context, arguments: &One) -> Outcome {
    let session = context.open(None, "env show").await?;
    let environment = session.engine.environment_report(&arguments.name).await?;
    tell(context, &environment);
    Ok(Ending::Done)
}

async fn create(context: &Context, arguments: One) -> Outcome {
    let session = context.open(None, "env create").await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let created = door.create_environment(&arguments.name).await;
    door.settle_due(&progress).await;
    drop(progress);
    tell(context, &created?);
    Ok(Ending::Done)
}

async fn update(context: &Context, arguments: Update) -> Outcome {
    let change = EnvironmentChange {
        public_url: match (arguments.public_url, arguments.no_public_url) {
            (Some(url), _) => Some(Some(url)),
            (None, true) => Some(None),
            (None, false) => None,
        },
        allow: arguments.allow_host,
        disallow: arguments.deny_host,
    };
    if change.public_url.is_none() && change.allow.is_empty() && change.disallow.is_empty() {
        return Err(CliError::usage("nothing to change was given")
            .hint("`tidegate env update --help` shows what can be changed"));
    }
    let session = context.open(None, "env update").await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let updated = door
        .update_environment(&arguments.name, &change, &progress)
        .await;
    door.settle_due(&progress).await;
    drop(progress);
    let (environment, deploys) = updated?;
    let mut document_fields = fields(&environment);
    let followed: Vec<_> = deploys.iter().map(deploy_fields).collect();
    document_fields.insert("reconfigures".to_owned(), json!(followed));
    context
        .shell
        .document(&document("environment", &document_fields));
    context.shell.data(text(&environment));
    Ok(worst(context, &deploys))
}

async fn delete(context: &Context, arguments: &Delete) -> Outcome {
    let session = context.open(None, "env delete").await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let force = if arguments.force {
        Force::Yes
    } else {
        Force::No
    };
    let deleted = door
        .delete_environment(&arguments.name, force, &progress)
        .await;
    door.settle_due(&progress).await;
    drop(progress);
    let forgotten = deleted?;
    context.shell.document(&document(
        "environment_delete",
        &json!({ "name": arguments.name, "forgotten": forgotten }),
    ));
    context
        .shell
        .data(format_args!("environment {} was deleted", arguments.name));
    if !forgotten.is_empty() {
        context
            .shell
            .data("these subscriptions may still be at their providers:");
        context
            .shell
            .data(render::subscriptions(&forgotten, context.now()));
    }
    Ok(Ending::Done)
}

/// Shows the deploys that a change led to; the last that is not all done decides the exit code.
fn worst(context: &Context, deploys: &[engine::DeployReport]) -> Ending {
    let mut ending = Ending::Done;
    for deploy in deploys {
        if !context.shell.is_json() {
            let ended = conclude(context, deploy);
            if ended != Ending::Done {
                ending = ended;
            }
        } else if let Some(code) = crate::outcome::code_of(deploy) {
            ending = Ending::from(code);
        }
    }
    ending
}

fn tell(context: &Context, environment: &EnvironmentReport) {
    context
        .shell
        .document(&document("environment", environment));
    context.shell.data(text(environment));
}

fn text(environment: &EnvironmentReport) -> String {
    let or_none = |text: String| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text
        }
    };
    let url = environment.public_url.as_deref().unwrap_or_default();
    format!(
        "environment    {}\npublic URL     {}\nallowed hosts  {}\nsince          {}",
        environment.name,
        or_none(plain(url).into_owned()),
        or_none(environment.allowed_hosts.join(", ")),
        since(environment)
    )
}

/// Says since when an environment is there; the three that every store has are from the beginning.
fn since(environment: &EnvironmentReport) -> String {
    match environment.created_at.as_millis() {
        0 => "always".to_owned(),
        _ => moment(environment.created_at),
    }
}

/// Parses a host and a port.
fn host(text: &str) -> Result<HostPort, String> {
    let parsed: HostPort = text.parse().map_err(|error| format!("{error}"))?;
    match parsed.port {
        Some(_) => Ok(parsed),
        None => Err("a port is needed, as in 127.0.0.1:8080".to_owned()),
    }
}
