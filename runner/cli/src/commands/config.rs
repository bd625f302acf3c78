//! `tidegate config`: what an integration needs to know of the team's own app at the provider.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::{ObjectName, ValueKey, ValueKind, ValueName};
use engine::Force;

use super::Outcome;
use super::values;
use crate::context::{Context, EnvironmentArg};
use crate::input::secret;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set an entry, from a prompt, standard input or a file; never from an argument
    Set(Set),
    /// List entries: their names, never their values
    List(EnvironmentArg),
    /// Unset an entry
    Unset(Unset),
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    entry: Entry,
    #[command(flatten)]
    environment: EnvironmentArg,
    /// Take the value from a file; one line break at its end is not part of it
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Unset {
    #[command(flatten)]
    entry: Entry,
    #[command(flatten)]
    environment: EnvironmentArg,
    /// Even where a subscription cannot be ended without it; its steps then wait
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Entry {
    /// The integration
    #[arg(value_name = "INTEGRATION")]
    integration: ObjectName,
    /// The entry, such as client_id
    #[arg(value_name = "KEY")]
    name: ValueName,
}

impl Entry {
    fn key(&self) -> ValueKey {
        ValueKey {
            kind: ValueKind::AppConfig,
            name: format!("{}.{}", self.integration, self.name),
        }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Set(arguments) => {
            let key = arguments.entry.key();
            let what = format!("app configuration {}", key.name);
            let value = secret(context, &what, arguments.from_file.as_deref())?;
            values::set(context, &arguments.environment, key, value).await
        }
        Command::List(environment) => {
            values::list(context, &environment, ValueKind::AppConfig).await
        }
        Command::Unset(arguments) => {
            let force = if arguments.force {
                Force::Yes
            } else {
                Force::No
            };
            values::unset(
                context,
                &arguments.environment,
                arguments.entry.key(),
                force,
            )
            .await
        }
    }
}
