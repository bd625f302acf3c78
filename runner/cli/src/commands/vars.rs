//! `tidegate vars`: values that everybody may see.

use clap::{Args, Subcommand};
use domain::{Secret, ValueKey, ValueKind, ValueName};
use engine::Force;

use super::Outcome;
use super::values::{self, Unset};
use crate::context::{Context, EnvironmentArg};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set a variable
    Set(Set),
    /// List variables with their values
    List(EnvironmentArg),
    /// Unset a variable
    Unset(Unset),
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Its name
    #[arg(value_name = "NAME")]
    name: ValueName,
    /// Its value
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    #[command(flatten)]
    environment: EnvironmentArg,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Set(arguments) => {
            let value = Secret::new(arguments.value);
            values::set(context, &arguments.environment, key(&arguments.name), value).await
        }
        Command::List(environment) => {
            values::list(context, &environment, ValueKind::Variable).await
        }
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
        kind: ValueKind::Variable,
        name: name.to_string(),
    }
}
