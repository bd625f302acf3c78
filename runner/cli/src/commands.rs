//! The commands, a file each.

mod artifacts;
mod build;
mod completions;
mod config;
mod deliveries;
mod deploy;
mod deploys;
mod dev;
mod doctor;
mod env;
mod events;
mod explain;
mod locks;
mod new;
mod objects;
mod plan;
mod rollback;
mod run;
mod runs;
mod secrets;
mod status;
mod subscriptions;
mod values;
mod vars;
mod webhook;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Ending;

/// How a command ends.
pub(crate) type Outcome = Result<Ending, CliError>;

/// What the program can be told to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a project that builds, passes its tests and deploys
    New(new::Arguments),
    /// Deploy to development and keep what is due there going
    Dev(dev::Arguments),
    /// Build the component
    Build(build::Arguments),
    /// Show what a deploy would change
    Plan(plan::Arguments),
    /// Make a project live in an environment
    Deploy(deploy::Arguments),
    /// Make an earlier deploy live again
    Rollback(rollback::Arguments),
    /// Show what is live, what is pending and what is wrong
    Status(status::Arguments),
    /// Look at what a project declares
    #[command(subcommand)]
    Objects(objects::Command),
    /// Look at deploys
    #[command(subcommand)]
    Deploys(deploys::Command),
    /// Look at stored components
    #[command(subcommand)]
    Artifacts(artifacts::Command),
    /// Look at who is deploying
    #[command(subcommand)]
    Locks(locks::Command),
    /// Run an action, or a workflow that requests start
    Run(run::Arguments),
    /// Look at runs
    #[command(subcommand)]
    Runs(runs::Command),
    /// Look after subscriptions of webhooks at third parties
    #[command(subcommand)]
    Subscriptions(subscriptions::Command),
    /// Look at what third parties sent to webhooks
    #[command(subcommand)]
    Deliveries(deliveries::Command),
    /// Try webhooks out
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Send app events
    #[command(subcommand)]
    Events(events::Command),
    /// Look after environments
    #[command(subcommand)]
    Env(env::Command),
    /// Set and unset secrets
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Set and unset variables
    #[command(subcommand)]
    Vars(vars::Command),
    /// Set and unset what an integration needs to know of the team's own app
    #[command(subcommand)]
    Config(config::Command),
    /// Check that the state is sound
    Doctor,
    /// Say what an error's code means
    Explain(explain::Arguments),
    /// Print a shell's completions
    Completions(completions::Arguments),
}

impl Command {
    /// Runs the command.
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        match self {
            Self::New(arguments) => new::run(context, &arguments),
            Self::Dev(arguments) => dev::run(context, arguments).await,
            Self::Build(arguments) => build::run(context, &arguments).await,
            Self::Plan(arguments) => plan::run(context, arguments).await,
            Self::Deploy(arguments) => deploy::run(context, arguments).await,
            Self::Rollback(arguments) => rollback::run(context, arguments).await,
            Self::Status(arguments) => status::run(context, &arguments).await,
            Self::Objects(command) => objects::run(context, command).await,
            Self::Deploys(command) => deploys::run(context, command).await,
            Self::Artifacts(command) => artifacts::run(context, command).await,
            Self::Locks(command) => locks::run(context, command).await,
            Self::Run(arguments) => run::run(context, arguments).await,
            Self::Runs(command) => runs::run(context, command).await,
            Self::Subscriptions(command) => subscriptions::run(context, command).await,
            Self::Deliveries(command) => deliveries::run(context, command).await,
            Self::Webhook(command) => webhook::run(context, command).await,
            Self::Events(command) => events::run(context, command).await,
            Self::Env(command) => env::run(context, command).await,
            Self::Secrets(command) => secrets::run(context, command).await,
            Self::Vars(command) => vars::run(context, command).await,
            Self::Config(command) => config::run(context, command).await,
            Self::Doctor => doctor::run(context).await,
            Self::Explain(arguments) => explain::run(context, &arguments),
            Self::Completions(arguments) => completions::run(context, &arguments),
        }
    }
}
