//! `tidegate secrets`: values that are encrypted at rest and never shown.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::{ValueKey, ValueKind, ValueName};
use engine::Force;

use super::Outcome;
use super::values::{self, Unset};
use crate::context::{Context, EnvironmentArg};
use crate::input::secret;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set a secret, from a prompt, standard input or a file; never from an argument
    Set(Set),
    /// List secrets: their names, never their values
    List(EnvironmentArg),
    /// Unset a secret
    Unset(Unset),
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Its name
    #[arg(value_name = "NAME")]
    name: ValueName,
    #[command(flatten)]
    environment: EnvironmentArg,
    /// Take the value from a file; one line break at its end is not part of it
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Set(arguments) => {
            let what = format!("secret {}", arguments.name);
            let value = secret(context, &what, arguments.from_file.as_deref())?;
            values::set(context, &arguments.environment, key(&arguments.name), value).await
        }
        Command::List(environment) => values::list(context, &environment, ValueKind::Secret).await,
        Command::Unset(arguments) => {
            let force = if arguments.force {
                Force::Yes
            } else {
                Force::No
            };
            values::unset(context, &arguments.environment, key(&arguments.name), force).await
        }
    }
}

fn key(name: &ValueName) -> ValueKey {
    ValueKey {
        kind: ValueKind::Secret,
        name: name.to_string(),
    }
}
